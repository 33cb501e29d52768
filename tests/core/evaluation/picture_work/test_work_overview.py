"""Series of the work on pictures, and the sentence about what more of it would bring."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.evaluation.picture_work.work_overview import make_forecast, read_overview
from core.evaluation.picture_work.work_series import WorkPoint, moving_average, score_curve, work_points
from core.labels.class_list import ClassList
from core.project.picture_work.work_repository import PictureWork, WorkMeasure
from core.project.project import Project
from core.project.records import Measurement, PictureRecord, Split, Status
from tests.factories import MODEL, label_all, project_in

CLASSES = ClassList().with_class("road").with_class("pole")
MEASURED = "2026-01-01T00:00:00.000+00:00"


def work(picture_id: int, iou: float | None = 0.8, compared: int = 100, seconds: float = 60.0) -> PictureWork:
    counts = {1: (40, 50, 45), 2: (45, 50, 55)} if iou is not None else {}
    return PictureWork(
        picture_id, MEASURED, 1, False, picture_id - 1, MEASURED, iou, counts, compared, 15, 4, seconds
    )  # fmt: skip


def record(picture_id: int, status: Status = Status.DONE, labelled: int = 100) -> PictureRecord:
    return PictureRecord(picture_id, f"a/p{picture_id}.png", 10, 10, status, labelled_pixels=labelled)


def points_of(works: list[PictureWork], records: list[PictureRecord]) -> tuple[WorkPoint, ...]:
    return work_points(works, {each.id: each for each in records})


def test_only_pictures_that_are_done_or_mostly_labelled_are_points() -> None:
    statuses = (Status.DONE, Status.IN_PROGRESS, Status.IN_PROGRESS, Status.DONE)
    labelled = (100, 60, 40, 0)
    found = points_of(
        [work(i) for i in range(1, 6)],
        [record(i, s, n) for i, s, n in zip(range(1, 5), statuses, labelled, strict=True)],
    )
    assert [(each.picture_id, each.number, each.at) for each in found] == [(1, 1, 60.0), (2, 2, 120.0)]


def test_the_error_of_a_picture_with_little_labelled_is_not_known() -> None:
    """Who paints nothing but what was wrong would find that everything was wrong."""
    whole, sparse, blank = points_of(
        [work(1), work(2, 0.1, compared=20), work(3, None, 0)], [record(i) for i in (1, 2, 3)]
    )
    assert (whole.error, whole.share) == (pytest.approx(0.2), 0.15)
    assert (sparse.error, sparse.share, sparse.counts, sparse.seconds) == (None, None, {}, 60.0)
    assert (blank.error, blank.share) == (None, None)
    assert score_curve([whole, sparse, blank]) == ((0.0, pytest.approx(0.8)),)


def test_moving_average() -> None:
    points = [(float(x), float(x)) for x in range(1, 6)]
    assert moving_average(points, 3) == ((1, 1), (2, 1.5), (3, 2), (4, 3), (5, 4))
    assert moving_average([]) == ()


def rising(count: int, top: float, fall: float, noise: float = 0.0) -> tuple[tuple[float, float], ...]:
    rng = np.random.default_rng(0)
    return tuple((float(x), float(top - fall * x**-0.5 + rng.normal(0, noise))) for x in range(1, count + 1))


def test_the_sentence_says_gain_interval_and_class() -> None:
    by_class = {1: rising(40, 0.9, 0.1), 2: rising(40, 0.6, 0.9), 77: rising(40, 0.9, 2.0)}
    found = make_forecast("pictures", rising(40, 0.7, 0.5, 0.02), by_class, 40, CLASSES)
    assert found.gain is not None and not found.may_stop
    assert found.sentence == (
        f"The next 20 pictures bring about {100 * found.gain.expected:+.1f} points of mIoU "
        f"({100 * found.gain.low:.1f} to {100 * found.gain.high:.1f}); pole gains most "
        f"({100 * found.by_class[2].expected:+.1f})."
    )
    assert set(found.by_class) == {1, 2}


def test_stopping_is_offered_only_when_the_upper_end_is_below_the_limit() -> None:
    flat = make_forecast("validation", rising(400, 0.7, 0.01), {}, 400, CLASSES)
    assert flat.may_stop and flat.sentence.startswith("You may stop: the next 20 pictures bring +0.0 points")
    unsure = make_forecast("validation", rising(25, 0.7, 0.0, 0.1), {}, 25, CLASSES)
    assert unsure.gain is not None and unsure.gain.high > 0.005 and not unsure.may_stop


def test_too_early_says_what_is_missing() -> None:
    few = make_forecast("pictures", rising(3, 0.7, 0.5), {}, 3, CLASSES)
    assert few.gain is None and few.sentence.startswith("Too early to say") and "there are 3." in few.sentence
    near = make_forecast("pictures", tuple((100.0 + x, 0.5) for x in range(30)), {}, 130, CLASSES)
    assert "2 times as many labelled pictures" in near.sentence


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with project_in(tmp_path) as opened:
        label_all(opened, opened.pictures.all())
        yield opened


def test_a_forecast_rests_on_validation_where_there_is_enough_of_it(project: Project) -> None:
    assert read_overview(project).forecast.basis == "pictures"
    run = project.runs.start(MODEL, "{}", None, 1).id
    for count, score in rising(15, 0.7, 0.5):
        project.runs.add_measurements(
            [
                Measurement(run, name, value, 1, 1.0, int(count), better)
                for name, value in (("miou", None), ("iou", 1))
                for better in (score, score - 0.1)
            ]
        )
    found = read_overview(project).forecast
    assert (found.basis, found.labelled, set(found.by_class)) == ("validation", 3, {1})
    best = project.runs.best_by_labels()[run]
    for value in (None, 1):
        assert tuple((n, score) for each, n, score in best if each == value) == rising(15, 0.7, 0.5)

    project.pictures.set_split([3], Split.TEST)
    project.classes.change_value(1, 7)
    found = read_overview(project).forecast
    assert (found.labelled, set(found.by_class)) == (2, {7}), "networks never see the test pictures"
    project.runs.add_measurements(
        Measurement(run, "iou", 2, 1, 1.0, count, 0.5 + count / 100) for count in range(1, 16)
    )
    assert set(read_overview(project).forecast.by_class) == {2, 7}
    project.classes.merge(2, 7)
    assert not read_overview(project).forecast.by_class, "the score of a part is not that of the whole"


def test_the_overview_has_a_point_for_each_picture_that_was_measured(project: Project) -> None:
    for picture_id in (2, 1, 3):
        with project.store.write_transaction() as connection:
            connection.exec_driver_sql(
                "INSERT INTO picture_work (picture_id, opened_at, labelled_pictures) VALUES (?, ?, ?)",
                (picture_id, f"2026-01-0{picture_id}", picture_id - 1),
            )
    for picture_id in (1, 3):
        project.work.measured(picture_id, WorkMeasure(0.9, {1: (9, 10, 9)}, 6144, 61, 3, 30.0))
    found = read_overview(project).points
    assert [(each.picture_id, each.at, each.edits) for each in found] == [(1, 30.0, 3), (3, 60.0, 3)]
