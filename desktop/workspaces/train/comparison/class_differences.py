"""The table of the scores of two or more runs, with the changes and their intervals drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem, QWidget

from core.evaluation.run_comparison import Difference, RunComparison
from core.labels.class_list import ClassList, Colour
from core.labels.confusion_scores import METRIC_TITLES
from desktop.theme.theme import GRID, Theme
from desktop.widgets.table import Cell, DataTable, HeadingSort

UNKNOWN: Colour = (128, 128, 128)
PLOT_WIDTH = 12 * GRID
"""Of a drawn change in logical pixels."""
_DIFFERENCE = Qt.ItemDataRole.UserRole
"""The `Difference` of a cell, and the largest number of all, to which each is drawn."""
_SMALLEST_SCALE = 0.02


class DifferenceDelegate(QStyledItemDelegate):
    """Draws a change as a dot and its interval as a line around it, left of the text; zero is in the middle."""

    def __init__(self, theme: Theme, table: DataTable) -> None:
        super().__init__(table)
        self._theme = theme

    def initStyleOption(  # noqa: N802
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().initStyleOption(option, index)
        shown = index.data(_DIFFERENCE)
        if shown is not None and _colour_of(shown[0]) == "muted":
            option.palette.setColor(option.palette.ColorRole.Text, self._theme.colour("muted"))

    def sizeHint(  # noqa: N802
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        size = super().sizeHint(option, index)
        return QSize(size.width() + PLOT_WIDTH + GRID, size.height())

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        super().paint(painter, option, index)
        shown = index.data(_DIFFERENCE)
        if shown is None or math.isnan(shown[0].change):
            return
        found, most = shown
        cell = QRectF(option.rect)
        plot = QRectF(cell.left() + GRID, cell.top() + GRID, PLOT_WIDTH - 2 * GRID, cell.height() - 2 * GRID)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._theme.colour("edge"), 1))
        zero = round(plot.center().x()) + 0.5
        painter.drawLine(QPointF(zero, plot.top()), QPointF(zero, plot.bottom()))
        colour = QColor(self._theme.colour(_colour_of(found)))
        middle = plot.center().y()

        def place(value: float) -> QPointF:
            return QPointF(zero + value / most * plot.width() / 2, middle)

        painter.setPen(QPen(colour, 2))
        if found.interval is not None:
            painter.drawLine(place(found.interval[0]), place(found.interval[1]))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawEllipse(place(found.change), 3.5, 3.5)
        painter.restore()


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """A mean score, or the IoU of a class. label: its first cell; scores: of each run, nan where it is unknown;
    changes: of all but the first run"""

    label: Cell
    scores: tuple[float, ...]
    changes: tuple[Difference, ...]
    pixels: int | None = None

    def cells(self) -> list[Cell]:
        texts = [_score(self.scores[0])]
        for score, change in zip(self.scores[1:], self.changes, strict=True):
            texts += [_score(score), difference_text(change)]
        return [self.label, *texts, "" if self.pixels is None else f"{self.pixels:,}"]

    def keys(self) -> list[str | float]:
        """What each column is sorted by."""
        name = self.label if isinstance(self.label, str) else self.label[1]
        keys = [self.scores[0]]
        for score, change in zip(self.scores[1:], self.changes, strict=True):
            keys += [score, change.change]
        return [name.casefold(), *keys, math.nan if self.pixels is None else self.pixels]


class DifferenceTable(DataTable):
    """Mean scores, and below them a row for each class. A click on a heading sorts the classes by it, a second one the
    other way round; theirs is the order of the project at first."""

    def __init__(self, theme: Theme, found: RunComparison, classes: ClassList) -> None:
        first, *others = found.numbers
        titles = ["Score", f"Run {first}"]
        for number in others:
            titles += [f"Run {number}", f"Change to run {first}"]
        titles.append("Pixels")
        super().__init__(titles, range(1, len(titles)), "Mean scores, and the IoU of each class, in each run")
        self.setCornerWidget(QWidget())
        self._means, self._classes = _mean_rows(found), _class_rows(found, classes)
        numbers = [_SMALLEST_SCALE]
        for each in (change for row in self._means + self._classes for change in row.changes):
            numbers += [abs(n) for n in (each.change, *(each.interval or ())) if not math.isnan(n)]
        self._scale = max(numbers)
        # The lowest score, or the largest loss, first; pixels begin with the most.
        self.order = HeadingSort(self, (len(titles) - 1,))
        self.order.changed.connect(self._fill)
        delegate = DifferenceDelegate(theme, self)
        for at in range(3, len(titles) - 1, 2):
            self.setItemDelegateForColumn(at, delegate)
        theme.changed.connect(self.viewport().update)
        self._fill()

    def _fill(self) -> None:
        rows = self._means + self.order.sort(self._classes, lambda row, column: row.keys()[column])
        self.set_cells([row.cells() for row in rows])
        for y, row in enumerate(rows):
            for number, change in enumerate(row.changes):
                item = self.item(y, 3 + 2 * number)
                if item is not None:
                    item.setData(_DIFFERENCE, (change, self._scale))


def _mean_rows(found: RunComparison) -> list[ScoreRow]:
    rows = []
    for name, title in METRIC_TITLES.items():
        scores = tuple(each.get(name, math.nan) for each in found.means)
        changes = tuple(Difference(score - scores[0]) for score in scores[1:])
        if name == "miou":
            rows.append(ScoreRow(title, scores, found.differences))
        elif not all(map(math.isnan, scores)):
            rows.append(ScoreRow(title[0].upper() + title[1:], scores, changes))
    return rows


def _class_rows(found: RunComparison, classes: ClassList) -> list[ScoreRow]:
    rows = []
    for each in found.classes:
        known = classes.by_value(each.value)
        label = known.colour if known else UNKNOWN, classes.name_of(each.value)
        rows.append(ScoreRow(label, each.iou, each.differences, each.pixels))
    return rows


def difference_text(found: Difference) -> str:
    """+0.031, and behind it the interval where there is one."""
    if math.isnan(found.change):
        return "–"
    if found.interval is None:
        return f"{found.change:+.3f}"
    low, high = found.interval
    return f"{found.change:+.3f}  ({low:+.3f} to {high:+.3f})"


def _colour_of(found: Difference) -> str:
    """Without an interval nobody knows whether a change is good."""
    if found.interval is None:
        return "text"
    return "muted" if not found.is_beyond_chance else "good" if found.change > 0 else "danger"


def _score(score: float) -> str:
    return "–" if math.isnan(score) else f"{score:.3f}"
