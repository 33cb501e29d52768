"""Pauses training while the window is shown in full screen, where a setting says so."""

from __future__ import annotations

from core.base.settings import Settings
from core.session.session import Session
from core.session.training.training_state import TrainingState
from desktop.controller import Controller

PAUSED_TEXT = (
    "Training is paused in full screen, as the settings say. It goes on afterwards, or when you continue it."
)


class PresentationPause(Controller):
    """A training is paused once; who continues it in full screen by hand keeps it."""

    def __init__(self, session: Session, settings: Settings) -> None:
        super().__init__()
        self._training, self._settings = session.training, settings
        self._is_full_screen = False
        self._paused_run: int | None = None

    def set_full_screen(self, on: bool) -> None:
        self._is_full_screen = on
        self.show_state(self._training.state)
        if not on:
            self._continue()

    def show_state(self, state: TrainingState) -> None:
        """Pause a training that has begun meanwhile."""
        wanted = self._is_full_screen and self._settings.get("pause_in_full_screen")
        if wanted and state.phase == "training" and state.run_id != self._paused_run:
            self._paused_run = state.run_id
            self._training.pause()
            self.message.emit(PAUSED_TEXT)

    def _continue(self) -> None:
        state = self._training.state
        if self._paused_run is not None and (state.phase, state.run_id) == ("paused", self._paused_run):
            self._training.resume()
        self._paused_run = None
