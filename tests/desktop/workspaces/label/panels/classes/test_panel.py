"""The classes panel: selecting, adding, renaming, recolouring, scores and shares."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QColorDialog, QPushButton

from core.labels.class_list import UNLABELLED, VOID, ClassList
from desktop.theme.theme import Theme, apply_theme
from desktop.workspaces.label.panels.classes.panel import CLASS_PRESETS, ClassesPanel, ClassPresetButton
from desktop.workspaces.label.panels.classes.row_delegate import RowLayout, scroll_bar_width, share_text

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")

CLASSES = ClassList().with_class("road").with_class("tree").with_class("water")


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    return apply_theme(qapp, "light")


@pytest.fixture
def panel(qtbot, theme: Theme) -> ClassesPanel:
    made = ClassesPanel(theme)
    qtbot.addWidget(made)
    made.resize(304, 400)
    made.show()
    qtbot.waitExposed(made)
    made.set_classes(CLASSES)
    return made


def middle_of(panel: ClassesPanel, row: int, part: str) -> QPoint:
    rows = panel.list_view
    rect = rows.visualRect(rows.class_model.index(row))
    return getattr(RowLayout.in_rect(rect, scroll_bar_width(rows)), part).center()


def test_a_click_emits_the_class_and_a_setter_does_not(qtbot, panel: ClassesPanel) -> None:
    heard = []
    panel.class_chosen.connect(heard.append)
    panel.set_active(3)
    assert (heard, panel.list_view.active_value()) == ([], 3)
    QTest.mouseClick(
        panel.list_view.viewport(),
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
        middle_of(panel, 1, "name"),
    )
    assert heard == [2]
    QTest.keyClick(panel.list_view, Qt.Key.Key_Down)
    assert heard == [2, 3]


def test_unlabelled_and_void_can_be_chosen_but_not_renamed(qtbot, panel: ClassesPanel) -> None:
    heard = []
    panel.class_chosen.connect(heard.append)
    panel.set_active(VOID)
    QTest.keyClick(panel.list_view, Qt.Key.Key_Up)
    assert heard == [UNLABELLED]
    QTest.keyClick(panel.list_view, Qt.Key.Key_F2)
    assert panel.list_view.state() != panel.list_view.State.EditingState


def test_the_selection_survives_a_new_list(panel: ClassesPanel) -> None:
    heard = []
    panel.set_active(2)
    panel.class_chosen.connect(heard.append)
    panel.set_classes(CLASSES.with_class("sky"))
    assert (panel.list_view.active_value(), heard) == (2, [])


def test_a_double_click_renames(qtbot, panel: ClassesPanel) -> None:
    at = middle_of(panel, 0, "name")
    left, plain = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QTest.mouseClick(panel.list_view.viewport(), left, plain, at)
    QTest.mouseDClick(panel.list_view.viewport(), left, plain, at)
    editor = panel.list_view.findChild(type(panel.name_field))
    editor.selectAll()
    QTest.keyClicks(editor, "  street   big ")
    with qtbot.waitSignal(panel.class_renamed) as renamed:
        QTest.keyClick(editor, Qt.Key.Key_Return)
    assert renamed.args == [1, "street big"]
    assert panel.list_view.class_model.classes == CLASSES, "the owner decides, then sets the list"


def test_an_unchanged_or_empty_name_requests_no_rename(qtbot, panel: ClassesPanel) -> None:
    model = panel.list_view.class_model
    with qtbot.assertNotEmitted(panel.class_renamed):
        assert not model.setData(model.index(0), " road ")
        assert not model.setData(model.index(0), "   ")
        assert not model.setData(model.index(3), "background")


def test_a_click_on_the_colour_opens_a_dialog_that_does_not_block(qtbot, panel: ClassesPanel) -> None:
    QTest.mouseClick(
        panel.list_view.viewport(),
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
        middle_of(panel, 1, "swatch"),
    )
    dialog = panel.list_view.findChild(QColorDialog)
    assert dialog is not None
    assert dialog.currentColor() == QColor(*CLASSES.classes[1].colour)
    dialog.setCurrentColor(QColor(1, 2, 3))
    with qtbot.waitSignal(panel.class_recoloured) as recoloured:
        dialog.accept()
    assert recoloured.args == [2, (1, 2, 3)]


def test_several_names_are_added_at_once(qtbot, panel: ClassesPanel) -> None:
    QTest.keyClicks(panel.name_field, " sky, tall  grass;, car ,")
    with qtbot.waitSignal(panel.classes_added) as added:
        QTest.keyClick(panel.name_field, Qt.Key.Key_Return)
    assert added.args == [["sky", "tall grass", "car"]]
    assert panel.name_field.text() == ""


def test_refused_names_stay_in_the_field(panel: ClassesPanel) -> None:
    panel.classes_added.connect(lambda _names: panel.show_error("There is already a class called “sky”."))
    QTest.keyClicks(panel.name_field, "sky, sky, car")
    QTest.keyClick(panel.name_field, Qt.Key.Key_Return)
    assert panel.name_field.text() == "sky, sky, car" and panel._error.isVisible()


def test_an_empty_field_shows_an_error_until_something_is_typed(qtbot, panel: ClassesPanel) -> None:
    with qtbot.assertNotEmitted(panel.classes_added):
        QTest.keyClicks(panel.name_field, " , ")
        QTest.keyClick(panel.name_field, Qt.Key.Key_Return)
    assert panel._error.isVisible()
    QTest.keyClicks(panel.name_field, "s")
    assert not panel._error.isVisible()


def test_a_low_window_shows_the_titles_of_presets_alone(qtbot, theme: Theme) -> None:
    def seen(height: int, *names: str) -> QImage:
        card = ClassPresetButton(theme, "Street", names)
        qtbot.addWidget(card)
        card.resize(240, height)
        return card.grab().toImage()

    whole = ClassPresetButton(theme, "Street", ("road",)).sizeHint().height()
    for height, same in ((whole, False), (whole - 12, False), (28, True), (22, True)):
        assert (seen(height, "road", "car") == seen(height, "sky", "tree")) == same, f"{height} pixels"


def test_an_empty_list_offers_presets(qtbot, panel: ClassesPanel) -> None:
    panel.set_classes(ClassList())
    cards = [card for card in panel.findChildren(QPushButton) if card.isVisible()]
    assert len(cards) == len(CLASS_PRESETS)
    with qtbot.waitSignal(panel.classes_added) as added:
        QTest.mouseClick(cards[0], Qt.MouseButton.LeftButton)
    assert added.args == [list(CLASS_PRESETS[0][1])]
    panel.set_classes(CLASSES)
    assert not cards[0].isVisible()


def test_scores_and_shares_are_painted_and_in_the_tooltip(panel: ClassesPanel) -> None:
    before = panel.list_view.viewport().grab().toImage()
    panel.set_scores({1: 0.93, 2: float("nan"), 99: 0.5})
    panel.set_shares({1: 0.312})
    assert panel.list_view.viewport().grab().toImage() != before
    tip = panel.list_view.class_model.index(0).data(Qt.ItemDataRole.ToolTipRole)
    assert "IoU 0.93" in tip and "31.2" in tip
    assert "IoU" not in panel.list_view.class_model.index(1).data(Qt.ItemDataRole.ToolTipRole)


def test_small_shares_are_not_rounded_to_zero() -> None:
    assert [share_text(share) for share in (0, 0.0004, 0.01, 0.312, 1)] == [
        "–",
        "<1 %",
        "1 %",
        "31 %",
        "100 %",
    ]


def test_the_chosen_row_is_painted_in_both_themes(panel: ClassesPanel, theme: Theme) -> None:
    panel.set_active(1)
    rect = panel.list_view.visualRect(panel.list_view.currentIndex())
    for choice in ("light", "dark"):
        theme.apply(choice)
        shown = panel.list_view.viewport().grab().toImage()
        assert shown.pixelColor(rect.left() + 12, rect.center().y()) == theme.colour("accent_soft")
    theme.apply("light")


def test_254_classes_are_listed(panel: ClassesPanel) -> None:
    many = ClassList()
    for n in range(254):
        many = many.with_class(f"class number {n}")
    panel.set_classes(many)
    panel.set_active(254)
    assert panel.list_view.class_model.rowCount() == 256
    assert panel.list_view.visualRect(panel.list_view.currentIndex()).intersects(
        panel.list_view.viewport().rect()
    )
