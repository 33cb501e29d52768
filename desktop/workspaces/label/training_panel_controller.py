"""Controller of the training panel beside the canvas: state, curves and scores, and what training waits for."""

from __future__ import annotations

from PySide6.QtCore import Signal

from core.base.settings import SETTINGS, Settings
from core.project.records import ProjectCounts
from core.session.session import Session
from core.session.training.curves import Curves
from core.session.training.start_rule import MIN_LABELLED_PICTURES
from core.session.training.training_state import TrainingState
from desktop.controller import Controller
from desktop.workspaces.label.page import LabelPage

PHASE_HINTS = {
    "starting": "Reading the labels and building the network; this takes a few seconds.",
    "training": "The first predictions and the first validation score appear at the same time.",
    "paused": "Continue to reach the first validation score.",
}
"""Shown in place of the chart until there is a first score."""


class TrainingPanelController(Controller):
    """Shows what the Train workspace's controller loads. `settings_changed`: the user switched automatic training."""

    settings_changed = Signal()

    def __init__(self, session: Session, page: LabelPage, settings: Settings) -> None:
        super().__init__()
        self._session, self._settings = session, settings
        self._panel, self._classes = page.training, page.classes
        self._counts = ProjectCounts()
        connect = self.connections.connect
        connect(self._panel.train_requested, session.training.start)
        connect(self._panel.pause_requested, session.training.pause)
        connect(self._panel.resume_requested, session.training.resume)
        connect(self._panel.stop_requested, session.training.stop)
        connect(self._panel.auto_start_changed, self._set_auto_start)
        self.show_settings()

    def start(self) -> None:
        self.show_state(self._session.training.state)

    def show_settings(self) -> None:
        """Show whether training starts automatically."""
        help_text = next(s.help for s in SETTINGS if s.name == "train_automatically")
        self._panel.set_auto_start(self._settings.get("train_automatically"), help_text)

    def show_state(self, state: TrainingState) -> None:
        known = state.seconds_left is not None
        self._panel.set_state(
            state.phase,
            device=state.device,
            pictures_per_second=state.pictures_per_second,
            seconds=state.seconds if known else None,
            seconds_left=state.seconds_left,
            step=state.step,
            message=state.message,
            failed=state.failed,
        )
        self._panel.set_hint(self._hint(state))

    def show_curves(self, curves: Curves) -> None:
        """Show IoU over time, and the newest IoU beside each class."""
        self._panel.set_curves(curves.miou, curves.per_class, self._session.editing.classes)
        self._classes.set_scores(dict(curves.newest))

    def show_counts(self, counts: ProjectCounts) -> None:
        """Show each class's share of the labelled pixels; the hint counts labelled pictures."""
        self._counts = counts
        total = sum(counts.class_pixels.values()) or 1
        self._classes.set_shares({value: n / total for value, n in counts.class_pixels.items()})
        self.show_state(self._session.training.state)

    def _hint(self, state: TrainingState) -> str:
        """What is missing before the first training, or what the first score waits for, in one sentence."""
        if state.phase != "idle":
            return PHASE_HINTS.get(state.phase, "")
        if self._session.training.has_weights:
            return ""
        if len(self._session.editing.classes) < 2:
            return "Add two classes, then paint a few strokes of each."
        missing = MIN_LABELLED_PICTURES - self._counts.labelled
        if missing > 0:
            return {
                1: "Label one more picture to start training.",
                2: "Label two more pictures to start training.",
                3: "Label a few strokes in three pictures to start training.",
            }[missing]
        if len(self._counts.class_pixels) < 2:
            return "Paint a second class to start training."
        return ""

    def _set_auto_start(self, on: bool) -> None:
        self._settings.set("train_automatically", on)
        self.settings_changed.emit()
