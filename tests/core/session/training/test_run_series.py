"""Measurements of runs at full length, and as a table."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import UserError
from core.labels.class_list import ClassList
from core.project.records import Measurement, Split
from core.project.run_labels import RunLabels, RunPicture
from core.session.training import run_series
from core.session.training.curve_csv import HEADER, curves_csv
from core.session.training.curves import CurveService
from core.session.training.run_series import RunSeriesStore
from tests.factories import MODEL, project_in


def point(name: str, value: float, step: int, run: int = 1, class_value: int | None = None) -> Measurement:
    return Measurement(run, name, class_value, step, step / 2, 7, value)


def test_a_series_has_steps_times_epochs_and_checkpoints() -> None:
    store = RunSeriesStore()
    store.add([point("epoch", 0.0, 0), point("loss", 2.0, 4), point("epoch", 1.0, 10), point("miou", 0.5, 5)])
    store.add([point("checkpoint", 1, 5), point("in_use_miou", 0.9, 5), point("iou", 0.25, 5, class_value=3)])
    [loss] = store.series({"loss"})
    assert (loss.steps.tolist(), loss.seconds.tolist(), loss.pictures.tolist()) == ([4], [2], [7])
    assert loss.epochs.tolist() == [0.4], "in proportion to the steps"
    assert loss.checkpoints.tolist() == [0]
    found = store.series({"miou", "iou"})
    assert [(each.name, each.class_value, each.checkpoints.tolist()) for each in found] == [
        ("miou", None, [1]),
        ("iou", 3, [1]),
    ]
    assert store.series({"loss"})[0] is loss, "nothing was added"
    store.add([point("loss", 1.0, 8)])
    assert store.series({"loss"})[0].values.tolist() == [2, 1] and loss.values.tolist() == [2]
    store.add([point("loss", 1.0, 8, run=2)])
    assert np.isnan(store.series({"loss"})[1].epochs).all(), "an earlier version has not stored them"


def test_a_series_of_a_week_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_series, "MAX_SERIES_POINTS", 100)
    store = RunSeriesStore()
    store.add(point("loss", float(n), n) for n in range(1001))
    [loss] = store.series({"loss"})
    assert 50 <= len(loss.values) < 100
    assert loss.values[-1] == 1000 and np.all(np.diff(loss.steps) > 0)


def test_the_table_has_every_point() -> None:
    classes = ClassList().with_class("road, wet").with_class("sky")
    store = RunSeriesStore()
    store.add([point("iou", 0.1 + 0.2, 5, run=4, class_value=1), point("checkpoint", 2, 5, run=4)])
    rows = list(csv.reader(io.StringIO(curves_csv(store.series({"iou"}), classes).decode())))
    assert rows == [
        list(HEADER),
        ["4", "iou", "road, wet", "5", "2.5", "", "7", "", "0.30000000000000004", "2"],
    ]
    store.set_pixels({4: 6144})
    [_, row] = csv.reader(io.StringIO(curves_csv(store.series({"iou"}), classes).decode()))
    assert row[HEADER.index("labelled_pixels")] == "6144"


def test_a_series_has_the_labelled_pixels_of_its_run(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        charts = CurveService(project.home)
        try:
            known, old = (project.runs.start(MODEL, "{}", None, 3).id for _ in range(2))
            project.runs.add_measurements(
                [point("loss", 1.0, n, run=run) for run in (known, old) for n in (0, 1)]
            )
            labels = RunLabels((RunPicture(1, Split.TRAIN, 500), RunPicture(2, Split.VAL, 70)))
            project.runs.set_labels(known, labels)
            first, second = charts.series({"loss"}).result(10)
            assert first.pixels.tolist() == [570, 570]
            assert np.isnan(second.pixels).all(), "an earlier version has not stored them"
            project.runs.set_labels(known, RunLabels((RunPicture(1, Split.TRAIN, 600),)))
            assert charts.series({"loss"}).result(10)[0].pixels.tolist() == [600, 600], (
                "labels have joined it"
            )
        finally:
            charts.close()


def test_a_new_run_with_the_number_of_a_deleted_one_has_only_its_own_points(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        charts = CurveService(project.home)
        try:
            first = project.runs.start(MODEL, "{}", None, 3)
            project.runs.add_measurements([point("loss", 1.0, n, run=first.id) for n in range(5)])
            assert len(charts.series({"loss"}).result(10)[0].values) == 5
            project.runs.delete(first.id)
            second = project.runs.start(MODEL, "{}", None, 3)
            assert second.id == first.id
            project.runs.add_measurements([point("loss", 9.0, 1, run=second.id)])
            [loss] = charts.series({"loss"}).result(10)
            assert loss.values.tolist() == [9]
            assert charts.curves().result(10).loss == ((0.5, 9.0),)
        finally:
            charts.close()


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    with project_in(tmp_path / "pictures") as project:
        charts = CurveService(project.home)
        try:
            file = tmp_path / "curves.csv"
            charts.write(file, lambda: b"whole").result(10)
            assert file.read_bytes() == b"whole"
            blocked = tmp_path / "folder.csv"
            (blocked / "inside").mkdir(parents=True)
            with pytest.raises(UserError, match=r"folder\.csv cannot be written: "):
                charts.write(blocked, lambda: b"lost").result(10)
            assert sorted(path.name for path in tmp_path.iterdir()) == [
                "curves.csv",
                "folder.csv",
                "pictures",
            ]
        finally:
            charts.close()
