"""The moments of training at which any of two runs published a checkpoint, and which one each run had then."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from core.labels.prediction_history import PublishedCheckpoint
from core.session.models.epoch_strips import StripHistory


def moments(histories: Sequence[StripHistory]) -> list[float]:
    """Seconds of training, ascending, each once."""
    return sorted({each.seconds for history in histories for each in history.checkpoints})


def checkpoint_at(history: StripHistory, seconds: float) -> tuple[int, PublishedCheckpoint] | None:
    """Index and checkpoint that was the newest then, the first one before there was any; None without any."""
    if not history.checkpoints:
        return None
    at = bisect_right([each.seconds for each in history.checkpoints], seconds) - 1
    return max(0, at), history.checkpoints[max(0, at)]


def spread(pictures: Sequence[int], count: int) -> list[int]:
    """`count` of them, evenly spread, or all."""
    if len(pictures) <= count:
        return list(pictures)
    return [pictures[round(at * (len(pictures) - 1) / (count - 1))] for at in range(count)]
