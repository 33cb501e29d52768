"""Everybody at once: painting, exporting, counting, predicting and backing up the same project get along."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np

from core.changes import Changes
from core.labels.labelmap import LabelMap
from core.lanes import Lane
from core.project.backup import make_backup
from core.project.project import FILE, HOME, Project
from core.session.editing import Editing
from tests.factories import project_in, stroke

SECONDS = 4.0
PICTURES = (1, 2, 3)


def test_nobody_waits_for_a_lock_and_nothing_is_lost(tmp_path: Path) -> None:
    project = project_in(tmp_path)
    run = project.runs.start("{}", "{}", None, 3)
    document = Lane("document")
    news: list[Changes] = []
    editing = Editing(project, document, news.append)
    end = time.monotonic() + SECONDS
    problems: list[BaseException] = []
    turns: dict[str, int] = {}

    def again_and_again(name: str, act: Callable[[], None]) -> threading.Thread:
        def go() -> None:
            try:
                while time.monotonic() < end:
                    act()
                    turns[name] = turns.get(name, 0) + 1
            except BaseException as problem:
                problems.append(problem)

        return threading.Thread(target=go, name=name)

    # Each reader has a connection of its own, as an export and the training do.
    with Project.read(tmp_path) as exporter, Project.read(tmp_path) as counter:

        def export() -> None:
            for record in exporter.pictures.labelled():
                values = exporter.labels.read(record.id, 96, 64)
                assert set(np.unique(values).tolist()) <= {0, 1, 2}

        def count() -> None:
            counts = counter.pictures.counts()
            assert counts.labelled <= len(PICTURES)
            assert sum(counts.class_pixels.values()) <= len(PICTURES) * 96 * 64

        def predict() -> None:
            for picture_id in PICTURES:
                document.submit(project.runs.predicted, picture_id, run.id, 0.5).result()

        copies: list[Path] = []

        def back_up() -> None:
            copies.append(make_backup(tmp_path / HOME / FILE, tmp_path / "copies", label=str(len(copies))))

        threads = [again_and_again(act.__name__, act) for act in (export, count, predict, back_up)]
        for thread in threads:
            thread.start()
        painted = {picture_id: LabelMap.blank(96, 64) for picture_id in PICTURES}
        acknowledged = 0
        rng = np.random.default_rng(0)
        while time.monotonic() < end:
            picture_id = PICTURES[acknowledged % len(PICTURES)]
            # The value changes with every round, so that each stroke changes pixels.
            value, place = 1 + acknowledged // len(PICTURES) % 2, rng.uniform(20, 40, 2)
            edit = stroke(painted[picture_id], value, tuple(place), (75, 32), 12)
            journal = editing.commit(picture_id, edit).result()
            assert journal.undo_name == edit.name
            acknowledged += 1
            if acknowledged % 7 == 0:
                for act in (editing.undo, editing.redo):
                    reverted = act(picture_id).result()
                    assert reverted is not None
                    painted[picture_id].replace_tiles(reverted.tiles)
        for thread in threads:
            thread.join()
    document.close()
    project.close()
    assert problems == []
    assert set(turns) == {"export", "count", "predict", "back_up"}
    assert acknowledged > 10
    with Project.write(tmp_path) as opened:
        assert sum(len(opened.journal.history(p)) for p in PICTURES) == acknowledged
        for picture_id, labels in painted.items():
            np.testing.assert_array_equal(opened.labels.read(picture_id, 96, 64), labels.values)
    for copy in copies:
        with closing(sqlite3.connect(copy)) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
