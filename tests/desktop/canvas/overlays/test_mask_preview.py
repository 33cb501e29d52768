"""What is painted of a mask: an edge at its outermost pixels, or lines around it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QApplication

from core.base.geometry import Box
from core.tools.tool import MaskPreview
from desktop.canvas.overlays.mask_preview import MaskPreviewPainter
from desktop.canvas.viewport import Viewport

SIDE, BOX = 40, Box(10, 12, 20, 26)


def painted(painter: MaskPreviewPainter, box: Box = BOX) -> NDArray[np.int64]:
    """(SIDE, SIDE) of the view, one pixel for each of the picture: 0 nothing, 1 light, 2 dark."""
    view = Viewport()
    view.resize(SIDE, SIDE)
    view.set_picture(SIDE, SIDE, keep_view=False)
    view.zoom(1.0, 0, 0)
    image = QImage(SIDE, SIDE, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(QColor(0, 0, 0, 0))
    canvas = QPainter(image)
    mask = np.ones((box.height, box.width), bool)
    painter.draw(canvas, MaskPreview(box, mask, 1, filled=False), view, 1.0, QColor(200, 0, 0))
    canvas.end()
    where = view.device_box(box, margin=0)
    found = np.zeros((SIDE, SIDE), np.int64)
    for y in range(SIDE):
        for x in range(SIDE):
            colour = image.pixelColor(x, y)
            found[y, x] = 0 if colour.alpha() == 0 else 1 if colour.lightness() > 127 else 2
    return np.roll(found, (box.y0 - where.y0, box.x0 - where.x0), (0, 1))


def test_an_edge_is_inside_the_mask(qapp: QApplication) -> None:
    found = painted(MaskPreviewPainter())
    assert not found[: BOX.y0].any() and not found[:, : BOX.x0].any()
    assert (found[BOX.y0, BOX.x0 : BOX.x1] == 1).all() and (
        found[BOX.y0 + 1, BOX.x0 + 1 : BOX.x1 - 1] == 2
    ).all()
    assert not found[BOX.y0 + 2 : BOX.y1 - 2, BOX.x0 + 2 : BOX.x1 - 2].any()


def test_lines_around_leave_the_mask_free(qapp: QApplication) -> None:
    found = painted(MaskPreviewPainter(outside=2))
    assert not found[BOX.slices].any()
    middle = (BOX.y0 + BOX.y1) // 2
    assert found[middle, BOX.x0 - 5 : BOX.x0].tolist() == [0, 2, 2, 1, 1]
    assert found[middle, BOX.x1 : BOX.x1 + 5].tolist() == [1, 1, 2, 2, 0]
