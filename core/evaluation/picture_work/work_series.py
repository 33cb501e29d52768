"""Error before correction, corrected share and active time, picture by picture, and their moving averages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.project.picture_work.work_repository import ClassCounts, PictureWork
from core.project.records import PictureRecord, Status

WINDOW = 10
"""Pictures that a moving average takes together."""
MIN_LABELLED_SHARE = 0.5
"""Of a picture: with less labelled, mostly what was wrong is, and the error would look larger than it is."""

Curve = tuple[tuple[float, float], ...]
"""Points (x, y), x ascending."""


@dataclass(frozen=True, slots=True)
class WorkPoint:
    """The work on one picture.

    number: 1 for the picture that was begun first; at: seconds of active work on all pictures up to this one
    error: 1 - IoU of the prediction before the first edit; share: of the compared pixels that were corrected, 0..1;
    both None without a prediction, or with less than half of the picture labelled
    labelled_pictures: others, when it was begun; counts: as in `PictureWork`
    """

    picture_id: int
    name: str
    number: int
    at: float
    error: float | None
    share: float | None
    corrected_pixels: int
    edits: int
    seconds: float
    run_id: int | None
    is_live: bool
    labelled_pictures: int | None
    counts: ClassCounts


def work_points(works: Iterable[PictureWork], records: Mapping[int, PictureRecord]) -> tuple[WorkPoint, ...]:
    """Of the pictures that are done, or labelled by half, in the order in which they were begun.

    records: by id; pictures without one are left out
    """
    found: list[WorkPoint] = []
    at = 0.0
    for work in works:
        record = records.get(work.picture_id)
        if record is None or work.measured_at is None or not record.is_labelled:
            continue
        if record.status != Status.DONE and record.labelled_share < MIN_LABELLED_SHARE:
            continue
        at += work.seconds
        area = (record.width or 0) * (record.height or 0)
        is_known = work.iou is not None and work.compared_pixels >= MIN_LABELLED_SHARE * area
        found.append(
            WorkPoint(
                work.picture_id,
                record.name,
                len(found) + 1,
                at,
                1 - work.iou if is_known and work.iou is not None else None,
                work.corrected_share if is_known else None,
                work.corrected_pixels if is_known else 0,
                work.edits,
                work.seconds,
                work.run_id,
                work.is_live,
                work.labelled_pictures,
                work.counts if is_known else {},
            )
        )
    return tuple(found)


def moving_average(points: Sequence[tuple[float, float]], window: int = WINDOW) -> Curve:
    """At each point the mean of it and of those before it, `window` together, fewer at the beginning."""
    found = []
    for end in range(1, len(points) + 1):
        some = [y for _, y in points[max(0, end - window) : end]]
        found.append((points[end - 1][0], sum(some) / len(some)))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class WorkAverages:
    """Means over pictures; error and share of those that have them, None without any."""

    seconds: float
    error: float | None
    share: float | None


def work_averages(points: Sequence[WorkPoint]) -> WorkAverages:
    """points: at least one"""

    def mean(values: Sequence[float]) -> float | None:
        return sum(values) / len(values) if values else None

    errors = [point.error for point in points if point.error is not None]
    shares = [point.share for point in points if point.share is not None]
    return WorkAverages(sum(point.seconds for point in points) / len(points), mean(errors), mean(shares))


def score_curve(points: Iterable[WorkPoint]) -> Curve:
    """(labelled pictures, IoU before correction): what the networks could do with pictures that they had not seen."""
    return tuple(
        (float(point.labelled_pictures), 1 - point.error)
        for point in points
        if point.error is not None and point.labelled_pictures is not None
    )


def class_score_curves(points: Iterable[WorkPoint]) -> dict[int, Curve]:
    """The same by class value, of the pictures in whose label the class is."""
    found: dict[int, list[tuple[float, float]]] = {}
    for point in points:
        for value, (hit, true, predicted) in point.counts.items():
            if true and point.labelled_pictures is not None:
                iou = hit / max(1, true + predicted - hit)
                found.setdefault(value, []).append((float(point.labelled_pictures), iou))
    return {value: tuple(curve) for value, curve in found.items()}
