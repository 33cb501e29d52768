"""The four main workflows through the session, without a window: real files and a real training process."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.base.changes import Changes
from core.base.errors import ImageError
from core.base.geometry import Box, Point
from core.labels.accept import accept_class, accept_everywhere, accept_region
from core.labels.label_map import LabelMap
from core.project.project import HOME_FOLDER
from core.project.records import Split, Status
from core.session.session import Session
from core.session.training.next_run import FACT, NextRun
from core.session.training.training_state import TrainingPreferences, TrainingState
from core.session.transfer.export_plan import ExportOptions
from tests.factories import picture, picture_folder, stroke, truth


class Listener:
    """Keeps all news; they come from several threads."""

    def __init__(self) -> None:
        self.changes: list[Changes] = []
        self.states: list[TrainingState] = []
        self.mistakes: list[BaseException] = []
        self._lock = threading.Lock()

    def hear(self, news: Changes | TrainingState) -> None:
        with self._lock:
            (self.changes if isinstance(news, Changes) else self.states).append(news)  # type: ignore[arg-type]


def wait_until(holds: Callable[[], bool], what: str, patience: float = 150) -> None:
    end = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.01)


@pytest.fixture
def listener() -> Iterator[Listener]:
    heard = Listener()
    yield heard
    assert heard.mistakes == []


def open_and_wait(folder: Path, listener: Listener, **wishes: object) -> Session:
    wish = TrainingPreferences(**{"automatic": False, "minutes": 0.5, "device": "cpu", **wishes})  # type: ignore[arg-type]
    session = Session.open(folder, None, listener.hear, listener.mistakes.append, wish)
    expected = sum(1 for _ in folder.glob("*.png"))
    wait_until(lambda: len(session.pictures) == expected, "the pictures")
    return session


def test_open_a_folder_and_load_the_first_picture(tmp_path: Path, listener: Listener) -> None:
    folder = picture_folder(tmp_path / "pictures", 5)
    (folder / "broken.png").write_bytes(b"not a picture")
    session = open_and_wait(folder, listener)
    try:
        first, broken = (
            next(i for i in session.pictures.ids() if session.pictures.get(i).name == name)
            for name in ("p0.png", "broken.png")
        )
        shown = session.loader.load(first).result(10)
        np.testing.assert_array_equal(shown.pyramid.levels[0], picture(seed=0))
        assert not shown.labels.any()
        assert shown.prediction is None
        # A file that is no picture says so and stops nothing.
        with pytest.raises(ImageError, match=r"broken\.png"):
            session.loader.load(broken).result(10)
        session.wait_until_saved()
        assert session.pictures.get(broken).problem
        thumbnail = session.loader.thumbnail(first, 32).result(10)
        assert max(thumbnail.shape[:2]) == 32
    finally:
        session.close()
    assert (folder / HOME_FOLDER / "project.sqlite").is_file()


def test_folder_without_pictures_is_refused_and_left_unchanged(tmp_path: Path, listener: Listener) -> None:
    (tmp_path / "notes.txt").write_text("no picture here")
    with pytest.raises(ImageError, match="no pictures"):
        Session.open(tmp_path, None, listener.hear)
    assert not (tmp_path / HOME_FOLDER).exists()


def test_stroke_is_stored_durably(tmp_path: Path, listener: Listener) -> None:
    folder = picture_folder(tmp_path / "pictures", 2)
    session = open_and_wait(folder, listener)
    try:
        session.editing.add_classes(["grass", "roof"])
        shown = session.loader.load(1).result(10)
        labels = LabelMap(shown.labels)
        session.editing.commit(1, stroke(labels, 1, (10, 10), (60, 40))).result(10)
        assert session.editing.journal(1).result(10).undo_name == "Brush stroke, class 1"
        painted = labels.values.copy()
        reverted = session.editing.undo(1).result(10)
        assert reverted is not None
        labels.replace_tiles(reverted.tiles)
        assert not labels.values.any()
        reverted = session.editing.redo(1).result(10)
        assert reverted is not None
        labels.replace_tiles(reverted.tiles)
        np.testing.assert_array_equal(labels.values, painted)
        assert session.editing.origin_at(1, 12, 11, (96, 64)).result(10) == "painted"
        assert any(1 in change.labels for change in listener.changes)
        session.editing.set_status(1, Status.DONE).result(10)
        assert session.pictures.done_count == 1
    finally:
        session.close()
    session = open_and_wait(folder, listener)
    try:
        shown = session.loader.load(1).result(10)
        np.testing.assert_array_equal(shown.labels, painted)
        assert shown.journal.undo_name == "Mark as done"
        assert [c.name for c in session.editing.classes] == ["grass", "roof"]
    finally:
        session.close()


def test_training_predicts_the_picture_on_screen_first(tmp_path: Path, listener: Listener) -> None:
    folder = picture_folder(tmp_path / "pictures", 6)
    session = open_and_wait(folder, listener, automatic=True, minutes=5.0)
    try:
        session.editing.add_classes(["grass", "roof"])
        session.training.on_picture_shown(5, [6])
        for picture_id in (1, 2, 3):
            shown = session.loader.load(picture_id).result(10)
            labels = LabelMap(shown.labels)
            for value, x in ((1, 20), (2, 70)):
                session.editing.commit(picture_id, stroke(labels, value, (x, 8), (x, 56), 9)).result(10)
        # Three labelled pictures of two classes: training starts by itself.
        wait_until(lambda: session.training.state.phase == "training", "training to start by itself")
        wait_until(lambda: session.training.state.published > 0, "a checkpoint", 90)
        wait_until(
            lambda: all(session.pictures.get(i).is_predicted for i in range(1, 7)), "all predictions", 90
        )
        predicted = [next(iter(c.predictions)) for c in listener.changes if c.predictions]
        assert predicted[0] == 5
        splits = [session.pictures.get(i).split for i in (1, 2, 3)]
        assert sorted(str(s) for s in splits) == ["train", "train", "val"]

        # A label painted meanwhile joins the same run.
        shown = session.loader.load(4).result(10)
        session.editing.commit(4, stroke(LabelMap(shown.labels), 1, (20, 8), (20, 56), 9)).result(10)
        wait_until(lambda: session.runs().result(10)[0].labelled_pictures == 4, "the new label in the run")

        # The prediction is never mixed with the label, and accepting it fills only what nobody has labelled.
        shown = session.loader.load(5).result(10)
        assert shown.prediction is not None
        assert not shown.labels.any()
        labels = LabelMap(shown.labels)
        session.editing.commit(5, stroke(labels, 2, (5, 5), (15, 5), 3)).result(10)
        mine = labels.values.copy()
        prediction = session.loader.prediction(5).result(10)
        for prepared in (
            accept_region(labels, prediction, Point(90.5, 60.5), session.editing.classes),
            accept_class(labels, prediction, int(prediction.values[60, 2]), "grass"),
            accept_everywhere(labels, prediction),
        ):
            edit = prepared.apply(labels)
            if edit is not None:
                session.editing.commit(5, edit).result(10)
        np.testing.assert_array_equal(labels.values, np.where(mine > 0, mine, prediction.values))
        run_id = session.runs().result(10)[0].id
        assert session.editing.origin_at(5, 90, 60, (96, 64)).result(10) == f"accepted from run {run_id}"

        began = time.monotonic()
        session.training.stop()
        wait_until(lambda: session.training.state.phase == "idle", "the end of training")
        assert time.monotonic() - began < 10
        run = session.runs().result(10)[0]
        assert run.state == "stopped"
        assert run.published > 0
        curves = session.charts.curves().result(10)
        assert curves.loss and curves.miou and set(curves.per_class) == {1, 2}
    finally:
        session.close()

    # The next start goes on from these weights, in the way that was chosen.
    session = open_and_wait(folder, listener)
    try:
        assert session.training.has_weights
        session.set_fact(FACT, NextRun(choices={"batch": "3", "optimizer": "sgd"}).to_json())
        session.wait_until_saved()
        session.training.start()
        wait_until(lambda: session.training.state.phase == "training", "training")
        run = session.runs().result(10)[0]
        assert run.base_run_id == run_id
        recipe = json.loads(run.recipe)
        assert (recipe["batch"], recipe["optimizer"], recipe["schedule"]) == (3, "sgd", "cosine")
    finally:
        session.close()


def test_training_that_cannot_start_reports_what_is_missing(tmp_path: Path, listener: Listener) -> None:
    session = open_and_wait(picture_folder(tmp_path / "pictures"), listener)
    try:
        session.training.start()
        wait_until(lambda: session.training.state.failed, "the sentence")
        assert "two classes" in session.training.state.message
        assert session.training.state.phase == "idle"
    finally:
        session.close()


def test_dataset_is_exported_completely(tmp_path: Path, listener: Listener) -> None:
    folder = picture_folder(tmp_path / "pictures", 3)
    session = open_and_wait(folder, listener)
    try:
        session.editing.add_classes(["grass", "roof"])
        for picture_id, split in ((1, Split.TRAIN), (2, Split.VAL)):
            labels = LabelMap(session.loader.load(picture_id).result(10).labels)
            session.editing.commit(picture_id, stroke(labels, 1, (10, 10), (60, 40))).result(10)
            session.editing.set_split(picture_id, split).result(10)
        plan = session.exports.plan(ExportOptions(tmp_path / "out")).result(10)
        assert (len(plan.records), plan.labelled) == (2, 2)
        heard: list[tuple[int, int]] = []
        report = session.exports.run(plan, lambda done, of: heard.append((done, of))).result(10)
        assert (report.pairs, report.problems) == (2, ())
        assert heard[-1] == (2, 2)
        mask = np.asarray(Image.open(tmp_path / "out" / "masks" / "train" / "p0.png"))
        np.testing.assert_array_equal(mask, session.loader.load(1).result(10).labels)
        copied = tmp_path / "out" / "images" / "val" / "p1.png"
        assert copied.read_bytes() == (folder / "p1.png").read_bytes()
    finally:
        session.close()
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_killed_training_process_is_reported_and_can_be_restarted(tmp_path: Path, listener: Listener) -> None:
    folder = picture_folder(tmp_path / "pictures", 3)
    session = open_and_wait(folder, listener)
    try:
        session.editing.add_classes(["grass", "roof"])
        for picture_id in (1, 2, 3):
            labels = LabelMap(session.loader.load(picture_id).result(10).labels)
            labels.begin_edit("Label", "test", 0)
            labels.put_values(Box(0, 0, 96, 64), truth())
            edit = labels.finish_edit()
            assert edit is not None
            session.editing.commit(picture_id, edit).result(10)
        session.training.start()
        wait_until(lambda: session.training.state.step > 0, "a step")
        _kill_children()
        wait_until(lambda: session.training.state.failed, "the sentence")
        assert session.training.state.message
        assert session.runs().result(10)[0].state == "failed"
        session.training.start()
        wait_until(
            lambda: session.training.state.phase == "training" and session.training.state.step > 0,
            "a step",
        )
    finally:
        session.close()


def _kill_children() -> None:
    """Kill every child of this process as an out-of-memory killer would."""
    mine = str(os.getpid())
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if fields[1] == mine and "core.training.process.worker" in (entry / "cmdline").read_text():
                os.kill(int(entry.name), signal.SIGKILL)
