"""Names that people give are shown as they are in tooltips and menus."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF
from PySide6.QtGui import QHelpEvent, Qt, QTextDocument
from PySide6.QtWidgets import QApplication, QToolTip

from desktop.theme.theme import Theme
from desktop.widgets.controls import ElidedLabel
from desktop.widgets.legend import CurveLegend, LegendEntry
from desktop.widgets.plain_text import menu_text, plain_tooltip
from tests.desktop.conftest import show_widget


def shown(tooltip: str) -> str:
    """What Qt shows of a tooltip."""
    if not Qt.mightBeRichText(tooltip):
        return tooltip
    document = QTextDocument()
    document.setHtml(tooltip)
    return document.toPlainText()


@pytest.mark.parametrize(
    "name",
    ["road", "<b>road</b>", "a & b", "1 < 2\nand <p>more</p>", "<img src=x>", "&lt;", "two  spaces & <i>"],
)
def test_a_tooltip_shows_the_name_as_it_is(name: str) -> None:
    assert shown(plain_tooltip(name)) == name


def test_an_ampersand_stays_in_a_menu() -> None:
    assert menu_text("salt & pepper && more") == "salt && pepper &&&& more"


def test_elided_labels_and_legends_show_names_as_they_are(qtbot, theme: Theme) -> None:
    name = "<b>a long name of a class</b> & more"
    label = ElidedLabel(name)
    show_widget(qtbot, label, 60, 20)
    label.grab()
    assert shown(label.toolTip()) == name
    legend = CurveLegend(theme)
    legend.set_entries([LegendEntry("key", name, "text", hint=name)])
    show_widget(qtbot, legend, 300, 20)
    place = legend.places(300)[0][0].center()
    at = legend.mapToGlobal(QPointF(place)).toPoint()
    QApplication.sendEvent(legend, QHelpEvent(QEvent.Type.ToolTip, QPoint(place.toPoint()), at))
    assert shown(QToolTip.text()) == name
    QToolTip.hideText()
