"""Tests of the order of predictions and of retries."""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.labels.prediction import read_prediction
from core.models.checkpoint import load_checkpoint, save_checkpoint
from core.models.inference import predict_file
from core.models.network_builder import build_network
from core.models.spec import WEIGHTS_FILE, ModelSpec
from core.project.content.joins import JoinPair, PictureJoins
from core.project.project import Project
from core.session.training.prediction_queue import MAX_RETRIES, PredictionQueue, prediction_order
from core.training.events import PredictionFailed, PredictionReady
from core.training.process.worker_client import WorkerClient
from tests.factories import MODEL, project_in

PICTURES = [1, 2, 3, 4, 5, 6]


def test_shown_picture_is_first_then_the_next_ones() -> None:
    assert prediction_order(PICTURES, 4, {}) == [4, 5, 6, 1, 2, 3]
    assert prediction_order(PICTURES, None, {}) == PICTURES
    assert prediction_order(PICTURES, 9, {}) == PICTURES  # not among those that can be read
    assert prediction_order([], 4, {}) == []


def test_missing_predictions_come_before_old_ones() -> None:
    assert prediction_order(PICTURES, 4, {5: 2, 6: 1, 4: 3}) == [4, 1, 2, 3, 6, 5]


def test_every_picture_is_reached_however_often_weights_change() -> None:
    queued: dict[int, int] = {}
    for change in range(5):
        for number, picture_id in enumerate(prediction_order(PICTURES, 4, queued)[:2]):
            queued[picture_id] = 2 * change + number
    assert set(queued) == set(PICTURES)


def test_changed_tta_predicts_everything_again(tmp_path: Path) -> None:
    """With a real process and random weights, whose prediction of a mirrored picture differs."""
    spec = ModelSpec("asymmetric-unet", None, "none", 64, (1, 2))
    with project_in(tmp_path / "pictures", count=2) as project:
        run = project.runs.start(MODEL, "{}", None, 2)
        save_checkpoint(project.run_folder(run.id), build_network(spec), spec, {})
        project.runs.update(run.id, published=1)
        loaded = load_checkpoint(project.run_folder(run.id))
        events: queue.Queue[object] = queue.Queue()
        worker = WorkerClient(events.put)
        queued = PredictionQueue(project, worker, "none")

        def answers(tta: str) -> None:
            for _ in range(2):
                event = events.get(timeout=90)
                assert isinstance(event, PredictionReady)
                queued.on_answer(event)
                record = project.pictures.get(event.picture_id)
                expected = predict_file(loaded, project.picture_path(record.path), run.id, tta)
                found = read_prediction(Path(event.path))
                assert np.abs(found.confidence.astype(int) - expected.confidence).max() <= 1

        try:
            queued.on_picture_shown(1, [2])
            answers("none")
            queued.set_options("none", "auto")
            assert events.empty()
            queued.set_options("flip", "auto")
            answers("flip")
        finally:
            worker.close()


class RecordingWorker:
    """Records the pictures that it is asked to predict, in order."""

    def __init__(self) -> None:
        self.pictures: list[int] = []
        self.devices: list[str] = []

    def predict(self, _checkpoint: Path, _picture: Path, picture_id: int, _out: Path, **options: Any) -> None:
        self.pictures.append(picture_id)
        self.devices.append(options["device"])

    def drop_predictions(self) -> None:
        pass


@pytest.fixture
def published(tmp_path: Path) -> Iterator[Project]:
    """Four pictures and a run that has published, its weights an hour old."""
    with project_in(tmp_path / "pictures", count=4) as project:
        run = project.runs.start(MODEL, "{}", None, 2)
        project.runs.update(run.id, published=1)
        weights = project.run_folder(run.id) / WEIGHTS_FILE
        weights.parent.mkdir(parents=True)
        weights.write_bytes(b"")
        os.utime(weights, (time.time() - 3600,) * 2)
        yield project


def new_queue(project: Project, worker: Any, device: str = "auto") -> PredictionQueue:
    return PredictionQueue(project, worker, device=device)


def test_pictures_lost_with_the_worker_are_retried_a_few_times(published: Project) -> None:
    worker = RecordingWorker()
    queued = new_queue(published, worker)
    queued.on_picture_shown(1, [2, 3])
    assert worker.pictures == [1, 2, 3]
    queued.on_answer(PredictionFailed(2, "It is damaged."))
    for _ in range(MAX_RETRIES + 3):
        queued.on_answer(PredictionFailed(1, "It was interrupted.", lost=True))
    assert worker.pictures == [1, 2, 3, *[1] * MAX_RETRIES]
    queued.on_picture_shown(1, [2, 3])
    assert worker.pictures.count(1) == 1 + MAX_RETRIES


def test_predictions_of_older_weights_are_not_up_to_date_when_a_project_is_opened_again(
    published: Project,
) -> None:
    run = published.runs.all()[0].id
    for picture_id in (1, 2):
        published.runs.record_prediction(picture_id, run, 0.5)
    worker = RecordingWorker()
    new_queue(published, worker).on_picture_shown(1, [2, 3])
    assert worker.pictures == [3]
    # Better weights of the same run, published a moment before the window was closed.
    os.utime(published.run_folder(run) / WEIGHTS_FILE, (time.time() + 5,) * 2)
    worker = RecordingWorker()
    new_queue(published, worker).on_picture_shown(1, [2, 3])
    assert worker.pictures == [1, 2, 3]


def test_predictions_use_the_device_of_the_settings(published: Project) -> None:
    worker = RecordingWorker()
    queued = new_queue(published, worker, device="cpu")
    queued.on_picture_shown(1, [])
    queued.set_options("none", "cuda:1")
    queued.on_picture_shown(2, [])
    assert worker.devices == ["cpu", "cuda:1"]


def test_picture_that_is_replaced_while_it_is_predicted_is_predicted_again(published: Project) -> None:
    run, worker = published.runs.all()[0].id, RecordingWorker()
    queued = new_queue(published, worker)
    queued.on_picture_shown(1, [2])
    queued.on_content_changed(1)
    assert queued.is_outdated(1) and not queued.is_outdated(2)
    for picture_id in (1, 2):
        queued.on_answer(PredictionReady(picture_id, "", 0.5, run))
    assert worker.pictures == [1, 2, 1] and not queued.is_outdated(1)
    queued.on_answer(PredictionReady(1, "", 0.5, run))
    queued.on_content_changed(2)  # predicted already
    assert worker.pictures == [1, 2, 1, 2]


def test_picture_that_was_set_aside_is_not_sent(published: Project) -> None:
    (published.folder / "p0.png").unlink()
    PictureJoins(published.store).join([JoinPair(1, "p1.png")])
    worker = RecordingWorker()
    new_queue(published, worker).on_picture_shown(2, [1, 3])
    assert worker.pictures == [1, 3]


def test_picture_that_is_replaced_while_it_waits_is_predicted_once(published: Project) -> None:
    run, worker = published.runs.all()[0], RecordingWorker()
    queued = new_queue(published, worker)
    queued.on_new_weights(run)
    assert worker.pictures == [1, 2, 3]
    queued.on_content_changed(4)
    for picture_id in (1, 2, 3, 4):
        queued.on_answer(PredictionReady(picture_id, "", 0.5, run.id))
    assert worker.pictures == [1, 2, 3, 4]
