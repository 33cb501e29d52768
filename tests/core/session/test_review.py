"""Many pictures at a glance: what the doctor doubts, what is accepted by the dozen, and how all of it is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.base.errors import Cancelled, ImageError
from core.evaluation.label_errors import find_disagreements
from core.labels.class_list import VOID
from core.labels.label_map import LabelMap
from core.labels.prediction import PredictedMask
from core.project.project import Project
from core.project.records import Status
from core.session.session import Session
from tests.factories import label_all, predict, project_in, stroke, truth

PATIENCE = 20
masks = arrays.arrays(np.uint8, (6, 7), elements=st.sampled_from([0, 1, 2, 3, VOID]))


def silent(_done: int, _of: int) -> None:
    pass


@given(masks, masks, arrays.arrays(np.uint8, (6, 7)))
def test_doubts_are_what_a_loop_over_the_pixels_counts(
    label: np.ndarray, said: np.ndarray, sure: np.ndarray
) -> None:
    expected: dict[tuple[int, int], int] = {}
    labelled = 0
    for was, told, confidence in zip(label.flat, said.flat, sure.flat, strict=True):
        labelled += was not in (0, VOID)
        if was not in (0, VOID) and told not in (0, VOID) and was != told and confidence >= 204:
            expected[int(was), int(told)] = expected.get((int(was), int(told)), 0) + 1
    found = find_disagreements(label, PredictedMask(said, sure))
    assert dict(found.pixels) == expected
    assert found.labelled == labelled
    assert found.share == (sum(expected.values()) / labelled if labelled else 0)


def test_masks_of_two_sizes_cannot_be_compared() -> None:
    small = np.ones((4, 4), np.uint8)
    with pytest.raises(ValueError, match="differ in size"):
        find_disagreements(truth(), PredictedMask(small, small))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Three pictures: one labelled and predicted, one predicted, one with nothing."""
    made = project_in(tmp_path / "pictures")
    label_all(made, made.pictures.all()[:1])
    for picture_id in (1, 2):
        predict(made, picture_id)
    made.close()
    with Project.open_read_only(tmp_path / "pictures") as seen:
        yield seen


@pytest.fixture
def session(project: Project) -> Iterator[Session]:
    mistakes: list[BaseException] = []
    opened = Session.open(project.folder, None, lambda _news: None, mistakes.append)
    yield opened
    opened.close()
    assert mistakes == []


def label(project: Project, picture_id: int) -> np.ndarray:
    return project.labels.read(picture_id, 96, 64)


def test_a_glance_shows_picture_label_and_prediction_at_one_size(session: Session) -> None:
    first = session.review.preview(1, 48).result(PATIENCE)
    assert first.pixels.shape == (32, 48, 3)
    np.testing.assert_array_equal(first.label, truth(48, 32))
    np.testing.assert_array_equal(first.prediction, np.full((32, 48), 2))
    assert first.suspects is not None and dict(first.suspects.pixels) == {(1, 2): 48 * 64}
    nothing = session.review.preview(3, 48).result(PATIENCE)
    assert nothing.label is None and nothing.prediction is None and nothing.suspects is None


def test_the_doctor_names_what_a_sure_network_contradicts(session: Session) -> None:
    found = session.review.check_labels(silent).result(PATIENCE)
    assert found.found == (((1, 2), 48 * 64, frozenset([1])),)
    assert found.shares == {1: 0.5} and found.compared == 1


def test_an_unsure_network_contradicts_nobody(project: Project) -> None:
    with Project.open(project.folder, purpose="a test") as writer:
        predict(writer, 1, confidence=200)
    session = Session.open(project.folder, None, lambda _news: None)
    try:
        assert session.review.check_labels(silent).result(PATIENCE).found == ()
    finally:
        session.close()


def test_predictions_are_accepted_by_the_dozen_and_taken_back_in_one(
    session: Session, project: Project
) -> None:
    deed = session.review.accept([1, 2, 3], silent, done=True).result(PATIENCE)
    np.testing.assert_array_equal(label(project, 1), truth(), "a prediction never overwrites a label")
    assert (label(project, 2) == 2).all() and not label(project, 3).any()
    assert [project.pictures.get(i).status for i in (1, 2, 3)] == [Status.DONE, Status.DONE, Status.NEW]
    assert session.pictures.get(2).status == Status.DONE, "the index knows as well"
    assert deed.problems == ("p2.png: there is no prediction of this picture yet.",)
    back = session.review.undo(deed, silent).result(PATIENCE)
    assert sorted(back.edits) == [1, 2] and back.problems == ()
    assert not label(project, 2).any()
    assert {project.pictures.get(i).status for i in (1, 2)} == {Status.IN_PROGRESS}


def test_what_was_painted_since_is_not_taken_back(session: Session, project: Project) -> None:
    deed = session.review.accept([2], silent).result(PATIENCE)
    labels = LabelMap(label(project, 2))
    edit = stroke(labels, 1, (20, 20), (40, 20))
    session.editing.commit(2, edit).result(PATIENCE)
    back = session.review.undo(deed, silent).result(PATIENCE)
    assert back.edits == {} and back.problems == (
        "p1.png: it was edited since; undo it in the Label workspace.",
    )
    np.testing.assert_array_equal(label(project, 2), labels.values)


def test_many_are_marked_and_those_that_were_so_are_left_alone(session: Session, project: Project) -> None:
    session.review.set_status([1], Status.SKIPPED, silent).result(PATIENCE)
    deed = session.review.set_status([1, 2], Status.SKIPPED, silent).result(PATIENCE)
    assert list(deed.edits) == [2]
    session.review.undo(deed, silent).result(PATIENCE)
    assert [project.pictures.get(i).status for i in (1, 2)] == [Status.SKIPPED, Status.NEW]


def test_a_stop_keeps_what_was_done_and_says_what_was_not(session: Session, project: Project) -> None:
    def stop_at_once(done: int, _of: int) -> None:
        if done == 0:
            session.review.cancel()

    deed = session.review.set_status([1, 2, 3], Status.DONE, stop_at_once).result(PATIENCE)
    assert list(deed.edits) == [1] and deed.problems == ("Stopped before the last 2.",)
    assert project.pictures.get(2).status == Status.NEW
    with pytest.raises(Cancelled):
        session.review.check_labels(lambda _done, _of: session.review.cancel()).result(PATIENCE)


def test_a_picture_that_is_gone_has_no_glance(session: Session, project: Project) -> None:
    (project.folder / "p2.png").unlink()
    with pytest.raises(ImageError, match=r"p2\.png"):
        session.review.preview(3, 48).result(PATIENCE)
