"""The mask preview of a tool: the pixels that a click would paint, drawn before they are painted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor, QImage, QPainter

from core.base.geometry import Box
from core.tools.tool import MaskPreview
from desktop.canvas.rendering.layer_style import premultiplied, sample_nearest
from desktop.canvas.viewport import Viewport
from desktop.image_conversion import words_to_qimage

_OPACITY = 0.55
_LIGHT, _DARK = np.uint32(0xFFFFFFFF), np.uint32(0xFF000000)


class MaskPreviewPainter:
    """Caches the rendered preview until it or the viewport changes. Lives on the GUI thread."""

    def __init__(self, outside: int = 0) -> None:
        """outside: width in widget pixels of the light and of the dark line around a preview without fill, which leave
        what is inside as it is; 0: its outermost pixels are the edge."""
        self._outside = outside
        self._cache_key: tuple[object, ...] = ()
        self._image: QImage | None = None
        self._position = QPoint()

    def clear(self) -> None:
        """Empty the cache: the preview in its key may keep a large mask in memory."""
        self._cache_key, self._image = (), None

    def draw(
        self, painter: QPainter, preview: MaskPreview, view: Viewport, ratio: float, colour: QColor
    ) -> None:
        """The painter counts widget pixels; `ratio`: device pixels per widget pixel."""
        state = (preview, view.scale, view.left, view.top, view.width, view.height, colour.rgb())
        if state != self._cache_key:
            self._cache_key = state
            self._render(preview, view, colour, max(1, round(ratio)))
        if self._image is not None:
            painter.save()
            painter.scale(1 / ratio, 1 / ratio)
            painter.drawImage(self._position, self._image)
            painter.restore()

    def _render(self, preview: MaskPreview, view: Viewport, colour: QColor, edge_width: int) -> None:
        """Fill in the class's colour with a light edge of one device pixel; a preview without fill gets an edge of
        `edge_width` light and as many dark pixels, visible on any picture. The cost depends on the visible part."""
        self._image = None
        whole = view.device_box(preview.box, margin=0)
        shown = whole.intersection(view.visible_box())
        if shown.is_empty:
            return
        rows, columns = view.rows(shown.y0, shown.y1), view.columns(shown.x0, shown.x1)
        mask = sample_nearest(
            preview.mask.view(np.uint8), rows - preview.box.y0, columns - preview.box.x0
        ).view(bool)
        if preview.allowed is not None:
            mask = mask & preview.allowed(rows, columns)
        self._position = QPoint(shown.x0, shown.y0)
        if self._outside and not preview.filled:
            width = self._outside * edge_width
            self._image = words_to_qimage(_lines_around(mask, width))
            self._position -= QPoint(2 * width, 2 * width)
            return
        shade = np.array([[colour.red(), colour.green(), colour.blue()]], np.uint8)
        pixels = np.where(mask, premultiplied(shade, _OPACITY if preview.filled else 0.0)[0], np.uint32(0))
        mask = _padded(mask, shown, whole)
        for edge in (_LIGHT,) if preview.filled else (_LIGHT,) * edge_width + (_DARK,) * edge_width:
            inner = _eroded(mask)
            pixels[(mask & ~inner)[1:-1, 1:-1]] = edge
            mask = inner
        self._image = words_to_qimage(pixels)


def _lines_around(mask: NDArray[np.bool_], width: int) -> NDArray[np.uint32]:
    """A light and a dark line of `width` pixels each around a mask, (h + 4 width, w + 4 width) uint32 pixels."""
    mask = np.pad(mask, 2 * width)
    pixels = np.zeros(mask.shape, np.uint32)
    for edge in (_LIGHT,) * width + (_DARK,) * width:
        outer = ~_eroded(~mask)
        pixels[outer & ~mask] = edge
        mask = outer
    return pixels


def _padded(mask: NDArray[np.bool_], shown: Box, whole: Box) -> NDArray[np.bool_]:
    """The mask with one more pixel on each side: False, or the outermost values where the view cuts the mask off."""
    wide = np.pad(mask, 1, mode="edge")
    wide[0] &= shown.y0 > whole.y0
    wide[-1] &= shown.y1 < whole.y1
    wide[:, 0] &= shown.x0 > whole.x0
    wide[:, -1] &= shown.x1 < whole.x1
    return wide


def _eroded(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels of the mask whose four neighbours are in the mask too."""
    inner = mask.copy()
    inner[1:] &= mask[:-1]
    inner[:-1] &= mask[1:]
    inner[:, 1:] &= mask[:, :-1]
    inner[:, :-1] &= mask[:, 1:]
    return inner
