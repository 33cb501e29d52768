"""The history panel: its entries, previews, going back, and a refused undo."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from core.base.geometry import Box
from core.labels.label_map import LabelMap, Origin
from core.project.project import HOME_FOLDER, PROJECT_FILE
from core.project.records import EditRecord
from desktop.theme.theme import apply_theme
from desktop.tour.window_driver import CTRL, SHIFT
from desktop.workspaces.label.panels.history import HistoryPanel, age_text
from tests.desktop.conftest import GuiDriver
from tests.factories import picture_folder, stroke

pytestmark = pytest.mark.qt_log_ignore("does not support")


def opened(gui: GuiDriver, count: int) -> HistoryPanel:
    panel = gui.page.side_column.history
    if not panel.isVisible():
        gui.key(Qt.Key.Key_H, CTRL)
    gui.wait_until(lambda: len(panel.list.history_model.entries) == count, f"{count} entries", 10)
    return panel


def states(panel: HistoryPanel) -> list[tuple[str, bool]]:
    return [(entry.name, entry.undone) for entry in panel.list.history_model.entries]


def test_a_stroke_can_be_undone_before_the_disk_has_answered(gui: GuiDriver) -> None:
    undo = gui.window.actions_by_id["undo"]
    QTest.mouseClick(gui.canvas, Qt.MouseButton.LeftButton, pos=gui.position_of(0.3, 0.5))
    assert gui.labelling.edit_queue.pending == 1 and gui.labelled_pixels
    assert undo.isEnabled() and "Brush stroke" in undo.text()
    undo.trigger()
    gui.wait_until(lambda: not gui.labelled_pixels, "no stroke", 60)
    gui.wait_until(lambda: not undo.isEnabled(), "nothing to undo", 60)


def test_a_stroke_that_cannot_be_stored_leaves_the_screen_with_a_message(
    gui: GuiDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Were it kept for ever, closing would ask, and nobody is there to answer.
    monkeypatch.setattr(QMessageBox, "warning", lambda *_: QMessageBox.StandardButton.Discard)
    gui.dab(0.2)
    kept = gui.label_values.copy()
    with closing(sqlite3.connect(gui.session.folder / HOME_FOLDER / PROJECT_FILE)) as raw:
        raw.execute(
            "CREATE TRIGGER never BEFORE INSERT ON edits WHEN NEW.class_value = 2 "
            "BEGIN SELECT RAISE(ABORT, 'class 2 is not taken'); END"
        )
    gui.key(Qt.Key.Key_2)
    QTest.mouseClick(gui.canvas, Qt.MouseButton.LeftButton, pos=gui.position_of(0.5, 0.5))
    assert 2 in gui.label_values
    gui.wait_until(lambda: np.array_equal(gui.label_values, kept), "what is stored", 10)
    assert "p0.png could not be saved and is lost" in gui.said
    assert gui.window.top_bar.saved.text.text().startswith("Not saved")
    assert not gui.labelling.edit_queue.is_blocked and gui.labelling.edit_queue.pending == 0
    gui.key(Qt.Key.Key_1)
    gui.dab(0.8)
    assert gui.window.top_bar.saved.text.text() == "Saved"
    gui.window.actions_by_id["undo"].trigger()
    gui.wait_until(lambda: np.array_equal(gui.label_values, kept), "the newest stroke taken back", 10)


def test_it_lists_strokes_marks_and_classes_newest_first_and_follows(gui: GuiDriver) -> None:
    gui.dab(0.2)
    panel = opened(gui, 1)
    assert not gui.page.classes.isVisible()
    gui.dab(0.5)
    gui.key(Qt.Key.Key_D, CTRL)
    gui.session.editing.add_classes(["road"])
    opened(gui, 4)
    assert [name for name, _ in states(panel)] == [
        "Add road",
        "Mark as done",
        "Brush stroke, grass",
        "Brush stroke, grass",
    ]
    details = [panel.list.history_model.details(entry) for entry in panel.list.history_model.entries]
    assert details[:2] == ["just now · all pictures", "just now"]
    assert details[2].endswith("pixels · painted")
    gui.key(Qt.Key.Key_Escape)
    gui.click(panel.close_button)
    assert gui.page.classes.isVisible() and not gui.page.option_bar.history.isChecked()


def test_pointing_at_an_entry_frames_its_pixels(gui: GuiDriver) -> None:
    gui.dab(0.2, 0.8)
    panel = opened(gui, 2)
    plain = gui.canvas.grab().toImage()
    left = panel.list.history_model.entries[1]
    assert left.box.x1 < 60
    QTest.mouseMove(panel.list.viewport(), panel.list.visualRect(panel.list.history_model.index(1)).center())
    gui.wait_until(lambda: gui.canvas.grab().toImage() != plain, "the frame", 5)
    shown = gui.canvas.grab().toImage()
    changed = [
        x
        for x in range(0, plain.width(), 2)
        for y in range(0, plain.height(), 2)
        if plain.pixel(x, y) != shown.pixel(x, y)
    ]
    assert changed and max(changed) < gui.position_of(0.6, 0).x()
    gui.key(Qt.Key.Key_H, CTRL)
    gui.wait_until(lambda: gui.canvas.grab().toImage() == plain, "no frame", 5)
    opened(gui, 2)
    gui.canvas.zoom_at(QPointF(gui.position_of(0.2, 0.5)), 16)
    spot = gui.position_of(0.8, 0.5)
    assert not gui.canvas.rect().contains(spot)
    at = panel.list.visualRect(panel.list.history_model.index(0)).center()
    QTest.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert gui.canvas.rect().contains(gui.position_of(0.8, 0.5)), "a click brings the place into sight"


def test_pointing_at_an_entry_previews_the_label_after_it(gui: GuiDriver) -> None:
    for x in (0.2, 0.5, 0.8):
        gui.dab(x)
    panel = opened(gui, 3)
    now, spot = gui.label_values.copy(), gui.position_of(0.8, 0.5)
    painted = gui.canvas.grab().toImage().pixel(spot)

    def shown() -> int:
        return gui.canvas.grab().toImage().pixel(spot)

    first = panel.list.visualRect(panel.list.history_model.index(2)).center()
    QTest.mouseMove(panel.list.viewport(), first)
    gui.wait_until(lambda: shown() != painted, "the label without the last stroke", 5)
    np.testing.assert_array_equal(gui.label_values, now)
    QApplication.sendEvent(panel.list, QEvent(QEvent.Type.Leave))
    assert shown() == painted, "the pointer has left the list"

    panel.list.setCurrentIndex(panel.list.history_model.index(2))
    gui.wait_until(lambda: shown() != painted, "the same with the keyboard", 5)
    gui.dab(0.35)
    assert shown() == painted, "who paints sees what is painted on"
    gui.wait_until(lambda: len(panel.list.history_model.entries) == 4, "the new stroke", 10)
    assert panel.list.selected() is None

    panel.list.setCurrentIndex(panel.list.history_model.index(3))
    gui.wait_until(lambda: shown() != painted, "the label of then again", 5)
    gui.key(Qt.Key.Key_Z, CTRL)
    gui.wait_until(lambda: panel.list.selected() is None, "undo seen on the label as it is", 10)
    assert shown() == painted


def test_going_back_and_forward_are_undo_and_redo_steps(gui: GuiDriver) -> None:
    after: list[np.ndarray] = []
    for x in (0.2, 0.4, 0.6, 0.8):
        gui.dab(x)
        after.append(gui.label_values.copy())
    panel = opened(gui, 4)
    panel.list.setCurrentIndex(panel.list.history_model.index(3))
    gui.click(panel.revert_button)
    gui.wait_until(
        lambda: [undone for _, undone in states(panel)] == [True, True, True, False], "the way", 10
    )
    np.testing.assert_array_equal(gui.label_values, after[0])
    assert panel.revert_button.isEnabled() is False
    assert "Redo “Brush stroke, grass”" in gui.page.option_bar.redo.toolTip()

    at = panel.list.visualRect(panel.list.history_model.index(1)).center()
    QTest.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert panel.revert_button.text() == "Go forward to here"
    QTest.mouseDClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=at)
    gui.wait_until(
        lambda: [undone for _, undone in states(panel)] == [True, False, False, False], "forward", 10
    )
    np.testing.assert_array_equal(gui.label_values, after[2])
    gui.key(Qt.Key.Key_Z, CTRL | SHIFT)
    gui.wait_until(lambda: np.array_equal(gui.label_values, after[3]), "redo goes on from there", 10)


def test_a_refused_undo_is_reported_and_blocks_nothing(gui: GuiDriver) -> None:
    """A merge cannot be undone from here while another picture that it touched has been edited since."""
    gui.dab(0.2)
    other = gui.session.pictures.ids()[2]
    labels = LabelMap.blank(96, 64)
    editing = gui.session.editing
    editing.commit(other, stroke(labels, 1, (10, 10), (30, 30))).result(10)
    editing.merge_class(1, 2).result(10)
    editing.commit(other, stroke(labels, 2, (50, 30), (70, 30))).result(10)
    gui.wait_until(lambda: 2 in gui.label_values, "the merged pixels", 10)
    merged = gui.label_values.copy()
    gui.key(Qt.Key.Key_2)
    gui.dab(0.5, 0.8)

    panel = opened(gui, 4)
    panel.list.setCurrentIndex(panel.list.history_model.index(3))
    gui.click(panel.revert_button)
    gui.wait_until(lambda: "p2.png has been edited since" in panel.note.text(), "the reason in the panel", 10)
    gui.wait_until(
        lambda: [undone for _, undone in states(panel)] == [True, True, False, False], "two steps", 10
    )
    np.testing.assert_array_equal(gui.label_values, merged)

    gui.window.show_message("")
    assert "Merge" in gui.page.option_bar.undo.toolTip()
    gui.key(Qt.Key.Key_Z, CTRL)
    gui.wait_until(lambda: "p2.png has been edited since" in gui.said, "the reason in the status line", 10)
    np.testing.assert_array_equal(gui.label_values, merged)
    gui.dab(0.7)
    assert gui.labelled_pixels > np.count_nonzero(merged)


def test_undo_of_a_merge_brings_the_pixels_back_also_in_a_picture_shown_meanwhile(gui: GuiDriver) -> None:
    gui.dab(0.3)
    first, second = gui.session.pictures.ids()[:2]
    editing = gui.session.editing
    labels = LabelMap.blank(96, 64)
    editing.commit(second, stroke(labels, 1, (10, 10), (30, 30))).result(10)
    editing.merge_class(1, 2).result(10)
    gui.wait_until(
        lambda: 1 not in gui.label_values and 2 in gui.label_values, "the merged pixels on screen", 10
    )
    # Undo is asked for one picture, and the next is asked for before it is done.
    QTest.keyClick(gui.canvas, Qt.Key.Key_Z, CTRL)
    QTest.keyClick(gui.canvas, Qt.Key.Key_D)
    gui.wait_until(lambda: gui.labelling.picture.id == second, "the next picture", 10)
    gui.wait_until(
        lambda: 1 in gui.label_values and 2 not in gui.label_values, "its pixels as before the merge", 10
    )
    gui.key(Qt.Key.Key_A)
    gui.wait_until(
        lambda: gui.labelling.picture.id == first and 1 in gui.label_values, "the first picture", 10
    )


def test_a_stroke_made_while_the_label_is_read_again_is_not_lost(gui: GuiDriver) -> None:
    gui.dab(0.3)
    scale = gui.canvas.scale
    gui.canvas.zoom_by(1.5)
    gui.session.editing.merge_class(1, 2).result(10)
    gui.key(Qt.Key.Key_2)
    gui.labelling.reload()
    QTest.mouseClick(gui.canvas, Qt.MouseButton.LeftButton, pos=gui.canvas.rect().center())
    painted = gui.labelled_pixels
    gui.wait_until_saved(2)
    gui.wait_until(lambda: 1 not in gui.label_values, "the merged pixels", 10)
    gui.wait(100)
    assert gui.labelled_pixels == painted
    assert gui.canvas.scale > scale, "the view stays where it is"
    shown = gui.labelling.picture.id
    assert shown is not None
    np.testing.assert_array_equal(gui.session.loader.load(shown).result(10).labels, gui.label_values)


def entry(n: int, **changes: object) -> EditRecord:
    plain = EditRecord(
        n, 1, f"Stroke {n}", "brush", 1, Box(0, 0, 4, 4), 16, 0.5, Origin.PAINTED, None, now_less(0), False
    )
    return replace(plain, **changes)


def now_less(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


@pytest.fixture
def panel(qtbot: QtBot, qapp: QApplication) -> HistoryPanel:
    made = HistoryPanel(apply_theme(qapp, "light"))
    qtbot.addWidget(made)
    made.resize(304, 600)
    made.show()
    qtbot.waitExposed(made)
    return made


def test_a_thinned_entry_is_listed_and_blocks_going_back(panel: HistoryPanel, qtbot: QtBot) -> None:
    panel.set_entries([entry(3), entry(2, thinned=True, origin=Origin.ACCEPTED, run_id=4), entry(1)])
    model = panel.list.history_model
    assert "kept, cannot be undone" in model.details(model.entries[1])
    assert "accepted from run 4" in model.details(model.entries[1])
    assert [model.steps_to(each) for each in model.entries] == [0, 1, 0]
    panel.list.setCurrentIndex(model.index(2))
    assert not panel.revert_button.isEnabled() and "cannot be undone" in panel.revert_button.toolTip()
    panel.list.setCurrentIndex(model.index(1))
    with qtbot.waitSignal(panel.revert_requested) as asked:
        QTest.keyClick(panel.list, Qt.Key.Key_Return)
    assert asked.args[0].id == 2


def test_a_thousand_entries_keep_selection_and_scroll_position(panel: HistoryPanel) -> None:
    many = [entry(n) for n in range(1000, 0, -1)]
    panel.set_entries(many)
    panel.list.setCurrentIndex(panel.list.history_model.index(700))
    place = panel.list.verticalScrollBar().value()
    panel.set_entries([entry(1001), *many])
    chosen = panel.list.selected()
    assert chosen is not None and chosen.id == 300
    assert panel.list.verticalScrollBar().value() == place > 0
    assert panel.list.history_model.steps_to(chosen) == 701


def test_age_as_text() -> None:
    moment = datetime.now(UTC)
    said = [
        age_text((moment - timedelta(seconds=s)).isoformat(), moment)
        for s in (5, 130, 7300, 90000, 3 * 86400, -4)
    ]
    assert said == ["just now", "2 min ago", "2 h ago", "yesterday", "3 days ago", "just now"]
    assert age_text("2020-05-04T12:00:00+00:00", moment) == "2020-05-04"


def test_an_empty_history_says_so_in_both_themes(panel: HistoryPanel, qapp: QApplication) -> None:
    for choice in ("light", "dark"):
        theme = apply_theme(qapp, choice)
        shown = panel.list.viewport().grab().toImage()
        colours = {shown.pixel(x, y) for x in range(0, 280) for y in range(0, 40)}
        assert len(colours) > 1, theme.choice
    apply_theme(qapp, "light")


def test_a_folder_without_edits(gui: GuiDriver, tmp_path: Path) -> None:
    panel = opened(gui, 0)
    assert not panel.revert_button.isEnabled()
    gui.window.open_project(picture_folder(tmp_path / "other"))
    gui.wait_until(lambda: gui.window.context is not None and gui.session.name == "other", "it", 20)
    assert not panel.isVisible(), "another project begins with its classes in sight"
