"""Tests of the training service with a recording stub instead of the worker process."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import core.session.training.service
from core.base.changes import Changes
from core.base.errors import ProjectError, TrainingError
from core.base.lane import Lane
from core.labels.label_map import LabelMap
from core.models.spec import WEIGHTS_FILE, ModelSpec, spec_from_base
from core.project.locks.writer_lock import is_being_written
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project, run_class_mapping
from core.project.records import RunRecord, Split
from core.session.access import Access
from core.session.session import Session
from core.session.training.next_run import plan_next
from core.session.training.service import TrainingService
from core.session.training.snapshot_builder import update_snapshot
from core.session.training.training_state import TrainingPreferences
from core.training.data.snapshot import TrainingSnapshot
from core.training.events import (
    CheckpointPublished,
    TrainingEvent,
    TrainingFinished,
    TrainingProgress,
    TrainingStarted,
    WorkerFailed,
)
from tests.factories import label_all, project_in, stroke


class RecordingWorker:
    """Records the names of the methods that are called, in order."""

    def __init__(self, _on_event: Callable[[TrainingEvent], None]) -> None:
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_args, **_kwargs: self.calls.append(name)


class TrainingHarness:
    """A labelled project and its training service; events are passed in by the test."""

    def __init__(self, folder: Path) -> None:
        self.project = project_in(folder, 4, ("grass", "roof"))
        label_all(self.project, self.project.pictures.all())
        self.document = Lane("document")
        self.training = TrainingService(
            self.project, self.document, lambda _: None, lambda _: None, TrainingPreferences(automatic=False)
        )
        worker: Any = self.training._worker
        self.calls: list[str] = worker.calls

    def wait(self) -> None:
        self.training._lane.submit(lambda: None).result()

    def start(self) -> RunRecord:
        self.training.start()
        self.wait()
        return self.project.runs.all()[0]

    def report(self, *events: TrainingEvent) -> None:
        for event in events:
            self.training._on_worker_event(event)
        self.wait()

    def write(self, act: Callable[[], Changes]) -> None:
        self.document.submit(act).result()


@pytest.fixture
def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TrainingHarness]:
    monkeypatch.setattr(core.session.training.service, "WorkerClient", RecordingWorker)
    harness = TrainingHarness(tmp_path / "pictures")
    yield harness
    harness.training.close()
    harness.document.shutdown()
    harness.project.close()


def renumber(project: Project) -> Changes:
    return project.classes.change_value(2, 9)


def replace_roof(project: Project) -> Changes:
    """Its value is free then, and the next class takes it."""
    return project.classes.delete(2) | project.classes.save(project.classes.read().with_class("pool"))


def merge(project: Project) -> Changes:
    return project.classes.merge(2, 1)


@pytest.mark.parametrize(
    ("act", "means"),
    [(renumber, [1, 9]), (replace_roof, [1, 0]), (merge, [1, 1])],
    ids=["renumbered", "replaced", "merged"],
)
@pytest.mark.parametrize("meanwhile", [True, False], ids=["while the snapshot is updated", "just afterwards"])
def test_run_keeps_its_class_values_whenever_a_class_is_remapped(
    harness: TrainingHarness,
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[Project], Changes],
    means: list[int],
    meanwhile: bool,
) -> None:
    def update_and_interfere(*args: Any) -> list[str]:
        found = update_snapshot(*args)
        harness.write(lambda: act(harness.project))
        return found

    if meanwhile:
        monkeypatch.setattr(core.session.training.service, "update_snapshot", update_and_interfere)
    run = harness.start()
    if not meanwhile:
        harness.write(lambda: act(harness.project))
    spec = ModelSpec.from_json(json.loads(run.model))
    now = run_class_mapping(harness.project, run.id)
    assert [int(now[value]) for value in spec.class_values] == means
    follows = spec_from_base(spec, harness.project.classes.read().values, now.tolist())
    assert not any(old == 2 and new == 2 for new, old in follows.inherits)


def test_a_stop_right_after_the_start_is_not_lost(harness: TrainingHarness) -> None:
    blocker = threading.Event()
    harness.training._lane.submit(blocker.wait)
    harness.training.start()
    harness.training.stop()
    blocker.set()
    harness.wait()
    assert "train" not in harness.calls  # the lane had not come to it yet
    assert harness.training.state.phase == "idle"
    assert not harness.project.runs.all()


def test_stop_while_the_run_is_being_stored_reaches_the_worker(
    harness: TrainingHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(*args: Any, **kwargs: Any) -> RunRecord:
        harness.training.stop()
        return type(harness.project.runs).start(harness.project.runs, *args, **kwargs)

    monkeypatch.setattr(harness.project.runs, "start", started)
    harness.start()
    harness.wait()
    assert harness.calls[-1] == "stop" and "train" in harness.calls
    assert harness.training.state.phase == "stopping"


def test_worker_that_died_while_predicting_does_not_end_training(
    harness: TrainingHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def update_and_interfere(*args: Any) -> list[str]:
        harness.training._on_worker_event(WorkerFailed("It ended unexpectedly.", "", training=False))
        return update_snapshot(*args)

    monkeypatch.setattr(core.session.training.service, "update_snapshot", update_and_interfere)
    run = harness.start()
    harness.wait()
    assert harness.training.state.message == "It ended unexpectedly."
    harness.report(
        TrainingStarted("cpu", 1, 3),
        TrainingProgress(1, None, 1.0, 1.0, 1.0, 1.0),
        CheckpointPublished(1, 0.5, "there"),
    )
    assert harness.training.state.phase == "training"
    run = harness.project.runs.get(run.id)
    assert (run.state, run.published) == ("running", 1)


def run_with_weights(project: Project, miou: float) -> RunRecord:
    spec = ModelSpec("asymmetric-unet-small", None, "none", 64, (1, 2))
    run = project.runs.start(json.dumps(spec.to_json()), "{}", None, 3)
    project.run_folder(run.id).mkdir(parents=True)
    (project.run_folder(run.id) / WEIGHTS_FILE).write_bytes(b"weights")
    project.runs.update(run.id, published=1, best_miou=miou)
    project.runs.end(run.id, "finished")
    return run


def test_an_earlier_network_is_used_with_its_predictions(harness: TrainingHarness) -> None:
    project = harness.project
    earlier, newer = run_with_weights(project, 0.9), run_with_weights(project, 0.4)
    for picture_id in (1, 2):
        project.runs.record_prediction(picture_id, newer.id, 0.8)
    project.runs.record_prediction(3, earlier.id, 0.8)
    harness.training.use(earlier.id)
    harness.wait()
    in_use = project.runs.in_use()
    assert in_use is not None and in_use.id == earlier.id
    assert project.runs.prediction_runs() == {3: earlier.id}, "none of the other network is left to accept"
    assert harness.calls.count("predict") == 3, "as many as are sent at a time"
    assert harness.training.state.miou == 0.9
    _, base = plan_next(project, project.pictures.all(), in_use, "cpu")
    assert base is not None and base.id == earlier.id


def test_a_training_under_way_does_not_undo_a_choice(harness: TrainingHarness) -> None:
    earlier = run_with_weights(harness.project, 0.9)
    harness.start()
    harness.report(TrainingStarted("cpu", 1, 3))
    harness.training.use(earlier.id)
    harness.report(CheckpointPublished(1, 0.95, "there"), TrainingFinished("budget", 1))
    in_use = harness.project.runs.in_use()
    assert in_use is not None and in_use.id == earlier.id


def test_weights_that_are_gone_are_not_used(harness: TrainingHarness) -> None:
    run = run_with_weights(harness.project, 0.9)
    (harness.project.run_folder(run.id) / WEIGHTS_FILE).unlink()
    harness.training.use(run.id)
    harness.wait()
    assert "are gone" in harness.training.state.message


def test_a_class_added_during_a_training_starts_it_again(
    harness: TrainingHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.session.training.new_classes.RESTART_DELAY", 0.0)
    first = harness.start()
    harness.report(TrainingStarted("cpu", 1, 3))
    in_train = harness.project.pictures.labelled(Split.TRAIN)[0]

    def add_and_paint() -> None:
        project = harness.project
        project.classes.save(project.classes.read().with_class("bolt"))
        labels = LabelMap(project.labels.read(in_train.id, 96, 64))
        project.journal.commit(in_train.id, stroke(labels, 3, (5, 5), (20, 20)))

    harness.document.submit(add_and_paint).result()
    harness.training.on_label_changed(in_train.id)
    harness.wait()
    assert "“bolt” is new" in harness.training.state.message
    harness.report(TrainingProgress(1, None, 1.0, 1.0, 1.0, 1.0))
    assert harness.calls[-1] == "stop"
    harness.report(TrainingFinished("stopped", 1))
    second = harness.project.runs.all()[0]
    assert second.id > first.id and second.state == "running"
    assert json.loads(second.model)["class_values"] == [1, 2, 3]


def test_training_ends_even_if_its_end_cannot_be_stored(
    harness: TrainingHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.start()
    harness.report(TrainingStarted("cpu", 1, 3))

    def full(*_args: Any) -> Changes:
        raise ProjectError("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(harness.project.runs, "end", full)
        harness.report(TrainingFinished("budget", 10))
    assert harness.training.state.phase == "idle"
    assert harness.training.state.message == "The disk is full."
    harness.start()
    assert harness.training.state.phase == "starting"


def test_labels_that_cannot_join_are_reported_and_join_later(
    harness: TrainingHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.start()
    harness.report(TrainingStarted("cpu", 1, 3))
    harness.calls.clear()

    def no_space(*_args: Any, **_named: Any) -> None:
        raise TrainingError("There is no space left.")

    with monkeypatch.context() as patched:
        patched.setattr(TrainingSnapshot, "put", no_space)
        harness.training.on_label_changed(1)
        harness.wait()
    assert harness.training.state.message == "There is no space left."
    assert "refresh" not in harness.calls
    harness.report(TrainingProgress(1, None, 1.0, 1.0, 1.0, 1.0))
    assert "refresh" in harness.calls


def test_the_process_is_started_early_where_something_is_labelled(harness: TrainingHarness) -> None:
    harness.training.warm_up()
    harness.wait()
    assert harness.calls == ["prepare"]
    harness.start()
    assert harness.calls.index("prepare") < harness.calls.index("train")


def test_without_labels_the_process_is_not_started_early(harness: TrainingHarness) -> None:
    for record in harness.project.pictures.all():
        while harness.project.journal.undo(record.id):
            pass
    assert not harness.project.pictures.labelled()
    harness.training.warm_up()
    harness.wait()
    assert harness.calls == []


def test_a_project_that_is_open_for_reading_is_neither_trained_nor_predicted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program may be training in it: its snapshot and its predictions are not touched."""
    monkeypatch.setattr(core.session.training.service, "WorkerClient", RecordingWorker)
    folder = tmp_path / "pictures"
    with project_in(folder, 4, ("grass", "roof")) as project:
        label_all(project, project.pictures.all())
        project.pictures.assign_missing_splits()
        run_with_weights(project, 0.5)
    cache = sorted((folder / HOME_FOLDER).glob("cache/**/*"))
    session = Session.open(folder, None, lambda _: None, access=Access.READ)
    try:
        session.training.on_picture_shown(1, [2, 3])
        session.training.start()
        session.training.set_preferences(TrainingPreferences(tta="flip"))
        session.training._lane.submit(lambda: None).result()
        worker: Any = session.training._worker
        assert worker.calls == []
        assert (session.training.state.phase, session.training.state.message) == ("idle", "")
    finally:
        session.close()
    assert sorted((folder / HOME_FOLDER).glob("cache/**/*")) == cache


def test_a_session_closes_although_the_project_file_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core.session.training.service, "WorkerClient", RecordingWorker)
    folder = tmp_path / "pictures"
    with project_in(folder, 4, ("grass", "roof")) as project:
        label_all(project, project.pictures.all())
    session = Session.open(folder, None, lambda _: None, preferences=TrainingPreferences(automatic=False))
    session.training.start()
    session.training._lane.submit(lambda: None).result()
    assert session.training.state.phase == "starting"
    (folder / HOME_FOLDER / PROJECT_FILE).unlink()
    session.close()
    assert not session._document._threads[0].is_alive()
    assert not is_being_written(folder / HOME_FOLDER)


def test_picture_that_could_not_be_read_is_tried_again_at_the_next_start(harness: TrainingHarness) -> None:
    file, elsewhere = harness.project.folder / "p0.png", harness.project.folder.parent / "p0.png"
    file.rename(elsewhere)
    harness.start()
    assert "p0.png" in harness.training.state.message
    harness.report(TrainingStarted("cpu", 1, 3), TrainingFinished("budget", 1))
    elsewhere.rename(file)
    harness.start()
    assert harness.training.state.message == ""
    snapshot = harness.training._snapshot
    assert snapshot is not None and set(snapshot.entries()) == {1, 2, 3, 4}
