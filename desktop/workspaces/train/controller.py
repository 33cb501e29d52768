"""Controller of the Train workspace: curves, runs, training state; also loads what other workspaces show of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QAction

from core.base.changes import Changes
from core.base.settings import Settings
from core.evaluation.run_summary import RunSummary
from core.project.records import ProjectCounts
from core.session.session import Session
from core.session.training.curves import Curves
from core.session.training.start_rule import missing_for_training, start_rule
from core.session.training.training_state import TrainingPreferences, TrainingState
from desktop.controller import Actions, ControllerGroup
from desktop.dispatcher import MainThreadDispatcher
from desktop.theme.theme import Theme
from desktop.timers import start_if_idle
from desktop.widgets.status_bar import StatusBar
from desktop.workspaces.train.comparison.run_comparison_controller import RunComparisonController
from desktop.workspaces.train.curves.curve_controller import CurveController
from desktop.workspaces.train.epochs.epoch_strip_controller import EpochStripController
from desktop.workspaces.train.evaluation.evaluation_controller import EvaluationController
from desktop.workspaces.train.page import TrainPage
from desktop.workspaces.train.picture_work.work_chart_controller import WorkChartController
from desktop.workspaces.train.report_controller import ReportController
from desktop.workspaces.train.run_setup import RunSetup
from desktop.workspaces.train.run_switch import RunSwitch
from desktop.workspaces.train.runs.run_titles import MISSING, RUN_STATES, network_title
from desktop.workspaces.train.runs.runs_controller import RunsController
from desktop.workspaces.train.runs.runs_table import RunRow

REFRESH_MS = 400
"""Changes come in bursts: curves and counts are read at most this often."""
WARM_UP_MS = 2000
"""Pause after a project was opened until the training process starts, so that the first pictures have the processor."""


class TrainController(ControllerGroup):
    """`curves_loaded` carries `Curves`, `counts_loaded` a `ProjectCounts`, for the workspaces that show them;
    `picture_requested` the id of a picture to open in the Label workspace."""

    curves_loaded = Signal(object)
    counts_loaded = Signal(object)
    picture_requested = Signal(int)

    def __init__(
        self,
        session: Session,
        dispatcher: MainThreadDispatcher,
        page: TrainPage,
        status_bar: StatusBar,
        actions: Mapping[str, QAction],
        settings: Settings,
        theme: Theme,
    ) -> None:
        super().__init__()
        self._session, self._dispatcher, self._settings = session, dispatcher, settings
        self._page, self._status_bar = page, status_bar
        self._running_actions = actions["pause_training"], actions["stop_training"]
        self._runs_are_stale = True
        self._curves_timer = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._counts_timer = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._curves_timer.timeout.connect(self._load_curves)
        self._counts_timer.timeout.connect(self._load_counts)
        self._warm_up_timer = QTimer(self, singleShot=True, interval=WARM_UP_MS)
        self._warm_up_timer.timeout.connect(session.training.warm_up)
        self.run_setup = RunSetup(session, dispatcher, page, settings, theme)
        self.curve_controller = CurveController(session, dispatcher, page, theme)
        self.runs_controller = RunsController(session, dispatcher, page, settings)
        self.report_controller = ReportController(session, dispatcher, page, settings)
        self.evaluation_controller = EvaluationController(
            session, dispatcher, page, settings, theme, actions["workspace_train"]
        )
        self.epoch_strip_controller = EpochStripController(session, dispatcher, page, theme)
        self.comparison_controller = RunComparisonController(
            session, dispatcher, page, settings, theme, actions["workspace_train"]
        )
        self.work_chart_controller = WorkChartController(session, dispatcher, page.work)
        self.evaluation_controller.picture_requested.connect(self.picture_requested)
        self.work_chart_controller.picture_requested.connect(self.picture_requested)
        self.connections.connect(page.train_requested, session.training.start)
        self.run_switch = RunSwitch(session, page)
        self.set_members(
            (
                self.run_setup,
                self.curve_controller,
                self.runs_controller,
                self.run_switch,
                self.report_controller,
                self.evaluation_controller,
                self.epoch_strip_controller,
                self.comparison_controller,
                self.work_chart_controller,
            )
        )

    def actions(self) -> Actions:
        return {
            **super().actions(),
            "train_now": self._session.training.start,
            "pause_training": self._toggle_pause,
            "stop_training": self._session.training.stop,
        }

    def start(self) -> None:
        self.show_state(self._session.training.state)
        super().start()
        self._load_curves()
        self._load_counts()
        if not self._session.read_only_reason:
            self._warm_up_timer.start()

    def close(self) -> None:
        super().close()
        self._warm_up_timer.stop()
        self._curves_timer.stop()
        self._counts_timer.stop()
        self._status_bar.set_training()
        self._page.set_runs([])  # those of the next project are listed in a moment

    def on_changes(self, changes: Changes) -> None:
        super().on_changes(changes)
        self._runs_are_stale |= changes.runs or changes.classes
        if changes.runs or changes.measurements or changes.classes:
            start_if_idle(self._curves_timer)
        if changes.labels or changes.pictures or changes.picture_list or changes.classes:
            start_if_idle(self._counts_timer)

    def show_state(self, state: TrainingState) -> None:
        """Show what the training does in the status bar, and offer the actions for it."""
        for action in self._running_actions:
            action.setEnabled(state.phase != "idle")
        if state.phase == "idle":
            self._status_bar.set_training()
        else:
            doing = state.stage if state.stage and state.phase == "training" else state.phase
            self._status_bar.set_training(
                state.device, state.run_id, state.pictures_per_second, state.seconds_left, doing
            )

    def settings_changed(self) -> None:
        """Pass the settings that concern training on to it."""
        self._session.training.set_preferences(training_preferences(self._settings))

    def _toggle_pause(self) -> None:
        training = self._session.training
        (training.resume if training.state.phase == "paused" else training.pause)()

    def _load_curves(self) -> None:
        if self._runs_are_stale:
            self._runs_are_stale = False
            self._dispatcher.when_done(self._session.run_book.summaries(), self._show_runs)
        self._dispatcher.when_done(self._session.charts.curves(), self._show_curves)
        self.curve_controller.load()

    def _load_counts(self) -> None:
        self._dispatcher.when_done(self._session.charts.counts(), self._on_counts)

    def _show_runs(self, runs: list[RunSummary]) -> None:
        if not self.is_closed:
            in_use = next((run.record for run in runs if run.is_in_use), None)
            self._page.set_runs([_run_row(run) for run in runs])
            self.run_switch.set_in_use(in_use)
            self.run_setup.set_runs(runs, in_use)
            self.evaluation_controller.set_runs(runs)
            self.epoch_strip_controller.set_runs(runs)

    def _show_curves(self, curves: Curves) -> None:
        if self.is_closed:
            return
        classes = self._session.editing.classes
        self._page.set_curves(
            classes,
            curves.by_labels,
            curves.class_by_labels,
            curves.lr_range,
            curves.lr_chosen,
        )
        self._page.set_scores(curves.newest, classes)
        self.curves_loaded.emit(curves)

    def _on_counts(self, counts: ProjectCounts) -> None:
        if not self.is_closed:
            self._page.set_hint(missing_for_training(counts, self._session.editing.classes))
            self.counts_loaded.emit(counts)


def training_preferences(settings: Settings) -> TrainingPreferences:
    """What the settings say about training."""
    return TrainingPreferences(
        settings.get("train_automatically"),
        settings.get("round_minutes"),
        settings.get("device"),
        settings.get("looks"),
        settings.get("after_evaluation"),
        start_rule(settings),
    )


def _run_row(summary: RunSummary) -> RunRow:
    run = summary.record
    started = datetime.fromisoformat(run.started_at).astimezone().strftime("%Y-%m-%d %H:%M")
    return RunRow(
        run.id,
        started,
        run.device or "",
        run.labelled_pictures,
        RUN_STATES[summary.state],
        network_title(run),
        has_weights=summary.has_weights,
        in_use=summary.is_in_use,
        message=run.message or "",
        pixels=summary.pixels,
        seconds=summary.seconds or None,
        is_starred=run.is_starred,
        tags=run.tags,
        note=run.note,
        missing=MISSING.get(summary.state, ""),
        scores=summary.scores,
    )
