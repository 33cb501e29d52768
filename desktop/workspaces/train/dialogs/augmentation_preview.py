"""Preview of the augmentation: pictures of the project, unchanged and augmented."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from core.session.models.augmentation_previewer import (
    MAX_PREVIEW_PICTURES,
    VERSIONS_PER_PICTURE,
    AugmentedPictures,
)
from desktop.image_conversion import to_qimage
from desktop.theme.theme import GRID
from desktop.widgets.controls import button, column, row, text_label

CELL_WIDTH, CELL_HEIGHT = 22 * GRID, 13 * GRID
"""Room for a picture, in widget pixels."""


class AugmentationPreview(QWidget):
    """A column for each picture: unchanged, and below it augmented. `reroll_requested`: preview with another seed."""

    reroll_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.reroll = button("Reroll")
        self.reroll.setToolTip("Augment the same pictures with another random seed.")
        self.reroll.clicked.connect(self.reroll_requested)
        self.message = text_label("", "muted")
        self.cells: list[list[QLabel]] = []
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(GRID)
        for line in range(1 + VERSIONS_PER_PICTURE):
            title = "Unchanged" if not line else "Augmented"
            grid.addWidget(text_label(title if line < 2 else "", "muted"), line, 0, Qt.AlignmentFlag.AlignTop)
            cells = []
            for place in range(MAX_PREVIEW_PICTURES):
                cell = QLabel()
                cell.setFixedSize(CELL_WIDTH, CELL_HEIGHT)
                cell.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
                cell.setAccessibleName(
                    f"Picture {place + 1}, augmented" if line else f"Picture {place + 1}, unchanged"
                )
                grid.addWidget(cell, line, 1 + place)
                cells.append(cell)
            self.cells.append(cells)
        grid.setColumnStretch(1 + MAX_PREVIEW_PICTURES, 1)
        grid.setColumnMinimumWidth(0, 13 * GRID)
        self.setLayout(
            column(row(text_label("Augmentation preview", "heading"), self.message, None, self.reroll), grid)
        )

    def set_waiting(self) -> None:
        """Say that the first preview is being made: importing torch takes seconds. Later ones are quick."""
        if not self.has_pictures:
            self.message.setText("Preparing the preview…")

    def set_pictures(self, found: AugmentedPictures) -> None:
        nothing = "There are no pictures in this project yet."
        self.message.setText(found.problem or ("" if found.pictures else nothing))
        ratio = max(1.0, self.devicePixelRatioF())
        for line, cells in enumerate(self.cells):
            for place, cell in enumerate(cells):
                known = place < len(found.pictures)
                cell.setPixmap(_pixmap(found.pictures[place][line], ratio) if known else QPixmap())

    def set_error(self, sentence: str) -> None:
        self.message.setText(sentence)

    @property
    def has_pictures(self) -> bool:
        """Whether a preview is shown."""
        return not self.cells[0][0].pixmap().isNull()


def _pixmap(pixels: NDArray[np.uint8], ratio: float) -> QPixmap:
    made = QPixmap.fromImage(to_qimage(pixels)).scaled(
        round(CELL_WIDTH * ratio),
        round(CELL_HEIGHT * ratio),
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )
    made.setDevicePixelRatio(ratio)
    return made
