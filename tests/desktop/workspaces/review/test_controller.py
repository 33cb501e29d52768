"""The Review workspace: cards with masks, multiple selection, edits of many pictures, label check."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from core.project.records import Status
from desktop.tour.window_driver import CTRL, NO_MODIFIER, SHIFT
from desktop.workspaces.review.grid import ReviewGrid
from desktop.workspaces.review.page import ReviewPage
from tests.desktop.conftest import GuiDriver
from tests.factories import label_all, picture, predict, project_in

pytestmark = pytest.mark.qt_log_ignore("does not support")

COUNT = 12


@pytest.fixture
def page(gui: GuiDriver, tmp_path: Path) -> Iterator[ReviewPage]:
    """Twelve pictures: the first two labelled, all but the last predicted as class 2."""
    with project_in(tmp_path / "many", COUNT) as project:
        label_all(project, project.pictures.all()[:2])
        for picture_id in range(1, COUNT):
            predict(project, picture_id)
    gui.window.open_project(tmp_path / "many")
    gui.wait_until(lambda: gui.has_picture() and len(gui.session.pictures) == COUNT, "all pictures", 20)
    gui.window.actions_by_id["workspace_review"].trigger()
    page = gui.window.workspaces.review
    gui.wait_until(lambda: page.isVisible() and page.grid.next_missing() is None, "all cards", 20)
    yield page
    gui.window.actions_by_id["workspace_label"].trigger()


def test_letters_look_for_a_picture(page: ReviewPage) -> None:
    grid = page.grid
    grid.setFocus()
    QTest.keyClicks(grid, "p1")
    assert chosen(grid) == [2]
    QTest.keyClick(grid, "0")
    assert [grid._source.record(grid._source.row_of(i)).name for i in chosen(grid)] == ["p10.png"]


def test_pictures_of_one_name_are_told_apart_by_their_folders(gui: GuiDriver, tmp_path: Path) -> None:
    for name in ("Tile 1/images/a.png", "Tile 2/images/a.png", "Tile 2/images/b.png"):
        (tmp_path / "tiles" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(24, 16)).save(tmp_path / "tiles" / name)
    gui.window.open_project(tmp_path / "tiles")
    gui.wait_until(lambda: gui.has_picture() and len(gui.session.pictures) == 3, "all pictures", 20)
    gui.window.actions_by_id["workspace_review"].trigger()
    grid = gui.window.workspaces.review.grid
    gui.wait_until(
        lambda: [grid.name_at(row) for row in range(3)] == ["Tile 1/a.png", "Tile 2/a.png", "b.png"],
        "the names with folders",
    )
    gui.window.actions_by_id["workspace_label"].trigger()


def press(grid: ReviewGrid, row: int, modifiers: Qt.KeyboardModifier = NO_MODIFIER) -> None:
    QTest.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, modifiers, grid.rect_of(row).center())


def chosen(grid: ReviewGrid) -> list[int]:
    return sorted(grid.selection)


def colour_at(grid: ReviewGrid, row: int, across: float) -> QColor:
    """The middle line of a card as it is on screen."""
    image: QImage = grid.viewport().grab().toImage()
    rect, ratio = grid.rect_of(row), image.devicePixelRatio()
    spot = QPointF(rect.left() + across * rect.width(), rect.top() + grid.card_size.height() / 2) * ratio
    return QColor(image.pixel(spot.toPoint()))


def test_cards_show_the_chosen_layer(gui: GuiDriver, page: ReviewPage) -> None:
    classes = gui.session.editing.classes
    plain: dict[str, QColor] = {}
    for layer in ("none", "label", "prediction", "difference"):
        page.layer_buttons[layer].click()
        QApplication.processEvents()
        plain[layer] = colour_at(page.grid, 0, 0.3)

    def nearer(layer: str, value: int) -> bool:
        """Whether the layer moved the picture towards the colour of a class."""
        known = classes.by_value(value)
        assert known is not None
        far, near = (
            sum(abs(a - b) for a, b in zip(c.getRgb()[:3], known.colour, strict=True))
            for c in (plain["none"], plain[layer])
        )
        return near < far / 1.5

    assert nearer("label", 1) and not nearer("label", 2)
    assert nearer("prediction", 2) and not nearer("prediction", 1)
    assert plain["difference"].red() > 180 and plain["difference"].green() < 100
    bare = {
        layer: colour_at(page.grid, COUNT - 1, 0.3)
        for layer in plain
        if not page.layer_buttons[layer].click()
    }
    assert len({colour.name() for colour in bare.values()}) == 1, "nobody has said anything of the last one"


def test_selection_with_click_ctrl_and_shift(page: ReviewPage) -> None:
    grid = page.grid
    press(grid, 1)
    assert chosen(grid) == [2]
    press(grid, 4, SHIFT)
    assert chosen(grid) == [2, 3, 4, 5]
    press(grid, 3, CTRL)
    assert chosen(grid) == [2, 3, 5]
    assert page.selection_text.text() == f"3 of {COUNT} selected"
    QTest.keyClick(grid, Qt.Key.Key_A, CTRL)
    assert len(grid.selection) == COUNT and not page.select_all.isEnabled()
    QTest.keyClick(grid, Qt.Key.Key_Escape)
    assert chosen(grid) == [] and not page.accept.isEnabled()


def test_keyboard_reaches_every_picture(gui: GuiDriver, page: ReviewPage) -> None:
    grid = page.grid
    QTest.keyClick(grid, Qt.Key.Key_Home)
    assert chosen(grid) == [1]
    QTest.keyClick(grid, Qt.Key.Key_Right)
    assert chosen(grid) == [2]
    QTest.keyClick(grid, Qt.Key.Key_Down, SHIFT)
    assert chosen(grid) == list(range(2, 3 + grid.columns))
    QTest.keyClick(grid, Qt.Key.Key_Space)
    assert chosen(grid) == list(range(2, 2 + grid.columns))
    QTest.keyClick(grid, Qt.Key.Key_End)
    assert chosen(grid) == [COUNT]
    QTest.keyClick(grid, Qt.Key.Key_Return)
    gui.wait_until(lambda: gui.page.isVisible() and gui.labelling.picture.id == COUNT, "that picture", 10)


def test_a_double_click_opens_a_picture(gui: GuiDriver, page: ReviewPage) -> None:
    spot = page.grid.rect_of(2).center()
    QTest.mouseDClick(page.grid.viewport(), Qt.MouseButton.LeftButton, NO_MODIFIER, spot)
    gui.wait_until(lambda: gui.page.isVisible() and gui.labelling.picture.id == 3, "that picture", 10)


def test_predictions_of_the_selection_are_accepted_and_undone(gui: GuiDriver, page: ReviewPage) -> None:
    press(page.grid, 2)
    press(page.grid, 4, SHIFT)
    gui.click(page.accept_done)
    gui.wait_until(page.undo.isVisible, "the deed", 10)
    assert gui.said == "3 pictures changed."
    statuses = [gui.session.pictures.get(i).status for i in (3, 4, 5, 6)]
    assert statuses == [Status.DONE] * 3 + [Status.NEW]
    gui.wait_until(lambda: page.grid.next_missing() is None, "cards as they are now", 10)
    gui.click(page.undo)
    gui.wait_until(lambda: not gui.session.pictures.get(4).is_labelled, "it is taken back", 10)
    gui.wait_until(lambda: gui.said == "3 pictures reverted.", "the words for it", 10)
    assert not page.undo.isVisible()


def test_open_picture_follows_edits_of_many(gui: GuiDriver, page: ReviewPage) -> None:
    gui.window.actions_by_id["workspace_label"].trigger()
    gui.labelling.show_picture(7)
    gui.wait_until(lambda: gui.labelling.picture.id == 7, "the picture", 10)
    gui.dab(0.5)
    painted = gui.labelled_pixels
    assert 0 < painted < gui.label_values.size
    gui.window.actions_by_id["workspace_review"].trigger()
    press(page.grid, 6)
    gui.click(page.accept)
    gui.wait_until(
        lambda: gui.labelled_pixels == gui.label_values.size, "the accepted label under the hand", 10
    )
    assert (gui.label_values == 1).sum() == painted, "what was painted stays"


def test_status_is_set_for_the_selection(gui: GuiDriver, page: ReviewPage) -> None:
    press(page.grid, 0)
    press(page.grid, 1, SHIFT)
    (skip,) = [a for a in page.mark.menu().actions() if a.text() == "Skipped"]
    skip.trigger()
    gui.wait_until(page.undo.isVisible, "the deed", 10)
    assert [gui.session.pictures.get(i).status for i in (1, 2, 3)] == [Status.SKIPPED] * 2 + [Status.NEW]


def test_empty_selection_and_missing_predictions(gui: GuiDriver, page: ReviewPage) -> None:
    assert not page.accept.isEnabled() and not page.mark.isEnabled()
    press(page.grid, COUNT - 1)
    gui.click(page.accept)
    gui.wait_until(lambda: "There is no prediction" in gui.said, "the reason", 10)
    assert gui.said.startswith("Nothing had to be changed.") and not page.undo.isVisible()


def test_label_check_lists_suspect_pictures(gui: GuiDriver, page: ReviewPage) -> None:
    gui.click(page.label_check.check)
    gui.wait_until(lambda: page.label_check.buttons, "what it found", 10)
    (line,) = page.label_check.buttons
    assert line.accessibleName() == "grass predicted as roof, 6,144 pixels in 2 pictures"
    gui.click(line)
    assert [page.grid._source.record(row).id for row in range(page.grid._source.count())] == [1, 2]
    assert page.filter.currentText() == "grass suspect" and page.order.currentData() == "doubt"
    gui.click(page.label_check.show_all)
    assert page.grid._source.count() == COUNT and page.filter.currentData() == "all"


def test_filters_and_an_empty_result(gui: GuiDriver, page: ReviewPage) -> None:
    page.filter.setCurrentIndex(page.filter.findData("labelled"))
    page.filter.activated.emit(page.filter.currentIndex())
    assert page.grid._source.count() == 2
    page.filter.setCurrentIndex(page.filter.findData("skipped"))
    page.filter.activated.emit(page.filter.currentIndex())
    assert page.grid._source.count() == 0 and "Choose another" in page.grid.empty_text
    page.filter.set_filter("all")
    page.filter.activated.emit(page.filter.currentIndex())


def test_ctrl_and_the_wheel_change_the_size(page: ReviewPage) -> None:
    before, columns = page.size_slider.value(), page.grid.columns
    for turn in (120, 120, 120, 120):
        middle = QPointF(200, 200)
        page.grid.wheelEvent(
            QWheelEvent(
                middle, page.grid.mapToGlobal(middle), QPoint(), QPoint(0, turn), Qt.MouseButton.NoButton,
                CTRL, Qt.ScrollPhase.NoScrollPhase, False,
            )
        )  # fmt: skip
    assert page.size_slider.value() == before + 80 and page.grid.columns < columns
    page.size_slider.setValue(before)


def test_narrow_window_hides_the_size_slider(gui: GuiDriver, page: ReviewPage) -> None:
    gui.window.resize(960, 640)
    gui.wait(50)
    for segment in page.layer_buttons.values():
        assert segment.width() >= segment.minimumWidth()
    for part in (page.accept, page.accept_done, page.mark, page.select_all):
        assert part.width() >= part.sizeHint().width() and page.rect().contains(part.mapTo(page, QPoint()))
    gui.window.resize(1280, 800)
