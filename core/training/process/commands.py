"""Commands to the training process, one tagged struct each; they travel as lines of JSON. Does not import torch."""

from __future__ import annotations

from pathlib import Path

import msgspec

from core.base.json_process import decode_message
from core.training.callbacks.callback_options import NO_CALLBACKS, CallbackOptions
from core.training.scoring.incumbent import Incumbent


class _Command(msgspec.Struct, frozen=True, tag_field="command", tag=True):
    """The class name is the tag."""


class PrepareCommand(_Command, frozen=True):
    """Import torch, so that the first training or prediction starts sooner."""


class TrainCommand(_Command, frozen=True):
    """Train on `snapshot` and publish into `run_folder`. base: checkpoint folder to start from, None: from scratch;
    incumbent: the network in use, None where that is the base or there is none; callbacks: what listens to it."""

    run_folder: Path
    snapshot: Path
    base: Path | None
    incumbent: Incumbent | None = None
    callbacks: CallbackOptions = NO_CALLBACKS


class RefreshCommand(_Command, frozen=True):
    """Labels in the snapshot have changed."""


class PredictCommand(_Command, frozen=True):
    """Predict one picture file into `out`.

    urgent: before everything else, also between two training steps; run_id: stored with the prediction
    tta: test-time augmentation, a key of `core.models.inference.TTA_VIEWS`; device: as in a recipe
    """

    checkpoint: Path
    picture: Path
    picture_id: int
    out: Path
    run_id: int
    urgent: bool = False
    tta: str = "none"
    device: str = "auto"


class DropPredictionsCommand(_Command, frozen=True):
    """Drop the queued predictions that are not urgent."""


class PauseCommand(_Command, frozen=True):
    """Hold the training between two steps."""


class ResumeCommand(_Command, frozen=True):
    """Continue after a pause."""


class StopCommand(_Command, frozen=True):
    """End the training and keep its best checkpoint."""


class QuitCommand(_Command, frozen=True):
    """End the process."""


WorkerCommand = (
    PrepareCommand
    | TrainCommand
    | RefreshCommand
    | PredictCommand
    | DropPredictionsCommand
    | PauseCommand
    | ResumeCommand
    | StopCommand
    | QuitCommand
)


def decode_command(line: str) -> WorkerCommand:
    """The command in a line of JSON. Raises ValueError when the line is anything else."""
    command: WorkerCommand = decode_message(line, WorkerCommand)
    return command
