"""The log of the work on pictures: when it begins, what is kept of the prediction, and files of strangers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from core.labels.label_map import LabelMap
from core.project.picture_work.work_repository import InitialPrediction, WorkMeasure
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project
from core.project.records import Status, now
from core.project.row_changes import RowChange
from tests.factories import predict, project_in, stroke, truth

OPENED = "2020-01-01T00:00:00.000+00:00"
MEASURE = WorkMeasure(0.5, {1: (10, 20, 15), 2: (5, 10, 15)}, 30, 15, 3, 12.5)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with project_in(tmp_path) as opened:
        predict(opened, 1)
        yield opened


def paint(project: Project, picture_id: int, value: int = 1) -> None:
    labels = LabelMap(project.labels.read(picture_id, 96, 64))
    project.journal.commit(picture_id, stroke(labels, value, (10, 10), (60, 40)))


def test_work_begins_once_and_anew_only_without_a_label_and_with_another_run(project: Project) -> None:
    assert project.work.begin(1, OPENED, 1, is_live=False)
    assert not project.work.begin(1, now(), 1, is_live=True)
    project.work.keep_prediction(1, OPENED, InitialPrediction(truth(), 1), 0)
    paint(project, 1)
    newer = project.runs.start("{}", "{}", None, 1).id
    assert not project.work.begin(1, now(), newer, is_live=False), "it is labelled"
    assert project.work.all()[0].opened_at == OPENED
    kept = project.work.prediction(1, (96, 64))
    assert kept is not None
    np.testing.assert_array_equal(kept.values, truth())
    project.journal.undo(1)
    assert not project.work.begin(1, now(), 1, is_live=False)
    assert project.work.begin(1, now(), newer, is_live=False)
    found = project.work.get(1)
    assert found is not None and (found.run_id, found.opened_at > OPENED) == (newer, True)
    assert project.work.prediction(1, (96, 64)) is None


def test_a_run_that_is_not_there_is_dropped(project: Project) -> None:
    """Cached predictions may be newer than a restored backup."""
    assert project.work.begin(2, OPENED, 77, is_live=False)
    assert project.work.all()[0].run_id is None


def test_predictions_and_scores_follow_the_classes(project: Project) -> None:
    project.work.begin(1, OPENED, 1, is_live=False)
    project.work.keep_prediction(1, OPENED, InitialPrediction(truth(), 1), 4)
    assert project.work.measured(1, MEASURE).work == {1}
    project.classes.change_value(2, 7)
    found = project.work.get(1)
    assert found is not None and found.counts == {1: (10, 20, 15), 7: (5, 10, 15)}
    kept = project.work.prediction(1, (96, 64))
    assert kept is not None and set(np.unique(kept.values)) == {1, 7}
    project.classes.merge(7, 1)
    found = project.work.get(1)
    assert found is not None and found.counts == {1: (15, 30, 30)}
    assert (found.labelled_pictures, found.corrected_share, found.seconds) == (4, 0.5, 12.5)


def test_a_prediction_of_another_size_is_none(project: Project) -> None:
    project.work.begin(1, OPENED, 1, is_live=False)
    project.work.keep_prediction(1, OPENED, InitialPrediction(truth()[::2, ::2], 2), 0)
    kept = project.work.prediction(1, (95, 63))
    assert kept is not None and (kept.step, kept.values.shape) == (2, (32, 48))
    assert project.work.prediction(1, (100, 64)) is None


def test_edits_since_the_picture_was_opened_with_the_time_of_those_before(project: Project) -> None:
    paint(project, 1)
    project.journal.undo(1)
    project.work.begin(1, now(), 1, is_live=False)
    paint(project, 2)
    paint(project, 1)
    paint(project, 1, 2)
    project.journal.undo(1)
    row = RowChange("pictures", "1", {"status": Status.DONE.value})
    project.journal.change_rows(1, "Mark as done", "mark", [row])
    times = project.work.edit_times(1)
    assert [edit.pixels > 0 for edit in times] == [True, False], "the undone edit was discarded by the mark"
    assert times[0].before is not None and times[0].before <= times[0].at
    assert times[1].before == times[0].at


def test_work_is_stale_after_a_later_edit(project: Project) -> None:
    project.work.begin(1, now(), 1, is_live=False)
    paint(project, 1)
    assert project.work.picture_ids() == {1: False}
    project.work.measured(1, MEASURE)
    assert project.work.picture_ids() == {1: True}


def test_the_oldest_compared_predictions_are_dropped_first_and_the_others_last(project: Project) -> None:
    noise = np.random.default_rng(0).integers(1, 3, (64, 96)).astype(np.uint8)
    for picture_id, opened_at in ((1, OPENED), (2, now()), (3, OPENED.replace("2020", "2019"))):
        project.work.begin(picture_id, opened_at, None, is_live=False)
        project.work.keep_prediction(picture_id, opened_at, InitialPrediction(noise, 1), 0)
    for picture_id in (1, 2):
        project.work.measured(picture_id, MEASURE)
    assert project.work.drop_predictions(project.work.kept_bytes() - 1) == 1
    assert [project.work.prediction(i, (96, 64)) is None for i in (1, 2, 3)] == [True, False, False]
    first = project.work.get(1)
    assert first is not None and first.iou == 0.5
    assert project.work.drop_predictions(project.work.kept_bytes() - 1) == 1
    assert [project.work.prediction(i, (96, 64)) is None for i in (1, 2, 3)] == [True, True, False]
    assert (project.work.drop_predictions(0), project.work.kept_bytes()) == (1, 0)


def test_a_log_from_a_stranger_is_read_without_harm(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        for picture_id in (1, 2, 3):
            project.work.begin(picture_id, now(), None, is_live=False)
            project.work.measured(picture_id, MEASURE)
    with closing(sqlite3.connect(tmp_path / HOME_FOLDER / PROJECT_FILE)) as raw, raw:
        raw.execute(
            "UPDATE picture_work SET iou = 9e999, seconds = 9e999, class_counts = ? WHERE picture_id = 1",
            ("[" * 100_000,),
        )
        counts = '{"1": [1, -2, 3], "900": [1, 1, 1]}'
        raw.execute(
            "UPDATE picture_work SET corrected_pixels = 99, compared_pixels = -5, edits = -3, step = 0,"
            " prediction = x'5a00', class_counts = ? WHERE picture_id = 2",
            (counts,),
        )
        raw.execute(
            "UPDATE picture_work SET opened_at = 'yesterday', measured_at = 'x', prediction = x'5a00'"
            " WHERE picture_id = 3"
        )
    with Project.open(tmp_path) as project:
        one, two, three = (project.work.get(i) for i in (1, 2, 3))
        assert one is not None and (one.iou, one.seconds, dict(one.counts)) == (None, 0.0, {})
        assert two is not None and (two.corrected_share, two.edits, dict(two.counts)) == (None, 0, {})
        assert three is not None and three.measured_at is None
        assert project.work.prediction(2, (96, 64)) is None and project.work.prediction(3, (96, 64)) is None
        assert project.work.edit_times(3) == []
