"""A project file of the current revision stays readable: names in the code may change, what is stored may not.

`tests/data/complete-0003.sqlite` has five pictures with strokes, a note that was undone, classes that were renumbered
and split, a merge that was undone, accepted and imported pixels, a prediction, two runs with their recipes, and every
fact that the window stores.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.base.geometry import TileKey
from core.images.adjustments import Adjustments
from core.labels.label_map import LabelMap, Origin
from core.models.spec import ModelSpec
from core.project.integrity.check import check_project
from core.project.project import Project, run_class_mapping
from core.project.project_files import HOME_FOLDER, PROJECT_FILE
from core.project.records import Split, Status
from core.session.training.next_run import NextRun
from core.session.transfer.excluded_masks import read_excluded
from core.training.recipe import Recipe
from tests.factories import picture_folder, stroke, truth

STORED = Path(__file__).resolve().parents[2] / "data" / "complete-0003.sqlite"
GRASS, WATER, POOL, ROOF = 1, 3, 4, 9


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    folder = picture_folder(tmp_path, 4)
    shutil.copy(folder / "p0.png", folder / "imported.png")
    (folder / HOME_FOLDER).mkdir()
    shutil.copy(STORED, folder / HOME_FOLDER / PROJECT_FILE)
    with Project.open(folder) as opened:
        yield opened


def painted(*strokes: tuple[int, tuple[float, float], tuple[float, float]]) -> np.ndarray:
    labels = LabelMap.blank(96, 64)
    for value, start, end in strokes:
        stroke(labels, value, start, end)
    return labels.values


FIRST = painted((GRASS, (10, 10), (60, 40)), (ROOF, (40, 10), (80, 50)))
SECOND = painted((POOL, (10, 10), (60, 40)))
THIRD = np.where(np.arange(96) < 48, np.full((64, 96), GRASS, np.uint8), np.uint8(0))
IMPORTED = np.where(truth() == 2, np.uint8(ROOF), np.uint8(GRASS))


def test_labels_and_pictures_are_read(project: Project) -> None:
    for picture_id, label in ((1, FIRST), (2, SECOND), (3, THIRD), (5, IMPORTED)):
        np.testing.assert_array_equal(project.labels.read(picture_id, 96, 64), label)
        counts = {int(v): int(np.count_nonzero(label == v)) for v in np.unique(label) if v}
        assert project.pictures.pixels_by_class(picture_id) == counts
    pictures = project.pictures.all()
    assert [p.path for p in pictures] == ["p0.png", "p1.png", "p2.png", "p3.png", "imported.png"]
    assert [p.status for p in pictures] == [
        Status.DONE,
        Status.IN_PROGRESS,
        Status.IN_PROGRESS,
        Status.NEW,
        Status.DONE,
    ]
    assert [p.split for p in pictures] == [Split.TRAIN, Split.TRAIN, Split.TRAIN, None, Split.TEST]
    assert pictures[3].problem == "p3.png cannot be read."
    assert pictures[4].tags == ("night", "rain")
    assert project.pictures.digests() == {5: "abc"}
    assert project.labels.origin_at(3, 10, 10, (96, 64)) == (Origin.ACCEPTED, 1)
    assert project.labels.origin_at(5, 10, 10, (96, 64)) == (Origin.IMPORTED, None)
    # The run was never published in this folder, and the imported picture is not the one that was imported.
    kinds = [finding.kind.value for finding in check_project(project)]
    assert kinds == ["weights missing", "prediction without file", "picture changed"]


def test_classes_and_their_changes_are_read(project: Project) -> None:
    listed = project.classes.read()
    assert [(c.value, c.name) for c in listed] == [
        (GRASS, "grass"),
        (ROOF, "roof"),
        (WATER, "water"),
        (POOL, "pool"),
    ]
    assert listed.by_name("pool") is not None
    assert listed.palette()[POOL].tolist() == [10, 20, 200]
    assert listed.highest == ROOF
    # The merge of water into grass was undone, so the values that the first run predicts mean what they meant.
    assert run_class_mapping(project, 1)[[1, 2, 3]].tolist() == [GRASS, ROOF, WATER]
    assert run_class_mapping(project, 2)[[1, 9, 4]].tolist() == [GRASS, ROOF, POOL]


def test_every_step_can_be_undone_and_redone(project: Project) -> None:
    assert project.journal.undo_names(3).redo_name == "Change note"
    assert project.journal.redo(3) is not None
    assert project.pictures.get(3).note == "Look at the edge – später"
    for picture_id, steps in ((5, 1), (3, 2), (1, 1)):
        for _ in range(steps):
            assert project.journal.undo(picture_id) is not None
    assert not project.labels.read(3, 96, 64).any()
    assert project.pictures.get(1).status == Status.IN_PROGRESS
    names = []
    while (result := project.journal.undo(1)) is not None:
        names.append(result.edit.name)
    assert names == [
        "Change value of roof to 9",
        "Split pool off water",
        "Brush stroke, class 2",
        "Brush stroke, class 1",
    ]
    assert project.journal.undo(2) is not None
    assert project.pictures.labelled() == []
    assert [c.name for c in project.classes.read()] == ["grass", "roof", "water"]
    for picture_id in (2, *(1 for _ in names)):
        assert project.journal.redo(picture_id) is not None
    np.testing.assert_array_equal(project.labels.read(1, 96, 64), FIRST)
    np.testing.assert_array_equal(project.labels.read(2, 96, 64), SECOND)


def test_tiles_before_an_edit_are_read(project: Project) -> None:
    second = project.journal.history(1)[1]
    assert second.name == "Brush stroke, class 2"
    before_renumbering = painted((GRASS, (10, 10), (60, 40)), (2, (40, 10), (80, 50)))
    found = project.journal.changed_tiles_at(1, second.id)
    np.testing.assert_array_equal(found[TileKey(0, 0)], before_renumbering)


def test_runs_and_recipes_are_read(project: Project) -> None:
    first, second = project.runs.get(1), project.runs.get(2)
    assert (first.state, first.device, first.best_miou, first.published) == ("finished", "cpu", 0.5, 2)
    assert (second.state, second.base_run_id, second.message) == (
        "failed",
        1,
        "The device ran out of memory.",
    )
    # Written before there were options for pretrained encoders, which do nothing then, a choice of score, and plateaus.
    before = {
        "head_first": False,
        "encoder_rate": 1.0,
        "frozen_levels": 0,
        "frozen_norm": False,
        "metric": "miou",
        "plateau_patience": 4,
        "plateau_factor": 0.3,
    }
    expected = Recipe(minutes=4.0, learning_rate=2e-3, zoom=(0.5, 1.5), **before)
    assert Recipe.from_json(json.loads(first.recipe)) == expected
    assert Recipe.from_json(json.loads(second.recipe)) == Recipe(minutes=None, epochs=3.0, **before)
    # No part was renamed: one that is not known is passed over without a word.
    assert {**json.loads(first.recipe), **before} == expected.to_json()
    spec = ModelSpec("asymmetric-unet", None, "none", 96, (1, 2, 3))
    assert ModelSpec.from_json(json.loads(first.model)) == spec
    assert {**json.loads(first.model), "normalisation": "imagenet", "shape": None} == spec.to_json()
    points = [(m.name, m.class_value, m.step, m.value) for m in project.runs.measurements(1)]
    assert points == [("loss", None, 10, 0.75), ("miou", None, 20, 0.5), ("iou", 2, 20, 0.25)]
    assert project.runs.prediction_runs() == {2: 1}


def test_facts_are_read(project: Project) -> None:
    chosen = NextRun("asymmetric-unet", None, "none", 128, {"loss": "focal", "batch": "4"})
    assert NextRun.from_json(project.fact("next_run")) == chosen
    excluded = read_excluded(project)
    assert (excluded.folders, excluded.files) == ({"masks"}, {"a/b.png"})
    tone = Adjustments.from_json(json.loads(project.fact("view_tone") or ""))
    assert tone == Adjustments(low=0.1, gamma=1.4)
    names = ("hidden_classes", "locked_classes", "tool_in_hand", "active_class", "shown", "highest_class")
    assert [project.fact(name) for name in names] == ["4", "1 9", "polygon", "9", "3", "9"]
