"""One picture of the Review workspace as it is painted: small, with one mask above it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage, QPainter, QPixmap

from core.labels.class_list import UNLABELLED, VOID, ClassList
from core.labels.label_map import Values
from core.session.review import PicturePreview

MASK_ALPHA = 150
DIFFERENT = (226, 60, 60)
SAME = (40, 160, 90)


def render_card(preview: PicturePreview, layer: str, classes: ClassList) -> QPixmap:
    """The small picture with one mask above it: label, prediction, difference or none."""
    height, width = preview.pixels.shape[:2]
    image = QImage(preview.pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
    card = QPixmap.fromImage(image)
    veil = _mask_overlay(preview, layer, classes)
    if veil is not None:
        painter = QPainter(card)
        painter.drawImage(0, 0, QImage(veil.tobytes(), width, height, QImage.Format.Format_RGBA8888))
        painter.end()
    return card


def _mask_overlay(glance: PicturePreview, layer: str, classes: ClassList) -> NDArray[np.uint8] | None:
    """(h, w, 4) uint8 RGBA, not premultiplied; None for nothing to show."""
    if layer == "difference":
        if glance.label is None or glance.prediction is None:
            return None
        return _difference_overlay(glance.label, glance.prediction)
    values = {"label": glance.label, "prediction": glance.prediction}.get(layer)
    if values is None:
        return None
    table = np.zeros((256, 4), np.uint8)
    for each in classes:
        table[each.value] = (*each.colour, MASK_ALPHA)
    table[VOID] = (0, 0, 0, MASK_ALPHA)
    return np.ascontiguousarray(table[values])


def _difference_overlay(label: Values, prediction: Values) -> NDArray[np.uint8]:
    """Red where the two differ, a breath of green where they agree, nothing where nobody has said anything."""
    said = (label != UNLABELLED) & (label != VOID)
    veil = np.zeros((*label.shape, 4), np.uint8)
    veil[said & (label == prediction)] = (*SAME, MASK_ALPHA // 3)
    veil[said & (label != prediction)] = (*DIFFERENT, 220)
    return veil
