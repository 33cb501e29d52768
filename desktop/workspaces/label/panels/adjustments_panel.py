"""The panel over the canvas that adjusts how the picture is shown: histogram, levels, gamma, contrast, channels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QSizePolicy, QWidget

from core.images.adjustments import Adjustments, Histogram
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import ResettableSlider, button, column, combo_box, icon_button, row, text_label

WIDTH = 37 * GRID
STEPS = 100
"""Steps of a slider for a range of 1."""
TITLES = (
    ("low", "Black"),
    ("high", "White"),
    ("gamma", "Gamma"),
    ("contrast", "Contrast"),
    ("brightness", "Brightness"),
)
CHANNEL_ROWS = (
    ("rgb", "All colours"),
    ("red", "Red"),
    ("green", "Green"),
    ("blue", "Blue"),
    ("grey", "Grey"),
)


class HistogramView(QWidget):
    """Frequency of each value by channel, with lines at the values that are shown black and white."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._histogram: Histogram | None = None
        self._ends = (0.0, 1.0)
        self.setAccessibleName("Histogram of the picture")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(7 * GRID)
        theme.changed.connect(self.update)

    def show_histogram(self, histogram: Histogram | None, low: float, high: float) -> None:
        self._histogram, self._ends = histogram, (low, high)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(self._theme.colour("line")))
        painter.setBrush(self._theme.colour("panel"))
        painter.drawRoundedRect(area, 6, 6)
        shown = self._histogram
        if shown is not None and shown.counts.any():
            painter.setPen(Qt.PenStyle.NoPen)
            is_grey = bool((shown.counts == shown.counts[0]).all())
            colours = ["#808086"] if is_grey else ["#e05555", "#4fae5c", "#5b7de8"]
            for counts, colour in zip(shown.counts, colours, strict=False):
                fill = QColor(colour)
                fill.setAlphaF(0.75 if is_grey else 0.5)
                painter.setBrush(fill)
                painter.drawPath(_area_path(np.sqrt(counts), area))
            painter.setPen(QPen(self._theme.colour("focus"), 1.5))
            for end in self._ends:
                x = area.left() + area.width() * (end - shown.low) / (shown.high - shown.low)
                if area.left() <= x <= area.right():
                    painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        painter.end()


class AdjustmentsPanel(QFrame):
    """Shows Adjustments; `adjustments_changed` carries new ones when the user moves something."""

    adjustments_changed = Signal(object)
    stretch_requested = Signal()
    close_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("role", "sheet")
        # Its parent is the canvas, which must not get the mouse events of the panel.
        self.setAttribute(Qt.WidgetAttribute.WA_NoMousePropagation)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self._adjustments = Adjustments()
        self._histogram: Histogram | None = None
        self.setAccessibleName("Brightness and contrast")
        self.histogram_view = HistogramView(theme)
        self.close_button = icon_button("close", "Close", theme, 16)
        self.close_button.clicked.connect(self.close_requested)
        self.stretch_button = button("Stretch")
        self.stretch_button.setToolTip(
            "Stretch contrast: the darkest values of the picture become black and the lightest white."
        )
        self.stretch_button.clicked.connect(self.stretch_requested)
        self.reset_button = button("Reset", "quiet")
        self.reset_button.setToolTip("Show the picture without adjustments.")
        self.reset_button.clicked.connect(lambda: self.adjustments_changed.emit(Adjustments()))
        self.sliders = {
            "low": ResettableSlider(0, STEPS, 0, "Black: values up to here are shown black"),
            "high": ResettableSlider(0, STEPS, STEPS, "White: values from here on are shown white"),
            "gamma": ResettableSlider(-STEPS, STEPS, 0, "Gamma: lightens or darkens the middle"),
            "contrast": ResettableSlider(-STEPS, STEPS, 0, "Contrast"),
            "brightness": ResettableSlider(-STEPS, STEPS, 0, "Brightness"),
        }
        self._numbers: dict[str, QLabel] = {}
        self.channels = combo_box(CHANNEL_ROWS, "Channels shown")
        self.channels.currentIndexChanged.connect(self._channels_changed)
        self.band_boxes = tuple(
            combo_box((), name)
            for name in ("Channel shown as red", "Channel shown as green", "Channel shown as blue")
        )
        for box in self.band_boxes:
            box.currentIndexChanged.connect(self._channels_changed)
        self._band_row = QWidget()
        self._band_row.setLayout(row(*self.band_boxes, spacing=4))
        title = text_label("View of the picture", "heading")
        title.setToolTip("Only the view changes: neither the file nor the input of the model.")
        layout = column(
            row(title, None, self.close_button),
            self.histogram_view,
            spacing=GRID // 2,
            margins=(2 * GRID, GRID, 2 * GRID, GRID),
        )
        for key, name in TITLES:
            layout.addLayout(self._row(key, name))
        layout.addWidget(self._band_row)
        layout.addLayout(row(self.channels, None, self.reset_button, self.stretch_button))
        self.setLayout(layout)
        self.setFixedWidth(WIDTH)
        self.set_adjustments(Adjustments(), None, 3)

    def set_adjustments(self, adjustments: Adjustments, histogram: Histogram | None, channels: int) -> None:
        """Show adjustments for a picture with so many channels; emits no `adjustments_changed`."""
        self._adjustments, self._histogram = adjustments, histogram
        low, high = (histogram.low, histogram.high) if histogram else (0.0, 1.0)
        for slider in self.sliders.values():
            slider.blockSignals(True)
        for key in ("low", "high"):
            self.sliders[key].setRange(round(low * STEPS), round(high * STEPS))
            self.sliders[key].setValue(round(getattr(adjustments, key) * STEPS))
        self.sliders["gamma"].setValue(round(np.log10(adjustments.gamma) * STEPS))
        self.sliders["contrast"].setValue(round(adjustments.contrast * STEPS))
        self.sliders["brightness"].setValue(round(adjustments.brightness * STEPS))
        for slider in self.sliders.values():
            slider.blockSignals(False)
        self._select(self.channels, adjustments.channels)
        self._show_bands(adjustments, channels)
        self._show_numbers()
        self.reset_button.setEnabled(not adjustments.is_identity)
        self.stretch_button.setEnabled(histogram is not None)
        self.histogram_view.show_histogram(histogram, adjustments.low, adjustments.high)
        self.adjustSize()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() == Qt.Key.Key_Escape:
            self.close_requested.emit()
        else:
            super().keyPressEvent(event)

    def _row(self, key: str, title: str) -> QHBoxLayout:
        name, number = text_label(title), text_label("", "muted")
        name.setFixedWidth(self.fontMetrics().horizontalAdvance("Brightness") + 4)
        number.setFixedWidth(self.fontMetrics().horizontalAdvance("−100 %") + 4)
        number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._numbers[key] = number
        slider = self.sliders[key]
        resets_to_middle = slider.default == 0 and key != "low"
        slider.setToolTip(
            "Double click resets to the middle." if resets_to_middle else "Double click resets to the end."
        )
        slider.valueChanged.connect(lambda value, key=key: self._slider_moved(key, value))
        return row(name, slider, number)

    def _slider_moved(self, key: str, value: int) -> None:
        changed: float = value / STEPS
        if key == "gamma":
            changed = float(10**changed)
        values: dict[str, Any] = {key: changed}
        adjustments = replace(self._adjustments, **values)
        # Black and white never cross: the one that is moved pushes the other.
        if adjustments.low >= adjustments.high and key == "low":
            adjustments = replace(adjustments, high=adjustments.low + 1 / STEPS)
        elif adjustments.low >= adjustments.high:
            adjustments = replace(adjustments, low=adjustments.high - 1 / STEPS)
        self.adjustments_changed.emit(adjustments)

    def _channels_changed(self, _index: int) -> None:
        red, green, blue = (
            int(box.currentData()) if box.count() else n for n, box in enumerate(self.band_boxes)
        )
        channels = str(self.channels.currentData())
        adjustments = replace(self._adjustments, channels=channels, picks=(red, green, blue))
        self.adjustments_changed.emit(adjustments)

    def _show_bands(self, adjustments: Adjustments, channels: int) -> None:
        self._band_row.setVisible(channels > 3)
        if channels <= 3:
            return
        for box, pick in zip(self.band_boxes, adjustments.picks, strict=True):
            if box.count() != channels:
                box.blockSignals(True)
                box.clear()
                for number in range(channels):
                    box.addItem(f"Ch. {number + 1}", number)
                box.blockSignals(False)
            self._select(box, min(pick, channels - 1))

    def _select(self, box: QComboBox, key: object) -> None:
        box.blockSignals(True)
        box.setCurrentIndex(max(0, box.findData(key)))
        box.blockSignals(False)

    def _show_numbers(self) -> None:
        for key in ("low", "high", "contrast", "brightness"):
            self._numbers[key].setText(f"{round(getattr(self._adjustments, key) * 100)} %".replace("-", "−"))
        self._numbers["gamma"].setText(f"{self._adjustments.gamma:.2f}")


def _area_path(heights: np.ndarray, area: QRectF) -> QPainterPath:
    """The outline of a bar chart scaled to the height of the area. heights: (n,) float, of any unit."""
    # The first and last value hold all clipped pixels, which would flatten the rest.
    highest = max(float(heights[1:-1].max(initial=0)), 1.0)
    path = QPainterPath(QPointF(area.left(), area.bottom()))
    for index, height in enumerate(heights):
        x = area.left() + area.width() * index / (len(heights) - 1)
        path.lineTo(x, area.bottom() - (area.height() - 4) * min(1.0, float(height) / highest))
    path.lineTo(area.right(), area.bottom())
    path.closeSubpath()
    return path
