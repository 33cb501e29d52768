"""The learning as the window shows it: state, curves, runs, and the counts of the project."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QAction

from core.base.changes import Changes
from core.base.settings import SETTINGS, Settings
from core.project.records import ProjectCounts, RunRecord
from core.session.session import Session
from core.session.training.curves import Curves
from core.session.training.service import MIN_LABELLED_PICTURES, TrainingPreferences, TrainingState
from desktop.connections import ConnectionGroup
from desktop.dispatcher import MainThreadDispatcher
from desktop.theme.theme import Theme
from desktop.widgets.status_bar import StatusBar
from desktop.workspaces.data.page import DataPage
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.train.page import RunRow, TrainPage
from desktop.workspaces.train.run_setup import RunSetup, network_title

PHASE_HINTS = {
    "starting": "The labels are read and the network is made ready; that takes a few seconds.",
    "training": "The model learns. Its first predictions and its first score come together.",
    "paused": "Continue, and the model comes to its first score.",
}
"""What stands where the chart will be until there is a first score."""
REFRESH_MS = 400
"""News come in bursts; charts and counts are read anew at most this often."""


class TrainController(QObject):
    """Brings the learning panel, the Train and the Data workspace to life for one session."""

    def __init__(
        self,
        session: Session,
        bridge: MainThreadDispatcher,
        page: LabelPage,
        train_page: TrainPage,
        data_page: DataPage,
        status: StatusBar,
        actions: Mapping[str, QAction],
        settings: Settings,
        theme: Theme,
    ) -> None:
        super().__init__()
        self._session, self._bridge, self._settings = session, bridge, settings
        self._running_actions = actions["pause_training"], actions["stop_training"]
        self._page, self._train_page, self._data_page, self._status = page, train_page, data_page, status
        self._counts = ProjectCounts()
        self._runs_stale = True
        self._curves_timer = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._counts_timer = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._curves_timer.timeout.connect(self._load_curves)
        self._counts_timer.timeout.connect(self._load_counts)
        self.run_setup = RunSetup(session, bridge, train_page, settings, theme)
        self._wires = ConnectionGroup()
        join, panel, retraining = self._wires.connect, page.training, session.training
        join(panel.train_requested, retraining.start)
        join(panel.pause_requested, retraining.pause)
        join(panel.resume_requested, retraining.resume)
        join(panel.stop_requested, retraining.stop)
        join(panel.auto_start_changed, self._set_automatic)
        join(train_page.train_requested, retraining.start)
        self._show_auto_training()
        data_page.set_location(f"Labels are kept in {session.home}; the pictures are never changed.")

    def start(self) -> None:
        """Show everything for a session that has just been opened."""
        self.show_state(self._session.training.state)
        self._load_curves()
        self._load_counts()

    def close(self) -> None:
        """The session ends."""
        self._wires.disconnect_all()
        self.run_setup.close()
        self._curves_timer.stop()
        self._counts_timer.stop()
        self._status.set_training()

    def on_changes(self, changes: Changes) -> None:
        """Something changed: look again soon at what it touches."""
        self._runs_stale |= changes.runs or changes.classes
        if changes.runs or changes.measurements or changes.classes:
            self._start_timer(self._curves_timer)
        if changes.labels or changes.pictures or changes.picture_list or changes.classes:
            self._start_timer(self._counts_timer)

    def show_state(self, state: TrainingState) -> None:
        """News of the training."""
        known = state.seconds_left is not None
        self._page.training.set_state(
            state.phase,
            device=state.device,
            pictures_per_second=state.pictures_per_second,
            seconds=state.seconds if known else None,
            seconds_left=state.seconds_left,
            step=state.step,
            message=state.message,
            failed=state.failed,
        )
        self._page.training.set_hint(self._hint(state))
        for action in self._running_actions:
            action.setEnabled(state.phase != "idle")
        if state.phase == "idle":
            self._status.set_training()
        else:
            self._status.set_training(
                state.device, state.run_id, state.pictures_per_second, state.seconds_left, state.phase
            )

    def toggle_pause(self) -> None:
        retraining = self._session.training
        (retraining.resume if retraining.state.phase == "paused" else retraining.pause)()

    def settings_changed(self) -> None:
        """Tell the training what the settings say now."""
        self._show_auto_training()
        self._session.training.set_preferences(training_preferences(self._settings))

    def _hint(self, state: TrainingState) -> str:
        """What is missing before the first training, or what the first score waits for, in one sentence."""
        if state.phase != "idle":
            return PHASE_HINTS.get(state.phase, "")
        if self._session.training.has_weights:
            return ""
        missing = MIN_LABELLED_PICTURES - self._counts.labelled
        if len(self._session.editing.classes) < 2:
            return "Add two classes, then paint a few strokes of each."
        if missing > 0:
            more = {1: "One more picture", 2: "Two more pictures", 3: "A few strokes in three pictures"}[
                missing
            ]
            return f"{more}, and the model can start."
        if len(self._counts.class_pixels) < 2:
            return "Paint a second class too, and the model can start."
        return ""

    def _set_automatic(self, on: bool) -> None:
        self._settings.set("train_automatically", on)
        self.settings_changed()

    def _show_auto_training(self) -> None:
        rule = next(s.help for s in SETTINGS if s.name == "train_automatically")
        self._page.training.set_auto_start(self._settings.get("train_automatically"), rule)

    @staticmethod
    def _start_timer(timer: QTimer) -> None:
        if not timer.isActive():  # never put off: during training news never stop
            timer.start()

    def _load_curves(self) -> None:
        if self._runs_stale:
            self._runs_stale = False
            self._bridge.when_done(self._session.runs(), self._show_runs)
        self._bridge.when_done(self._session.charts.curves(), self._show_curves)

    def _load_counts(self) -> None:
        self._bridge.when_done(self._session.charts.counts(), self._show_counts)

    def _show_runs(self, runs: list[RunRecord]) -> None:
        self._train_page.set_runs([_run_row(run) for run in runs])
        self.run_setup.set_runs(runs)

    def _show_curves(self, curves: Curves) -> None:
        classes = self._session.editing.classes
        self._page.training.set_curves(curves.miou, curves.per_class, classes)
        self._train_page.set_curves(
            curves.loss,
            curves.miou,
            curves.per_class,
            classes,
            curves.by_labels,
            curves.class_by_labels,
            curves.lr_range,
            curves.lr_chosen,
        )
        self._page.classes.set_scores(dict(curves.newest))
        self._train_page.set_scores(curves.newest, classes)

    def _show_counts(self, counts: ProjectCounts) -> None:
        self._counts = counts
        total = sum(counts.class_pixels.values()) or 1
        self._page.classes.set_shares({value: n / total for value, n in counts.class_pixels.items()})
        self._data_page.set_counts(
            {
                "pictures": counts.pictures,
                "labelled": counts.labelled,
                "done": counts.done,
                "predicted": counts.predicted,
                **counts.by_split,
            }
        )
        self.show_state(self._session.training.state)


def training_preferences(settings: Settings) -> TrainingPreferences:
    """What the settings say about training."""
    return TrainingPreferences(
        settings.get("train_automatically"),
        settings.get("round_minutes"),
        settings.get("device"),
        settings.get("looks"),
    )


def _run_row(run: RunRecord) -> RunRow:
    started = datetime.fromisoformat(run.started_at).astimezone().strftime("%Y-%m-%d %H:%M")
    return RunRow(
        run.id,
        started,
        run.device or "",
        run.labelled_pictures,
        run.best_miou,
        run.state.capitalize(),
        network_title(run),
    )
