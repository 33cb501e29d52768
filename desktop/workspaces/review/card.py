"""Renders the card of a picture: a thumbnail with one mask blended over it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QPainter, QPixmap

from core.labels.class_list import UNLABELLED, VOID, ClassList
from core.labels.label_map import Values
from core.session.review import PicturePreview
from desktop.image_conversion import to_qimage

MASK_ALPHA = 150
DIFFERENT = (226, 60, 60)
SAME = (40, 160, 90)


def render_card(preview: PicturePreview, layer: str, classes: ClassList) -> QPixmap:
    """`layer`: label, prediction, difference or none."""
    return render_masked(preview.pixels, preview.label, preview.prediction, layer, classes)


def render_masked(
    pixels: NDArray[np.uint8],
    label: Values | None,
    prediction: Values | None,
    layer: str,
    classes: ClassList,
) -> QPixmap:
    """Pixels (h, w, 3) uint8 with one of two masks of the same size, or their difference, blended over them."""
    card = QPixmap.fromImage(to_qimage(pixels))
    overlay = _mask_overlay(label, prediction, layer, classes)
    if overlay is not None:
        painter = QPainter(card)
        painter.drawImage(0, 0, to_qimage(overlay))
        painter.end()
    return card


def _mask_overlay(
    label: Values | None, prediction: Values | None, layer: str, classes: ClassList
) -> NDArray[np.uint8] | None:
    """(h, w, 4) uint8 RGBA, not premultiplied; None: nothing to blend."""
    if layer == "difference":
        if label is None or prediction is None:
            return None
        return _difference_overlay(label, prediction)
    values = {"label": label, "prediction": prediction}.get(layer)
    if values is None:
        return None
    table = np.zeros((256, 4), np.uint8)
    for each in classes:
        table[each.value] = (*each.colour, MASK_ALPHA)
    table[VOID] = (0, 0, 0, MASK_ALPHA)
    return np.ascontiguousarray(table[values])


def _difference_overlay(label: Values, prediction: Values) -> NDArray[np.uint8]:
    """(h, w, 4) uint8 RGBA: red where the two differ, light green where they agree, clear where there is no label."""
    labelled = (label != UNLABELLED) & (label != VOID)
    overlay = np.zeros((*label.shape, 4), np.uint8)
    overlay[labelled & (label == prediction)] = (*SAME, MASK_ALPHA // 3)
    overlay[labelled & (label != prediction)] = (*DIFFERENT, 220)
    return overlay
