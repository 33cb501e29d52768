"""The work log of an open project: what is frozen before the first edit, and when pictures are measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from core.base.changes import Changes
from core.base.geometry import Box
from core.labels.class_list import UNLABELLED
from core.labels.label_iou import label_iou
from core.labels.label_map import Edit, LabelMap, Values
from core.labels.prediction import PredictedMask
from core.project.picture_work.work_repository import PictureWork
from core.project.project import Project
from core.project.records import Status, now
from core.session.session import Session, SessionEvent
from core.session.training.training_state import TrainingPreferences
from tests.factories import predict, project_in, truth

SAID = np.ones((64, 96), np.uint8)
SAID[:, 60:] = 2


def edit_of(before: Values, after: Values) -> Edit:
    labels = LabelMap(before.copy())
    labels.begin_edit("Paint", "brush", 1)
    labels.put_values(Box(0, 0, 96, 64), after)
    edit = labels.finish_edit()
    assert edit is not None
    return edit


class Desk:
    """A session over three pictures, of which one run predicted two, and someone who works in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.measured = folder, list[int]()
        self.mistakes: list[BaseException] = []
        self.session = self.open()

    def open(self) -> Session:
        settings = TrainingPreferences(automatic=False)
        return Session.open(self.folder, None, self.on_event, self.mistakes.append, settings)

    def on_event(self, event: SessionEvent) -> None:
        if isinstance(event, Changes):
            self.measured.extend(event.work)

    def mask(self, run_id: int = 1) -> PredictedMask:
        return PredictedMask(SAID, np.full_like(SAID, 255), run_id)

    def paint(
        self, picture_id: int, after: Values, mask: PredictedMask | None, before: Values | None = None
    ) -> None:
        """As the window does: what is predicted is frozen before the first edit."""
        self.session.work_log.begin(picture_id, now(), mask, is_live=False)
        empty = np.zeros((64, 96), np.uint8) if before is None else before
        self.session.editing.commit(picture_id, edit_of(empty, after)).result(20)

    def work(self, picture_id: int) -> PictureWork | None:
        return self.session.work_log.work_on(picture_id).result(20)

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < until, what
            time.sleep(0.01)

    def wait_measured(self, times: int, picture_id: int = 1) -> PictureWork:
        self.wait(
            lambda: self.measured.count(picture_id) >= times, f"measure {times} of picture {picture_id}"
        )
        self.session.wait_until_saved()
        found = self.work(picture_id)
        assert found is not None
        return found


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with project_in(tmp_path) as project:
        for picture_id in (1, 2):
            predict(project, picture_id, SAID)
    made = Desk(tmp_path)
    yield made
    made.session.close()
    assert made.mistakes == []


def test_the_error_before_correction_is_that_of_the_frozen_prediction(desk: Desk) -> None:
    desk.paint(1, truth(), desk.mask())
    later = PredictedMask(
        truth(), np.full_like(SAID, 255), 1
    )  # of a network that has learned from this label
    desk.session.work_log.begin(1, now(), later, is_live=True)
    assert desk.session.editing.set_status(1, Status.DONE).result(20) is None
    found = desk.wait_measured(1)
    assert found.iou == pytest.approx(label_iou(SAID, truth()))
    assert found.corrected_pixels == np.count_nonzero(truth() != SAID) == 12 * 64
    assert (found.run_id, found.is_live, found.edits, found.labelled_pictures) == (1, False, 1, 0)
    assert found.counts == {1: (48 * 64, 48 * 64, 60 * 64), 2: (36 * 64, 48 * 64, 36 * 64)}
    assert found.seconds > 0


def test_undo_leaves_the_log_alone_and_a_second_time_done_measures_again(desk: Desk) -> None:
    half = truth()
    half[:32] = UNLABELLED
    desk.paint(1, half, desk.mask())
    desk.session.editing.set_status(1, Status.DONE)
    first = desk.wait_measured(1)
    desk.session.editing.undo(1).result(20)  # of the status
    desk.session.editing.undo(1).result(20)
    assert desk.work(1) == first
    desk.session.editing.redo(1).result(20)
    desk.session.editing.commit(1, edit_of(half, truth())).result(20)
    desk.session.editing.set_status(1, Status.DONE)
    second = desk.wait_measured(2)
    assert second.compared_pixels == 2 * first.compared_pixels == 96 * 64
    assert second.opened_at == first.opened_at and second.edits == 2


def test_a_picture_that_is_left_is_measured_if_its_label_has_changed(desk: Desk) -> None:
    desk.paint(1, truth(), desk.mask())
    desk.session.work_log.left(1)
    assert desk.wait_measured(1).iou is not None
    desk.session.work_log.left(1)
    desk.session.work_log.left(3)
    desk.paint(2, truth(), None)
    desk.session.work_log.left(2)
    blank = desk.wait_measured(1, picture_id=2)
    assert (blank.iou, blank.corrected_share, blank.edits, blank.labelled_pictures) == (None, None, 1, None)
    assert desk.measured == [1, 2]


def test_a_picture_that_is_marked_done_in_review_is_measured(desk: Desk) -> None:
    desk.paint(1, truth(), desk.mask())
    desk.session.review.set_status([1, 3], Status.DONE, lambda _done, _all: None).result(20)
    assert desk.wait_measured(1).iou is not None
    assert desk.measured == [1]


def test_what_a_crash_prevented_is_measured_at_the_next_start(desk: Desk) -> None:
    desk.paint(1, truth(), desk.mask())
    desk.wait(
        lambda: desk.session.work_log._lane.read(lambda p: p.work.kept_bytes()).result(20) > 0,
        "the frozen one",
    )
    desk.session.work_log.close()  # as if it had ended here: nothing is measured
    desk.session.editing.set_status(1, Status.DONE).result(20)
    desk.session.close()
    assert desk.measured == []
    with Project.open_read_only(desk.folder) as project:
        stored = project.work.get(1)
        assert stored is not None and stored.measured_at is None
    desk.session = desk.open()
    assert desk.wait_measured(1).iou == pytest.approx(label_iou(SAID, truth()))


def test_closing_at_once_keeps_the_frozen_prediction(desk: Desk) -> None:
    desk.paint(1, truth(), desk.mask())
    desk.session.close()
    with Project.open_read_only(desk.folder) as project:
        kept = project.work.prediction(1, (96, 64))
        assert kept is not None
        np.testing.assert_array_equal(kept.values, SAID)
    desk.session = desk.open()


def test_a_dropped_prediction_leaves_its_score(desk: Desk) -> None:
    desk.paint(1, truth(), desk.mask())
    desk.session.work_log.left(1)
    first = desk.wait_measured(1)
    desk.session._document.submit(desk.session._project.work.drop_predictions, 0).result(20)
    desk.session.editing.commit(1, edit_of(truth(), SAID)).result(20)
    desk.session.work_log.left(1)
    second = desk.wait_measured(2)
    assert (second.iou, second.corrected_pixels, second.counts) == (
        first.iou,
        first.corrected_pixels,
        first.counts,
    )
    assert second.edits == 2
