"""Labels that elide their text."""

from __future__ import annotations

import pytest

from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import ElidedLabel
from tests.desktop.conftest import show_widget

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")


def test_elided_label_paints_no_lone_ellipsis(qtbot, theme: Theme) -> None:
    for lines in (1, 2):
        text = ElidedLabel("Drag to paint, and more words than fit.", lines=lines)
        empty = ElidedLabel("", lines=lines)
        for part in (text, empty):
            part.setContentsMargins(GRID, 0, GRID, 0)
            show_widget(qtbot, part, 26, 40)
        assert text.grab().toImage() == empty.grab().toImage()
        assert text.toolTip() == text.text()


def test_tooltip_of_an_elided_label_goes_with_its_text(qtbot, theme: Theme) -> None:
    label = ElidedLabel("Drag to paint, and more words than fit.")
    show_widget(qtbot, label, 60, 40)
    label.grab()
    assert label.toolTip() == label.text()
    label.setText("Fits")
    label.grab()
    assert label.toolTip() == ""
    label.setToolTip("Something else")
    label.grab()
    assert label.toolTip() == "Something else"


def test_elided_label_wraps_before_it_elides(qtbot, theme: Theme) -> None:
    words = "Drag to paint. Right-drag erases."
    label = ElidedLabel(words, lines=2)
    show_widget(qtbot, label, 400, 40)
    assert label._elided(400) == words
    width = label.fontMetrics().horizontalAdvance("Right-drag erases.") + 2
    assert label._elided(width) == "Drag to paint.\nRight-drag erases."
    assert label._elided(width - 20).startswith("Drag to paint.\nRight-drag")
    assert label._elided(width - 20).endswith("…")
