"""A robot at work, in numbers: in which order it takes pictures, what each took, and what all of it comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from core.labels.class_list import UNLABELLED, VOID
from core.labels.label_map import Values
from core.project.records import PictureRecord


class PictureOrder(StrEnum):
    """Which picture comes next: as they are listed, any, or the one of which the network is least sure."""

    NAME = "name"
    RANDOM = "random"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class AnnotatedPicture:
    """What one picture took. Seconds are simulated, of the person; IoU 0..1.

    strokes, pixels: painted by hand; blank_strokes, blank_seconds: what the same hand takes without a prediction
    waited: of `seconds`, those until the newest prediction of the picture came
    confidence: mean of the prediction shown; iou: its mean over the classes of the truth; None without a prediction
    at: seconds of work when it was done; labelled_share: of all pixels the robot may label, those that then were
    miou: best on the held-out pictures by then, at the size at which training looks at them; None before any
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

    @property
    def share(self) -> float:
        """Of the time that painting it from blank takes; above 1 where the prediction was in the way."""
        return self.seconds / self.blank_seconds


@dataclass(frozen=True, slots=True)
class Effort:
    """All pictures together; quarters are quarters of the pictures, at least one each."""

    pictures: int
    strokes: int
    pixels: int
    seconds: float
    blank_seconds: float
    share: float
    share_last_quarter: float
    strokes_first_quarter: float
    strokes_last_quarter: float


def summarise_effort(pictures: Sequence[AnnotatedPicture]) -> Effort:
    """Sum up. Raises ValueError when no picture was worked on."""
    if not pictures:
        raise ValueError("nothing was worked on")
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
    )


def _share(worked: Sequence[AnnotatedPicture]) -> float:
    return sum(w.seconds for w in worked) / sum(w.blank_seconds for w in worked)


def initial_order(picture_ids: Sequence[int], order: PictureOrder, seed: int) -> list[int]:
    """The order in which pictures are taken as long as nothing else decides.

    Also "uncertain" begins by chance: two orders with one seed then begin with the same pictures, and what differs
    between them is the choice itself, not what the first predictions were learned from.
    """
    if order is PictureOrder.NAME:
        return list(picture_ids)
    return [int(i) for i in np.random.default_rng(seed).permutation(list(picture_ids))]


def next_first(waiting: Sequence[PictureRecord], order: PictureOrder) -> list[PictureRecord]:
    """`waiting` with the picture to be taken next in front. For "uncertain" that with the lowest mean confidence;
    those without a prediction keep their place behind."""
    if order is not PictureOrder.UNCERTAIN:
        return list(waiting)
    return sorted(waiting, key=lambda record: -(record.uncertainty or 0.0))


def picture_iou(said: Values, truth: Values) -> float | None:
    """Mean IoU (0..1) over the classes of a truth, both (H, W) uint8; void and unlabelled pixels do not count.

    None where the truth has no class at all.
    """
    known = (truth != UNLABELLED) & (truth != VOID)
    pairs = np.bincount(truth[known].astype(np.intp) << 8 | said[known], minlength=1 << 16).reshape(256, 256)
    hit, there, called = np.diag(pairs), pairs.sum(axis=1), pairs.sum(axis=0)
    classes = np.flatnonzero(there)
    if not len(classes):
        return None
    return float(np.mean(hit[classes] / (there + called - hit)[classes]))
