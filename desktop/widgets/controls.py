"""Small controls and layout helpers used everywhere: labels, buttons, sliders, rows and columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QEvent, QSize, Qt, SignalInstance
from PySide6.QtGui import (
    QFocusEvent,
    QFontMetrics,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QBoxLayout,
    QButtonGroup,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSlider,
    QStyledItemDelegate,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.theme.icons import set_themed_icon
from desktop.theme.theme import GRID, Theme
from desktop.widgets.input.key_claim import claim_keys
from desktop.widgets.input.wheel_guard import may_turn, note_aim, refuse_focus_of_wheel
from desktop.widgets.plain_text import plain_tooltip

PANEL_WIDTH = 304
MARGIN = 2 * GRID
FOLD_MARGIN = 4
"""Left of a panel whose heading begins with an arrow."""


def text_label(text: str = "", role: str = "", *, wrap: bool = False) -> QLabel:
    """A QLabel. Roles: heading, headline, muted-headline, muted, danger, warning, good.

    Plain text only: names may contain markup.
    """
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    if role:
        label.setProperty("role", role)
    if wrap:
        label.setWordWrap(True)
        label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    return label


def set_background(widget: QWidget, role: str) -> None:
    """Give a plain QWidget the background of a role: bar, panel or page."""
    widget.setProperty("role", role)
    widget.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)


def set_role(widget: QWidget, role: str) -> None:
    """Change the role, and so the style, of a widget that is already shown."""
    if widget.property("role") != role:
        widget.setProperty("role", role)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def button(text: str, role: str = "") -> QPushButton:
    """A push button. Roles: primary (one per page), quiet, row, segment."""
    made = QPushButton(text)
    if role:
        made.setProperty("role", role)
    return made


def explain_if_disabled(control: QAbstractButton, message: SignalInstance) -> bool:
    """Emit the tool tip of a button that is disabled, which says why: for actions that press it. Whether it is."""
    if not control.isEnabled():
        message.emit(control.toolTip())
    return not control.isEnabled()


def icon_button(
    icon: str, name: str, theme: Theme, size: int = 20, *, checkable: bool = False
) -> QToolButton:
    """A tool button with only an icon, reachable with Tab; `name` is its tooltip and accessible name."""
    made = QToolButton()
    made.setAccessibleName(name)
    made.setToolTip(name)
    made.setIconSize(QSize(size, size))
    made.setCheckable(checkable)
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    set_themed_icon(made, icon, theme, size)
    return made


def segmented_control(titles: Mapping[str, str], theme: Theme) -> tuple[QFrame, dict[str, QPushButton]]:
    """Buttons side by side of which exactly one is checked. titles: text by key. Returns frame and buttons by key."""
    frame = QFrame()
    frame.setProperty("role", "segments")
    frame.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    group = QButtonGroup(frame)
    metrics = QFontMetrics(theme.strong_font())
    made: dict[str, QPushButton] = {}
    for key, title in titles.items():
        segment = made[key] = button(title, "segment")
        segment.setCheckable(True)
        segment.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        # The checked one is bold: all are wide enough for that, so that nothing moves.
        segment.setMinimumWidth(metrics.horizontalAdvance(title) + 4 * GRID)
        group.addButton(segment)
    frame.setLayout(row(*made.values(), spacing=0, margins=(2, 2, 2, 2)))
    return frame, made


def hairline(vertical: bool = False) -> QFrame:
    line = QFrame()
    line.setProperty("role", "hairline")
    if vertical:
        line.setFixedWidth(1)
    else:
        line.setFixedHeight(1)
    return line


def row(
    *items: QWidget | QLayout | int | None, spacing: int = GRID, margins: tuple[int, ...] = (0, 0, 0, 0)
) -> QHBoxLayout:
    """A horizontal layout; None is a stretch, a number a gap in logical pixels."""
    return _fill(QHBoxLayout(), items, spacing, margins)  # type: ignore[return-value]


def column(
    *items: QWidget | QLayout | int | None, spacing: int = GRID, margins: tuple[int, ...] = (0, 0, 0, 0)
) -> QVBoxLayout:
    """A vertical layout; None is a stretch, a number a gap in logical pixels."""
    return _fill(QVBoxLayout(), items, spacing, margins)  # type: ignore[return-value]


def _fill(
    layout: QBoxLayout,
    items: tuple[QWidget | QLayout | int | None, ...],
    spacing: int,
    margins: tuple[int, ...],
) -> QBoxLayout:
    layout.setSpacing(spacing)
    layout.setContentsMargins(*margins)
    for item in items:
        if item is None:
            layout.addStretch(1)
        elif isinstance(item, int):
            layout.addSpacing(item)
        elif isinstance(item, QLayout):
            layout.addLayout(item)
        else:
            layout.addWidget(item)
    return layout


def scroll_area(inner: QWidget) -> QScrollArea:
    """A vertical scroll area around `inner`, which gets the width of the area."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(inner)
    return area


def card_page(cards: QLayout, width: int) -> QScrollArea:
    """A scrolling page of cards, centred and at most `width` wide."""
    middle = QWidget()
    middle.setMaximumWidth(width)
    middle.setLayout(cards)
    line = row(None, middle, None, margins=(3 * GRID,) * 4)
    line.setStretch(1, 1000)
    inner = QWidget()
    set_background(inner, "page")
    inner.setLayout(line)
    return scroll_area(inner)


class ComboBox(QComboBox):
    """The wheel scrolls the page behind it, and its list while that is open."""

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        event.ignore()


def combo_box(
    rows: Sequence[tuple[str, str]], name: str, role: str = "", box: ComboBox | None = None
) -> ComboBox:
    """A combo box of `rows` (key, title); `currentData()` is the key, `name` the accessible name."""
    box = ComboBox() if box is None else box
    box.setAccessibleName(name)
    refuse_focus_of_wheel(box)
    if role:
        box.setProperty("role", role)
    # The default delegate of a combo box ignores the stylesheet.
    box.setItemDelegate(QStyledItemDelegate(box))
    for key, title in rows:
        box.addItem(title, key)
    # The size hint ignores the padding of the stylesheet, so the longest title would be cut off.
    longest = max((box.fontMetrics().horizontalAdvance(title) for _key, title in rows), default=0)
    box.setMinimumWidth(longest + 5 * GRID)
    return box


class LevelSlider(QSlider):
    """A horizontal slider that claims the arrow keys while it has the focus; elsewhere they are shortcuts."""

    KEYS = frozenset((
        Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down,
        Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown,
    ))  # fmt: skip

    def __init__(self, low: int, high: int, name: str) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setRange(low, high)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def event(self, event: QEvent) -> bool:
        return claim_keys(event, self.KEYS) or super().event(event)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        super().focusInEvent(event)
        note_aim(self)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        super().mousePressEvent(event)
        note_aim(self)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        if may_turn(self, event):
            super().wheelEvent(event)


class ResettableSlider(LevelSlider):
    """A slider that a double click resets to its default value."""

    def __init__(self, low: int, high: int, default: int, name: str) -> None:
        super().__init__(low, high, name)
        self.default = default
        self.setValue(default)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self.setValue(self.default)
        event.accept()


class ElidedLabel(QLabel):
    """A label of one or two lines, elided to its width; the tooltip has the whole text."""

    def __init__(
        self,
        text: str = "",
        role: str = "",
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
        lines: int = 1,
    ) -> None:
        super().__init__()
        self._mode, self._lines = mode, lines
        self._whole_text = ""  # the tooltip, while the text is elided
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        if role:
            self.setProperty("role", role)
        self.setText(text)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(GRID * 3, super().minimumSizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        shown = self._elided(self.contentsRect().width())
        self._update_tooltip(is_elided=shown.replace("\n", " ") != self.text())
        self.style().drawItemText(
            painter,
            self.rect(),
            int(self.alignment()),
            self.palette(),
            self.isEnabled(),
            shown,
            self.foregroundRole(),
        )

    def _update_tooltip(self, *, is_elided: bool) -> None:
        whole = plain_tooltip(self.text()) if is_elided else ""
        if whole and self.toolTip() != whole:
            self.setToolTip(whole)
        elif not whole and self._whole_text and self.toolTip() == self._whole_text:
            self.setToolTip("")
        self._whole_text = whole

    def _elided(self, width: int) -> str:
        """The text elided to a width in pixels, broken between two words where there are two lines."""
        elide = self.fontMetrics().elidedText
        if self._lines == 1 or elide(self.text(), self._mode, width) == self.text():
            return _without_lone_ellipsis(elide(self.text(), self._mode, width))
        first, rest = "", self.text().split(" ")
        while len(rest) > 1 and self.fontMetrics().horizontalAdvance(f"{first} {rest[0]}".lstrip()) <= width:
            first = f"{first} {rest.pop(0)}".lstrip()
        last = elide(" ".join(rest), self._mode, width)
        return f"{first}\n{last}" if first else _without_lone_ellipsis(last)


def _without_lone_ellipsis(shortened: str) -> str:
    """An ellipsis without a single letter is dropped."""
    return "" if shortened == "…" else shortened
