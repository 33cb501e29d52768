"""Annotation effort of a simulated annotator: order of the pictures, time of each, summary of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from core.project.records import PictureRecord


class PictureOrder(StrEnum):
    """Acquisition order: by name, random, the picture with the lowest confidence first, or that of the queue."""

    NAME = "name"
    RANDOM = "random"
    UNCERTAIN = "uncertain"
    QUEUE = "queue"


@dataclass(frozen=True, slots=True)
class AnnotatedPicture:
    """Effort for one picture. Seconds are simulated time of the annotator; IoU 0..1. Field names are JSON keys.

    strokes, pixels: edits by hand with any tool; blank_strokes, blank_seconds: the same without a prediction
    waited: part of `seconds` until the newest prediction of the picture was ready
    from_blank: painted without the prediction, because there was none or that was quicker
    tools, blank_tools: seconds of each tool; "check" is the final check with its keys
    live_answers: live predictions that took the place of what was shown
    confidence: mean of the prediction shown; iou: its mean IoU; None without a prediction
    at: simulated time when the picture was finished; labelled_share: share of all pixels labelled by then
    miou: best validation mIoU by then, at the size of the pictures; None before any
    """

    name: str
    strokes: int
    seconds: float
    waited: float
    pixels: int
    blank_strokes: int
    blank_seconds: float
    confidence: float | None
    iou: float | None
    at: float
    labelled_share: float
    miou: float | None
    from_blank: bool = False
    tools: Mapping[str, float] = field(default_factory=dict)
    blank_tools: Mapping[str, float] = field(default_factory=dict)
    live_answers: int = 0

    @property
    def share(self) -> float:
        """Share of the time without a prediction; above 1 where the prediction made more work."""
        return self.seconds / self.blank_seconds


@dataclass(frozen=True, slots=True)
class Effort:
    """All pictures together; quarters are quarters of the pictures, at least one each. Field names are JSON keys.

    miou_at_fifth: validation mIoU when a fifth of the pictures was labelled, None before the first
    from_blank: pictures painted without their prediction; tools, blank_tools: seconds of each tool
    """

    pictures: int
    strokes: int
    pixels: int
    seconds: float
    blank_seconds: float
    share: float
    share_last_quarter: float
    strokes_first_quarter: float
    strokes_last_quarter: float
    miou_at_fifth: float | None = None
    from_blank: int = 0
    tools: Mapping[str, float] = field(default_factory=dict)
    blank_tools: Mapping[str, float] = field(default_factory=dict)


def summarise_effort(pictures: Sequence[AnnotatedPicture]) -> Effort:
    """Sum up. Raises ValueError without pictures."""
    if not pictures:
        raise ValueError("no picture was annotated")
    quarter = max(1, len(pictures) // 4)
    first, last = pictures[:quarter], pictures[-quarter:]
    return Effort(
        len(pictures),
        sum(w.strokes for w in pictures),
        sum(w.pixels for w in pictures),
        sum(w.seconds for w in pictures),
        sum(w.blank_seconds for w in pictures),
        _share(pictures),
        _share(last),
        sum(w.strokes for w in first) / quarter,
        sum(w.strokes for w in last) / quarter,
        pictures[-(-len(pictures) // 5) - 1].miou,
        sum(w.from_blank for w in pictures),
        added_seconds(w.tools for w in pictures),
        added_seconds(w.blank_tools for w in pictures),
    )


def added_seconds(parts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Seconds of each tool together, by the name of the tool."""
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return dict(sorted(total.items()))


def _share(worked: Sequence[AnnotatedPicture]) -> float:
    return sum(w.seconds for w in worked) / sum(w.blank_seconds for w in worked)


def initial_order(picture_ids: Sequence[int], order: PictureOrder, seed: int) -> list[int]:
    """The order of the pictures as long as there are no predictions.

    Also "uncertain" and "queue" start in random order: two orders with the same seed then start with the same pictures,
    and differ only by the acquisition, not by what the first network was trained on.
    """
    if order is PictureOrder.NAME:
        return list(picture_ids)
    return [int(i) for i in np.random.default_rng(seed).permutation(list(picture_ids))]


def next_first(waiting: Sequence[PictureRecord], order: PictureOrder) -> list[PictureRecord]:
    """`waiting` with the next picture in front: for "uncertain" that with the lowest mean confidence.

    Pictures without a prediction keep their order at the end.
    """
    if order is not PictureOrder.UNCERTAIN:
        return list(waiting)
    return sorted(waiting, key=lambda record: -(record.uncertainty or 0.0))
