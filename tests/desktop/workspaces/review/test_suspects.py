"""Suspects of the label check in the real window: shown, kept, fixed, undone, opened; by keyboard and by mouse."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from core.base.geometry import Box
from core.project.project import Project
from core.session.access import Access
from core.session.label_check import LabelCheck
from desktop.tour.window_driver import CTRL, NO_MODIFIER
from desktop.workspaces.review.page import ReviewPage
from tests.desktop.conftest import GuiDriver
from tests.factories import label_all, predict, project_in, truth

pytestmark = pytest.mark.qt_log_ignore("does not support")

GRASS, ROOF = 1, 2
PLACES = (Box(10, 20, 30, 40), Box(5, 5, 35, 45), Box(20, 30, 32, 42))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three labelled pictures: the network sees a roof in the grass of each, of 400, 1,200 and 144 pixels, and in the
    third grass on the roof, of 100."""
    with project_in(tmp_path / "suspects", 3) as project:
        label_all(project, project.pictures.all())
        for picture_id, box in enumerate(PLACES, 1):
            said = truth()
            said[box.slices] = ROOF
            if picture_id == 3:
                said[5:15, 70:80] = GRASS
            predict(project, picture_id, said)
    return tmp_path / "suspects"


@pytest.fixture
def page(gui: GuiDriver, folder: Path) -> Iterator[ReviewPage]:
    yield open_review(gui, folder)
    gui.window.actions_by_id["workspace_label"].trigger()


def open_review(gui: GuiDriver, folder: Path, access: Access = Access.WRITE) -> ReviewPage:
    gui.window.open_project(folder, access=access)
    gui.wait_until(lambda: gui.has_picture() and gui.session.folder == folder, "the project", 20)
    gui.wait_until(lambda: len(gui.session.pictures) == 3, "all pictures", 20)
    gui.window.actions_by_id["workspace_review"].trigger()
    return gui.window.workspaces.review


def check(gui: GuiDriver, page: ReviewPage) -> None:
    gui.click(page.label_check.check)
    gui.wait_until(lambda: "compared" in page.label_check.summary.text(), "the check", 20)


def listed(page: ReviewPage) -> list[tuple[int, int]]:
    """Picture id and pixels of what is listed."""
    return [(row.suspect.picture_id, row.suspect.pixels) for row in page.label_check.suspects.rows]


def label(gui: GuiDriver, picture_id: int) -> np.ndarray:
    gui.session.wait_until_saved()
    with Project.open_read_only(gui.session.folder) as project:
        return project.labels.read(picture_id, 96, 64)


def choose(gui: GuiDriver, page: ReviewPage, row: int) -> None:
    """Click a row of the list, and wait until its picture is shown."""
    suspects = page.label_check.suspects
    place = suspects.visualRect(suspects.model().index(row, 0)).center()
    QTest.mouseClick(suspects.viewport(), Qt.MouseButton.LeftButton, NO_MODIFIER, place)
    see(gui, page)


def see(gui: GuiDriver, page: ReviewPage) -> None:
    """Wait until the picture of the chosen suspect is shown."""
    gui.wait_until(lambda: page.shows_suspect and page.suspect_view.picture.has_picture, "the picture", 10)


def key(gui: GuiDriver, key: Qt.Key, modifiers: Qt.KeyboardModifier = NO_MODIFIER) -> None:
    """Press a key where the focus is."""
    focus = QApplication.focusWidget()
    assert isinstance(focus, QWidget)
    gui.key(key, modifiers, focus)


def test_worst_are_listed_first_across_pictures(gui: GuiDriver, page: ReviewPage) -> None:
    assert not page.label_check.suspects.isVisible()
    check(gui, page)
    assert listed(page) == [(2, 1200), (1, 400), (3, 144), (3, 100)]
    assert page.label_check.suspects_title.text() == "4 suspects, worst first"
    assert not page.shows_suspect and page.grid.isVisible()


def test_journey_through_the_list_by_keyboard(gui: GuiDriver, page: ReviewPage, folder: Path) -> None:
    check(gui, page)
    choose(gui, page, 0)
    view = page.suspect_view
    assert view.name.text() == "p1.png" and view.place.text() == "1 of 4"
    assert view.keep.text() == "Keep grass" and view.fix.text() == "Fix to roof"
    key(gui, Qt.Key.Key_F)
    assert view.name.text() == "p0.png" and listed(page) == [(1, 400), (3, 144), (3, 100)]
    see(gui, page)
    key(gui, Qt.Key.Key_K)
    assert listed(page) == [(3, 144), (3, 100)]
    expected = truth()
    expected[PLACES[1].slices] = ROOF
    np.testing.assert_array_equal(label(gui, 2), expected)
    np.testing.assert_array_equal(label(gui, 1), truth())
    gui.wait_until(lambda: page.undo.toolTip() == "Undo “Keep label, grass”.", "both are stored", 10)
    # Both are undone, one after the other, and asked about again.
    key(gui, Qt.Key.Key_Z, CTRL)
    gui.wait_until(lambda: listed(page) == [(1, 400), (3, 144), (3, 100)], "the first is back", 10)
    assert view.name.text() == "p0.png"
    key(gui, Qt.Key.Key_Z, CTRL)
    gui.wait_until(lambda: len(listed(page)) == 4 and not page.undo.isVisible(), "the second is back", 10)
    np.testing.assert_array_equal(label(gui, 2), truth())
    # Walk to the last one, keep it, and it is not asked about in the next session.
    for _ in range(3):
        key(gui, Qt.Key.Key_Down)
    assert view.place.text() == "4 of 4" and view.keep.text() == "Keep roof"
    see(gui, page)
    key(gui, Qt.Key.Key_K)
    assert view.place.text() == "3 of 3"
    key(gui, Qt.Key.Key_Up)
    assert view.place.text() == "2 of 3"
    key(gui, Qt.Key.Key_Escape)
    assert page.grid.isVisible() and page.grid.hasFocus()
    gui.session.wait_until_saved()
    gui.window.actions_by_id["workspace_label"].trigger()
    gui.window.close_project()
    again = open_review(gui, folder)
    assert listed(again) == []
    check(gui, again)
    assert listed(again) == [(2, 1200), (1, 400), (3, 144)]
    assert "1 kept label left out" in again.label_check.summary.text()


def test_journey_through_the_list_by_mouse(gui: GuiDriver, page: ReviewPage) -> None:
    check(gui, page)
    choose(gui, page, 1)
    view = page.suspect_view
    gui.click(view.fix)
    expected = truth()
    expected[PLACES[0].slices] = ROOF
    np.testing.assert_array_equal(label(gui, 1), expected)
    assert view.name.text() == "p2.png"
    for left in (2, 1, 0):
        see(gui, page)
        gui.click(view.keep)
        assert len(listed(page)) == left
    assert not page.shows_suspect and page.label_check.suspects_title.text() == "No suspect is left"
    gui.wait_until(page.undo.isVisible, "a stored verdict", 10)
    gui.click(page.undo)
    gui.wait_until(lambda: listed(page) == [(2, 1200)] and page.shows_suspect, "the last one is back", 10)
    gui.click(view.back)
    assert page.grid.isVisible()


def test_open_shows_the_place_in_the_label_workspace(gui: GuiDriver, page: ReviewPage) -> None:
    check(gui, page)
    choose(gui, page, 2)
    key(gui, Qt.Key.Key_Return)
    gui.wait_until(lambda: gui.page.isVisible() and gui.labelling.picture.id == 3, "that picture", 10)
    box = PLACES[2]
    framed = gui.canvas._overlays

    def is_framed() -> bool:
        return framed._highlight == box.grown(4)

    gui.wait_until(is_framed, "the frame", 10)
    middle = gui.canvas.rect().center()
    at = gui.canvas.image_point(middle.toPointF())
    assert abs(at.x - 26) < 2 and abs(at.y - 36) < 2, "it is in the middle"
    gui.labelling.show_picture(1)
    gui.wait_until(lambda: gui.labelling.picture.id == 1 and framed._highlight is None, "no frame", 10)


def test_list_is_reached_and_left_by_keyboard(gui: GuiDriver, page: ReviewPage) -> None:
    check(gui, page)
    page.label_check.check.setFocus()
    for _ in range(9):
        if page.label_check.suspects.hasFocus():
            break
        key(gui, Qt.Key.Key_Tab)
    assert page.label_check.suspects.hasFocus()
    see(gui, page)  # Qt selects the first row of a list that gets the focus
    key(gui, Qt.Key.Key_Down)
    assert page.suspect_view.place.text() == "2 of 4"
    key(gui, Qt.Key.Key_Escape)
    assert page.grid.hasFocus()
    page.label_check.suspects.setFocus()
    key(gui, Qt.Key.Key_K)
    assert len(listed(page)) == 4, "nothing is said of what is not shown"
    key(gui, Qt.Key.Key_Return)
    assert page.shows_suspect and page.suspect_view.place.text() == "2 of 4"


def test_pair_of_classes_filters_the_list(gui: GuiDriver, page: ReviewPage) -> None:
    check(gui, page)
    lines = page.label_check.buttons
    assert [line.accessibleName() for line in lines] == [
        "grass predicted as roof, 1,744 pixels in 3 pictures",
        "roof predicted as grass, 100 pixels in 1 picture",
    ]
    gui.click(lines[1])
    assert listed(page) == [(3, 100)] and page.grid._source.count() == 1
    gui.click(page.label_check.show_all)
    assert len(listed(page)) == 4 and page.grid._source.count() == 3


def test_layer_is_blended_over_the_second_picture(gui: GuiDriver, page: ReviewPage) -> None:
    check(gui, page)
    choose(gui, page, 0)
    view = page.suspect_view
    gui.wait_until(lambda: view.masked.has_picture, "both pictures", 10)
    images = {}
    for layer in ("label", "prediction", "difference"):
        page.layer_buttons[layer].click()
        assert view.masked.isVisible()
        images[layer] = view.masked.grab().toImage()
    assert len({bytes(image.constBits()) for image in images.values()}) == 3
    page.layer_buttons["none"].click()
    assert not view.masked.isVisible() and view.picture.isVisible()
    page.layer_buttons["label"].click()


def test_label_that_changed_meanwhile_is_said_and_left(gui: GuiDriver, page: ReviewPage) -> None:
    check(gui, page)
    gui.window.actions_by_id["workspace_label"].trigger()
    gui.labelling.show_picture(2)
    gui.wait_until(lambda: gui.labelling.picture.id == 2, "the picture", 10)
    gui.labelling.choose_class(ROOF)
    gui.dab(0.2)
    painted = label(gui, 2)
    assert (painted != truth()).any()
    gui.window.actions_by_id["workspace_review"].trigger()
    choose(gui, page, 0)
    key(gui, Qt.Key.Key_F)
    gui.wait_until(lambda: "the label has changed there" in gui.said, "the reason", 10)
    np.testing.assert_array_equal(label(gui, 2), painted)
    assert listed(page) == [(1, 400), (3, 144), (3, 100)] and not page.undo.isVisible()


def test_merged_classes_end_the_list(gui: GuiDriver, page: ReviewPage) -> None:
    check(gui, page)
    choose(gui, page, 0)
    gui.session.editing.merge_class(GRASS, ROOF).result(20)
    gui.wait_until(lambda: not page.label_check.suspects.isVisible(), "no list", 10)
    assert not page.shows_suspect and "Check labels again" in gui.said


def test_read_only_project_shows_suspects_and_takes_no_verdict(
    gui: GuiDriver, page: ReviewPage, folder: Path
) -> None:
    gui.window.close_project()
    page = open_review(gui, folder, Access.READ)
    check(gui, page)
    choose(gui, page, 0)
    assert not page.suspect_view.keep.isEnabled() and not page.suspect_view.fix.isEnabled()
    for letter in (Qt.Key.Key_K, Qt.Key.Key_F):
        key(gui, letter)
    key(gui, Qt.Key.Key_Down)
    assert page.suspect_view.place.text() == "2 of 4"
    np.testing.assert_array_equal(label(gui, 2), truth())
    gui.window.close_project()
    assert page.suspect_view.keep.isEnabled()


def test_verdict_that_a_full_disk_refuses_is_asked_again(
    gui: GuiDriver, page: ReviewPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(gui, page)
    choose(gui, page, 1)

    def full(*_: object) -> None:
        raise sa.exc.OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    with monkeypatch.context() as patch:
        patch.setattr("core.project.journal.swap_rows", full)
        key(gui, Qt.Key.Key_K)
        gui.wait_until(lambda: "disk is full" in gui.said, "the reason", 10)
    gui.wait_until(lambda: len(listed(page)) == 4 and page.suspect_view.name.text() == "p0.png", "it", 10)
    see(gui, page)
    key(gui, Qt.Key.Key_K)
    gui.wait_until(page.undo.isVisible, "it is stored", 10)
    assert listed(page) == [(2, 1200), (3, 144), (3, 100)]


def test_verdict_given_during_a_check_stays(
    gui: GuiDriver, page: ReviewPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(gui, page)
    choose(gui, page, 1)
    found = gui.session.label_check.check(lambda *_: None).result(20)
    answer: Future[LabelCheck] = Future()
    with monkeypatch.context() as patch:
        patch.setattr(gui.session.label_check, "check", lambda _progress: answer)  # one that takes long
        gui.click(page.label_check.check)
    page.label_check.suspects.setFocus()
    key(gui, Qt.Key.Key_K)
    gui.wait_until(page.undo.isVisible, "it is stored", 10)
    answer.set_result(found)
    gui.wait_until(lambda: not page.shows_suspect, "the answer", 10)
    assert listed(page) == [(2, 1200), (3, 144), (3, 100)]
    gui.click(page.undo)
    gui.wait_until(lambda: len(listed(page)) == 4, "it is asked about again", 10)


def test_undo_that_a_full_disk_refuses_can_be_tried_again(
    gui: GuiDriver, page: ReviewPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(gui, page)
    choose(gui, page, 0)
    key(gui, Qt.Key.Key_F)
    gui.wait_until(page.undo.isVisible, "it is stored", 10)

    def full(*_: object) -> None:
        raise sa.exc.OperationalError("UPDATE", {}, sqlite3.OperationalError("database or disk is full"))

    with monkeypatch.context() as patch:
        patch.setattr("core.project.journal.swap_rows", full)
        key(gui, Qt.Key.Key_Z, CTRL)
        gui.wait_until(lambda: "disk is full" in gui.said, "the reason", 10)
    assert page.undo.toolTip() == "Undo “Fix label, roof”."
    key(gui, Qt.Key.Key_Z, CTRL)
    gui.wait_until(lambda: len(listed(page)) == 4, "it is back", 10)
    np.testing.assert_array_equal(label(gui, 2), truth())


def test_verdict_reads_only_the_picture_again_whose_pixels_it_changes(
    gui: GuiDriver, page: ReviewPage
) -> None:
    reloaded: list[object] = []
    gui.labelling._pictures.label_reloaded.connect(lambda: reloaded.append(gui.labelling.picture.id))
    check(gui, page)
    choose(gui, page, 0)
    key(gui, Qt.Key.Key_F)  # of picture 2, while 1 is on screen
    see(gui, page)
    key(gui, Qt.Key.Key_K)  # of picture 1
    gui.wait_until(lambda: page.undo.toolTip() == "Undo “Keep label, grass”.", "both are stored", 10)
    gui.wait(300)
    assert not reloaded
    gui.labelling.reload_pictures(frozenset((1,)))
    gui.wait_until(lambda: reloaded == [1], "a picture that did change", 10)


def test_nothing_is_said_of_a_picture_that_cannot_be_read(
    gui: GuiDriver, page: ReviewPage, folder: Path
) -> None:
    check(gui, page)
    (folder / "p1.png").write_bytes(b"no picture")
    suspects = page.label_check.suspects
    suspects.setFocus()
    suspects.select_row(0)
    gui.wait_until(lambda: page.suspect_view.picture._text not in ("", "Loading…"), "the reason", 10)
    for letter in (Qt.Key.Key_K, Qt.Key.Key_F):
        key(gui, letter)
    assert len(listed(page)) == 4
    key(gui, Qt.Key.Key_PageDown)
    assert page.suspect_view.place.text() == "4 of 4", "no size of the brush"


def test_chosen_suspect_is_read_before_those_that_follow(gui: GuiDriver, page: ReviewPage) -> None:
    check(gui, page)
    read: list[int] = []
    service, load = gui.session.label_check, gui.session.label_check._picture
    service._picture = lambda project, suspect, side: (  # type: ignore[method-assign]
        read.append(suspect.pixels),
        load(project, suspect, side),
    )[1]
    choose(gui, page, 0)
    gui.wait_until(lambda: len(read) == 3, "those that are read ahead", 10)
    assert read == [1200, 400, 144]


def test_place_is_forgotten_when_another_picture_is_asked_for_first(gui: GuiDriver, page: ReviewPage) -> None:
    gui.window.context._place_opener.open(3, PLACES[2])
    gui.labelling.show_picture(2)
    gui.wait_until(lambda: gui.labelling.picture.id == 2, "the other one", 10)
    gui.wait(50)
    gui.labelling.show_picture(3)
    gui.wait_until(lambda: gui.labelling.picture.id == 3, "the picture", 10)
    gui.wait(50)
    assert gui.canvas._overlays._highlight is None
