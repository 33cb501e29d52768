"""Merged, deleted and renumbered classes: older networks and their predictions stay usable."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from core.base.lane import Lane
from core.labels.label_map import LabelMap
from core.labels.prediction import PredictedMask, write_prediction
from core.models.network_builder import build_network, grow_head, head_layers
from core.models.spec import ModelSpec, spec_from_base
from core.project.project import Project, run_class_mapping
from core.session.loading.picture_loader import PictureLoader
from core.session.picture_index import PictureIndex
from tests.factories import project_in, stroke


def network(*values: int) -> ModelSpec:
    return ModelSpec("asymmetric-unet", None, "none", 64, values)


def test_replaced_values_are_mapped() -> None:
    now = list(range(256))
    now[2], now[3] = 9, 1  # 2 has another value, 3 was merged into 1
    spec = spec_from_base(network(1, 2, 3), (1, 9, 10), now)
    assert spec.class_values == (1, 9, 10)
    assert spec.inherits == ((1, 1), (1, 3), (9, 2))
    assert ModelSpec.from_json(spec.to_json()) == spec


def test_head_row_follows_its_class_to_another_value() -> None:
    torch.manual_seed(0)
    old = build_network(network(1, 2, 3))
    spec = spec_from_base(network(1, 2, 3), (1, 3, 7), [7 if v == 2 else v for v in range(256)])
    new = grow_head(old, network(1, 2, 3), spec)
    torch.testing.assert_close(head_layers(new)[0].weight[2], head_layers(old)[0].weight[1])
    torch.testing.assert_close(head_layers(new)[0].weight[1], head_layers(old)[0].weight[2])


def test_predictions_of_an_older_network_are_mapped_to_present_classes(tmp_path: Path) -> None:
    with project_in(tmp_path, classes=("grass", "roof", "pole")) as project:
        labels = LabelMap.blank(96, 64)
        project.journal.commit(1, stroke(labels, 3, (10, 10), (60, 40)))
        run = project.runs.start("{}", "{}", None, 1)
        said = np.full((64, 96), 1, np.uint8)
        said[:, 50:] = 3
        write_prediction(project.prediction_path(1), PredictedMask(said, np.full_like(said, 200), run.id))
        project.runs.record_prediction(1, run.id, 0.8)
        project.classes.merge(3, 2)
        project.classes.change_value(1, 40)
        assert _shown(project) == {40, 2}
        # What is undone counts no more, and counts again once it is redone.
        project.journal.undo(1)
        assert _shown(project) == {1, 2}
        project.journal.undo(1)
        assert _shown(project) == {1, 3}
        project.journal.redo(1)
        assert _shown(project) == {1, 2}
        # A network trained from now on means the classes of now.
        later = project.runs.start("{}", "{}", None, 1)
        assert run_class_mapping(project, later.id)[:3].tolist() == [0, 1, 2]


def _shown(project: Project) -> set[int]:
    document, reading = Lane("document"), Lane("reading")
    try:
        index = PictureIndex(project.pictures.all())
        opening = PictureLoader(project, index, document, reading, lambda _changes: None)
        return {int(v) for v in np.unique(opening.prediction(1).result(10).values)}
    finally:
        reading.shutdown()
        document.shutdown()


def test_value_of_a_deleted_class_is_not_reused(tmp_path: Path) -> None:
    """Whether its making was undone or it was deleted: networks and imports under way may still know it."""
    with project_in(tmp_path) as project:
        project.classes.save(project.classes.read().with_class("car"), "Add car")
        run = project.runs.start("{}", "{}", None, 1)
        undone = project.journal.undo(1)
        assert undone is not None and undone.edit.name == "Add car"
        project.journal.commit(
            2, stroke(LabelMap.blank(96, 64), 1, (10, 10), (60, 40))
        )  # nothing to redo is left
        project.classes.save(project.classes.read().with_class("tree"), "Add tree")
        assert project.classes.read().values == (1, 2, 4)
        assert run_class_mapping(project, run.id)[3] == 0
        project.classes.delete(4)
        project.classes.save(project.classes.read().with_class("sky"), "Add sky")
        assert project.classes.read().values == (1, 2, 5)
    with Project.open(tmp_path) as project:
        project.classes.save(
            project.classes.read().with_class("last", value=254).with_class("bush"), "Add two"
        )
        assert project.classes.read().values == (
            1,
            2,
            5,
            254,
            3,
        )  # no room is left above: free values are used again
