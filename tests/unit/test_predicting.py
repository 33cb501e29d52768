"""Whose turn it is to be predicted."""

from __future__ import annotations

import queue
from pathlib import Path

import numpy as np

from core.labels.prediction import read_prediction
from core.models.checkpoint import load_checkpoint, save_checkpoint
from core.models.predict import predict_file
from core.models.registry import build
from core.models.spec import ModelSpec
from core.session.predicting import Predicting, in_turn
from core.training.events import Predicted
from core.training.run import Worker
from tests.factories import MODEL, project_in

PICTURES = [1, 2, 3, 4, 5, 6]


def test_the_shown_picture_is_first_and_then_those_that_come_next() -> None:
    assert in_turn(PICTURES, 4, {}) == [4, 5, 6, 1, 2, 3]
    assert in_turn(PICTURES, None, {}) == PICTURES
    assert in_turn(PICTURES, 9, {}) == PICTURES  # not among those that can be read
    assert in_turn([], 4, {}) == []


def test_who_has_no_prediction_comes_before_who_has_an_old_one() -> None:
    assert in_turn(PICTURES, 4, {5: 2, 6: 1, 4: 3}) == [4, 1, 2, 3, 6, 5]


def test_everybody_is_reached_however_often_the_weights_change() -> None:
    turns: dict[int, int] = {}
    for change in range(5):
        for number, picture_id in enumerate(in_turn(PICTURES, 4, turns)[:2]):
            turns[picture_id] = 2 * change + number
    assert set(turns) == set(PICTURES)


def test_another_number_of_looks_predicts_everything_again(tmp_path: Path) -> None:
    """With a real process and a network of chance, for which a mirrored look says something else."""
    spec = ModelSpec("asymmetric-unet", None, "none", 64, (1, 2))
    with project_in(tmp_path / "pictures", count=2) as project:
        run = project.runs.start(MODEL, "{}", None, 2)
        save_checkpoint(project.run_folder(run.id), build(spec), spec, {})
        project.runs.note(run.id, published=1)
        loaded = load_checkpoint(project.run_folder(run.id))
        told: queue.Queue[object] = queue.Queue()
        worker = Worker(told.put)
        predicting = Predicting(project, worker, "none")

        def answers(tta: str) -> None:
            for _ in range(2):
                event = told.get(timeout=90)
                assert isinstance(event, Predicted)
                predicting.answered(event)
                record = project.pictures.get(event.picture_id)
                expected = predict_file(loaded, project.picture_path(record.path), run.id, tta)
                found = read_prediction(Path(event.path))
                assert np.abs(found.confidence.astype(int) - expected.confidence).max() <= 1

        try:
            predicting.picture_shown(1, [2])
            answers("none")
            predicting.look("none")
            assert told.empty()
            predicting.look("flip")
            answers("flip")
        finally:
            worker.close()
