"""Row of sample pictures of a dataset, each with its mask blended over it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QLabel, QWidget

from core.formats.dataset_types import ClassTarget, DatasetClass
from core.labels.class_list import VOID
from core.session.transfer.import_service import SamplePreview
from desktop.image_conversion import to_qimage
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import ElidedLabel, button, column, row, text_label

PREVIEW_SIDE = 188
"""Longer side in widget pixels; previews may have more for high-density screens."""
_MASK_OPACITY = 0.6
_GREY = (128, 128, 128)


class PreviewRow(QWidget):
    """Picture and mask with the name below, or why the sample cannot be read. `others_wanted`: show other samples."""

    others_wanted = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._row = row()
        self.others = button("Other pictures")
        self.others.setAutoDefault(False)
        self.others.clicked.connect(self.others_wanted)
        self.setLayout(column(self._row, row(None, self.others), spacing=GRID // 2))

    def set_previews(
        self, previews: Sequence[SamplePreview], classes: Sequence[DatasetClass], *, has_others: bool = False
    ) -> None:
        """has_others: whether the dataset has more samples than these."""
        self.others.setVisible(has_others)
        while (item := self._row.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.deleteLater()
        for preview in previews:
            self._row.addWidget(self._card(preview, classes))

    def _card(self, preview: SamplePreview, classes: Sequence[DatasetClass]) -> QWidget:
        card = QWidget()
        name = ElidedLabel(preview.name, "muted", Qt.TextElideMode.ElideMiddle)
        if preview.picture is None:
            card.setLayout(column(text_label(preview.problem, "warning", wrap=True), None, name))
            return card
        shown = QLabel()
        shown.setAccessibleName(f"{preview.name} with its mask")
        image = to_qimage(blend_mask(preview.picture, preview.values, classes))
        ratio = max(1.0, self.devicePixelRatioF())
        pixmap = QPixmap.fromImage(image).scaled(
            round(PREVIEW_SIDE * ratio),
            round(PREVIEW_SIDE * ratio),
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        pixmap.setDevicePixelRatio(ratio)
        shown.setPixmap(pixmap)
        card.setLayout(column(shown, name, None, spacing=GRID // 2))
        return card


def blend_mask(
    picture: NDArray[np.uint8], values: NDArray[np.uint8] | None, classes: Sequence[DatasetClass]
) -> NDArray[np.uint8]:
    """(h, w, 3) uint8 RGB: the picture with the class colours blended over it; void is grey, unlabelled is clear.

    picture: (h, w, 3) uint8 RGB; values: (h, w) uint8, 1 for the first of `classes`.
    """
    if values is None:
        return picture
    table = np.zeros((256, 3), np.float32)
    shown = np.zeros(256, bool)
    for place, c in enumerate(classes, 1):
        table[place] = _GREY if c.target == ClassTarget.VOID else c.colour
        shown[place] = c.target != ClassTarget.SKIP
    table[VOID], shown[VOID] = _GREY, True
    mixed = picture * (1 - _MASK_OPACITY) + table[values] * _MASK_OPACITY
    return np.where(shown[values][..., None], mixed, picture).astype(np.uint8)
