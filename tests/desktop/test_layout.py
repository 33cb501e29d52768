"""Pages and panels fit into a window of 1280 by 800 pixels, the side column into a lower one."""

from __future__ import annotations

import itertools

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from core.labels.class_list import ClassList
from desktop.canvas.rendering.layer_style import LayerState
from desktop.shell.top_bar import TopBar
from desktop.shell.welcome_page import WelcomePage
from desktop.theme.theme import Theme
from desktop.widgets.controls import ElidedLabel
from desktop.workspaces.data.page import DataPage
from desktop.workspaces.label.panels.filmstrip import Filmstrip
from desktop.workspaces.label.panels.option_bar import OptionBar
from desktop.workspaces.label.panels.side_column import SideColumn
from desktop.workspaces.label.panels.tool_strip import ToolStrip
from desktop.workspaces.train.page import TrainPage
from desktop.workspaces.train.runs.runs_table import RunRow
from tests.desktop.conftest import show_widget

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")

CLASSES = ClassList().with_class("road").with_class("tree")


def clipped(root: QWidget) -> list[str]:
    """Words that have less room than they need; Elided ones shorten themselves."""
    found = []
    for part in [*root.findChildren(QLabel), *root.findChildren(QPushButton)]:
        if not part.isVisible() or isinstance(part, ElidedLabel) or not part.text():
            continue
        if isinstance(part, QLabel) and part.wordWrap():
            fits = part.height() >= part.heightForWidth(part.width())
        else:
            fits = (
                part.width() >= part.sizeHint().width() and part.height() >= part.minimumSizeHint().height()
            )
        if not fits:
            found.append(f"{part.text()!r}: {part.size()} instead of {part.sizeHint()}")
    return found


@pytest.mark.parametrize("phase", ["idle", "training"])
def test_nothing_overlaps_in_the_side_column_of_a_low_window(qtbot, theme: Theme, phase: str) -> None:
    box = QWidget()
    side = SideColumn(theme)
    side.setParent(box)
    side.setGeometry(0, 0, 304, 528)
    side.training.set_curves([(0, 0.2), (60, 0.5)], {}, CLASSES)
    side.training.set_state(phase, seconds=9, seconds_left=99, stage="Fitting the head")
    side.training.set_auto_start(True, "Starts when three pictures carry labels of two classes.")
    show_widget(qtbot, box, 304, 528)
    panel = side.training
    parts = (panel.score, panel.chart, panel.hint, panel.progress, panel.stage, panel.train_button)
    parts += (panel.stop_button, panel.auto_start, panel.auto_start_rule)
    bounds = [part.geometry() for part in parts if part.isVisible()]
    assert len(bounds) >= 4
    assert all(above.bottom() < below.top() for above, below in itertools.pairwise(bounds))
    assert bounds[-1].bottom() < panel.auto_start.parentWidget().height()


def test_no_text_is_clipped_at_1280_by_800(qtbot, actions: dict[str, QAction], theme: Theme) -> None:
    side = SideColumn(theme)
    side.classes.set_classes(CLASSES)
    side.classes.show_error("There is already a class called “road”; choose another name.")
    side.layers.set_layers(LayerState())
    side.training.set_curves([(0, 0.2), (60, 0.5)], {}, CLASSES)
    side.training.set_state(
        "training", device="cuda:0", seconds=9, seconds_left=99, message="The rest is slow."
    )
    side.training.set_auto_start(True, "Starts when three pictures carry labels of two classes.")
    strip = Filmstrip(theme)
    strip.set_done(99_999, 100_000)
    bar = OptionBar(actions, theme)
    bar.set_tool("Polygon", "A long line of help that is shortened where there is no room for it.", 2000)
    top = TopBar(actions, theme)
    top.set_project("a project with a very long name that goes on and on and on and on and on")
    top.set_saved("failed", "the disk is full")
    train = TrainPage(theme)
    train.set_runs([RunRow(1, "Today", "cpu", 1, "Failed")])
    data = DataPage(theme)
    data.set_counts({"pictures": 100_000, "train": 80_000})
    data.set_location("The project lives in " + "/a/long/path" * 12 + ".")
    for widget, width, height in (
        (side, side.width(), 728),
        (strip, 928, strip.sizeHint().height()),
        (bar, 928, 40),
        (top, 1280, 44),
        (train, 1280, 728),
        (data, 1280, 728),
        (WelcomePage(theme), 1280, 728),
        (ToolStrip(actions, theme), 48, 728),
    ):
        show_widget(qtbot, widget, width, height)
        qtbot.wait(1)
        assert clipped(widget) == [], type(widget).__name__
        assert widget.minimumSizeHint().width() <= width, type(widget).__name__
        assert widget.minimumSizeHint().height() <= height, type(widget).__name__
