"""Tests of corrected pixels: how they are found, and that they are stored in the snapshot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.base.geometry import Box
from core.labels.label_map import LabelMap, Origin
from core.labels.prediction import PredictedMask, write_prediction
from core.models.spec import ModelSpec
from core.project.project import Project
from core.project.records import Split
from core.session.training.snapshot_builder import add_to_snapshot, open_snapshot
from core.training.recipe import Recipe
from tests.factories import project_in

SPEC = ModelSpec("asymmetric-unet", None, "none", 96, (1, 2))


def says(project: Project, values: np.ndarray, box: Box, origin: Origin, run_id: int | None = None) -> None:
    labels = LabelMap(project.labels.read(1, 96, 64))
    labels.begin_edit("Label", "test", 0, origin, run_id)
    labels.put_values(box, values[box.slices])
    edit = labels.finish_edit()
    assert edit is not None
    project.journal.commit(1, edit)


@pytest.fixture
def corrected(tmp_path: Path) -> Project:
    """The prediction says 1 everywhere. Accepted on the left; then 2 painted over a part of that, 1 painted where
    it agrees, 2 imported, void painted."""
    project = project_in(tmp_path)
    run = project.runs.start("{}", "{}", None, 1)
    mask = PredictedMask(np.full((64, 96), 1, np.uint8), np.full((64, 96), 200, np.uint8), run.id)
    write_prediction(project.prediction_path(1), mask)
    ones, twos = np.full((64, 96), 1, np.uint8), np.full((64, 96), 2, np.uint8)
    says(project, ones, Box(0, 0, 48, 64), Origin.ACCEPTED, run.id)
    says(project, twos, Box(10, 10, 30, 40), Origin.PAINTED)
    says(project, ones, Box(50, 0, 60, 64), Origin.PAINTED)
    says(project, twos, Box(60, 0, 70, 64), Origin.IMPORTED)
    says(project, np.full((64, 96), 255, np.uint8), Box(70, 0, 80, 64), Origin.PAINTED)
    return project


def test_only_pixels_painted_against_the_prediction_are_corrections(corrected: Project) -> None:
    with corrected as project:
        snapshot = open_snapshot(project.cache_folder / "training", SPEC, Recipe())
        project.pictures.set_split([1], Split.TRAIN)
        add_to_snapshot(project, snapshot, project.pictures.get(1))
        entry = snapshot.entries()[1]
        marks = snapshot.read_corrections(entry)
        assert marks is not None
        expected = np.zeros((64, 96), np.uint8)
        expected[10:40, 10:30] = 1
        np.testing.assert_array_equal(marks, expected)
        assert entry.corrected == 20 * 30
        assert len(list((snapshot.folder / "items").glob("1-*.npy"))) == 3

        # Validation pictures are not trained on; and without a prediction there are no corrections.
        project.pictures.set_split([1], Split.VAL)
        add_to_snapshot(project, snapshot, project.pictures.get(1))
        assert snapshot.entries()[1].corrected == 0
        project.pictures.set_split([1], Split.TRAIN)
        project.prediction_path(1).unlink()
        add_to_snapshot(project, snapshot, project.pictures.get(1))
        assert snapshot.read_corrections(snapshot.entries()[1]) is None
        newest = snapshot.entries()[1].revision
        assert len(list((snapshot.folder / "items").glob(f"1-{newest}.*.npy"))) == 2


def test_damaged_or_missing_corrections_are_ignored(corrected: Project) -> None:
    with corrected as project:
        snapshot = open_snapshot(project.cache_folder / "training", SPEC, Recipe())
        project.pictures.set_split([1], Split.TRAIN)
        add_to_snapshot(project, snapshot, project.pictures.get(1))
        entry = snapshot.entries()[1]
        (path,) = (snapshot.folder / "items").glob("*.corrected.npy")
        np.save(path, np.ones((3, 3), np.uint8))
        assert snapshot.read_corrections(entry) is None
        path.write_bytes(b"\x80\x04N.")
        assert snapshot.read_corrections(entry) is None
        path.unlink()
        assert snapshot.read_corrections(entry) is None
        assert snapshot.read(entry) is not None
