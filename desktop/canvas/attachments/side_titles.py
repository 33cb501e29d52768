"""The titles of both sides of a comparison: two buttons above the canvas whose menus change a side."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton

from desktop.canvas.layered_image_widget import LayeredImageWidget
from desktop.canvas.rendering.compare_styles import SIDE_TITLES, CompareSide, Comparison

_DIVIDER_MARGIN = 16
_TOP_MARGIN = 12
_TOOLTIPS = (
    "Left side of the comparison: choose what it shows.",
    "Right side of the comparison: choose what it shows.",
)


class SideTitles(QObject):
    """Placed at the top of the line between both sides while there is a comparison. GUI thread.

    `comparison_chosen` carries a Comparison with other sides.
    """

    comparison_chosen = Signal(object)

    def __init__(self, canvas: LayeredImageWidget) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self.buttons = tuple(self._button(place) for place in range(2))
        canvas.content_changed.connect(self._update)
        canvas.installEventFilter(self)
        self._update()

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.Resize:
            self._update()
        return False

    def move_to_divider(self, across: int) -> None:
        """The line is at this widget pixel of the canvas."""
        left, right = self.buttons
        left.move(across - _DIVIDER_MARGIN - left.width(), _TOP_MARGIN)
        right.move(across + _DIVIDER_MARGIN, _TOP_MARGIN)

    def _button(self, place: int) -> QToolButton:
        made = QToolButton(self._canvas)
        made.setProperty("role", "over")
        made.setCursor(Qt.CursorShape.ArrowCursor)
        made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        made.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        made.setToolTip(_TOOLTIPS[place])
        # Clicks on the button must not reach the canvas below.
        made.setAttribute(Qt.WidgetAttribute.WA_NoMousePropagation)
        menu = QMenu(made)
        group = QActionGroup(menu)
        for side, title in SIDE_TITLES.items():
            action = menu.addAction(title)
            action.setCheckable(True)
            action.setData(side)
            group.addAction(action)
            action.triggered.connect(lambda _checked=False, side=side: self._choose(place, side))
        made.setMenu(menu)
        made.hide()
        return made

    def _choose(self, place: int, side: CompareSide) -> None:
        now = self._canvas.comparison or Comparison()
        self.comparison_chosen.emit(
            Comparison(side, now.right, now.divider)
            if place == 0
            else Comparison(now.left, side, now.divider)
        )

    def _update(self) -> None:
        shown = self._canvas.comparison
        for place, made in enumerate(self.buttons):
            made.setVisible(shown is not None and self._canvas.has_picture)
            if shown is None:
                continue
            side = (shown.left, shown.right)[place]
            for action in made.menu().actions():
                action.setChecked(action.data() == side)
            title = self._title(side)
            made.setText(title)
            made.setAccessibleName(f"Right side: {title}" if place else f"Left side: {title}")
            made.adjustSize()
            made.raise_()
        if shown is not None:
            width = self._canvas.width()
            self.move_to_divider(width // 2 if shown.divider is None else round(shown.divider * width))

    def _title(self, side: CompareSide) -> str:
        content = self._canvas.content
        if (
            side in (CompareSide.PREDICTION, CompareSide.DIFFERENCE)
            and content is not None
            and content.prediction is None
        ):
            return "No prediction yet"
        if side == CompareSide.LABEL and self._canvas.layers.label_alpha <= 0:
            return "Label, hidden"
        return SIDE_TITLES[side]
