"""What becomes of a training when things happen at the wrong moment. Only the child process is not there."""

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
from core.models.spec import ModelSpec, spec_from_base
from core.project.project import Project, run_class_mapping
from core.project.records import RunRecord
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
from tests.factories import label_all, project_in


class NoProcess:
    """In place of the worker: what it was told to do, in order."""

    def __init__(self, _on_event: Callable[[TrainingEvent], None]) -> None:
        self.told: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_args, **_kwargs: self.told.append(name)


class Desk:
    """A labelled project and its training, with events put in by hand."""

    def __init__(self, folder: Path) -> None:
        self.project = project_in(folder, 4, ("grass", "roof"))
        label_all(self.project, self.project.pictures.all())
        self.document = Lane("document")
        self.training = TrainingService(
            self.project, self.document, lambda _: None, lambda _: None, TrainingPreferences(automatic=False)
        )
        worker: Any = self.training._worker
        self.told: list[str] = worker.told

    def settle(self) -> None:
        self.training._lane.submit(lambda: None).result()

    def start(self) -> RunRecord:
        self.training.start()
        self.settle()
        return self.project.runs.all()[0]

    def hear(self, *events: TrainingEvent) -> None:
        for event in events:
            self.training._on_worker_event(event)
        self.settle()

    def change(self, act: Callable[[], Changes]) -> None:
        self.document.submit(act).result()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(core.session.training.service, "WorkerClient", NoProcess)
    desk = Desk(tmp_path / "pictures")
    yield desk
    desk.training.close()
    desk.document.shutdown()
    desk.project.close()


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
@pytest.mark.parametrize("meanwhile", [True, False], ids=["while pictures are frozen", "just afterwards"])
def test_rows_keep_their_meaning_whenever_a_class_moves(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[Project], Changes],
    means: list[int],
    meanwhile: bool,
) -> None:
    def frozen(*args: Any) -> list[str]:
        found = update_snapshot(*args)
        desk.change(lambda: act(desk.project))
        return found

    if meanwhile:
        monkeypatch.setattr(core.session.training.service, "update_snapshot", frozen)
    run = desk.start()
    if not meanwhile:
        desk.change(lambda: act(desk.project))
    spec = ModelSpec.from_json(json.loads(run.model))
    now = run_class_mapping(desk.project, run.id)
    assert [int(now[value]) for value in spec.class_values] == means
    follows = spec_from_base(spec, desk.project.classes.read().values, now.tolist())
    assert not any(old == 2 and new == 2 for new, old in follows.inherits)


def test_a_stop_right_after_the_start_is_not_lost(desk: Desk) -> None:
    held = threading.Event()
    desk.training._lane.submit(held.wait)
    desk.training.start()
    desk.training.stop()
    held.set()
    desk.settle()
    assert "train" not in desk.told  # the lane had not come to it yet
    assert desk.training.state.phase == "idle"
    assert not desk.project.runs.all()


def test_a_stop_while_the_run_is_being_noted_reaches_the_process(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(*args: Any, **kwargs: Any) -> RunRecord:
        desk.training.stop()
        return type(desk.project.runs).start(desk.project.runs, *args, **kwargs)

    monkeypatch.setattr(desk.project.runs, "start", started)
    desk.start()
    desk.settle()
    assert desk.told[-1] == "stop" and "train" in desk.told
    assert desk.training.state.phase == "stopping"


def test_a_process_that_died_while_predicting_ends_no_training(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def frozen(*args: Any) -> list[str]:
        desk.training._on_worker_event(WorkerFailed("It ended unexpectedly.", "", training=False))
        return update_snapshot(*args)

    monkeypatch.setattr(core.session.training.service, "update_snapshot", frozen)
    run = desk.start()
    desk.settle()
    assert desk.training.state.message == "It ended unexpectedly."
    desk.hear(
        TrainingStarted("cpu", 1, 3),
        TrainingProgress(1, None, 1.0, 1.0, 1.0, 1.0),
        CheckpointPublished(1, 0.5, "there"),
    )
    assert desk.training.state.phase == "training"
    run = desk.project.runs.get(run.id)
    assert (run.state, run.published) == ("running", 1)


def test_a_training_ends_where_the_document_refuses_to_note_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.start()
    desk.hear(TrainingStarted("cpu", 1, 3))

    def full(*_args: Any) -> Changes:
        raise ProjectError("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(desk.project.runs, "end", full)
        desk.hear(TrainingFinished("budget", 10))
    assert desk.training.state.phase == "idle"
    assert desk.training.state.message == "The disk is full."
    desk.start()
    assert desk.training.state.phase == "starting"


def test_labels_that_cannot_join_are_said_and_join_later(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.start()
    desk.hear(TrainingStarted("cpu", 1, 3))
    desk.told.clear()

    def no_space(*_args: Any) -> None:
        raise TrainingError("There is no space left.")

    with monkeypatch.context() as patched:
        patched.setattr(TrainingSnapshot, "put", no_space)
        desk.training.on_label_changed(1)
        desk.settle()
    assert desk.training.state.message == "There is no space left."
    assert "refresh" not in desk.told
    desk.hear(TrainingProgress(1, None, 1.0, 1.0, 1.0, 1.0))
    assert "refresh" in desk.told
