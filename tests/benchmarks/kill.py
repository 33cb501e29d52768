"""Kills a process that edits, repeatedly: `python -m tests.benchmarks.kill --kills 200 --json`.

The child is a fork of this warm process (Linux and macOS only: starting Python and importing SQLAlchemy would take
longer than the edits). It paints, undoes, redoes and changes classes in one real project, and after each edit that was
acknowledged it writes to a record of its own, with fsync, what the document looks like. The parent ends it with SIGKILL
at a random moment, opens the project as the window would, and compares: the document must be as the last acknowledged
edit left it, or exactly one edit further (the same edits done again in a copy say what that looks like), and SQLite
must find the file whole.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from core.base.errors import MaskloopError
from core.base.geometry import Box, Point
from core.labels.class_list import ClassList
from core.labels.label_map import LabelMap
from core.labels.rasterization import capsule
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project

SIZES = {1: (700, 530), 2: (300, 270)}
MOST_EDITS = 12
"""A child is killed after at most so many edits, and whatever it does then."""


@dataclass
class Verdict:
    """Results over all kills."""

    kills: int = 0
    edits: int = 0
    corrupt: int = 0
    acknowledged_lost: int = 0
    max_unacknowledged: int = 0


def make(folder: Path) -> None:
    with Project.open(folder) as project:
        project.classes.save(ClassList().with_class("grass").with_class("roof").with_class("road"))
        for record, size in zip(
            project.pictures.add(f"p{i}.png" for i in SIZES), SIZES.values(), strict=True
        ):
            project.pictures.set_size(record.id, *size)


def digest(project: Project) -> str:
    """A hash of the whole project: pixels, origins, counts, classes, and what undo would do."""
    sum_ = hashlib.blake2b(digest_size=12)
    for picture_id, size in SIZES.items():
        plane, _ = project.labels.provenance(picture_id, *size)
        counts = sorted(project.pictures.pixels_by_class(picture_id).items())
        sum_.update(project.labels.read(picture_id, *size).tobytes() + plane.tobytes())
        sum_.update(repr((counts, project.journal.undo_names(picture_id))).encode())
    sum_.update(repr([(c.value, c.name, c.colour) for c in project.classes.read()]).encode())
    return sum_.hexdigest()


def edit(project: Project, rng: np.random.Generator) -> None:
    """One random edit; may turn out to change nothing."""
    picture_id = int(rng.integers(1, len(SIZES) + 1))
    classes = project.classes.read()
    kind = rng.random()
    if kind < 0.2:
        project.journal.undo(picture_id)
    elif kind < 0.3:
        project.journal.redo(picture_id)
    elif kind < 0.35 and len(classes) > 2:
        value, into = rng.choice(classes.values, 2, replace=False)
        project.classes.merge(int(value), int(into))
    elif kind < 0.4 or len(classes) < 3:
        project.classes.save(classes.with_class(f"class {rng.integers(1 << 60)}"), "Add class")
    else:
        width, height = SIZES[picture_id]
        labels = LabelMap(project.labels.read(picture_id, width, height))
        labels.begin_edit("Brush stroke", "brush", 0)
        ends = [Point(*rng.uniform(0, (width, height))) for _ in range(2)]
        box, mask = capsule(*ends, float(rng.uniform(5, 60)), Box(0, 0, width, height))
        labels.paint(box, mask, int(rng.choice((0, *classes.values))))
        stroke = labels.finish_edit()
        if stroke is not None:
            project.journal.commit(picture_id, stroke)


def keep_editing(folder: Path, record: Path, tick: int, seed: int) -> None:
    """The child: edit until killed. The record has one line for each edit that was acknowledged; the pipe `tick` gets
    a byte at the start and one after each."""
    rng = np.random.default_rng(seed)
    lines = os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with Project.open(folder) as project:
        os.write(lines, f"{digest(project)}\n".encode())
        os.fsync(lines)
        os.write(tick, b".")
        while True:
            try:
                edit(project, rng)
            except MaskloopError:
                continue  # an undo that has to wait for another picture
            os.write(lines, f"{digest(project)}\n".encode())
            os.fsync(lines)
            os.write(tick, b".")


def replay(folder: Path, seed: int, edits: int) -> list[str]:
    """The digests before and after each of the first `edits` edits of a seed."""
    rng = np.random.default_rng(seed)
    with Project.open(folder) as project:
        seen = [digest(project)]
        while len(seen) <= edits:
            try:
                edit(project, rng)
            except MaskloopError:
                continue
            seen.append(digest(project))
    return seen


def kill_once(folder: Path, rng: np.random.Generator, found: Verdict, seed: int) -> None:
    """Start a child, kill it, and check what is left."""
    file, record = folder / HOME_FOLDER / PROJECT_FILE, folder.parent / "record"
    twin = folder.parent / "twin"
    (twin / HOME_FOLDER).mkdir(parents=True, exist_ok=True)
    shutil.copy(file, twin / HOME_FOLDER / PROJECT_FILE)  # closed: one file holds all of it
    record.write_bytes(b"")
    hear, say = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            keep_editing(folder, record, say, seed)
        finally:
            os._exit(1)  # never back into the parent's code
    os.close(say)
    # After a few edits, somewhere in the next: the same on a slow machine as on a fast one.
    after, waited = int(rng.integers(0, MOST_EDITS + 1)), 0.0
    for _ in range(1 + after):
        began = time.perf_counter()
        if os.read(hear, 1) != b".":
            raise RuntimeError("the child died by itself")
        waited = time.perf_counter() - began
    time.sleep(float(rng.uniform(0, max(0.005, 1.5 * waited) if after else 0.05)))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(hear)
    if not os.WIFSIGNALED(status):
        raise RuntimeError("the child died by itself")
    found.kills += 1
    # A line that was cut off was never acknowledged.
    acknowledged = record.read_text("ascii").split("\n")[:-1]
    found.edits += len(acknowledged) - 1
    try:
        with closing(sqlite3.connect(file)) as raw:
            whole = raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            whole &= not raw.execute("PRAGMA foreign_key_check").fetchall()
        with Project.open(folder) as project:
            state = digest(project)
    except (sqlite3.Error, MaskloopError):
        whole, state = False, ""
    if not whole:
        found.corrupt += 1
    elif state != acknowledged[-1]:
        expected = replay(twin, seed, len(acknowledged) + 2)
        further = [n for n, one in enumerate(expected) if one == state and n >= len(acknowledged)]
        if further:
            found.max_unacknowledged = max(found.max_unacknowledged, further[0] - len(acknowledged) + 1)
        elif state in acknowledged:
            found.acknowledged_lost += 1
        else:
            found.corrupt += 1


def measure(kills: int, seed: int = 0) -> Verdict:
    """Kill `kills` children, one after the other, in the same project."""
    found, rng = Verdict(), np.random.default_rng(seed)
    with tempfile.TemporaryDirectory(prefix="maskloop-kill-") as place:
        folder = Path(place) / "project"
        folder.mkdir()
        make(folder)
        while found.kills < kills and not found.corrupt:
            kill_once(folder, rng, found, int(rng.integers(1 << 32)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()
    if not hasattr(os, "fork"):
        sys.exit("This needs os.fork: Linux or macOS.")
    found = measure(chosen.kills, chosen.seed)
    print(json.dumps(asdict(found)) if chosen.json else found)


if __name__ == "__main__":
    main()
