"""A chart with its title and legend as a picture file."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgGenerator

from desktop.theme.theme import GRID, Theme
from desktop.widgets.chart import Chart
from desktop.widgets.legend import CurveLegend

PNG_SCALE = 2
MARGIN = 2 * GRID


def png_of(title: str, chart: Chart, legend: CurveLegend, theme: Theme) -> Callable[[], bytes]:
    """Paint now, in the colours of the theme and twice the size on screen. The returned function compresses, on any
    thread."""
    size = _size(chart, legend)
    image = QImage(size * PNG_SCALE, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(PNG_SCALE)
    painter = QPainter(image)
    _paint(painter, title, chart, legend, theme, size)
    painter.end()

    def compress() -> bytes:
        content = QByteArray()
        buffer = QBuffer(content)
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        image.save(buffer, "PNG")  # type: ignore[call-overload]  # a device is taken too
        return bytes(content.data())

    return compress


def svg_of(title: str, chart: Chart, legend: CurveLegend, theme: Theme) -> bytes:
    """The same as lines and texts."""
    size = _size(chart, legend)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(size)
    generator.setViewBox(QRectF(QPointF(), size))
    generator.setResolution(chart.logicalDpiX())
    generator.setTitle(title)
    painter = QPainter(generator)
    _paint(painter, title, chart, legend, theme, size)
    painter.end()
    return bytes(buffer.data().data())


def _size(chart: Chart, legend: CurveLegend) -> QSize:
    height = chart.fontMetrics().height() + GRID + chart.height() + GRID + legend.height_for(chart.width())
    return QSize(chart.width() + 2 * MARGIN, height + 2 * MARGIN)


def _paint(
    painter: QPainter, title: str, chart: Chart, legend: CurveLegend, theme: Theme, size: QSize
) -> None:
    painter.fillRect(QRectF(QPointF(), size), theme.colour("panel"))
    painter.setFont(theme.strong_font())
    painter.setPen(theme.colour("text"))
    height = chart.fontMetrics().height()
    painter.translate(MARGIN, MARGIN)
    heading = QRectF(0, 0, chart.width(), height)
    painter.drawText(heading, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)
    painter.setFont(chart.font())
    painter.translate(0, height + GRID)
    chart.paint_plot(painter)
    painter.translate(0, chart.height() + GRID)
    legend.paint_entries(painter, chart.width(), only_shown=True)
