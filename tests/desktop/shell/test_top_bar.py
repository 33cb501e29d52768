"""Around the canvas: layers, status line, option bar, tools, top bar, welcome, data; nothing is clipped."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, QRect, Qt, QUrl
from PySide6.QtGui import QAction, QContextMenuEvent, QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QPushButton, QSpinBox, QToolButton, QWidget

from core.labels.class_list import ClassList
from core.tools.brush import Brush
from core.tools.region import RegionTool
from core.tools.registry import create_tools
from core.tools.shapes.polygon import Polygon
from core.tools.smart.wand import Wand
from core.tools.tool_options import ToolOptions
from desktop.actions.catalog import build_actions
from desktop.canvas.rendering.layer_style import LayerState
from desktop.shell.top_bar import TopBar
from desktop.shell.welcome_page import WelcomePage
from desktop.theme.theme import GRID, Theme, apply_theme
from desktop.widgets.controls import ElidedLabel
from desktop.widgets.status_bar import StatusBar, format_duration
from desktop.workspaces.data.page import ClassCount, DataPage
from desktop.workspaces.label.panels.filmstrip import Filmstrip
from desktop.workspaces.label.panels.layers import LayersPanel
from desktop.workspaces.label.panels.option_bar import MAX_SIZE, MIN_SIZE, OptionBar
from desktop.workspaces.label.panels.side_column import SideColumn
from desktop.workspaces.label.panels.tool_strip import TOOL_GROUPS, ToolStrip
from desktop.workspaces.train.page import RunRow, TrainPage

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")

CLASSES = ClassList().with_class("road").with_class("tree")


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    return apply_theme(qapp, "light")


@pytest.fixture
def actions(qtbot, theme: Theme) -> Iterator[dict[str, QAction]]:
    window = QWidget()
    qtbot.addWidget(window)
    yield build_actions(window, theme)  # the window lives as long as its actions


def shown(qtbot, widget: QWidget, width: int, height: int) -> None:
    qtbot.addWidget(widget)
    widget.resize(width, height)
    widget.show()
    qtbot.waitExposed(widget)


def test_layers_tell_what_the_user_moves_and_not_what_is_set(qtbot, theme: Theme) -> None:
    panel = LayersPanel(theme)
    qtbot.addWidget(panel)
    heard: list[LayerState] = []
    panel.layers_changed.connect(heard.append)
    state = LayerState(label_opacity=0.7, prediction_opacity=0.2, prediction_visible=False)
    panel.set_layers(state)
    assert heard == []
    assert panel.layers() == state
    panel._eyes["prediction"].click()
    panel._sliders["label"].setValue(40)
    assert heard[0].prediction_visible
    assert heard[1].label_opacity == 0.4
    panel._eyes["label"].click()
    assert not heard[2].label_visible and heard[2].label_opacity == 0.4
    assert not panel._sliders["label"].isEnabled()


def test_the_status_line_answers_in_one_line(qtbot, theme: Theme) -> None:
    line = StatusBar(theme)
    qtbot.addWidget(line)
    line.set_pixel(812, 344, "road", "painted", "fence", 0.54, (3, 7))
    assert line.pixel.text() == "x 812  y 344  ·  road (3, painted)  ·  predicted fence (7) 54 %"
    line.set_pixel(0, 0, "unlabelled")
    assert line.pixel.text() == "x 0  y 0  ·  unlabelled"
    line.set_pixel()
    assert line.pixel.text() == ""
    line.set_zoom(1)
    assert line.zoom.text() == "100 %  ·  100 px = 100 picture px"
    line.set_zoom(0.0345)
    assert line.zoom.text() == "3.5 %  ·  100 px = 2899 picture px"
    line.set_zoom(16)
    assert line.zoom.text() == "1600 %  ·  100 px = 6.2 picture px"
    assert "100 pixels of the screen show 6.2 pixels" in line.zoom.toolTip()
    line.set_training("cuda:0", 7, 412.4, 40)
    assert line.training.text() == "cuda:0  ·  run 7  ·  412 pictures/s  ·  0:40 left"
    line.set_training()
    assert line.training.text() == ""


def test_clock() -> None:
    assert [format_duration(s) for s in (-1, 40, 125, 3720)] == ["0:00", "0:40", "2:05", "1:02:00"]


def test_the_size_of_the_brush(qtbot, actions: dict[str, QAction], theme: Theme) -> None:
    bar = OptionBar(actions, theme)
    shown(qtbot, bar, 900, 40)
    heard: list[int] = []
    bar.size_changed.connect(heard.append)
    bar.set_tool("Brush", "Paint.", 30)
    assert (bar.size_field.value(), heard) == (30, [])
    bar.size_field.setValue(64)
    bar.size_slider.setValue(bar.size_slider.maximum())
    bar.size_slider.setValue(bar.size_slider.minimum())
    assert heard == [64, MAX_SIZE, MIN_SIZE]
    bar.set_size(200)
    near = bar.size_slider.value()
    bar.size_slider.setValue(near + 1)
    assert 195 <= heard[-1] <= 205, "slider and number agree"
    bar.set_tool("Fill", "Fill.", None)
    assert not bar.size_slider.isVisible() and not bar.size_field.isVisible()


def test_what_the_option_bar_shows_is_whole_at_any_width(
    qtbot, actions: dict[str, QAction], theme: Theme
) -> None:
    bar = OptionBar(actions, theme)
    options = ToolOptions()
    for tool in (Brush(), Polygon(), RegionTool()):
        for width in (1100, 748, 608):
            shown(qtbot, bar, width, 40)
            radius = tool.radius(options)
            bar.set_tool(tool.title, tool.help_line, None if radius is None else 30)
            bar.controls.show_controls([c for c in tool.controls if c.name != "pressure"], options)
            QApplication.processEvents()
            parts = [
                *bar.findChildren(QComboBox),
                *bar.findChildren(QToolButton),
                bar.tool_name,
                bar.size_field,
            ]
            parts = [part for part in parts if part.isVisible()]
            assert bar.undo in parts and bar.redo in parts
            for part in parts:
                place = QRect(part.mapTo(bar, part.rect().topLeft()), part.size())
                assert bar.rect().contains(place), (
                    f"{tool.title} at {width}: {part.accessibleName()} sticks out"
                )
                text = part.currentText() if isinstance(part, QComboBox) else ""
                needed = part.fontMetrics().horizontalAdvance(text) + 5 * GRID
                assert not text or part.width() >= needed, f"{tool.title} at {width}: “{text}” is cut off"
    shown(qtbot, bar, 1100, 40)
    bar.set_tool("Brush", "Paint.", 30)
    assert bar.size_slider.isVisible() and bar.history.isVisible(), "with room all of it comes back"


def test_the_name_of_a_number_is_whole_or_not_there(qtbot, actions: dict[str, QAction], theme: Theme) -> None:
    page, wand = QWidget(), Wand()  # on its own a bar would not become narrower than its parts
    bar = OptionBar(actions, theme, page)
    shown(qtbot, page, 1100, 40)
    for width in (1100, 640, 600, 570):
        bar.resize(width, 40)
        bar.set_tool(wand.title, wand.help_line, None)
        bar.controls.show_controls(wand.controls, ToolOptions())
        QApplication.processEvents()
        name, number = (bar.controls.widget("tolerance").findChild(kind) for kind in (QLabel, QSpinBox))
        assert name.isVisible() or width < 1100
        assert not name.isVisible() or name.width() >= name.sizeHint().width(), f"cut at {width}"
        assert name.text() in number.toolTip() and number.accessibleName() == name.text()


def test_a_narrow_bar_keeps_the_help_and_lets_the_slider_go(
    qtbot, actions: dict[str, QAction], theme: Theme
) -> None:
    bar = OptionBar(actions, theme)
    shown(qtbot, bar, 1100, 40)
    said = "Drag to paint. Right-drag erases. Shift+click draws a straight line from where the last stroke ended."
    bar.set_tool("Brush", said, 30)
    assert bar.size_name.isVisible() and bar.size_slider.isVisible()
    bar.resize(520, 40)
    assert bar.size_field.isVisible() and not bar.size_slider.isVisible() and not bar.size_name.isVisible()
    qtbot.waitUntil(lambda: bar.help.width() > 60)
    bar.help.grab()
    assert bar.help.toolTip() == said  # two lines are not enough for all of it
    bar.resize(1100, 40)
    assert bar.size_name.isVisible() and bar.size_slider.isVisible()
    assert bar.tool_name.toolTip() == said


def test_without_room_there_is_no_lone_ellipsis(qtbot, theme: Theme) -> None:
    for lines in (1, 2):
        text = ElidedLabel("Drag to paint, and more words than fit.", lines=lines)
        empty = ElidedLabel("", lines=lines)
        for part in (text, empty):
            part.setContentsMargins(GRID, 0, GRID, 0)
            shown(qtbot, part, 26, 40)
        assert text.grab().toImage() == empty.grab().toImage()
        assert text.toolTip() == text.text()


def test_words_break_into_two_lines_before_they_are_shortened(qtbot, theme: Theme) -> None:
    words = "Drag to paint. Right-drag erases."
    label = ElidedLabel(words, lines=2)
    shown(qtbot, label, 400, 40)
    assert label._elided(400) == words
    width = label.fontMetrics().horizontalAdvance("Right-drag erases.") + 2
    assert label._elided(width) == "Drag to paint.\nRight-drag erases."
    assert label._elided(width - 20).startswith("Drag to paint.\nRight-drag")
    assert label._elided(width - 20).endswith("…")


def test_undo_and_redo_say_what_they_touch(qtbot, actions: dict[str, QAction], theme: Theme) -> None:
    bar = OptionBar(actions, theme)
    qtbot.addWidget(bar)
    bar.set_undo_names("Brush stroke, road")
    assert actions["undo"].isEnabled() and "Brush stroke, road" in bar.undo.toolTip()
    assert not actions["redo"].isEnabled() and "Nothing to redo" in bar.redo.toolTip()
    assert bar.undo.text() == "" or bar.undo.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonIconOnly


def test_the_tool_strip_and_the_actions_are_one(qtbot, actions: dict[str, QAction], theme: Theme) -> None:
    strip = ToolStrip(actions, theme)
    shown(qtbot, strip, 48, 700)
    QTest.mouseClick(strip.buttons["tool_eraser"], Qt.MouseButton.LeftButton)
    assert actions["tool_eraser"].isChecked()
    actions["tool_fill"].trigger()
    assert strip.buttons["tool_fill"].isChecked() and not strip.buttons["tool_eraser"].isChecked()
    assert all(button.accessibleName() for button in strip.findChildren(QToolButton))


def test_tools_of_a_family_share_a_button(qtbot, actions: dict[str, QAction], theme: Theme) -> None:
    strip = ToolStrip(actions, theme)
    shown(qtbot, strip, 48, 700)
    assert {key for family in TOOL_GROUPS for key in family} == {*create_tools(), "pick_class"}
    button = strip.buttons["tool_lasso"]
    assert button is strip.buttons["tool_polygon"] and button.defaultAction() is actions["tool_polygon"]
    actions["tool_lasso"].trigger()
    assert button.defaultAction() is actions["tool_lasso"] and button.isChecked()
    actions["tool_brush"].trigger()
    assert not button.isChecked()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert actions["tool_lasso"].isChecked()
    assert [action.objectName() for action in button.menu().actions()] == list(TOOL_GROUPS[2])
    QApplication.sendEvent(
        button,
        QContextMenuEvent(QContextMenuEvent.Reason.Mouse, QPoint(5, 5), button.mapToGlobal(QPoint(5, 5))),
    )
    assert button.menu().isVisible()
    button.menu().close()


def test_the_top_bar_follows_the_workspace(qtbot, actions: dict[str, QAction], theme: Theme) -> None:
    bar = TopBar(actions, theme)
    shown(qtbot, bar, 1000, 44)
    bar.set_project("street")
    segments = {b.text(): b for b in bar.workspaces.findChildren(QPushButton)}
    actions["workspace_train"].trigger()
    assert segments["Train"].isChecked()
    QTest.mouseClick(segments["Data"], Qt.MouseButton.LeftButton)
    assert actions["workspace_data"].isChecked() and not segments["Train"].isChecked()
    bar.set_project(None)
    assert not bar.workspaces.isVisible() and not bar.saved.isVisible()


def test_saved_mark_and_recent_projects(qtbot, actions: dict[str, QAction], theme: Theme) -> None:
    bar = TopBar(actions, theme)
    qtbot.addWidget(bar)
    bar.set_saved("failed", "the disk is full")
    assert bar.saved.text.text() == "Not saved: the disk is full"
    assert bar.saved.text.property("role") == "warning"
    bar.set_saved("saved")
    assert bar.saved.text.text() == "Saved"
    assert not bar.recent.isEnabled()
    bar.set_recent(["/a & b", "/c"])
    with qtbot.waitSignal(bar.recent_chosen) as chosen:
        bar.recent.actions()[0].trigger()
    assert chosen.args == ["/a & b"]


def test_the_theme_button_asks_for_the_other_one(qtbot, actions: dict[str, QAction], theme: Theme) -> None:
    bar = TopBar(actions, theme)
    qtbot.addWidget(bar)
    actions["theme_dark"].triggered.connect(lambda: theme.apply("dark"))
    actions["theme_light"].triggered.connect(lambda: theme.apply("light"))
    bar.theme_button.click()
    assert theme.dark
    bar.theme_button.click()
    assert not theme.dark


def drop(page: WelcomePage, path: Path) -> None:
    carried = QMimeData()
    carried.setUrls([QUrl.fromLocalFile(str(path))])
    copy, left, plain = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(page, QDragEnterEvent(QPoint(9, 9), copy, carried, left, plain))
    assert page.drop_zone.highlighted
    QApplication.sendEvent(page, QDropEvent(QPointF(9, 9), copy, carried, left, plain))
    assert not page.drop_zone.highlighted


def test_a_folder_or_a_picture_in_it_can_be_dropped(qtbot, theme: Theme, tmp_path: Path) -> None:
    page = WelcomePage(theme)
    qtbot.addWidget(page)
    picture = tmp_path / "a.png"
    picture.write_bytes(b"")
    heard: list[Path] = []
    page.folder_chosen.connect(heard.append)
    drop(page, tmp_path)
    drop(page, picture)
    assert heard == [tmp_path, tmp_path]


def test_the_welcome_page_knows_recent_projects(qtbot, theme: Theme) -> None:
    page = WelcomePage(theme)
    shown(qtbot, page, 900, 700)
    page.set_recent([("street", "/pictures/street"), ("roots", "/pictures/roots")])
    page.set_recent([("street", "/pictures/street")])
    entry = next(
        b for b in page.findChildren(QPushButton) if b.accessibleName() == "street, /pictures/street"
    )
    with qtbot.waitSignal(page.folder_chosen) as chosen:
        QTest.mouseClick(entry, Qt.MouseButton.LeftButton)
    assert chosen.args == [Path("/pictures/street")]
    page.show_message("This folder holds no pictures; choose another one.")
    assert page.message.isVisible()
    with qtbot.waitSignal(page.open_requested):
        page.open.click()
    with qtbot.waitSignal(page.sample_requested):
        page.sample.click()


def test_the_data_page_counts(qtbot, theme: Theme) -> None:
    page = DataPage(theme)
    shown(qtbot, page, 1000, 700)
    assert page.empty_text.isVisible()
    page.set_counts({"pictures": 12345, "done": 7})
    assert page._counts["pictures"].text() == "12,345"
    assert page._counts["val"].text() == "0"
    page.set_classes(CLASSES, [ClassCount(1, 3000, 4)])
    cells = [[page.classes.item(y, x).text() for x in (0, 3, 2, 4)] for y in range(2)]
    assert cells == [["road", "3,000", "100.0 %", "4"], ["tree", "0", "–", "0"]]
    for button, signal in ((page.export, page.export_requested), (page.import_masks, page.import_requested)):
        with qtbot.waitSignal(signal):
            button.click()


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


def test_nothing_is_clipped_at_1280_by_800(qtbot, actions: dict[str, QAction], theme: Theme) -> None:
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
    train.set_runs([RunRow(1, "Today", "cpu", 1, None, "Failed")])
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
        shown(qtbot, widget, width, height)
        qtbot.wait(1)
        assert clipped(widget) == [], type(widget).__name__
        assert widget.minimumSizeHint().width() <= width, type(widget).__name__
        assert widget.minimumSizeHint().height() <= height, type(widget).__name__
