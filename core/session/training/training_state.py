"""The state of training as the window shows it, and the person's preferences about training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from core.session.training.start_rule import StartRule


@dataclass(frozen=True, slots=True)
class TrainingState:
    """What training is doing now.

    phase: idle, starting, training, paused or stopping; seconds_left: None when unknown
    stage: what is done before or between training steps, such as "Computing features 120 of 268"; else empty
    miou: the best on the validation pictures, 0..1, None until there is one; message: a sentence, or empty
    """

    phase: str = "idle"
    run_id: int | None = None
    device: str = ""
    step: int = 0
    seconds: float = 0.0
    seconds_left: float | None = None
    pictures_per_second: float = 0.0
    loss: float | None = None
    miou: float | None = None
    published: int = 0
    stage: str = ""
    message: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class TrainingPreferences:
    """What the settings say about training.

    tta: test-time augmentation of predictions, a key of `core.models.inference.TTA_VIEWS`
    after_evaluation: a command, see `core.training.callbacks.own_command`; empty for none
    """

    automatic: bool = True
    minutes: float = 4.0
    device: str = "auto"
    tta: str = "none"
    after_evaluation: str = ""
    start_rule: StartRule = field(default_factory=StartRule)
    """Where it is `automatic`."""


class TrainingStatus:
    """Holds the current `TrainingState` and announces each change. Written on the training lane, read on any thread."""

    def __init__(self, announce: Callable[[TrainingState], None], state: TrainingState) -> None:
        self.state = state
        self._announce = announce

    def set(self, state: TrainingState) -> None:
        if state != self.state:
            self.state = state
            self._announce(state)

    def show_message(self, message: str) -> None:
        self.set(replace(self.state, message=message))

    def change_phase(self, next_phases: dict[str, str]) -> None:
        """Replace the phase by what `next_phases` gives for it; a phase that is not in there stays."""
        self.set(replace(self.state, phase=next_phases.get(self.state.phase, self.state.phase)))
