"""What the Train workspace shows of two or more runs beside each other."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QSplitter, QStackedWidget, QWidget

from core.base.text import count_of
from core.evaluation.run_comparison import RunComparison
from core.labels.class_list import ClassList
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import (
    ElidedLabel,
    button,
    column,
    row,
    set_background,
    set_role,
    text_label,
)
from desktop.widgets.table import DataTable
from desktop.workspaces.train.comparison.class_differences import DifferenceTable
from desktop.workspaces.train.evaluation_row import EvaluationRow
from desktop.workspaces.train.offer_bar import MARGIN

SAME = "All settings are the same."


class RunComparisonView(QWidget):
    """Shows what its setters are given. shown: it is visible again, and may be out of date."""

    closed = Signal()
    shown = Signal()
    curves_requested = Signal()
    report_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        set_background(self, "page")
        self.scores: DifferenceTable | None = None
        self.settings: DataTable | None = None
        self._tables: QWidget | None = None
        self._tables_show = ""
        """What is in the tables, to leave them as they are when it is shown again."""
        self.back = button("← Training", "quiet")
        self.back.clicked.connect(self.closed)
        self.title = ElidedLabel("", "heading")
        self.curves = button("Show curves")
        self.curves.setToolTip("Show the curves of these runs over each other.")
        self.curves.clicked.connect(self.curves_requested)
        self.report = button("Report…")
        self.report.clicked.connect(self.report_requested)
        self.note = text_label("", "muted", wrap=True)
        self.evaluation = EvaluationRow()
        top = row(self.back, self.title, self.curves, self.report)
        top.setStretch(1, 1)
        self.message = text_label("", "muted", wrap=True)
        self.message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._body = QStackedWidget()
        self._body.addWidget(self.message)
        self._body.setContentsMargins(0, GRID, 0, 0)
        margins = (MARGIN, 2 * GRID, MARGIN, 2 * GRID)
        whole = column(top, self.note, self.evaluation, self._body, spacing=GRID, margins=margins)
        whole.setStretch(3, 1)
        self.setLayout(whole)
        self.show_message("")

    def show_message(self, text: str, *, is_problem: bool = False) -> None:
        """A sentence in place of a comparison."""
        set_role(self.message, "danger" if is_problem else "muted")
        self.message.setText(text)
        self._body.setCurrentWidget(self.message)
        self.note.setText("")
        self.evaluation.set_offered(False)

    def show_comparison(self, found: RunComparison, classes: ClassList) -> None:
        self.title.setText(f"Runs {', '.join(map(str, found.numbers))}")
        self.note.setText(found.note)
        can_report = any(run.has_weights for run in found.runs)
        self.report.setEnabled(can_report)
        self.report.setToolTip(
            "Evaluate these runs on the val pictures and show them beside each other as a page."
            if can_report
            else "None of these runs has weights."
        )
        to_evaluate = [number for number, reason in found.missing.items() if not reason]
        self.evaluation.start.setText(f"Evaluate {count_of(len(to_evaluate), 'run')}")
        self.evaluation.start.setToolTip(
            "Predict the val pictures with "
            f"{'run' if len(to_evaluate) == 1 else 'runs'} {', '.join(map(str, to_evaluate))}, and keep the result."
        )
        self.evaluation.set_offered(bool(to_evaluate))
        self._body.setCurrentWidget(self._show_tables(found, classes))

    def _show_tables(self, found: RunComparison, classes: ClassList) -> QWidget:
        """Sorting, scrolling and the splitter stay where the numbers are the same."""
        parts = (found.numbers, found.settings, found.means, found.differences, found.classes, classes)
        shown, before = repr(parts), self._tables  # text: nan is not equal to nan
        if before is not None:
            if shown == self._tables_show:
                return before
            self._body.removeWidget(before)
            before.deleteLater()
        self.scores = DifferenceTable(self._theme, found, classes)
        self.settings = _settings_table(found)
        self._tables, self._tables_show = self._make_body(self.scores, self.settings), shown
        self._body.addWidget(self._tables)
        return self._tables

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        self.shown.emit()

    def _make_body(self, scores: DataTable, settings: DataTable) -> QWidget:
        body = QSplitter(Qt.Orientation.Horizontal)
        body.setChildrenCollapsible(False)
        body.setHandleWidth(1)
        title = "Settings that differ" if settings.rowCount() else SAME
        parts = (("Mean scores, and the IoU of each class", scores), (title, settings))
        for at, (heading, table) in enumerate(parts):
            side = QWidget()
            inner = column(
                text_label(heading, "heading"), table, margins=(2 * GRID * at, 0, 2 * GRID * (1 - at), 0)
            )
            inner.setStretch(1, 1)
            side.setLayout(inner)
            body.addWidget(side)
        body.setStretchFactor(0, 3)
        body.setStretchFactor(1, 2)
        body.setSizes([3000, 2000])
        return body


def _settings_table(found: RunComparison) -> DataTable:
    titles = ["Setting", *(f"Run {number}" for number in found.numbers)]
    table = DataTable(titles, (), "Settings that differ")
    table.setCornerWidget(QWidget())
    table.set_cells([[name[0].upper() + name[1:], *values] for name, values in found.settings.items()])
    return table
