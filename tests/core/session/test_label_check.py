"""The label check of a session: what it finds, keeps, fixes and takes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import Cancelled, ImageError
from core.base.geometry import Box
from core.images.image_reader import read_picture
from core.labels.label_map import LabelMap, Origin
from core.labels.prediction import PredictedMask, write_prediction
from core.project.project import Project
from core.session import label_check
from core.session.label_check import LabelCheck
from core.session.session import Session
from tests.factories import label_all, predict, project_in, stroke, truth

TIMEOUT = 20
GRASS, ROOF = 1, 2
SHED = Box(10, 20, 30, 40)
"""A roof in the grass of each picture that the network sees, and the label of the second has too."""


def silent(_done: int, _of: int) -> None:
    pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three labelled pictures: in the first the network contradicts 400 pixels, in the second none, in the third 100;
    a fourth is predicted alone."""
    said = truth()
    said[SHED.slices] = ROOF
    small = truth()
    small[5:15, 70:80] = GRASS
    with project_in(tmp_path / "pictures", 4) as made:
        label_all(made, made.pictures.all()[:3])
        predict(made, 1, said)
        predict(made, 2, truth())
        predict(made, 3, small)
        predict(made, 4, said)
    return tmp_path / "pictures"


@pytest.fixture
def session(folder: Path) -> Iterator[Session]:
    errors: list[BaseException] = []
    opened = Session.open(folder, None, lambda _news: None, errors.append)
    yield opened
    opened.close()
    assert errors == []


def check(session: Session) -> LabelCheck:
    return session.label_check.check(silent).result(TIMEOUT)


def label(session: Session, picture_id: int = 1) -> np.ndarray:
    with Project.open_read_only(session.folder) as project:
        return project.labels.read(picture_id, 96, 64)


def test_check_finds_components_and_pairs(session: Session) -> None:
    found = check(session)
    assert [(s.picture_id, s.region.box, s.predicted, s.pixels) for s in found.suspects] == [
        (1, SHED, ROOF, 400),
        (3, Box(70, 5, 80, 15), GRASS, 100),
    ]
    assert found.found == (((GRASS, ROOF), 400, frozenset([1])), ((ROOF, GRASS), 100, frozenset([3])))
    assert found.compared == 3 and found.shares[2] == 0 and found.kept == 0


def test_less_sure_than_of_its_class_is_no_disagreement(session: Session, folder: Path) -> None:
    assert check(session).suspects
    session.close()
    with Project.open(folder) as project:
        for picture_id in (1, 3):
            predict(project, picture_id, truth())
        predict(project, 2, 3 - truth(), confidence=200)
    again = Session.open(folder, None, lambda _news: None)
    try:
        # Two of three pictures are right with 255, one is wrong with 200: 55 at the most are left for the label.
        assert check(again).thresholds[GRASS] == (255 + 255 + 55) // 3
        assert check(again).compared == 3
    finally:
        again.close()


def test_check_counts_pictures_and_can_be_cancelled(session: Session) -> None:
    seen: list[tuple[int, int]] = []
    session.label_check.check(lambda done, of: seen.append((done, of))).result(TIMEOUT)
    assert seen == [(n, 6) for n in range(6)], "three for the thresholds of the classes, three for the errors"
    with pytest.raises(Cancelled):
        session.label_check.check(lambda _done, _of: session.label_check.cancel()).result(TIMEOUT)


def test_picture_of_a_suspect_shows_what_is_around_it(session: Session) -> None:
    suspect = check(session).suspects[0]
    shown = session.label_check.picture(suspect, 400).result(TIMEOUT)
    assert shown.box == Box(0, 0, 68, 64) and shown.pixels.shape == (64, 68, 3)
    (outline,) = shown.outlines
    assert set(outline) == {(10, 20), (30, 20), (30, 40), (10, 40)}
    np.testing.assert_array_equal(shown.label, truth()[:, :68])
    assert shown.prediction is not None and (shown.prediction[SHED.slices] == ROOF).all()
    small = session.label_check.picture(suspect, 34).result(TIMEOUT)
    assert small.pixels.shape[:2] == (32, 34)
    assert {x for ring in small.outlines for x, _y in ring} == {5, 15}


def test_picture_is_read_once_for_suspects_that_follow_each_other(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    monkeypatch.setattr(label_check, "read_picture", lambda path: read.append(path) or read_picture(path))
    first, third = check(session).suspects
    for suspect in (first, first, third, first):
        shown = session.label_check.picture(suspect, 400).result(TIMEOUT)
    assert [path.name for path in read] == ["p0.png", "p2.png", "p0.png"]
    session.label_check.fix(first, "roof").result(TIMEOUT)
    shown = session.label_check.picture(first, 400).result(TIMEOUT)
    assert shown.label is not None and (shown.label[SHED.slices] == ROOF).all()
    with Project.open_read_only(session.folder) as project:
        write_prediction(project.prediction_path(1), PredictedMask(truth(), truth(), 1))
    shown = session.label_check.picture(first, 400).result(TIMEOUT)
    np.testing.assert_array_equal(shown.prediction, truth()[shown.box.slices])


def test_fixed_component_has_the_predicted_class_in_one_edit(session: Session) -> None:
    suspect = check(session).suspects[0]
    done = session.label_check.fix(suspect, "roof").result(TIMEOUT)
    expected = truth()
    expected[SHED.slices] = ROOF
    np.testing.assert_array_equal(label(session), expected)
    newest = session.editing.history(1).result(TIMEOUT)[-1]
    assert (newest.name, newest.origin, newest.pixels) == ("Fix label, roof", Origin.ACCEPTED, 400)
    assert (newest.run_id, done.edits) == (1, {1: (newest.id,)})
    assert [s.picture_id for s in check(session).suspects] == [3]
    session.review.undo(done, silent).result(TIMEOUT)
    np.testing.assert_array_equal(label(session), truth())


def test_kept_label_is_not_asked_about_in_the_next_session_either(session: Session, folder: Path) -> None:
    session.label_check.keep(check(session).suspects[0], "grass").result(TIMEOUT)
    session.close()
    again = Session.open(folder, None, lambda _news: None)
    try:
        found = check(again)
        assert [s.picture_id for s in found.suspects] == [3] and found.kept == 1
        assert found.shares[1] == 0 and [pair for pair, _, _ in found.found] == [(ROOF, GRASS)]
        np.testing.assert_array_equal(label(again), truth())
    finally:
        again.close()


def test_kept_label_is_asked_about_again_once_it_changes(session: Session) -> None:
    session.label_check.keep(check(session).suspects[0], "grass").result(TIMEOUT)
    labels = LabelMap(label(session))
    session.editing.commit(1, stroke(labels, ROOF, (12, 22), (12, 22), radius=2)).result(TIMEOUT)
    assert [s.picture_id for s in check(session).suspects] == [1, 3]
    session.editing.undo(1).result(TIMEOUT)
    assert [s.picture_id for s in check(session).suspects] == [3]


def test_keeping_is_undone(session: Session) -> None:
    kept = session.label_check.keep(check(session).suspects[0], "grass").result(TIMEOUT)
    assert kept.name == "Keep label, grass"
    session.review.undo(kept, silent).result(TIMEOUT)
    assert [s.picture_id for s in check(session).suspects] == [1, 3]


def test_label_that_changed_since_the_check_is_left_alone(session: Session) -> None:
    suspect = check(session).suspects[0]
    labels = LabelMap(label(session))
    session.editing.commit(1, stroke(labels, ROOF, (12, 22), (12, 22), radius=2)).result(TIMEOUT)
    for act in (session.label_check.fix, session.label_check.keep):
        with pytest.raises(ImageError, match=r"p0\.png: the label has changed there since the check"):
            act(suspect, "x").result(TIMEOUT)
    np.testing.assert_array_equal(label(session), labels.values)


def test_class_that_is_gone_is_given_to_nothing(session: Session) -> None:
    suspect = check(session).suspects[1]
    session.editing.merge_class(GRASS, ROOF).result(TIMEOUT)
    with pytest.raises(ImageError, match="The predicted class has been removed"):
        session.label_check.fix(suspect, "grass").result(TIMEOUT)
