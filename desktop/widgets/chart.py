"""Line charts in the colours of the theme. pyqtgraph is imported with the first chart, not with the window."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from threading import Thread
from typing import Any

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QColor, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.base.gc_freeze import freeze_gc
from core.labels.class_list import ClassList, Colour
from desktop.theme.theme import Theme
from desktop.widgets.controls import text_label

Curve = Sequence[tuple[float, float]]
CurveStyle = tuple[Curve, str | Colour, float]
"""Points (x, y), a colour (the name of a theme token, or RGB), and the line width in logical pixels."""

# Round tick distances in seconds: up to minutes, hours and a day.
_TICK_DISTANCES = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 36000, 86400)


def score_curves(miou: Curve, per_class: Mapping[int, Curve], classes: ClassList) -> dict[object, CurveStyle]:
    """IoU of each class as a thin line in its colour, mIoU as a bold line above them."""
    curves: dict[object, CurveStyle] = {}
    for each in classes:
        points = per_class.get(each.value)
        if points:
            curves[each.value] = (points, each.colour, 1.25)
    if miou:
        curves["miou"] = (miou, "text", 2.5)
    return curves


def _load() -> None:
    with freeze_gc():
        import_module("desktop.widgets.axes")  # and pyqtgraph with it


@cache
def preload() -> Thread:
    """Import pyqtgraph on a thread of its own, once: it takes half a second, for which the window must not wait."""
    thread = Thread(target=_load, name="charts")
    thread.start()
    return thread


def _next_build_slot() -> int:
    """Milliseconds until no other chart is being built: building three at once would delay a stroke visibly."""
    global _next_free_slot  # noqa: PLW0603
    now = time.monotonic()
    begin = max(now, _next_free_slot)
    _next_free_slot = begin + 0.03
    return round((begin - now) * 1000)


_next_free_slot = 0.0


def downsample(points: Curve, max_points: int = 400) -> Curve:
    """At most about `max_points` points: means of equal intervals, and the last point unchanged."""
    if len(points) <= max_points:
        return points
    stretch = -(-len(points) // max_points)
    parts = [points[at : at + stretch] for at in range(0, len(points) - 1, stretch)]
    means = [(sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)) for part in parts]
    return [*means, points[-1]]


class Chart(QWidget):
    """Named curves in one plot. time_axis: x in seconds, labelled as times; power_axis: log10 of x; score_axis: y from
    0 to 1; small: fewer ticks; empty_text: says what will appear, while there is no curve."""

    def __init__(
        self,
        theme: Theme,
        *,
        time_axis: bool = False,
        power_axis: bool = False,
        score_axis: bool = False,
        small: bool = False,
        empty_text: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._time_axis, self._score_axis, self._small = time_axis, score_axis, small
        self._power_axis = power_axis
        self._empty = text_label(empty_text, "muted", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._plot: Any = None
        self._requested: dict[object, CurveStyle] | None = None
        self._shown: dict[object, CurveStyle] = {}
        self._build_timer = QTimer(self)
        self._build_timer.setSingleShot(True)
        self._build_timer.timeout.connect(self._build_or_draw)
        self._curves: dict[object, Any] = {}
        self._styles: dict[object, tuple[str | Colour, float]] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.addWidget(self._empty)
        theme.changed.connect(self._apply_theme)

    def set_curves(self, curves: Mapping[object, CurveStyle]) -> None:
        """Show exactly these curves, by key; the order is from behind to front.

        They appear once the chart is visible and pyqtgraph is imported; this call does not wait. Unchanged curves are
        not drawn again: training events arrive every second, and most of them change no curve.
        """
        if self._requested is None and curves == self._shown:
            return
        self._requested = dict(curves)
        self._show_plot(shown=bool(curves))
        self._schedule_draw()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        self._schedule_draw()

    def _schedule_draw(self) -> None:
        if self._requested is None or not self.isVisible():
            return
        if self._plot is None:
            if not self._build_timer.isActive():
                self._build_timer.start(_next_build_slot())
            return
        self._shown, self._requested = self._requested, None
        self._draw(self._shown)

    def _show_plot(self, *, shown: bool) -> None:
        """Show the curves, or the text in their place."""
        self._empty.setVisible(not shown)
        if self._plot is not None:
            self._plot.setVisible(shown)

    def _build_or_draw(self) -> None:
        """Build the plot, and draw its curves in a later iteration of the event loop."""
        if preload().is_alive():
            self._build_timer.start(50)
        elif self._plot is None:
            self._ensure_plot()
            self._build_timer.start(_next_build_slot())
        else:
            self._schedule_draw()

    def _draw(self, curves: Mapping[object, CurveStyle]) -> None:
        plot = self._ensure_plot()
        for key in [key for key in self._curves if key not in curves]:
            plot.removeItem(self._curves.pop(key))
            self._styles.pop(key)
        thinned = {
            key: (self._prepare_points(points), colour, width)
            for key, (points, colour, width) in curves.items()
        }
        for order, (key, (points, colour, width)) in enumerate(thinned.items()):
            if key not in self._curves:
                self._curves[key] = plot.plot([], [], antialias=True)
            if self._styles.get(key) != (colour, width):
                self._styles[key] = (colour, width)
                self._style_curve(key)
            # A single point has no line, so it is drawn as a dot.
            dot = "o" if len(points) == 1 else None
            self._curves[key].setData(
                [p[0] for p in points], [p[1] for p in points], symbol=dot, symbolSize=6
            )
            self._curves[key].setZValue(order)
        xs = [p[0] for points, _, _ in thinned.values() for p in points]
        left = min(xs, default=0.0) if self._power_axis else 0.0
        right = max([left, *xs])
        plot.setXRange(left, right if right > left else left + 1, padding=0.01)
        if not self._score_axis:
            top = max((p[1] for points, _, _ in thinned.values() for p in points), default=1.0)
            plot.setYRange(0, top or 1, padding=0.04)

    def _prepare_points(self, points: Curve) -> Curve:
        """Points in the coordinates of the axes, downsampled to about as many as can be told apart."""
        return downsample([(math.log10(x), y) for x, y in points] if self._power_axis else points)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._apply_theme()
        return super().event(event)

    def _ensure_plot(self) -> Any:
        if self._plot is not None:
            return self._plot
        import pyqtgraph

        from desktop.widgets.axes import CountAxis, PowerAxis, ScoreAxis, TimeAxis

        below = (
            TimeAxis(_TICK_DISTANCES)
            if self._time_axis
            else PowerAxis("bottom")
            if self._power_axis
            else None
        )
        axes: dict[str, Any] = {
            "bottom": below or CountAxis("bottom"),
            "left": ScoreAxis(coarse=self._small) if self._score_axis else CountAxis("left"),
        }
        # The context menu, which nobody can open here, would take half of the time to build the plot.
        plot = pyqtgraph.PlotWidget(background=None, axisItems=axes, enableMenu=False)
        plot.hideButtons()
        plot.setMouseEnabled(x=False, y=False)
        plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        plot.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        plot.setMinimumSize(0, 0)
        # Transparent: pyqtgraph would keep the background of the theme in which it was created.
        plot.setStyleSheet("background: transparent")
        plot.viewport().setAutoFillBackground(False)
        plot.getPlotItem().setContentsMargins(0, 6, 10, 0)
        if self._score_axis:
            plot.setYRange(0, 1, padding=0.03)
        self._layout.addWidget(plot)
        self._plot = plot
        self._show_plot(shown=self._empty.isHidden())
        self._apply_theme()
        return plot

    def _apply_theme(self) -> None:
        if self._plot is None:
            return
        import pyqtgraph

        for side in ("left", "bottom"):
            axis = self._plot.getAxis(side)
            axis.setPen(pyqtgraph.mkPen(self._theme.colour("grid"), width=1))
            axis.setTextPen(self._theme.colour("muted"))
            axis.setTickFont(self._theme.font)
            axis.setStyle(tickLength=0, tickTextOffset=6, hideOverlappingLabels=False)
            axis.setZValue(-100)
        self._plot.showGrid(y=True, alpha=1.0)
        for key in self._curves:
            self._style_curve(key)

    def _style_curve(self, key: object) -> None:
        import pyqtgraph

        curve, (look, width) = self._curves[key], self._styles[key]
        colour = self._theme.colour(look) if isinstance(look, str) else QColor(*look)
        # pyqtgraph takes line widths in device pixels.
        curve.setPen(pyqtgraph.mkPen(colour, width=width * self.devicePixelRatioF()))
        curve.setSymbolBrush(colour)
        curve.setSymbolPen(None)
