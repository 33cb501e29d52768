"""Tests of what the events of a training store, and of the state that they lead to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.base.changes import Changes
from core.base.lane import Lane
from core.labels.score_basis import ScoreBasis
from core.models.spec import ModelSpec
from core.project.project import Project
from core.project.records import RunRecord
from core.session.change_writer import ChangeWriter
from core.session.training.curves import CurveStore
from core.session.training.event_handler import WorkerEventHandler
from core.session.training.prediction_queue import PredictionQueue
from core.session.training.run_recorder import RunRecorder
from core.session.training.training_state import TrainingState, TrainingStatus
from core.training.events import (
    CheckpointPublished,
    InUseScored,
    ModelEvaluated,
    PredictionFailed,
    PredictionReady,
    TrainingEvent,
    TrainingFinished,
    TrainingNote,
    TrainingProgress,
    TrainingStage,
    TrainingStarted,
    WorkerFailed,
)
from core.training.process.worker_client import WorkerClient
from core.training.recipe import Recipe
from tests.factories import project_in

SPEC = ModelSpec("asymmetric-unet", None, "none", 64, (1, 2))
PROGRESS = TrainingProgress(5, None, 0.25, 12.0, 3.0, 60.0, 0.001, 2.5)


class EventHarness:
    """A project with a run under way, and the handler of its events. No process is started."""

    def __init__(self, folder: Path) -> None:
        self.project = project_in(folder, count=2)
        for record in self.project.pictures.all():
            # Nothing can be predicted, so new weights start no process.
            self.project.pictures.set_problem(record.id, "It is gone.")
        self.reader = Project.open_read_only(folder)
        self.document, self.training = Lane("document"), Lane("training")
        self.worker = WorkerClient(lambda _event: None)
        self.announced: list[Changes] = []
        self.calls: list[str] = []
        self.status = TrainingStatus(lambda _state: None, TrainingState("starting"))
        self.predictions = PredictionQueue(self.reader, self.worker)
        self.handler = WorkerEventHandler(
            self.project,
            self.reader,
            ChangeWriter(self.document, self.announced.append),
            self.status,
            self.predictions,
            on_progress=lambda: self.calls.append("progress"),
            on_finished=lambda reason: self.calls.append(f"ended: {reason}"),
        )
        self.start_run()

    def start_run(self) -> None:
        self.handler.recorder = RunRecorder(
            self.project, SPEC, Recipe(), None, self.project.pictures.all()[:2]
        )

    def report(self, *events: TrainingEvent) -> None:
        for event in events:
            self.training.submit(self.handler.handle, event).result(10)

    @property
    def state(self) -> TrainingState:
        return self.status.state

    @property
    def run(self) -> RunRecord:
        """The newest run, as stored."""
        return self.project.runs.all()[0]

    def close(self) -> None:
        self.worker.close()
        self.training.shutdown()
        self.document.shutdown()
        self.reader.close()
        self.project.close()


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[EventHarness]:
    made = EventHarness(tmp_path / "pictures")
    yield made
    made.close()


def test_training_is_stored_and_shown(harness: EventHarness) -> None:
    harness.report(TrainingStarted("cpu", 1000, 2))
    assert (harness.state.phase, harness.state.device) == ("training", "cpu")
    harness.report(PROGRESS)
    assert (harness.state.step, harness.state.loss, harness.state.seconds_left) == (5, 0.25, 60.0)
    assert harness.calls == ["progress"]
    assert harness.run.device == "cpu"
    slow = [("learning_rate", 5, 0.001), ("pictures_per_second", 5, 12.0), ("epoch", 5, 2.5)]
    stored = [(m.name, m.step, m.value) for m in harness.project.runs.measurements()]
    assert stored == [("loss", 5, 0.25), *slow]
    assert harness.announced == [Changes(runs=True), Changes(measurements=True)]
    for second, speed in ((4.0, 10.0), (5.0, 20.0), (8.5, 30.0)):
        harness.report(TrainingProgress(int(10 * second), None, 0.25, speed, second, 60.0, 0.001, 3.0))
    points = harness.project.runs.measurements()
    assert [m.value for m in points if m.name == "loss"] == [0.25] * 4
    speeds = [(m.step, m.value) for m in points if m.name == "pictures_per_second"]
    assert speeds == [(5, 12.0), (85, 20.0)], "what changes slowly is stored rarely, as the mean since"


def test_only_validation_scores_are_stored(harness: EventHarness) -> None:
    scores = {1: 0.5, 2: 0.75}
    harness.report(ModelEvaluated(5, 3.0, 0.625, scores, 0.9, ((1, 0), (0, 1)), 1, "train"))
    assert harness.project.runs.measurements() == []
    assert harness.announced == []
    harness.report(ModelEvaluated(6, 3.5, 0.625, scores, 0.9, ((1, 0), (0, 1)), 1, "val"))
    stored = {(m.name, m.class_value): m.value for m in harness.project.runs.measurements()}
    assert stored == {
        ("miou", None): 0.625,
        ("pixel_accuracy", None): 0.9,
        ("iou", 1): 0.5,
        ("iou", 2): 0.75,
    }


def test_a_score_is_stored_with_what_it_rests_on(harness: EventHarness) -> None:
    basis = ScoreBasis(3, 0.25, (0.5, 0.75), {2: 40})
    harness.report(
        ModelEvaluated(
            6, 3.5, 0.625, {1: 0.5, 2: 0.75}, 0.9, ((1, 0), (0, 1)), 3, "val", basis, {"dice": 0.7}, 0.4
        ),
        InUseScored(6, 3.5, 0.5, {1: 0.5}, ScoreBasis(1, 0.5)),
    )
    assert [m.value for m in harness.project.runs.measurements() if m.name == "dice"] == [0.7]
    assert [m.value for m in harness.project.runs.measurements() if m.name == "val_loss"] == [0.4]
    store = CurveStore()
    points = harness.project.runs.measurements()
    store.add(point for point in points if not point.name.startswith("in_use"))
    assert store.curves().basis == basis
    store.add(point for point in points if point.name.startswith("in_use"))
    assert store.curves().basis == ScoreBasis(1, 0.5)
    assert harness.project.runs.choose(harness.run.id).measurements
    store.add(harness.project.runs.measurements()[len(points) :])
    assert store.curves().basis == basis


def test_published_checkpoint_predicts_from_now_on(harness: EventHarness) -> None:
    harness.report(PROGRESS, CheckpointPublished(5, 0.5, "a folder"))
    [stored] = [m for m in harness.project.runs.measurements() if m.name == "checkpoint"]
    assert (stored.step, stored.seconds, stored.value) == (5, 3.0, 1)
    assert (harness.state.published, harness.state.miou) == (1, 0.5)
    assert (harness.run.published, harness.run.best_miou) == (1, 0.5)
    assert harness.predictions.run is not None and harness.predictions.run.id == harness.run.id


def test_checkpoint_worse_than_the_network_in_use_changes_nothing(harness: EventHarness) -> None:
    harness.report(CheckpointPublished(5, 1.0, "a folder"), InUseScored(5, 3.0, 1.0, {1: 1.0, 2: 1.0}))
    good = harness.run.id
    harness.report(TrainingFinished("budget", 5))
    harness.start_run()
    kept = "Run 1 stays in use."
    harness.report(
        InUseScored(2, 1.0, 0.96, {1: 0.96}),
        CheckpointPublished(2, 0.25, "another folder", in_use=False),
        TrainingNote(kept, stored=True),
        TrainingFinished("budget", 2),
    )
    assert (harness.run.published, harness.run.best_miou, harness.run.message) == (1, 0.25, kept)
    assert harness.state.message == kept
    assert harness.state.miou == 0.96, "of the network in use, on the val pictures of now"
    assert harness.predictions.run is not None and harness.predictions.run.id == good
    in_use = harness.project.runs.in_use()
    assert in_use is not None and in_use.id == good


def test_prediction_is_stored(harness: EventHarness) -> None:
    harness.report(PredictionReady(2, "a file", 0.75, harness.run.id))
    record = harness.project.pictures.get(2)
    assert record.mean_confidence == 0.75
    assert harness.announced[-1].predictions == {2}


def test_late_prediction_of_a_run_that_is_not_in_use_any_more_is_not_stored(harness: EventHarness) -> None:
    harness.report(CheckpointPublished(5, 0.5, "a folder"), TrainingFinished("budget", 5))
    good = harness.run.id
    harness.report(PredictionReady(1, "a file", 0.75, good), PredictionReady(2, "a file", 0.75, good))
    harness.start_run()
    harness.report(CheckpointPublished(5, 0.75, "another"), TrainingFinished("budget", 5))
    other = harness.run.id
    harness.report(PredictionReady(2, "a file", 0.25, other))
    # A person chooses the first run while pictures 1 and 2 are under way for the other.
    harness.project.runs.choose(good)
    harness.predictions.on_new_weights(harness.project.runs.get(good))
    harness.report(PredictionReady(1, "a file", 0.25, other), PredictionReady(2, "a file", 0.25, other))
    assert harness.project.runs.prediction_runs() == {}, "the files are of the other run, so none is shown"
    harness.report(PredictionReady(1, "a file", 0.5, good))
    assert harness.project.runs.prediction_runs() == {1: good}
    assert harness.project.pictures.get(1).mean_confidence == 0.5


def test_failed_prediction_is_shown_once(harness: EventHarness) -> None:
    harness.report(PredictionFailed(1, "It was interrupted.", lost=True))
    assert harness.state.message == ""
    harness.report(PredictionFailed(1, "It is damaged."))
    assert harness.state.message == "It is damaged."
    harness.report(TrainingNote("The memory is short."), PredictionFailed(1, "It is damaged."))
    assert harness.state.message == "The memory is short."


@pytest.mark.parametrize(("reason", "state"), [("budget", "finished"), ("stopped", "stopped")])
def test_training_ends(harness: EventHarness, reason: str, state: str) -> None:
    harness.report(TrainingStarted("cpu", 1000, 2), TrainingFinished(reason, 5))
    assert (harness.state.phase, harness.state.failed) == ("idle", False)
    assert harness.run.state == state
    assert harness.calls == [f"ended: {reason}"]
    assert harness.handler.recorder is None


def test_replaced_training_does_not_end_the_next(harness: EventHarness) -> None:
    replaced = harness.run.id
    harness.start_run()
    harness.report(TrainingFinished("replaced", 5), TrainingStarted("cpu", 1000, 2))
    assert harness.state.phase == "training"
    assert harness.run.id != replaced and harness.run.state == "running"


def test_failed_worker_ends_its_training(harness: EventHarness) -> None:
    harness.report(TrainingStarted("cpu", 1000, 2), WorkerFailed("It ran out of memory.", "a traceback"))
    assert (harness.state.phase, harness.state.failed) == ("idle", True)
    assert harness.state.message == harness.run.message == "It ran out of memory."
    assert harness.run.state == "failed"
    assert harness.calls == []


def test_worker_that_fails_while_predicting_ends_nothing(harness: EventHarness) -> None:
    harness.report(TrainingStarted("cpu", 1000, 2), WorkerFailed("It ended.", "", training=False))
    assert (harness.state.phase, harness.state.message) == ("training", "It ended.")
    assert harness.run.state == "running"


def test_what_cannot_be_stored_is_shown_and_training_goes_on(harness: EventHarness) -> None:
    harness.report(TrainingStarted("cpu", 1000, 2))
    announced = list(harness.announced)
    harness.report(PredictionReady(2, "a file", 0.75, run_id=999))  # no such run
    assert str(harness.project.store.path) in harness.state.message
    assert harness.announced == announced
    harness.report(PROGRESS)
    assert (harness.state.phase, harness.state.step) == ("training", 5)


def test_a_training_that_is_refused_leaves_no_run(harness: EventHarness) -> None:
    before = harness.run.id
    harness.start_run()
    harness.report(WorkerFailed("There is no such device.", "", refused=True))
    assert harness.run.id == before
    assert (harness.state.phase, harness.state.run_id) == ("idle", None)
    assert harness.state.failed and harness.state.message == "There is no such device."


def test_a_stage_is_shown_until_the_next_step(harness: EventHarness) -> None:
    harness.report(TrainingStarted("cpu", 1, 2), TrainingStage("Computing features", 3, 8))
    assert (harness.state.phase, harness.state.stage) == ("training", "Computing features 3 of 8")
    harness.report(PROGRESS)
    assert harness.state.stage == ""
