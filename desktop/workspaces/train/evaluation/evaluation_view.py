"""What the Train workspace shows of an evaluation: its scores, its confusion matrix, and the pictures behind them."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QSizePolicy, QStackedWidget, QWidget

from core.evaluation.evaluation import Evaluation
from core.evaluation.picture_counts import SIZE_BOUNDS
from core.labels.class_list import ClassList
from core.session.models.evaluator import KeptEvaluation
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import (
    ElidedLabel,
    column,
    row,
    scroll_area,
    segmented_control,
    set_background,
    set_role,
    text_label,
)
from desktop.widgets.table import DataTable
from desktop.workspaces.train.evaluation.calibration_plot import CalibrationPlot
from desktop.workspaces.train.evaluation.cell_pictures import CellPictures, cell_text, cell_title
from desktop.workspaces.train.evaluation.class_scores import ClassScoresTable, class_scores, score_text
from desktop.workspaces.train.evaluation.heat_map import BY_COLUMN, BY_ROW, COUNTS, ConfusionHeatMap
from desktop.workspaces.train.evaluation.score_summary import ScoreSummary
from desktop.workspaces.train.evaluation.source_bar import SourceBar
from desktop.workspaces.train.evaluation.strip_cards import StripCards
from desktop.workspaces.train.offer_bar import MARGIN

SHOWN_PICTURES = 8
"""Pictures with the lowest and with the highest score."""
PARTS = {"classes": "Classes", "confusion": "Confusion", "pictures": "Pictures"}
MODES = {BY_ROW: "By row", BY_COLUMN: "By column", COUNTS: "Pixels"}
MODE_HINTS = {
    BY_ROW: "Of all pixels of a label the share that is predicted as each class.",
    BY_COLUMN: "Of all pixels predicted as a class the share that has each label.",
    COUNTS: "Pixels of all pictures together; the colours are on a logarithmic scale.",
}
GONE = "a class that is gone"
_SMALL, _LARGE = (round(area**0.5) for area in SIZE_BOUNDS)
SIZE_TITLES = {
    "small": f"Small, below {_SMALL}² pixels",
    "medium": f"Medium, to {_LARGE}² pixels",
    "large": f"Large, from {_LARGE}² pixels",
}


class EvaluationView(QWidget):
    """Shows what its setters are given; `source` says what is to be evaluated.

    cell_shown carries true value, predicted value and number of a picture whose pixels are to be highlighted,
    picture_opened the number of a picture to open in the Label workspace.
    """

    cell_shown = Signal(int, int, int)
    picture_opened = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_background(self, "page")
        self._evaluation: Evaluation | None = None
        self._names: list[str] = []
        self._cell = (0, 0)
        self.source, self.summary = SourceBar(), ScoreSummary()
        self.message = text_label("", "muted", wrap=True)
        self.message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.table = ClassScoresTable()
        self.calibration = CalibrationPlot(theme)
        self.sizes = DataTable(("Regions of the label", "Count", "Mean IoU"), (1, 2), "IoU by size of region")
        self.heat_map = ConfusionHeatMap(theme)
        self.heat_map.cell_pointed.connect(self._describe_cell)
        self.heat_map.cell_chosen.connect(self.choose_cell)
        self.cell_line = ElidedLabel("", "muted")
        self.cell_pictures = CellPictures(theme)
        self.cell_pictures.picture_chosen.connect(self._show_picture_of_cell)
        self.cell_pictures.picture_opened.connect(self.picture_opened)
        self.worst, self.best = (StripCards(theme, title) for title in ("Lowest mIoU", "Highest mIoU"))
        for cards in (self.worst, self.best):
            cards.opened.connect(self.picture_opened)
        frame, self.part_buttons = segmented_control(PARTS, theme)
        self._parts = QStackedWidget()
        for part in (self._classes_part(), self._confusion_part(theme), self._pictures_part()):
            self._parts.addWidget(part)
        for at, pressed in enumerate(self.part_buttons.values()):
            pressed.clicked.connect(partial(self._parts.setCurrentIndex, at))
        self.part_buttons["classes"].setChecked(True)
        result, empty = QWidget(), QWidget()
        result.setLayout(column(self.summary, row(frame, None), self._parts, spacing=2 * GRID))
        empty.setLayout(column(None, self.message, None))
        self._pages = QStackedWidget()
        for page in (empty, result):
            self._pages.addWidget(page)
        margins = (MARGIN, 2 * GRID, MARGIN, 2 * GRID)
        self.setLayout(column(self.source, self._pages, spacing=2 * GRID, margins=margins))

    def show_message(self, text: str, *, is_problem: bool = False) -> None:
        """A sentence in place of a result."""
        self._evaluation = None
        set_role(self.message, "danger" if is_problem else "muted")
        self.message.setText(text)
        self._pages.setCurrentIndex(0)

    def show_evaluation(self, kept: KeptEvaluation, classes: ClassList, *, can_open: bool) -> None:
        """can_open: whether the pictures are those of the project."""
        found = self._evaluation = kept.evaluation
        self.summary.show_scores(kept, classes)
        self.table.set_classes(class_scores(found, kept.class_intervals, classes))
        self.calibration.set_bins(found.calibration())
        sizes = found.iou_by_region_size().items()
        self.sizes.set_cells(
            [[SIZE_TITLES[name], f"{count:,}", score_text(iou)] for name, (count, iou) in sizes]
        )
        self._names = [*(classes.name_of(value) for value in found.values), GONE]
        columns = len(self._names) - (not found.confusion[:, -1].any())
        self.heat_map.set_matrix(found.confusion[:, :columns], self._names[:-1], self._names[:columns])
        self.cell_pictures.set_can_open(can_open)
        self._list_pictures(kept, can_open=can_open)
        self._pages.setCurrentIndex(1)
        self.choose_cell(*largest_error(found, columns))

    def choose_cell(self, row: int, column: int) -> None:
        """List the pictures with pixels in this cell of the matrix."""
        if self._evaluation is None:
            return
        self._cell = row, column
        self.heat_map.set_cursor_cell(row, column)
        self._describe_cell(row, column)
        title = cell_title(self._names[row], self._names[column], is_right=row == column)
        pictures = self._evaluation.pictures_with(row, column)
        self.cell_pictures.show_cell(title, pictures, self._evaluation.paths)

    def show_part(self, part: str) -> None:
        """A key of PARTS."""
        self.part_buttons[part].click()

    def _show_picture_of_cell(self, number: int) -> None:
        if self._evaluation is not None:
            values = (*self._evaluation.values, 0)
            self.cell_shown.emit(values[self._cell[0]], values[self._cell[1]], number)

    def _describe_cell(self, row: int, column: int) -> None:
        if self._evaluation is None:
            return
        matrix = self._evaluation.confusion
        numbers = matrix[row, column], matrix[row].sum(), matrix[:, column].sum()
        names = self._names[row], self._names[column]
        self.cell_line.setText(cell_text(*names, *map(int, numbers), is_right=row == column))

    def _list_pictures(self, kept: KeptEvaluation, *, can_open: bool) -> None:
        ranked, paths = list(kept.miou.items()), kept.evaluation.paths
        worst = ranked[: min(SHOWN_PICTURES, -(-len(ranked) // 2))]
        best = ranked[len(worst) :][-SHOWN_PICTURES:][::-1]
        for cards, pictures in ((self.worst, worst), (self.best, best)):
            captions = [(number, f"{score_text(miou)}  {paths[number]}") for number, miou in pictures]
            cards.set_pictures(captions, can_open=can_open)

    def _classes_part(self) -> QWidget:
        part = QWidget()
        self.sizes.stretch(0)
        self.sizes.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.sizes.setFixedHeight(18 * GRID)
        right = column(
            text_label("Accuracy over confidence", "heading"),
            self.calibration,
            text_label("IoU by size of region", "heading"),
            self.sizes,
            spacing=GRID,
        )
        right.setStretch(1, 1)
        part.setLayout(_beside(row(self.table), 2, right, 1))
        return part

    def _confusion_part(self, theme: Theme) -> QWidget:
        part = QWidget()
        modes, self.mode_buttons = segmented_control(MODES, theme)
        for mode, pressed in self.mode_buttons.items():
            pressed.setToolTip(MODE_HINTS[mode])
            pressed.clicked.connect(partial(self.heat_map.set_mode, mode))
        self.mode_buttons[BY_ROW].setChecked(True)
        left = column(row(modes, None), self.heat_map, self.cell_line, spacing=GRID)
        left.setStretch(1, 1)
        part.setLayout(_beside(left, 3, row(self.cell_pictures), 2))
        return part

    def _pictures_part(self) -> QWidget:
        inner = QWidget()
        set_background(inner, "page")
        both = _beside(row(self.worst), 1, row(self.best), 1)
        both.setContentsMargins(0, 0, 2 * GRID, 0)
        hint = text_label("Input, label, prediction, and where the two differ", "muted")
        inner.setLayout(column(hint, both, None, spacing=GRID))
        return scroll_area(inner)


def largest_error(found: Evaluation, columns: int) -> tuple[int, int]:
    """Row and column of the cell off the diagonal with the most pixels; (0, 0) without any error."""
    matrix = found.confusion[:, :columns].copy()
    matrix[range(len(matrix)), range(len(matrix))] = 0
    row, column = divmod(int(matrix.argmax()), columns)
    return (row, column) if matrix[row, column] else (0, 0)


def _beside(left: QBoxLayout, share: int, right: QBoxLayout, other: int) -> QHBoxLayout:
    both = row(left, right, spacing=4 * GRID)
    both.setStretch(0, share)
    both.setStretch(1, other)
    return both
