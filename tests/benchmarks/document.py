"""A large document: `python -m tests.benchmarks.document --pictures 100000 --edits 1000000 --json`.

The project is filled by bulk inserts of tiles of real strokes. The measurements use the program's own interfaces:
opening a project as the session does, reading a picture and its journal, a stroke until it is durable, undo. Also, disk
space and memory of `--steps` real strokes on one picture of 8192 x 8192 pixels.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from core.base.geometry import Box, Point
from core.labels.class_list import ClassList
from core.labels.codec import encode
from core.labels.label_map import Edit, LabelMap
from core.labels.rasterization import capsule
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project
from core.project.records import now
from core.session.picture_index import PictureIndex

SIDE = 512
"""Pictures of the large project are of 2 x 2 tiles."""
CLASSES = ("road", "tree", "water", "roof")


def stroke(
    labels: LabelMap, rng: np.random.Generator, radius: float, length: float, value: int
) -> Edit | None:
    """A curved stroke of about ten capsules, as if drawn by hand."""
    whole = Box(0, 0, labels.width, labels.height)
    labels.begin_edit("Brush stroke", "brush", value)
    at, heading = rng.uniform(0, (labels.width, labels.height)), float(rng.uniform(0, 2 * math.pi))
    for _ in range(10):
        heading += float(rng.normal(0, 0.5))
        to = at + length / 10 * np.array([math.cos(heading), math.sin(heading)])
        box, mask = capsule(Point(*at), Point(*to), radius, whole)
        labels.paint(box, mask, value)
        at = to
    return labels.finish_edit()


def make(folder: Path) -> None:
    with Project.open(folder) as project:
        listed = ClassList()
        for name in CLASSES:
            listed = listed.with_class(name)
        project.classes.save(listed)


def sample_tiles(rng: np.random.Generator) -> list[tuple[bytes, bytes, list[int]]]:
    """Both encoded planes of tiles of half-labelled pictures, and their pixels by class."""
    found = []
    for _ in range(24):
        labels = LabelMap.blank(SIDE, SIDE)
        for _ in range(8):
            stroke(labels, rng, float(rng.uniform(8, 40)), 300, int(rng.integers(1, 1 + len(CLASSES))))
        for part in (labels.values[:256, :256], labels.values[256:, :256]):
            counts = np.bincount(part.ravel(), minlength=1 + len(CLASSES)).tolist()
            found.append((encode(part), encode((part > 0).astype(np.uint16)), counts))
    return found


def fill(file: Path, pictures: int, edits: int, seed: int) -> None:
    """Bulk inserts in one transaction: half the pictures are labelled, and the edits are distributed over them."""
    rng = np.random.default_rng(seed)
    tiles = sample_tiles(rng)
    labelled = max(1, pictures // 2)
    moment = now()
    kinds = rng.integers(0, len(tiles), (labelled, 4))

    def label_rows() -> Iterator[tuple[int, int, int, bytes, bytes]]:
        for picture in range(labelled):
            for place, kind in enumerate(kinds[picture]):
                yield picture + 1, place % 2, place // 2, tiles[kind][0], tiles[kind][1]

    def count_rows() -> Iterator[tuple[int, int, int]]:
        for picture in range(labelled):
            sums = np.sum([tiles[kind][2] for kind in kinds[picture]], axis=0)
            yield from (
                (picture + 1, value, int(sums[value])) for value in range(1, len(sums)) if sums[value]
            )

    def edit_rows() -> Iterator[tuple[object, ...]]:
        for number in range(edits):
            # Every five-thousandth is one of the whole project: a class renamed.
            whose = None if number % 5000 == 4999 else number % labelled + 1
            yield number + 1, whose, "Brush stroke, road", "brush", 1, 10, 10, 90, 90, 900, 1.5, 1, moment

    def side_rows() -> Iterator[tuple[int, int, int, int, bytes, bytes]]:
        for number in range(edits):
            if number % 5000 != 4999:
                kind = tiles[number % len(tiles)]
                yield number + 1, number % labelled + 1, number % 2, number // 2 % 2, kind[0], kind[1]

    names = (
        (
            n + 1,
            f"folder {n // 1000:03d}/picture {n:06d}.jpg",
            SIDE,
            SIDE,
            "in progress" if n < labelled else "new",
        )
        for n in range(pictures)
    )
    with closing(sqlite3.connect(file, isolation_level=None)) as raw:
        raw.execute("BEGIN")
        raw.execute("INSERT INTO origins (id, kind) VALUES (1, 'painted')")
        raw.executemany("INSERT INTO pictures (id, path, width, height, status) VALUES (?,?,?,?,?)", names)
        raw.executemany("INSERT INTO tiles VALUES (?,?,?,?,?)", label_rows())
        raw.executemany("INSERT INTO class_pixels VALUES (?,?,?)", count_rows())
        raw.executemany(
            "INSERT INTO edits (id, picture_id, name, tool, class_value, x0, y0, x1, y1, pixels, seconds, origin_id,"
            " made_at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
            edit_rows(),
        )
        raw.executemany("INSERT INTO edit_tiles VALUES (?,?,?,?,?,?)", side_rows())
        raw.execute("COMMIT")


def milliseconds(act: Callable[[], object]) -> float:
    since = time.perf_counter()
    act()
    return (time.perf_counter() - since) * 1000


def measure(folder: Path, looks: int, seed: int) -> dict[str, float]:
    """Times of an opened large project."""
    rng = np.random.default_rng(seed + 1)
    since = time.perf_counter()
    project = Project.open(folder)
    PictureIndex(project.pictures.all())
    opened = time.perf_counter() - since
    with project:
        counts = project.pictures.counts()
        nexts, commits, undos = [], [], []
        for picture in rng.integers(1, counts.pictures + 1, looks).tolist():
            nexts.append(
                milliseconds(
                    lambda p=picture: (project.labels.read(p, SIDE, SIDE), project.journal.undo_names(p))
                )
            )
        for picture in rng.integers(1, counts.pictures + 1, looks).tolist():
            labels = LabelMap(project.labels.read(picture, SIDE, SIDE))
            edit = stroke(labels, rng, 15, 200, int(rng.integers(1, 1 + len(CLASSES))))
            if edit is not None:
                commits.append(milliseconds(lambda p=picture, e=edit: project.journal.commit(p, e)))
                undos.append(milliseconds(lambda p=picture: project.journal.undo(p)))
        listed = project.classes.read()
        change_ms = milliseconds(lambda: project.classes.save(listed.with_class("bridge"), "Add bridge"))
        undo_change_ms = milliseconds(lambda: project.journal.undo(1))
    return {
        "pictures": counts.pictures,
        "edits": counts.edits,
        "open_s": round(opened, 3),
        "next_ms": round(float(np.median(nexts)), 2),
        "next_ms_p99": round(float(np.percentile(nexts, 99)), 2),
        "commit_ms_median": round(float(np.median(commits)), 2),
        "commit_ms_p99": round(float(np.percentile(commits, 99)), 2),
        "undo_ms": round(float(np.median(undos)), 2),
        "undo_ms_p99": round(float(np.percentile(undos, 99)), 2),
        "class_change_ms": round(change_ms, 1),
        "class_change_undo_ms": round(undo_change_ms, 1),
        "file_mb": round((folder / HOME_FOLDER / PROJECT_FILE).stat().st_size / 2**20, 1),
    }


def measure_steps(folder: Path, side: int, steps: int, seed: int) -> dict[str, float]:
    """Real strokes on one large picture: growth of the file, and memory beyond the pixels of the label."""
    rng = np.random.default_rng(seed + 2)
    make(folder)
    with Project.open(folder) as project:
        [record] = project.pictures.add(["large.png"])
        project.pictures.set_size(record.id, side, side)
        labels = LabelMap.blank(side, side)
        before, times = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, []
        for number in range(steps):
            edit = stroke(labels, rng, float(rng.uniform(5, 60)), side / 8, 1 + number % len(CLASSES))
            if edit is not None:
                times.append(milliseconds(lambda e=edit: project.journal.commit(record.id, e)))
        memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return {
        "steps": len(times),
        "steps_commit_ms_p99": round(float(np.percentile(times, 99)), 2),
        "steps_disk_mb": round((folder / HOME_FOLDER / PROJECT_FILE).stat().st_size / 2**20, 1),
        "steps_memory_mb": round(memory, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--edits", type=int, default=100_000)
    parser.add_argument("--looks", type=int, default=500, help="pictures looked at, and strokes measured")
    parser.add_argument("--side", type=int, default=8192, help="of the large picture, in pixels")
    parser.add_argument("--steps", type=int, default=500, help="strokes on the large picture")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="maskloop-document-") as place:
        one, many = Path(place) / "one", Path(place) / "many"
        one.mkdir()
        many.mkdir()
        found = measure_steps(one, chosen.side, chosen.steps, chosen.seed)
        make(many)
        fill(many / HOME_FOLDER / PROJECT_FILE, chosen.pictures, chosen.edits, chosen.seed)
        os.sync()  # what the building left to write must not be measured
        found = measure(many, chosen.looks, chosen.seed) | found
    print(
        json.dumps(found) if chosen.json else "\n".join(f"{name:22} {value}" for name, value in found.items())
    )


if __name__ == "__main__":
    main()
