"""Stress test: painting, training, predicting, exporting, reading and backing up one project at the same time."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
from PIL import Image

from core.base.changes import Notice
from core.labels.label_map import LabelMap
from core.labels.prediction import read_prediction
from core.project.backup import make_backup
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project
from core.session.session import Session, SessionEvent
from core.session.training.training_state import TrainingPreferences, TrainingState
from core.session.transfer.export_plan import ExportOptions
from tests.factories import picture_folder, stroke

TIMEOUT = 150.0
ENOUGH_STROKES = 40
PAINTED, PICTURES = (1, 2, 3, 4), range(1, 7)
SIZE = (96, 64)
ASK_STATUS = [sys.executable, "-m", "desktop", "status", "--json", "--project"]


class Actors:
    """Threads that repeat an action until `over` is set; counts the repetitions and collects the errors."""

    def __init__(self) -> None:
        self.turns: dict[str, int] = {}
        self.problems: list[BaseException] = []
        self.over = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, act: Callable[[], None], pause: float = 0.0) -> None:
        name = act.__name__
        self.turns[name] = 0

        def go() -> None:
            try:
                while not self.over.is_set():
                    act()
                    self.turns[name] += 1
                    self.over.wait(pause)
            except BaseException as problem:
                self.problems.append(problem)

        self._threads.append(threading.Thread(target=go, name=name))
        self._threads[-1].start()

    def end(self) -> None:
        self.over.set()
        for thread in self._threads:
            thread.join()


def test_concurrent_use_loses_nothing_and_never_waits_for_a_lock(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "pictures", len(PICTURES))
    file, states, errors = folder / HOME_FOLDER / PROJECT_FILE, list[TrainingState](), list[BaseException]()
    notices: list[str] = []

    def listen(news: SessionEvent) -> None:
        if isinstance(news, TrainingState):
            states.append(news)
        elif isinstance(news, Notice):
            notices.append(news.message)

    wishes = TrainingPreferences(automatic=True, minutes=10.0, device="cpu")
    session = Session.open(folder, None, listen, errors.append, wishes)
    actors = Actors()
    end = time.monotonic() + TIMEOUT
    labels = {picture_id: LabelMap.blank(*SIZE) for picture_id in PAINTED}
    # Every label that a picture ever had: what leaves must be one of them, never half a stroke.
    truly = {picture_id: {labels[picture_id].values.tobytes()} for picture_id in PAINTED}
    acknowledged = dict.fromkeys(PAINTED, 0)
    copies: list[Path] = []

    def export() -> None:
        report = session.exports.plan(ExportOptions(tmp_path / "out", predictions=True)).result(TIMEOUT)
        exported = session.exports.run(report, lambda *_: None).result(TIMEOUT)
        # A prediction may be replaced while it is read, a label never fails.
        assert exported.pairs == report.labelled
        for mask in (exported.out / "masks").rglob("*.png"):
            picture_id = int(mask.stem.removeprefix("p")) + 1
            assert np.asarray(Image.open(mask)).tobytes() in truly[picture_id], mask

    def ask_status() -> None:
        done = subprocess.run([*ASK_STATUS, str(folder)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["labelled"] <= len(PAINTED)

    def look_with_sqlite() -> None:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=0)) as raw:
            raw.execute("BEGIN")
            [(counted,)] = raw.execute("SELECT COALESCE(SUM(pixels), 0) FROM class_pixels").fetchall()
            [(labelled,)] = raw.execute("SELECT COUNT(DISTINCT picture_id) FROM class_pixels").fetchall()
            assert counted <= labelled * SIZE[0] * SIZE[1]
            raw.execute("SELECT * FROM labelled_pixels_by_class").fetchall()

    def back_up() -> None:
        copies.append(make_backup(file, tmp_path / "copies", label=str(len(copies))))

    def paint(number: int, chance: np.random.Generator) -> None:
        picture_id = PAINTED[number % len(PAINTED)]
        # Two sides of two classes, which change with every round: each stroke changes pixels.
        value, x = 1 + number // len(PAINTED) % 2, (20, 75)[number // len(PAINTED) % 4 // 2]
        start, stop = (x, float(chance.uniform(5, 30))), (x, float(chance.uniform(31, 60)))
        edit = stroke(labels[picture_id], value, start, stop, 12)
        truly[picture_id].add(labels[picture_id].values.tobytes())
        session.editing.commit(picture_id, edit).result(TIMEOUT)
        assert session.editing.journal(picture_id).result(TIMEOUT).undo_name == edit.name
        acknowledged[picture_id] += 1
        if number % 7 == 6:
            for act in (session.editing.undo, session.editing.redo):
                reverted = act(picture_id).result(TIMEOUT)
                assert reverted is not None
                assert reverted.edit.name == edit.name
                labels[picture_id].replace_tiles(reverted.tiles)

    def is_enough() -> bool:
        return (
            sum(acknowledged.values()) >= ENOUGH_STROKES
            and session.training.state.published > 0
            and sum(session.pictures.get(i).is_predicted for i in PICTURES) >= 2
            and all(turns >= 1 for turns in actors.turns.values())
        )

    try:
        session.editing.add_classes(["grass", "roof"]).result(TIMEOUT)
        while len(session.pictures) < len(PICTURES):
            assert time.monotonic() < end, "the pictures were never found"
            time.sleep(0.01)
        for picture_id in PAINTED:
            session.loader.load(picture_id).result(TIMEOUT)
        chance = np.random.default_rng(0)
        paint(0, chance)
        actors.start(export, pause=0.2)
        actors.start(ask_status, pause=3.0)  # starting Python takes a second of a core
        actors.start(look_with_sqlite, pause=0.02)
        actors.start(back_up, pause=0.3)
        session.training.on_picture_shown(PICTURES[-1], [])
        number = 1
        while not is_enough() and not actors.problems:
            waited = f"{actors.turns}, {sum(acknowledged.values())} strokes, {session.training.state}"
            assert time.monotonic() < end, waited
            paint(number, chance)
            number += 1
            time.sleep(0.1)  # a fast hand: the child process must get its share of two cores
    finally:
        actors.end()
        session.close()
    assert actors.problems == []
    assert errors == []
    assert notices == []
    assert [state.message for state in states if state.failed] == []

    with Project.open(folder) as opened:
        raw = opened.store._connection.connection
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
        for picture_id in PAINTED:
            strokes = [e for e in opened.journal.history(picture_id) if e.name.startswith("Brush stroke")]
            assert len(strokes) == acknowledged[picture_id]
            assert not any(e.undone for e in strokes)
            np.testing.assert_array_equal(opened.labels.read(picture_id, *SIZE), labels[picture_id].values)
        run = opened.runs.latest_published()
        assert run is not None
        predicted = opened.runs.prediction_runs()
        assert len(predicted) >= 2
        assert set(predicted.values()) == {run.id}
        for picture_id in predicted:
            assert read_prediction(opened.prediction_path(picture_id)).run_id == run.id
        assert "loss" in {m.name for m in opened.runs.measurements(run.id)}
    for copy in copies:
        with closing(sqlite3.connect(copy)) as raw_copy:
            assert raw_copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
