"""The Data workspace: numbers list their pictures, splits are one undo step, near-duplicates."""

from __future__ import annotations

import itertools

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from core.project.records import Split, Status
from desktop.theme.theme import apply_theme
from desktop.tour.window_driver import CTRL
from desktop.workspaces.data.near_duplicates import PAGE_SIZE, NearDuplicatesCard, PairMember, PairRow
from desktop.workspaces.data.page import DataPage
from tests.desktop.conftest import GuiDriver

pytestmark = pytest.mark.qt_log_ignore("does not support")


@pytest.fixture
def page(gui: GuiDriver) -> DataPage:
    return gui.window.workspaces.data


def look(gui: GuiDriver) -> None:
    gui.window.actions_by_id["workspace_data"].trigger()
    gui.wait_until(gui.window.workspaces.data.isVisible, "the Data workspace")


def follow(gui: GuiDriver, number: QPushButton) -> tuple[str, list[str]]:
    """Click on a number: the filter that is chosen then, and the pictures in the strip."""
    gui.wait_until(lambda: number.isEnabled() and number.isVisible(), "a number to click on")
    gui.window.workspaces.data.area.ensureWidgetVisible(number)
    gui.click(number)
    return seen(gui)


def seen(gui: GuiDriver) -> tuple[str, list[str]]:
    gui.wait_until(gui.page.isVisible, "the Label workspace")
    source = gui.page.filmstrip.thumbnails._source
    names = [source.record(row).name for row in range(source.count())]
    return gui.page.filmstrip.filter.currentText(), names


def test_an_image_size_lists_its_pictures(gui: GuiDriver, page: DataPage) -> None:
    look(gui)
    gui.wait_until(lambda: len(page.sizes.buttons) == 1, "the sizes", 10)
    (line,) = page.sizes.buttons
    assert line.text().startswith("96 × 64: ") and not page.sizes.more.isVisible()
    filter_, names = follow(gui, line)
    assert filter_ == "96 × 64" and "p0.png" in names


def test_image_sizes_beyond_the_limit_are_counted(page: DataPage) -> None:
    page.sizes.set_sizes([((10 + n, 10), 1) for n in range(9)])
    assert len(page.sizes.buttons) == 6 and page.sizes.more.text() == "3 more sizes"
    page.sizes.set_sizes(())
    assert page.sizes.isHidden()


def test_counts_classes_and_findings_list_their_pictures(gui: GuiDriver, page: DataPage) -> None:
    gui.dab(0.5)
    second = gui.session.pictures.ids()[1]
    gui.session.editing.set_status(second, Status.DONE)
    gui.session.editing.set_split(second, Split.VAL)
    look(gui)
    line = page.findings.buttons
    gui.wait_until(lambda: "empty done" in line, "a finding")
    assert line["empty done"].text() == "1 picture marked as done without a label."
    assert follow(gui, line["empty done"]) == ("Done without label", ["p1.png"])
    gui.wait_until(lambda: gui.record.name == "p1.png", "its picture")

    look(gui)
    gui.wait_until(lambda: page.classes.item(0, 4).text() == "1", "the count of a class")
    page.area.ensureWidgetVisible(page.classes)
    place = page.classes.visualItemRect(page.classes.item(0, 0)).center()
    QTest.mouseClick(page.classes.viewport(), Qt.MouseButton.LeftButton, pos=place)
    gui.wait_until(gui.page.isVisible, "the Label workspace")
    assert seen(gui) == ("With grass", ["p0.png"])
    look(gui)
    page.classes.setFocus()
    page.classes.setCurrentCell(1, 0)
    QTest.keyClick(page.classes, Qt.Key.Key_Return)
    gui.wait_until(lambda: seen(gui) == ("With roof", []), "the class nobody painted")

    look(gui)
    gui.wait_until(lambda: page.splits.cells[Split.VAL, Status.DONE].text() == "1", "the table")
    assert follow(gui, page.splits.cells[Split.VAL, Status.DONE]) == ("Validation, Done", ["p1.png"])
    look(gui)
    assert not page.splits.cells[Split.TEST, None].isEnabled()
    assert follow(gui, page.splits.cells[None, Status.NEW]) == ("Without a split, New", ["p2.png"])
    gui.page.filmstrip.filter.showPopup()
    gui.page.filmstrip.filter.hidePopup()
    assert gui.page.filmstrip.filter.currentText() == "Without a split, New"
    look(gui)
    gui.wait_until(page._counts["pictures"].isEnabled, "the count of all")
    assert follow(gui, page._counts["pictures"]) == ("All pictures", ["p0.png", "p1.png", "p2.png"])


def test_a_split_is_planned_applied_and_undone_in_one_step(gui: GuiDriver, page: DataPage) -> None:
    look(gui)
    page.area.ensureWidgetVisible(page.splits.split)
    gui.click(page.splits.split)
    dialog = gui.window.context.data_controller.split_controller.dialog
    assert dialog is not None
    gui.wait_until(dialog.split.isEnabled, "the plan")
    assert dialog.split.text() == "Split 3 pictures"
    assert [dialog.table.item(0, x).text()[0] for x in (1, 2, 3)] == ["1", "1", "1"]
    for box in dialog.shares.values():
        box.setValue(0)
    gui.wait_until(lambda: "70,15,15" in dialog.plan.text(), "what is wrong with no shares")
    assert not dialog.split.isEnabled()
    dialog.shares["test"].setValue(1)
    gui.wait_until(dialog.split.isEnabled, "the plan again")
    assert dialog.table.item(0, 3).text().startswith("3 ")
    gui.click(dialog.split)
    index = gui.session.pictures
    gui.wait_until(lambda: all(index.get(i).split == Split.TEST for i in index.ids()), "the split")
    gui.wait_until(lambda: not dialog.isVisible() and "Undo" in gui.said, "the end of the dialog")
    gui.wait_until(lambda: page.splits.cells[Split.TEST, None].text() == "3", "the new counts")
    gui.wait_until(lambda: "Split 3 pictures" in gui.page.option_bar.undo.toolTip(), "its name in undo")
    gui.window.actions_by_id["workspace_label"].trigger()
    gui.key(Qt.Key.Key_Z, CTRL)
    gui.wait_until(lambda: all(index.get(i).split is None for i in index.ids()), "no split again")


def test_near_duplicates_are_listed_opened_moved_and_skipped(gui: GuiDriver, page: DataPage) -> None:
    card, index = page.near_duplicates, gui.session.pictures
    first, second, _third = index.ids()
    gui.session.editing.set_split(first, Split.TRAIN)
    gui.session.editing.set_split(second, Split.VAL)
    look(gui)
    page.area.ensureWidgetVisible(card.find_button)
    gui.click(card.find_button)
    gui.wait_until(lambda: "1 pair of near-duplicates in different splits" in card.summary.text(), "the leak")
    assert len(card.pair_widgets) == 3
    line = card.pair_widgets[0]
    assert (line.pair.one.id, line.pair.two.id, line.same_split.toolTip()) == (
        first,
        second,
        "Moves p0.png into validation.",
    )
    gui.wait_until(
        lambda: all(t._image is not None for t in card.pair_widgets[0].thumbnails), "both thumbnails"
    )
    gui.wait_until(card.pair_widgets[0].same_split.isVisible, "the lines in their places")
    page.area.ensureWidgetVisible(card.pair_widgets[0].same_split)
    gui.click(card.pair_widgets[0].same_split)
    gui.wait_until(lambda: index.get(first).split == Split.VAL, "both on one side")
    gui.wait_until(lambda: "none in different splits" in card.summary.text(), "no leak any more")
    gui.wait_until(card.pair_widgets[0].skip.isVisible, "the lines in their places")
    gone = card.pair_widgets[0].pair.skip_candidate.id
    page.area.ensureWidgetVisible(card.pair_widgets[0].skip)
    gui.click(card.pair_widgets[0].skip)
    gui.wait_until(lambda: index.get(gone).status == Status.SKIPPED, "one skipped")
    gui.wait_until(lambda: len(card.pair_widgets) == 1, "the pair that is left")
    gui.wait_until(card.pair_widgets[0].isVisible, "it in its place")
    left = card.pair_widgets[0].pair
    assert gone not in (left.one.id, left.two.id)
    page.area.ensureWidgetVisible(card.pair_widgets[0].thumbnails[1])
    gui.click(card.pair_widgets[0].thumbnails[1])
    gui.wait_until(lambda: gui.page.isVisible() and gui.record.id == left.two.id, "the picture")


def test_tiny_regions_are_counted_on_request(gui: GuiDriver, page: DataPage) -> None:
    look(gui)
    page.area.ensureWidgetVisible(page.findings.find_tiny)
    gui.click(page.findings.find_tiny)
    gui.wait_until(lambda: "tiny" in page.findings.buttons, "the answer")
    assert page.findings.buttons["tiny"].text() == "No region has fewer than 16 pixels."
    assert not page.findings.buttons["tiny"].isEnabled()
    gui.window.close_project()
    assert page.findings.buttons == {} or not page.findings.isVisible()


def test_search_for_near_duplicates_shows_progress_and_can_be_cancelled(
    gui: GuiDriver, page: DataPage
) -> None:
    look(gui)
    card, heard = page.near_duplicates, []
    card.cancel_requested.connect(lambda: heard.append("cancel"))
    card.set_running((3, 1000))
    assert card.summary.text() == "Compared 3 of 1,000 pictures…" and card.progress.value() == 3
    page.area.ensureWidgetVisible(card.find_button)
    assert card.find_button.text() == "Cancel"
    gui.click(card.find_button)
    assert heard == ["cancel"]
    card.clear()
    assert (card.find_button.text(), card.progress.isVisible()) == ("Find near-duplicates", False)


def test_show_more_adds_pairs(qtbot: QtBot, qapp: QApplication) -> None:
    card = NearDuplicatesCard(apply_theme(qapp, "light"))
    qtbot.addWidget(card)
    sides = [PairMember(n, f"p{n}.png", "train") for n in range(31)]
    pairs = [PairRow(one, two, 0.99, "", two) for one, two in itertools.pairwise(sides)]
    wanted: list[int] = []
    card.thumbnail_requested.connect(wanted.append)
    card.set_pairs(pairs, "30 pairs")
    assert len(card.pair_widgets) == PAGE_SIZE and set(wanted) == set(range(PAGE_SIZE + 1))
    kept = list(card.pair_widgets)
    card.set_pairs(list(pairs), "30 pairs")
    assert card.pair_widgets == kept
    for count in (2 * PAGE_SIZE, 30):
        assert not card.more.isHidden()
        card.more.click()
        assert len(card.pair_widgets) == count
    assert card.more.isHidden()
