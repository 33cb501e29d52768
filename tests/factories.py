"""Small honest objects for tests: real pictures, real projects, real edits."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.base.errors import UserError
from core.base.geometry import Box, Point
from core.evaluation.report.page_file import check_report_place
from core.labels.class_list import ClassList
from core.labels.label_map import Edit, LabelMap
from core.labels.prediction import PredictedMask, write_prediction
from core.labels.rasterization import capsule
from core.project.project import Project
from core.project.records import PictureRecord

MODEL = '{"architecture": "asymmetric-unet"}'


def skip_without_pdf() -> None:
    """Skip the test where reports cannot be printed. Not pytest.importorskip: WeasyPrint changes what Pillow reads."""
    try:
        check_report_place(Path("report.pdf"))
    except UserError as missing:
        pytest.skip(str(missing))


def picture(width: int = 96, height: int = 64, seed: int = 0) -> NDArray[np.uint8]:
    """(height, width, 3) uint8: left half dark green, right half light red, with noise."""
    chance = np.random.default_rng(seed)
    pixels = np.zeros((height, width, 3), np.int16)
    pixels[:, : width // 2] = (30, 90, 40)
    pixels[:, width // 2 :] = (200, 80, 70)
    return np.clip(pixels + chance.integers(-20, 21, pixels.shape), 0, 255).astype(np.uint8)


def truth(width: int = 96, height: int = 64) -> NDArray[np.uint8]:
    """(height, width) uint8: what `picture` shows, class 1 left and 2 right."""
    values = np.ones((height, width), np.uint8)
    values[:, width // 2 :] = 2
    return values


def picture_folder(folder: Path, count: int = 3, **size: int) -> Path:
    """A folder with `count` PNG pictures p0.png ..."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.fromarray(picture(seed=number, **size)).save(folder / f"p{number}.png")
    return folder


def project_in(folder: Path, count: int = 3, classes: tuple[str, ...] = ("grass", "roof")) -> Project:
    """An open project over `picture_folder` with its pictures known and sized."""
    picture_folder(folder, count)
    project = Project.open(folder, purpose="a test")
    listed = ClassList()
    for name in classes:
        listed = listed.with_class(name)
    project.classes.save(listed)
    for record in project.pictures.add(f"p{number}.png" for number in range(count)):
        project.pictures.set_size(record.id, 96, 64)
    return project


def stroke(
    labels: LabelMap, value: int, start: tuple[float, float], end: tuple[float, float], radius: float = 5
) -> Edit:
    """A brush stroke painted into `labels`. The stroke must change something."""
    labels.begin_edit(f"Brush stroke, class {value}", "brush", value)
    box, mask = capsule(Point(*start), Point(*end), radius, Box(0, 0, labels.width, labels.height))
    labels.paint(box, mask, value)
    edit = labels.finish_edit()
    assert edit is not None
    return edit


def label_all(project: Project, records: list[PictureRecord]) -> None:
    """Give pictures of `project_in` their true label."""
    for record in records:
        labels = LabelMap(project.labels.read(record.id, 96, 64))
        labels.begin_edit("Label", "test", 0)
        labels.put_values(Box(0, 0, 96, 64), truth())
        edit = labels.finish_edit()
        assert edit is not None
        project.journal.commit(record.id, edit)


def predict(
    project: Project, picture_id: int, values: NDArray[np.uint8] | None = None, confidence: int = 255
) -> None:
    """A run of `project` says `values`, (64, 96) uint8 class values, of a picture; class 2 everywhere if None."""
    run = project.runs.latest_published() or project.runs.start(MODEL, "{}", None, 3)
    project.runs.update(run.id, published=1)
    said = np.full((64, 96), 2, np.uint8) if values is None else values
    sure = np.full(said.shape, confidence, np.uint8)
    write_prediction(project.prediction_path(picture_id), PredictedMask(said, sure, run.id))
    project.runs.record_prediction(picture_id, run.id, 0.5)


def steps_of(project: Project, act: Callable[[], object]) -> list[str]:
    """How SQLite finds what `act` asks of a project: SEARCH, or SCAN for a look at all rows, and in which table."""
    asked: list[str] = []
    with project.store.read_transaction() as connection:
        file = connection.connection.driver_connection
    assert isinstance(file, sqlite3.Connection)
    file.set_trace_callback(asked.append)
    try:
        act()
    finally:
        file.set_trace_callback(None)
    questions = [words for words in asked if words.startswith(("SELECT", "UPDATE"))]
    return [row[3] for words in questions for row in file.execute(f"EXPLAIN QUERY PLAN {words}")]
