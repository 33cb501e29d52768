"""The filmstrip: only visible thumbnails cost anything."""

from dataclasses import dataclass, field

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QHelpEvent, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip

from desktop.theme.theme import Theme, apply_theme
from desktop.workspaces.label.panels.filmstrip import Filmstrip
from desktop.workspaces.label.panels.thumbnail_strip import (
    CACHE_SIZE,
    COLUMN_WIDTH,
    THUMBNAIL_SIZE,
    picture_summary,
)

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")


@dataclass(frozen=True)
class Card:
    id: int
    name: str = "picture.png"
    status: str = "new"
    labelled_share: float = 0.0
    uncertainty: float | None = None


@dataclass
class Folder:
    """A source that records which rows were requested. Ids are rows plus 1000."""

    total: int
    asked: list[int] = field(default_factory=list)

    def count(self) -> int:
        return self.total

    def record(self, row: int) -> Card:
        assert 0 <= row < self.total
        self.asked.append(row)
        states = ("new", "in progress", "done", "to review", "skipped")
        return Card(row + 1000, f"picture {row}.png", states[row % 5], 0.4 if row % 5 == 1 else 0.0)

    def row_of(self, picture_id: int) -> int | None:
        return picture_id - 1000 if 1000 <= picture_id < 1000 + self.total else None


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    return apply_theme(qapp, "light")


@pytest.fixture
def strip(qtbot, theme: Theme) -> Filmstrip:
    made = Filmstrip(theme)
    qtbot.addWidget(made)
    made.resize(900, made.sizeHint().height())
    made.show()
    qtbot.waitExposed(made)
    return made


def paint(strip: Filmstrip) -> QImage:
    return strip.thumbnails.viewport().grab().toImage()


def test_only_visible_rows_of_100_000_pictures_are_requested(strip: Filmstrip) -> None:
    folder = Folder(100_000)
    strip.set_source(folder)
    strip.set_current(1000 + 70_000)
    folder.asked.clear()
    paint(strip)
    assert len(folder.asked) <= 900 // COLUMN_WIDTH + 3
    assert 70_000 in folder.asked
    assert set(folder.asked) <= set(range(69_980, 70_020))


def test_thumbnails_are_requested_once_and_only_while_visible(qtbot, strip: Filmstrip) -> None:
    wanted: list[int] = []
    strip.thumbnail_requested.connect(wanted.append)
    strip.set_source(Folder(500))
    paint(strip)
    paint(strip)
    assert wanted == sorted(set(wanted)) and 1000 in wanted
    assert max(wanted) < 1000 + 900 // COLUMN_WIDTH + 2


def test_a_thumbnail_is_shown(strip: Filmstrip) -> None:
    strip.set_source(Folder(3))
    red = QImage(200, 150, QImage.Format.Format_RGB32)
    red.fill(QColor(200, 10, 10))
    strip.set_thumbnail(1000, red)
    centre = strip.thumbnails._rect_of(0).center()
    assert paint(strip).pixelColor(centre) == QColor(200, 10, 10)
    strip.clear_thumbnails()
    assert paint(strip).pixelColor(centre) != QColor(200, 10, 10)


def test_a_broken_picture_has_a_warning_sign_and_a_tooltip(
    strip: Filmstrip, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(QToolTip, "showText", lambda _place, words, *_rest: told.append(words))
    strip.set_source(Folder(3))
    strip.set_current(1000)
    waiting = paint(strip)
    strip.set_error(1000, "“a<b.png” cannot be opened: the file is empty.")
    place = strip.thumbnails._rect_of(0)
    assert paint(strip).copy(place) != waiting.copy(place), "it does not look like one that is still to come"
    middle = place.center()
    QApplication.sendEvent(strip.thumbnails.viewport(), QHelpEvent(QEvent.Type.ToolTip, middle, middle))
    assert "picture 0.png" in told[0] and "a&lt;b.png” cannot be opened: the file is empty." in told[0]
    assert strip.thumbnails.accessibleDescription().endswith("the file is empty.")
    strip.set_thumbnail(1000, QImage(4, 4, QImage.Format.Format_RGB32))
    strip.clear_thumbnails()
    assert paint(strip).copy(place) == waiting.copy(place)


def test_old_thumbnails_are_dropped_and_requested_again(strip: Filmstrip) -> None:
    strip.set_source(Folder(3))
    small = QImage(4, 4, QImage.Format.Format_RGB32)
    paint(strip)
    strip.set_thumbnail(1000, small)
    for n in range(CACHE_SIZE):
        strip.set_thumbnail(5000 + n, small)
    wanted: list[int] = []
    strip.thumbnail_requested.connect(wanted.append)
    paint(strip)
    assert wanted == [1000]


def test_a_click_chooses_and_a_gap_does_not(qtbot, strip: Filmstrip) -> None:
    strip.set_source(Folder(20))
    chosen: list[int] = []
    strip.picture_chosen.connect(chosen.append)
    left, plain = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QTest.mouseClick(strip.thumbnails.viewport(), left, plain, strip.thumbnails._rect_of(2).center())
    QTest.mouseClick(
        strip.thumbnails.viewport(), left, plain, strip.thumbnails._rect_of(2).topRight() + QPoint(4, 5)
    )
    assert chosen == [1002]


def test_the_current_picture_is_scrolled_to_and_framed(strip: Filmstrip, theme: Theme) -> None:
    strip.set_source(Folder(400))
    for row in (399, 0, 200):
        strip.set_current(1000 + row)
        rect = strip.thumbnails._rect_of(row)
        assert strip.thumbnails.viewport().rect().contains(rect)
        assert paint(strip).pixelColor(rect.center().x(), rect.top() - 2) == theme.colour("focus")
    strip.set_current(None)
    assert paint(strip).pixelColor(rect.center().x(), rect.top() - 2) != theme.colour("focus")


def test_a_current_picture_hidden_by_the_filter(strip: Filmstrip) -> None:
    strip.set_source(Folder(5))
    strip.set_current(77)
    paint(strip)
    strip.set_source(Folder(0))
    strip.set_empty_text("No picture is done yet.")
    paint(strip)


def test_the_wheel_scrolls_sideways(strip: Filmstrip) -> None:
    strip.set_source(Folder(400))
    where = QPointF(50, 20)
    turn = QWheelEvent(
        where,
        where,
        QPoint(),
        QPoint(0, -240),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(strip.thumbnails.viewport(), turn)
    assert strip.thumbnails.horizontalScrollBar().value() == 240
    assert strip.thumbnails.visible_rows().start == (240 - 8) // COLUMN_WIDTH


def test_home_and_end(strip: Filmstrip) -> None:
    strip.set_source(Folder(40))
    chosen: list[int] = []
    strip.picture_chosen.connect(chosen.append)
    QTest.keyClick(strip.thumbnails, Qt.Key.Key_End)
    QTest.keyClick(strip.thumbnails, Qt.Key.Key_Home)
    assert chosen == [1039, 1000]


def test_added_rows_extend_the_scroll_range(strip: Filmstrip) -> None:
    folder = Folder(2)
    strip.set_source(folder)
    assert strip.thumbnails.horizontalScrollBar().maximum() == 0
    folder.total = 1000
    strip.refresh()
    assert strip.thumbnails.horizontalScrollBar().maximum() > 900 * COLUMN_WIDTH
    assert len(strip.thumbnails.visible_rows()) > 5


def test_filter_and_order_are_only_requested(qtbot, strip: Filmstrip) -> None:
    asked: list[str] = []
    strip.filter_changed.connect(asked.append)
    strip.order_changed.connect(asked.append)
    strip.set_filter("review")
    strip.set_order("uncertainty")
    assert asked == []
    QTest.keyClick(strip.filter, Qt.Key.Key_Up)
    QTest.keyClick(strip.order, Qt.Key.Key_Up)
    assert asked == ["done", "name"]


def test_done_is_counted(strip: Filmstrip) -> None:
    strip.set_done(12, 1367)
    assert strip.done_text.text() == "12 of 1,367 done"
    assert (strip.progress_bar.value(), strip.progress_bar.maximum()) == (12, 1367)
    strip.set_done(0, 0)
    assert strip.done_text.text() == ""
    assert not strip.progress_bar.isVisible()


def test_every_status_has_its_own_mark(strip: Filmstrip) -> None:
    strip.set_source(Folder(5))
    shown = paint(strip)
    corners = [strip.thumbnails._rect_of(row) for row in range(5)]
    marks = [
        shown.copy(r.right() - 20, r.top(), 20, 22).convertToFormat(QImage.Format.Format_RGB32)
        for r in corners
    ]
    assert len({bytes(mark.constBits()) for mark in marks}) == 5
    assert corners[0].size() == THUMBNAIL_SIZE


def test_a_picture_describes_itself() -> None:
    words = picture_summary(Card(1, "a.png", "to review", 0.25, 0.417))
    assert words.splitlines() == [
        "a.png",
        "To review",
        "25 % of the pixels labelled",
        "Uncertainty of the model 0.42",
    ]
