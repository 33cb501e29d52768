"""What a training tells the rest of the program: one frozen dataclass, one line of JSON. No torch in here."""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class TrainingStarted:
    """Training begins. `device` as torch names it ("cpu", "cuda:0"), `parameters` numbers to learn,
    `pictures` labelled pictures to learn from."""

    device: str
    parameters: int
    pictures: int


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """How far training is, about once a second. `steps` and `seconds_left` are None when nobody can tell."""

    step: int
    steps: int | None
    loss: float
    pictures_per_second: float
    seconds: float
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class ModelEvaluated:
    """Scores on `labelled_pictures` pictures of `split` ("val", or "train" while there is no val picture).

    per_class: IoU 0..1 by class value; a class that is labelled nowhere in these pictures is left out
    miou: mean of per_class; confusion: pixels, rows true, columns predicted, in the order of the spec's classes
    """

    step: int
    seconds: float
    miou: float
    per_class: Mapping[int, float]
    pixel_accuracy: float
    confusion: tuple[tuple[int, ...], ...]
    labelled_pictures: int
    split: str


@dataclass(frozen=True, slots=True)
class CheckpointPublished:
    """A better checkpoint lies complete in the folder `path`; `miou` is None without validation pictures."""

    step: int
    miou: float | None
    path: str


@dataclass(frozen=True, slots=True)
class PredictionReady:
    """The prediction of a picture lies complete at `path`; `mean_confidence` 0..1; `run_id` as asked for."""

    picture_id: int
    path: str
    mean_confidence: float
    run_id: int


@dataclass(frozen=True, slots=True)
class PredictionFailed:
    """A prediction that was asked for did not come about; training is not touched by it. `lost`: nothing is wrong
    with it, its process ended; another one may do it."""

    picture_id: int
    message: str
    lost: bool = False


@dataclass(frozen=True, slots=True)
class WorkerFailed:
    """Training (or its process) ended by an error: a sentence for people, and details for a report. Not `training`:
    the process ended while nothing but predictions was under way."""

    message: str
    details: str
    training: bool = True


@dataclass(frozen=True, slots=True)
class TrainingFinished:
    """Training ended in order. `reason`: "budget", "stopped", or "replaced" by the next training."""

    reason: str
    step: int


@dataclass(frozen=True, slots=True)
class TrainingNote:
    """Something worth knowing that changes nothing."""

    message: str


@dataclass(frozen=True, slots=True)
class LearningRateFound:
    """A learning rate was looked for: (rate, smoothed loss) of each step that was tried, and the rate taken."""

    curve: tuple[tuple[float, ...], ...]
    rate: float


TrainingEvent = (
    TrainingStarted
    | TrainingProgress
    | ModelEvaluated
    | CheckpointPublished
    | PredictionReady
    | PredictionFailed
    | WorkerFailed
    | TrainingFinished
    | TrainingNote
    | LearningRateFound
)

_BY_NAME: dict[str, type[Any]] = {kind.__name__: kind for kind in typing.get_args(TrainingEvent)}


def encode_event(event: TrainingEvent) -> str:
    """One line of JSON without a line end. Numbers that JSON lacks (nan, inf) become null."""
    return json.dumps({"event": type(event).__name__, **_finite(asdict(event))}, ensure_ascii=True)


def decode_event(line: str) -> TrainingEvent:
    """The event that `to_line` wrote. Raises ValueError when the line is anything else."""
    raw = json.loads(line)
    if not isinstance(raw, dict) or raw.get("event") not in _BY_NAME:
        raise ValueError(f"not an event: {line[:80]!r}")
    kind = _BY_NAME[raw.pop("event")]
    kinds = typing.get_type_hints(kind)
    try:
        return typing.cast(
            TrainingEvent, kind(**{name: _typed(kinds[name], value) for name, value in raw.items()})
        )
    except (KeyError, TypeError) as problem:
        raise ValueError(f"not a {kind.__name__}: {line[:80]!r}") from problem


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value


def _typed(kind: Any, value: Any) -> Any:
    """Undo what JSON does to a value: text keys, lists for tuples, null for nan, whole floats as ints."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:
        return None if value is None else _typed(inner[0], value)
    if origin is tuple:
        return tuple(_typed(inner[0], item) for item in value)
    if origin is not None:  # the only other generic is Mapping[int, float]
        return {inner[0](key): _typed(inner[1], item) for key, item in value.items()}
    if kind is float:
        return float("nan") if value is None else float(value)
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is not {kind.__name__}")
    return value
