"""Compares the runs that are selected in the table, and evaluates those that are not yet."""

from __future__ import annotations

from concurrent.futures import Future

from PySide6.QtCore import QTimer
from PySide6.QtGui import QAction

from core.base.changes import Changes
from core.base.errors import MaskloopError
from core.base.settings import Settings
from core.base.text import count_of
from core.evaluation.kept.evaluation_job import EvaluationJob
from core.evaluation.run_comparison import RunComparison
from core.session.models.evaluator import KeptEvaluation
from core.session.session import Session
from desktop.controller import Actions, Controller
from desktop.dispatcher import LatestRequest, MainThreadDispatcher
from desktop.theme.theme import Theme
from desktop.widgets.controls import explain_if_disabled
from desktop.workspaces.train.comparison.run_comparison_view import RunComparisonView
from desktop.workspaces.train.page import TrainPage

RELOAD_MS = 1000
LOADING = "Comparing …"


class RunComparisonController(Controller):
    """The view is made when it is first needed, and lives as long as the project is open."""

    def __init__(
        self,
        session: Session,
        dispatcher: MainThreadDispatcher,
        page: TrainPage,
        settings: Settings,
        theme: Theme,
        train_workspace: QAction,
    ) -> None:
        """train_workspace: the action that shows it"""
        super().__init__()
        self._session, self._dispatcher, self._page = session, dispatcher, page
        self._settings, self._theme, self._train_workspace = settings, theme, train_workspace
        self.view: RunComparisonView | None = None
        self.found: RunComparison | None = None
        self._numbers: list[int] = []
        self._waiting: list[int] = []
        """Runs that are still to be evaluated."""
        self._evaluation: Future[KeptEvaluation | None] | None = None
        """Of the first of them; the Train workspace may have others under way."""
        self._is_stale = False
        self._request = LatestRequest(dispatcher)
        self._reload_timer = QTimer(self, singleShot=True, interval=RELOAD_MS)
        self._reload_timer.timeout.connect(self._reload)
        self.connections.connect(page.compare_requested, self.open)

    def actions(self) -> Actions:
        return {"compare_runs": self._compare_selected}

    def close(self) -> None:
        super().close()
        self._request.cancel()
        self._reload_timer.stop()
        if self.view is not None:
            self._page.close_part(self.view)
            self.view.deleteLater()
            self.view = None

    def on_changes(self, changes: Changes) -> None:
        if self.view is not None and (changes.runs or changes.labels or changes.classes):
            self._is_stale = True
            if self.view.isVisible() and not self._reload_timer.isActive():
                self._reload_timer.start()

    def _compare_selected(self) -> None:
        if explain_if_disabled(self._page.compare, self.message):
            return
        self._train_workspace.trigger()
        self._page.compare.click()

    def open(self, runs: list[int]) -> None:
        """Show these runs beside each other; the first is the one that the others are compared with."""
        if len(runs) < 2:
            return
        if self._waiting:
            self._cancel()
        view = self.view = self.view or self._new_view()
        self._numbers, self.found = list(runs), None
        view.show_message(LOADING)
        self._is_stale = True
        self._page.show_part(view)
        self._reload()

    def _new_view(self) -> RunComparisonView:
        view = RunComparisonView(self._theme)
        view.closed.connect(lambda: self._page.close_part(view))
        view.shown.connect(self._reload)
        view.curves_requested.connect(self._show_curves)
        view.report_requested.connect(self._report)
        view.evaluation.requested.connect(self.evaluate)
        view.evaluation.cancelled.connect(self._cancel)
        return view

    def _reload(self) -> None:
        if self.view is not None and self._is_stale:
            self._is_stale = False
            self._request.send(
                self._session.run_book.compare(self._numbers), self._on_compared, self._on_failed
            )

    def _on_compared(self, found: RunComparison) -> None:
        self.found = found
        if self.view is not None:
            self.view.show_comparison(found, self._session.editing.classes)

    def _on_failed(self, problem: MaskloopError) -> None:
        if self.view is not None:
            self.view.show_message(str(problem), is_problem=True)

    def _show_curves(self) -> None:
        """Of these runs, over each other."""
        if self.view is not None:
            self._page.close_part(self.view)
            self._page.runs_filter.clear()
            self._page.runs.select_runs(self._numbers)
            self._page.curves.layouts["over"].click()

    def _report(self) -> None:
        if self.found is not None:
            self._page.report_requested.emit([run.record.id for run in self.found.runs if run.has_weights])

    # Evaluation

    def evaluate(self) -> None:
        """Evaluate the runs whose evaluation is not kept, one after the other, and compare again."""
        if self.found is not None and not self._waiting:
            self._waiting = [number for number, reason in self.found.missing.items() if not reason]
            self._evaluate_next()

    def _evaluate_next(self) -> None:
        if self.view is None or not self._waiting:
            return
        number = self._waiting[0]
        self.view.evaluation.set_running(f"Starting run {number}")
        job = EvaluationJob(self._session.home, number, device=self._settings.get("device"))

        def on_progress(done: int, total: int) -> None:  # on the evaluation lane
            self._dispatcher.post(lambda: self._show_progress(number, done, total))

        self._evaluation = self._dispatcher.when_done(
            self._session.evaluator.evaluate(job, on_progress),
            self._on_evaluated,
            self._on_not_evaluated,
            self._end,
        )

    def _show_progress(self, number: int, done: int, total: int) -> None:
        if self.view is not None and self._waiting[:1] == [number]:
            self.view.evaluation.set_running(
                f"Run {number}: {done:,} of {count_of(total, 'picture')}", done, total
            )

    def _on_evaluated(self, _kept: KeptEvaluation | None) -> None:
        del self._waiting[:1]
        if self._waiting:
            self._evaluate_next()
        else:
            self._end()

    def _on_not_evaluated(self, problem: MaskloopError) -> None:
        self._end()
        if not self.is_closed:
            self._dispatcher.failed.emit(problem)

    def _cancel(self) -> None:
        if self._evaluation is not None:
            self._session.evaluator.cancel(self._evaluation)

    def _end(self) -> None:
        self._waiting = []
        if self.view is not None:
            self.view.evaluation.set_running(None)
            self._is_stale = True
            self._reload()
