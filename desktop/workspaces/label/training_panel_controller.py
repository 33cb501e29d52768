"""Controller of the training panel beside the canvas: state, curves and scores, and what training waits for."""

from __future__ import annotations

from PySide6.QtCore import Signal

from core.base.settings import Settings
from core.base.text import count_of
from core.project.records import ProjectCounts
from core.session.session import Session
from core.session.training.curves import Curves
from core.session.training.start_rule import missing_for_training, start_rule
from core.session.training.training_state import TrainingState
from desktop.controller import Controller
from desktop.workspaces.label.page import LabelPage

PHASE_HINTS = {
    "starting": "Reading the labels and building the network; this takes a few seconds.",
    "training": "The first predictions appear soon, with a score where val pictures are labelled.",
    "paused": "Continue to reach the first validation score.",
}
"""Shown in place of the chart until there is a first score."""
ENOUGH_LABELS = "There are enough labels to start training."


class TrainingPanelController(Controller):
    """Shows what the Train workspace's controller loads. `settings_changed`: the user switched automatic training."""

    settings_changed = Signal()

    def __init__(self, session: Session, page: LabelPage, settings: Settings) -> None:
        super().__init__()
        self._session, self._settings = session, settings
        self._panel, self._classes = page.training, page.classes
        self._counts, self._curves = ProjectCounts(), Curves()
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
        rule = start_rule(self._settings)
        help_text = f"The first training starts when there is enough to learn from, each further one {rule}."
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
            stage=state.stage,
            message=state.message,
            failed=state.failed,
        )
        self._panel.set_hint(self._hint(state))

    def show_curves(self, curves: Curves) -> None:
        """Show IoU over time, and that of the network in use beside each class."""
        self._curves = curves
        self._show_score()
        self._classes.set_scores(dict(curves.in_use_iou or curves.newest))

    def show_counts(self, counts: ProjectCounts) -> None:
        """Show each class's share of the labelled pixels; the hint counts labelled pictures."""
        self._counts = counts
        self._show_score()
        total = sum(counts.class_pixels.values()) or 1
        self._classes.set_shares({value: n / total for value, n in counts.class_pixels.items()})
        self.show_state(self._session.training.state)

    def _show_score(self) -> None:
        """Show the mIoU of the network in use. A labelled class that it does not know counts as 0: it was added after
        the score was measured, which says nothing about it."""
        curves, classes = self._curves, self._session.editing.classes
        scored = set(curves.in_use_iou or curves.newest) & set(classes.values)
        labelled = set(self._counts.class_pixels) & set(classes.values)
        unknown = labelled - scored - (curves.known_classes or labelled)
        share = len(scored) / len(scored | unknown) if scored else 1.0
        score = tuple((x, y * share) for x, y in curves.in_use or curves.miou)
        name = "mIoU"
        if unknown:
            name = f"mIoU, {count_of(len(unknown), 'class', 'classes')} not learned yet"
        elif scored and len(labelled | scored) > len(scored):
            name = f"mIoU of {len(scored)} of {len(labelled | scored)} classes"
        self._panel.set_curves(curves.miou, curves.per_class, classes, score, name)
        basis = curves.basis.scaled(share) if curves.basis else None
        self._panel.set_basis(basis, {c.value: c.name for c in classes})

    def _hint(self, state: TrainingState) -> str:
        """What is missing before the first training, or what the first score waits for, in one sentence."""
        if state.phase != "idle":
            return PHASE_HINTS.get(state.phase, "")
        if self._session.training.has_weights:
            return "There is no score yet. A training scores its network on labelled val pictures."
        return missing_for_training(self._counts, self._session.editing.classes) or ENOUGH_LABELS

    def _set_auto_start(self, on: bool) -> None:
        self._settings.set("train_automatically", on)
        self.settings_changed.emit()
