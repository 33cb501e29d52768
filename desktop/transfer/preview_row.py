"""Row of sample pictures of a dataset, each with its mask blended over it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QLabel, QWidget

from core.formats.dataset_types import DatasetClass
from core.session.transfer.sample_preview import SamplePreview, blend_mask
from desktop.image_conversion import to_qimage
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import ElidedLabel, button, column, row, text_label

PREVIEW_SIDE = 188
"""Longer side in widget pixels; previews may have more for high-density screens."""


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
