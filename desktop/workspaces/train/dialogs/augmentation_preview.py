"""Own pictures as augmentation would change them, beside how they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from core.session.models.augmentation_previewer import (
    MAX_PREVIEW_PICTURES,
    VERSIONS_PER_PICTURE,
    AugmentedPictures,
)
from desktop.theme.theme import GRID
from desktop.widgets.controls import button, column, row, text_label

CELL_WIDTH, CELL_HEIGHT = 22 * GRID, 13 * GRID
"""Pixels on screen that a picture may take."""


class AugmentationPreview(QWidget):
    """A column for each picture: as it is, and below it as training would draw it. `again` asks for other dice."""

    reroll_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.reroll = button("Roll again")
        self.reroll.setToolTip("Draw the same pictures with other dice.")
        self.reroll.clicked.connect(self.reroll_requested)
        self.message = text_label("", "muted")
        self.cells: list[list[QLabel]] = []
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(GRID)
        for line in range(1 + VERSIONS_PER_PICTURE):
            said = "As it is" if not line else "As learned from"
            grid.addWidget(text_label(said if line < 2 else "", "muted"), line, 0, Qt.AlignmentFlag.AlignTop)
            cells = []
            for place in range(MAX_PREVIEW_PICTURES):
                cell = QLabel()
                cell.setFixedSize(CELL_WIDTH, CELL_HEIGHT)
                cell.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
                cell.setAccessibleName(f"Picture {place + 1}, {said.lower()}")
                grid.addWidget(cell, line, 1 + place)
                cells.append(cell)
            self.cells.append(cells)
        grid.setColumnStretch(1 + MAX_PREVIEW_PICTURES, 1)
        grid.setColumnMinimumWidth(0, 13 * GRID)
        self.setLayout(
            column(row(text_label("On your pictures", "heading"), self.message, None, self.reroll), grid)
        )

    def set_waiting(self) -> None:
        """The first preview takes seconds, because torch has to be loaded; later ones do not."""
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
        """Whether there is a picture to look at."""
        return not self.cells[0][0].pixmap().isNull()


def _pixmap(pixels: NDArray[np.uint8], ratio: float) -> QPixmap:
    height, width = pixels.shape[:2]
    kept = np.ascontiguousarray(pixels)
    image = QImage(kept.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    made = QPixmap.fromImage(image).scaled(
        round(CELL_WIDTH * ratio),
        round(CELL_HEIGHT * ratio),
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )
    made.setDevicePixelRatio(ratio)
    return made
