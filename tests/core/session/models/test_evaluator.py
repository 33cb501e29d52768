"""Evaluations in a process of their own: kept while nothing has changed, cancelled, and refused in sentences."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from core.base.errors import Cancelled, ModelError
from core.base.geometry import Box
from core.evaluation.kept.evaluation_job import EvaluationJob
from core.labels.label_map import LabelMap
from core.models.checkpoint import save_checkpoint
from core.models.network_builder import build_network
from core.models.spec import ModelSpec
from core.project.project import Project
from core.project.records import Split
from core.session.models.evaluator import Evaluator, KeptEvaluation
from tests.factories import label_all, project_in, truth

SPEC = ModelSpec("asymmetric-unet-small", None, "none", 64, (1, 2))


def add_run(project: Project, seed: int = 0, spec: ModelSpec = SPEC) -> int:
    run = project.runs.start(json.dumps(spec.to_json()), "{}", None, 3)
    torch.manual_seed(seed)
    save_checkpoint(project.run_folder(run.id), build_network(spec), spec, {})
    project.runs.update(run.id, published=1)
    project.runs.end(run.id, "finished")
    return run.id


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Of a project with three labelled val pictures and a run with weights."""
    with project_in(tmp_path / "pictures") as project:
        label_all(project, project.pictures.all())
        project.pictures.set_split([record.id for record in project.pictures.all()], Split.VAL)
        add_run(project)
        return project.home


class Runs:
    """An evaluator, and how many pictures it scored."""

    def __init__(self, home: Path) -> None:
        self.home, self.evaluator = home, Evaluator(home, home / "cache")
        self.steps: list[tuple[int, int]] = []

    def evaluate(self, **job: object) -> KeptEvaluation | None:
        self.steps.clear()
        asked = EvaluationJob(self.home, **{"run": 1, "device": "cpu", **job})  # type: ignore[arg-type]
        return self.evaluator.evaluate(asked, lambda *step: self.steps.append(step)).result(120)


@pytest.fixture
def runs(home: Path) -> Iterator[Runs]:
    found = Runs(home)
    yield found
    found.evaluator.close()


def test_an_evaluation_is_kept_until_labels_or_weights_change(runs: Runs) -> None:
    assert runs.evaluate(only_kept=True) is None
    first = runs.evaluate()
    assert first is not None
    assert runs.steps == [(1, 3), (2, 3), (3, 3)]
    assert first.evaluation.confusion.sum() == 3 * truth().size
    assert first.class_intervals.shape == (2, 2)
    again = runs.evaluate()
    assert again is not None
    assert (again.key, runs.steps) == (first.key, [])
    picture = runs.evaluator.picture(first.key, 1).result(10)
    np.testing.assert_array_equal(picture.truth, truth())
    counted = [
        np.count_nonzero((picture.truth == t) & (picture.predicted == p)) for t in (1, 2) for p in (1, 2)
    ]
    found = next(p for p in first.evaluation.pictures if p.picture_id == 1)
    matrix = np.zeros(6, np.int64)
    matrix[found.cells] = found.pixels
    assert counted == [*matrix[:2], *matrix[3:5]]

    with Project.open(runs.home.parent, purpose="a test") as project:
        labels = LabelMap(project.labels.read(2, 96, 64))
        labels.begin_edit("Label", "test", 2)
        labels.put_values(Box(0, 0, 8, 8), np.full((8, 8), 2, np.uint8))
        edit = labels.finish_edit()
        assert edit is not None
        project.journal.commit(2, edit)
    assert runs.evaluate(only_kept=True) is None, "another label"
    changed = runs.evaluate()
    assert changed is not None
    assert changed.evaluation.confusion[1].sum() == first.evaluation.confusion[1].sum() + 64
    with Project.open(runs.home.parent, purpose="a test") as project:
        torch.manual_seed(5)
        save_checkpoint(project.run_folder(1), build_network(SPEC), SPEC, {})
    assert runs.evaluate(only_kept=True) is None, "other weights"


def test_a_cancelled_evaluation_leaves_nothing(runs: Runs) -> None:
    job = EvaluationJob(runs.home, 1, device="cpu")
    with pytest.raises(Cancelled):
        runs.evaluator.evaluate(job, lambda *_: runs.evaluator.cancel()).result(120)
    assert list((runs.home / "cache" / "evaluations").iterdir()) == []


def test_what_cannot_be_evaluated_is_said(runs: Runs) -> None:
    with pytest.raises(ModelError, match="There is no run 9"):
        runs.evaluate(run=9)
    with pytest.raises(ModelError, match=r"split “test” carries a label.*Labelled are 3 pictures of val"):
        runs.evaluate(split=Split.TEST)
    with pytest.raises(ModelError, match=r"nowhere\.safetensors cannot be read"):
        runs.evaluate(weights=runs.home / "nowhere.safetensors")
    with Project.open_read_only(runs.home) as project:
        (project.run_folder(1) / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="weights of run 1 are gone from"):
        runs.evaluate()
