"""The table of the scores of each class, which a click on a heading sorts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHeaderView, QWidget

from core.evaluation.evaluation import Evaluation
from core.labels.class_list import ClassList, Colour
from core.labels.confusion_scores import Scores, class_dice, class_iou, class_precision, class_recall
from core.labels.score_basis import FEW_PIXELS
from desktop.theme.theme import GRID
from desktop.widgets.table import Cell, DataTable, HeadingSort

TITLES = ("Class", "IoU", "95 % interval", "Dice", "Precision", "Recall", "Boundary", "Pixels")
NAMES_WIDTH = 17 * GRID
UNKNOWN: Colour = (128, 128, 128)


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Of one class; nan where there is nothing to divide by."""

    name: str
    colour: Colour
    iou: float
    low: float
    high: float
    dice: float
    precision: float
    recall: float
    boundary: float
    pixels: int

    def cells(self) -> list[Cell]:
        few = 0 < self.pixels < FEW_PIXELS
        interval = "–" if math.isnan(self.low) else f"{self.low:.2f} to {self.high:.2f}"
        scores = [self.dice, self.precision, self.recall, self.boundary]
        pixels = f"{self.pixels:,}{' (few)' if few else ''}"
        return [(self.colour, self.name), score_text(self.iou), interval, *map(score_text, scores), pixels]

    def keys(self) -> tuple[str | float, ...]:
        """What each column is sorted by."""
        scores = (self.iou, self.low, self.dice, self.precision, self.recall, self.boundary)
        return (self.name.casefold(), *scores, self.pixels)


def score_text(score: float) -> str:
    return "–" if math.isnan(score) else f"{score:.3f}"


def class_scores(found: Evaluation, intervals: Scores, classes: ClassList) -> list[ClassScores]:
    """In the order of the classes. intervals: (classes, 2) of the IoU."""
    matrix = found.confusion
    dice, precision, recall = (score(matrix) for score in (class_dice, class_precision, class_recall))
    iou, boundary, pixels = class_iou(matrix), found.boundary_iou(), matrix.sum(1)
    rows = []
    for row, value in enumerate(found.values):
        each = classes.by_value(value)
        rows.append(
            ClassScores(
                classes.name_of(value),
                each.colour if each else UNKNOWN,
                iou=float(iou[row]),
                low=float(intervals[row, 0]),
                high=float(intervals[row, 1]),
                dice=float(dice[row]),
                precision=float(precision[row]),
                recall=float(recall[row]),
                boundary=float(boundary[row]),
                pixels=int(pixels[row]),
            )
        )
    return rows


class ClassScoresTable(DataTable):
    """A click on a heading sorts by it, a second one the other way round."""

    def __init__(self) -> None:
        super().__init__(TITLES, range(1, len(TITLES)), "Scores of each class")
        self.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        self.setCornerWidget(QWidget())
        self._classes: list[ClassScores] = []
        # The lowest score first: labels help most there. Pixels begin with the most.
        self.order = HeadingSort(self, (len(TITLES) - 1,))
        self.order.changed.connect(self._fill)

    def set_classes(self, rows: Sequence[ClassScores]) -> None:
        self._classes = list(rows)
        self._fill()

    def _fill(self) -> None:
        rows = self.order.sort(self._classes, lambda row, column: row.keys()[column])
        self.set_cells([row.cells() for row in rows])
        self._fit_names()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._fit_names()

    def _fit_names(self) -> None:
        """The names get what the numbers leave, and where that is little, one scrolls."""
        numbers = sum(self.columnWidth(at) for at in range(1, len(TITLES)))
        self.setColumnWidth(0, max(NAMES_WIDTH, self.viewport().width() - numbers))
