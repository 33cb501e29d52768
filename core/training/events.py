"""Events of a training and its process, one tagged struct each; they travel as lines of JSON. Does not import torch."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from core.base.json_process import decode_message, encode_message
from core.labels.score_basis import ScoreBasis


class _Event(msgspec.Struct, frozen=True, tag_field="event", tag=True):
    """The class name is the tag."""


class TrainingStarted(_Event, frozen=True):
    """device: as torch names it ("cpu", "cuda:0"); parameters: trainable numbers; pictures: labelled, in train."""

    device: str
    parameters: int
    pictures: int


class TrainingProgress(_Event, frozen=True):
    """Sent about once a second. `steps` and `seconds_left` are None while they cannot be known.

    learning_rate: of the last step; epoch: passes over the labelled pictures so far
    """

    step: int
    steps: int | None
    loss: float
    pictures_per_second: float
    seconds: float
    seconds_left: float | None
    learning_rate: float = 0.0
    epoch: float = 0.0


class TrainingStage(_Event, frozen=True):
    """Long work between two steps: what, and how much of how much, 0 where that is not counted."""

    text: str
    done: int = 0
    total: int = 0

    @property
    def description(self) -> str:
        return f"{self.text} {self.done:,} of {self.total:,}" if self.total else self.text


class ModelEvaluated(_Event, frozen=True):
    """Scores on `labelled_pictures` pictures of `split` ("val", or "train" while there is no val picture).

    per_class: IoU 0..1 by class value, without classes that are labelled nowhere in these pictures; 0 for a class that
    the network does not know, because it was added later
    miou: mean of per_class; confusion: pixels, rows true, columns predicted, in the order of the spec's classes
    basis: what the mean rests on; means: all of `core.labels.confusion_scores.MEAN_SCORES`
    loss: that of the recipe, mean over the pictures, None where they are too large for it
    """

    step: int
    seconds: float
    miou: float
    per_class: Mapping[int, float]
    pixel_accuracy: float
    confusion: tuple[tuple[int, ...], ...]
    labelled_pictures: int
    split: str
    basis: ScoreBasis | None = None
    means: Mapping[str, float] = {}
    loss: float | None = None


class CheckpointPublished(_Event, frozen=True):
    """A better checkpoint is complete in the folder `path`; `miou` is None without validation pictures.

    in_use: whether it is also better than the network in use, and takes its place
    """

    step: int
    miou: float | None
    path: str
    in_use: bool = True


class InUseScored(_Event, frozen=True):
    """The network in use scored on the val pictures of now: when a training begins, and when either changes."""

    step: int
    seconds: float
    miou: float
    per_class: Mapping[int, float]
    basis: ScoreBasis | None = None


class PredictionReady(_Event, frozen=True):
    """The prediction of a picture is complete at `path`; `mean_confidence` 0..1; `run_id` as in the command."""

    picture_id: int
    path: str
    mean_confidence: float
    run_id: int


class PredictionFailed(_Event, frozen=True):
    """A prediction could not be made; training is not affected. lost: the process ended before it, try it again."""

    picture_id: int
    message: str
    lost: bool = False


class WorkerFailed(_Event, frozen=True):
    """An error ended the training, or the process while it only predicted (`training` False).

    message: for the user; details: traceback or last output, for a report
    refused: the training could not begin, because something that it was asked for is not possible
    """

    message: str
    details: str
    training: bool = True
    refused: bool = False


class TrainingFinished(_Event, frozen=True):
    """The training ended without an error. reason: "budget", "stopped", or "replaced" by the next training."""

    reason: str
    step: int


class TrainingNote(_Event, frozen=True):
    """Information for the user that changes nothing. stored: it is also kept with the run."""

    message: str
    stored: bool = False


class LearningRateFound(_Event, frozen=True):
    """Result of the learning-rate finder. curve: (rate, smoothed loss) of each step; rate: the one that is used."""

    curve: tuple[tuple[float, ...], ...]
    rate: float


TrainingEvent = (
    TrainingStarted
    | TrainingProgress
    | TrainingStage
    | ModelEvaluated
    | CheckpointPublished
    | InUseScored
    | PredictionReady
    | PredictionFailed
    | WorkerFailed
    | TrainingFinished
    | TrainingNote
    | LearningRateFound
)


def encode_event(event: TrainingEvent) -> str:
    """One line of JSON without a line end."""
    return encode_message(event)


def decode_event(line: str) -> TrainingEvent:
    """The event that `encode_event` wrote; infinite numbers come back as nan. Raises ValueError for anything else."""
    event: TrainingEvent = decode_message(line, TrainingEvent)
    return event
