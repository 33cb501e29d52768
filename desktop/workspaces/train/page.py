"""Page of the Train workspace: curves and table of runs, IoU over labelled pictures, and the labelling work."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QLineEdit,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.labels.class_list import ClassList
from desktop.theme.theme import GRID, Theme
from desktop.widgets.chart import Chart, Curve, CurveStyle, score_curves
from desktop.widgets.controls import (
    ElidedLabel,
    button,
    column,
    combo_box,
    row,
    segmented_control,
    set_background,
    text_label,
)
from desktop.widgets.table import DataTable
from desktop.workspaces.train.curves.curve_view import CurveView
from desktop.workspaces.train.offer_bar import MARGIN, OfferBar
from desktop.workspaces.train.picture_work.work_view import WorkView
from desktop.workspaces.train.runs.runs_table import METRICS, RunRow, RunsTable

NO_LABEL_SCORES = (
    "The best score over the number of labelled pictures appears here with the first validation."
)
ENOUGH_LABELS = "There are enough labels to start training."
TABS = {"runs": "Runs", "work": "Labelling work"}
NO_RANGE_TEST = "Loss over learning rate appears here after a learning-rate range test."


class TrainPage(QWidget):
    """Shows what its setters are given. `use_requested` and `repeat_requested` carry the number of a run."""

    train_requested = Signal()
    next_run_requested = Signal()
    export_requested = Signal()
    use_requested = Signal(int)
    report_requested = Signal(object)
    """Carries the numbers of runs; without any the report is about the project."""
    compare_requested = Signal(object)
    """Carries the numbers of the selected runs, the oldest first."""
    metric_chosen = Signal(str)
    """Carries a key of METRICS."""
    evaluate_requested = Signal(int)
    strip_requested = Signal(int)
    repeat_requested = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        set_background(self, "page")
        self.curves = CurveView(theme)
        self.by_labels = Chart(theme, score_axis=True, empty_text=NO_LABEL_SCORES)
        self.lr_range = Chart(theme, power_axis=True, empty_text=NO_RANGE_TEST)
        self.runs = RunsTable()
        self.runs_filter = _filter_field()
        self.runs_filter.textChanged.connect(self.runs.set_filter)
        self.metric_choice = combo_box(list(METRICS.items()), "Score in the table of runs")
        self.metric_choice.setToolTip("Which score of the runs the table shows.")
        self.metric_choice.activated.connect(
            lambda _at: self.metric_chosen.emit(self.metric_choice.currentData())
        )
        self.run_message = text_label("", "muted", wrap=True)
        self.scores = DataTable(("Class", "IoU"), (1,), "Newest IoU of each class")
        self.scores.stretch(0)
        self.runs.itemSelectionChanged.connect(self._show_choice)
        self.use = button("Use this network")
        self.use.clicked.connect(self._request_use)
        self.report = button("Report…")
        self.report.clicked.connect(lambda: self.report_requested.emit(self._runs_to_report()))
        self.compare = button("Compare…")
        self.compare.clicked.connect(lambda: self.compare_requested.emit(self._selected_numbers()))
        self.evaluate = button("Evaluate…")
        self.evaluate.clicked.connect(lambda: self.evaluate_requested.emit(self._runs_to_report()[-1]))
        self.strip = button("Epoch strip…")
        self.strip.clicked.connect(lambda: self.strip_requested.emit(self._runs_to_report()[-1]))
        self.next_run = ElidedLabel("", "muted")
        self.choose_network = button("Next run…")
        self.choose_network.setToolTip("Choose network and recipe of the next run.")
        self.choose_network.clicked.connect(self.next_run_requested)
        self.export = button("Export model…")
        self.export.clicked.connect(self.export_requested)
        self.offer = OfferBar("Keep this network")
        self.size_offer = OfferBar("Not now")
        self.run_switch = OfferBar("Close")
        self.hint = text_label(
            "Label a few strokes of two classes in three pictures to start training.", "muted"
        )
        self._pages = QStackedWidget()
        self._pages.addWidget(self._empty_page())
        self._pages.addWidget(self._full_page())
        self.work = WorkView(theme)
        self._whole = QStackedWidget()
        self._whole.addWidget(self._tabbed_page(theme))
        self.setLayout(column(self._whole, spacing=0))
        self.set_can_export(False)
        self._show_choice()

    def show_tab(self, key: str, _checked: bool = True) -> None:
        """Show the runs, or the labelling work. key: of TABS"""
        self.tabs[key].setChecked(True)
        if any(tab.hasFocus() for tab in self.tabs.values()):
            self.tabs[key].setFocus()
        self._tab_pages.setCurrentIndex(list(TABS).index(key))

    def show_part(self, part: QWidget) -> None:
        """Show `part` in place of everything else, until `close_part`."""
        self._whole.addWidget(part)
        self._whole.setCurrentWidget(part)
        part.setFocus()

    def close_part(self, part: QWidget) -> None:
        """Show the page again; `part` belongs to the caller."""
        was_shown = part.isVisible()
        self._whole.removeWidget(part)
        self._whole.setCurrentIndex(0)
        if was_shown:
            self.runs.setFocus()

    def set_next_run(self, text: str) -> None:
        """One line that describes the next run."""
        self.next_run.setText(text)

    def set_hint(self, text: str) -> None:
        """What is missing before the first training, or empty."""
        self.hint.setText(text or ENOUGH_LABELS)

    def set_can_export(self, on: bool) -> None:
        """Whether any run has weights."""
        self.export.setEnabled(on)
        self.export.setToolTip("" if on else "There are no trained weights yet. Train first.")

    def set_runs(self, runs: Sequence[RunRow]) -> None:
        """All runs, newest first; without any the page explains how to start."""
        self._pages.setCurrentIndex(1 if runs else 0)
        self.runs.set_runs(runs)
        self.curves.set_runs([run.number for run in runs])
        self._show_choice()

    def set_curves(
        self,
        classes: ClassList,
        by_labels: Curve = (),
        class_by_labels: Mapping[int, Curve] | None = None,
        lr_range: Curve = (),
        lr_chosen: float | None = None,
    ) -> None:
        """`by_labels`, `class_by_labels`: (labelled pictures, best mIoU or IoU); all others are in `self.curves`.

        `lr_range`: (learning rate, loss) of the newest learning-rate range test, empty if there was none; `lr_chosen`:
        the rate that was chosen from it.
        """
        self.by_labels.set_curves(score_curves(by_labels, class_by_labels or {}, classes))
        self._show_lr_range(lr_range, lr_chosen)

    def _show_lr_range(self, curve: Curve, chosen: float | None) -> None:
        curves: dict[object, CurveStyle] = {"loss": CurveStyle(curve, "text", 2.0)} if curve else {}
        self._lr_range_title.setText("Loss over learning rate")
        if curve and chosen is not None:
            loss = min(curve, key=lambda point: abs(point[0] - chosen))[1]
            curves["chosen"] = CurveStyle([(chosen, loss)], "accent", 2.0)
            self._lr_range_title.setText(f"Loss over learning rate: {chosen:.1e} was chosen")
        self.lr_range.set_curves(curves)
        for part in (self._lr_range_title, self.lr_range):
            part.setVisible(bool(curve))

    def set_scores(self, scores: Mapping[int, float], classes: ClassList) -> None:
        """The newest IoU of every class, lowest first: labels help most there."""
        known = [c for c in classes if c.value in scores and not math.isnan(scores[c.value])]
        known.sort(key=lambda c: scores[c.value])
        self.scores.set_cells([[(c.colour, c.name), f"{scores[c.value]:.3f}"] for c in known])

    def select_run(self, number: int) -> None:
        """Select a run in the table, unless it is one of several that are."""
        self.runs.select_run(number)

    def _runs_to_report(self) -> list[int]:
        """Numbers of the selected runs with weights, the oldest first; that of the network in use without any."""
        chosen = self.runs.selected_runs() or [run for run in self.runs.all_runs if run.in_use]
        return sorted(run.number for run in chosen if run.has_weights)

    def _selected_numbers(self) -> list[int]:
        return sorted(run.number for run in self.runs.selected_runs())

    def _show_choice(self) -> None:
        """Offer the network of the selected run, or say why not, and show what that run (or the newest) said."""
        selected = self.runs.selected_runs()
        run = selected[0] if len(selected) == 1 else None
        self.curves.set_selected([each.number for each in selected])
        shown = run or (self.runs.all_runs[0] if self.runs.all_runs else None)
        message = f"Run {shown.number}: {shown.message}" if shown and shown.message else ""
        self.run_message.setText(message)
        self.run_message.setVisible(bool(message))
        reason = (
            "Select one run of the table."
            if run is None
            else "This network is in use."
            if run.in_use
            else ""
            if run.has_weights
            else run.missing
            or "This run has no weights of its own: nothing in it was better than what it started from."
        )
        self.use.setEnabled(not reason)
        self.use.setToolTip(reason or "It predicts every picture anew, and the next run continues it.")
        self.compare.setEnabled(len(selected) > 1)
        self.compare.setToolTip(
            "Settings that differ between the selected runs, and the difference of each class."
            if len(selected) > 1
            else "Select two or more runs of the table, with Ctrl or Shift, to compare them."
        )
        self.evaluate.setEnabled(bool(self._runs_to_report()))
        self.evaluate.setToolTip(
            "Scores of the selected run by class, its confusion matrix, and the pictures behind them."
            if self._runs_to_report()
            else "None of the selected runs has weights."
        )
        self.strip.setEnabled(bool(self._runs_to_report()))
        self.strip.setToolTip("What the selected run predicted in a few pictures at each of its checkpoints.")
        self.report.setEnabled(bool(self._runs_to_report()))
        self.report.setToolTip(
            "Evaluate the selected run on the val pictures and show the result as a page. Several runs are compared."
            if self._runs_to_report()
            else "None of the selected runs has weights."
        )

    def _request_use(self) -> None:
        selected = self.runs.selected_runs()
        if len(selected) == 1:
            self.use_requested.emit(selected[0].number)

    def _tabbed_page(self, theme: Theme) -> QWidget:
        """The runs and the labelling work, one behind the other, below what concerns the next run."""
        tab_frame, self.tabs = segmented_control(TABS, theme)
        for key, tab in self.tabs.items():
            tab.clicked.connect(partial(self.show_tab, key))
        self._tab_pages = QStackedWidget()
        self._tab_pages.addWidget(self._pages)
        self._tab_pages.addWidget(self.work)
        self.show_tab("runs")
        margins = (MARGIN, 2 * GRID, MARGIN, 0)
        top = row(tab_frame, GRID, self.next_run, self.choose_network, self.export, margins=margins)
        top.setStretch(2, 1)
        page = QWidget()
        page.setLayout(column(top, self.offer, self.size_offer, self.run_switch, self._tab_pages, spacing=0))
        return page

    def _empty_page(self) -> QWidget:
        page = QWidget()
        self.train_now = button("Train now", "primary")
        self.train_now.clicked.connect(self.train_requested)
        parts = (
            text_label("No training yet", "headline"),
            self.hint,
            self.train_now,
        )
        middle = column(None, *parts[:2], GRID, self.train_now, None)
        for part in parts:
            middle.setAlignment(part, Qt.AlignmentFlag.AlignHCenter)
        page.setLayout(middle)
        return page

    def _runs_heading(self) -> QWidget:
        heading = QWidget()
        choice = (text_label("Runs", "heading"), 2 * GRID, self.runs_filter, self.metric_choice, None)
        buttons = (self.compare, self.evaluate, self.strip, self.report, self.use, None)
        heading.setLayout(column(row(*choice), row(*buttons), margins=(0, GRID, 0, 0)))
        return heading

    def _full_page(self) -> QWidget:
        page = QWidget()
        for chart in (self.by_labels, self.lr_range):
            chart.setMinimumHeight(18 * GRID)
            chart.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        for table in (self.runs, self.scores):
            table.setMinimumHeight(18 * GRID)
            table.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        large, small = self.curves.panels
        left = _stack(
            ("", large, 4),
            ("", self._runs_heading(), 0),
            ("", self.runs, 3),
            ("", self.run_message, 0),
        )
        right = _stack(
            ("", small, 3),
            ("Best mIoU over labelled pictures", self.by_labels, 3),
            ("Newest IoU of each class", self.scores, 4),
        )
        # Hidden unless the run did a range test.
        self._lr_range_title = text_label("", "heading")
        right.insertWidget(1, self._lr_range_title)
        right.insertWidget(2, self.lr_range, 3)
        self._show_lr_range((), None)
        both = row(left, right, spacing=4 * GRID)
        both.setStretch(0, 3)
        both.setStretch(1, 2)
        whole = column(self.curves.bar, both, margins=(MARGIN, 2 * GRID, MARGIN, 2 * GRID))
        whole.setStretch(1, 1)
        page.setLayout(whole)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(page)
        return area


def _filter_field() -> QLineEdit:
    field = QLineEdit()
    field.setPlaceholderText("Filter runs")
    field.setAccessibleName("Show only runs in which each of these words occurs")
    field.setClearButtonEnabled(True)
    field.setMaximumWidth(28 * GRID)
    return field


def _stack(*parts: tuple[str, QWidget, int]) -> QVBoxLayout:
    """(title, widget, stretch), one below the other."""
    stack = column(spacing=GRID)
    for title, widget, stretch in parts:
        if title:
            if stack.count():
                stack.addSpacing(GRID)
            stack.addWidget(text_label(title, "heading"))
        stack.addWidget(widget, stretch)
    return stack
