"""Tests of the review service: previews and batch edits with undo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import ImageError, ProjectFileGoneError
from core.labels.label_map import LabelMap
from core.project.project import Project
from core.project.records import Status
from core.project.splits.split_plan import SplitOptions
from core.session.session import Session
from tests.core.project.faults import unix
from tests.factories import label_all, predict, project_in, stroke, truth

TIMEOUT = 20


def silent(_done: int, _of: int) -> None:
    pass


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
    errors: list[BaseException] = []
    opened = Session.open(project.folder, None, lambda _news: None, errors.append)
    yield opened
    opened.close()
    assert errors == []


def label(project: Project, picture_id: int) -> np.ndarray:
    return project.labels.read(picture_id, 96, 64)


def test_preview_has_picture_label_and_prediction_at_one_size(session: Session) -> None:
    first = session.review.preview(1, 48).result(TIMEOUT)
    assert first.pixels.shape == (32, 48, 3)
    np.testing.assert_array_equal(first.label, truth(48, 32))
    np.testing.assert_array_equal(first.prediction, np.full((32, 48), 2))
    assert first.suspects is not None and dict(first.suspects.pixels) == {(1, 2): 48 * 64}
    nothing = session.review.preview(3, 48).result(TIMEOUT)
    assert nothing.label is None and nothing.prediction is None and nothing.suspects is None


def test_labels_called_right_are_no_suspects_in_a_preview(session: Session) -> None:
    suspect = session.label_check.check(silent).result(TIMEOUT).suspects[0]
    session.label_check.keep(suspect, "grass").result(TIMEOUT)
    shown = session.review.preview(1, 48).result(TIMEOUT)
    assert shown.suspects is not None and shown.suspects.share == 0
    np.testing.assert_array_equal(shown.label, truth(48, 32))


def test_batch_of_accepted_predictions_is_undone_at_once(session: Session, project: Project) -> None:
    batch = session.review.accept([1, 2, 3], silent, done=True).result(TIMEOUT)
    np.testing.assert_array_equal(label(project, 1), truth(), "a prediction never overwrites a label")
    assert (label(project, 2) == 2).all() and not label(project, 3).any()
    assert [project.pictures.get(i).status for i in (1, 2, 3)] == [Status.DONE, Status.DONE, Status.NEW]
    assert session.pictures.get(2).status == Status.DONE, "the index knows as well"
    assert batch.problems == ("p2.png: There is no prediction of this picture yet.",)
    back = session.review.undo(batch, silent).result(TIMEOUT)
    assert sorted(back.edits) == [1, 2] and back.problems == ()
    assert not label(project, 2).any()
    # The first had a label before; the second has none again, and is new.
    assert [project.pictures.get(i).status for i in (1, 2)] == [Status.IN_PROGRESS, Status.NEW]


@unix
def test_batch_is_refused_whole_while_the_project_file_is_gone(session: Session, project: Project) -> None:
    batch = session.review.accept([2], silent).result(TIMEOUT)
    before = [label(project, i) for i in (1, 2, 3)], [project.pictures.get(i).status for i in (1, 2, 3)]
    plan = session.dataset.plan_split(SplitOptions()).result(TIMEOUT)
    assert plan.changes
    folder = session.folder
    away = folder.rename(folder.with_name("renamed"))
    tried: list[int] = []
    for act in (
        lambda: session.review.set_status([1, 2, 3], Status.DONE, lambda done, _of: tried.append(done)),
        lambda: session.review.undo(batch, silent),
        lambda: session.dataset.apply_split(plan),
    ):
        with pytest.raises(ProjectFileGoneError, match="The project file is gone"):
            act().result(TIMEOUT)
    assert tried == [0], "the disk would refuse the others, too"
    away.rename(folder)
    assert before == (before[0], [project.pictures.get(i).status for i in (1, 2, 3)])
    for number, values in enumerate(before[0]):
        np.testing.assert_array_equal(label(project, number + 1), values)
    assert len(session.review.set_status([1, 2, 3], Status.DONE, silent).result(TIMEOUT).edits) == 3


def test_pictures_edited_since_are_not_undone(session: Session, project: Project) -> None:
    batch = session.review.accept([2], silent).result(TIMEOUT)
    labels = LabelMap(label(project, 2))
    edit = stroke(labels, 1, (20, 20), (40, 20))
    session.editing.commit(2, edit).result(TIMEOUT)
    back = session.review.undo(batch, silent).result(TIMEOUT)
    assert back.edits == {} and back.problems == (
        "p1.png: It was edited since; undo it in the Label workspace.",
    )
    np.testing.assert_array_equal(label(project, 2), labels.values)


def test_set_status_skips_pictures_that_have_it(session: Session, project: Project) -> None:
    session.review.set_status([1], Status.SKIPPED, silent).result(TIMEOUT)
    batch = session.review.set_status([1, 2], Status.SKIPPED, silent).result(TIMEOUT)
    assert list(batch.edits) == [2]
    session.review.undo(batch, silent).result(TIMEOUT)
    assert [project.pictures.get(i).status for i in (1, 2)] == [Status.SKIPPED, Status.NEW]


def test_cancelled_batch_keeps_its_edits_and_names_the_rest(session: Session, project: Project) -> None:
    def stop_at_once(done: int, _of: int) -> None:
        if done == 0:
            session.review.cancel()

    batch = session.review.set_status([1, 2, 3], Status.DONE, stop_at_once).result(TIMEOUT)
    assert list(batch.edits) == [1] and batch.problems == ("Stopped before the last 2 pictures.",)
    assert project.pictures.get(2).status == Status.NEW


def test_missing_picture_has_no_preview(session: Session, project: Project) -> None:
    (project.folder / "p2.png").unlink()
    with pytest.raises(ImageError, match=r"p2\.png"):
        session.review.preview(3, 48).result(TIMEOUT)
