"""The log of what it took to label each picture: the prediction that its work began with, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import Row, func, select, update
from sqlalchemy.dialects.sqlite import insert

from core.base.changes import Changes
from core.base.errors import ProjectError
from core.labels.class_list import UNLABELLED, VOID
from core.labels.codec import decode, encode
from core.labels.label_map import Values
from core.project.class_remaps import RemapTable, latest_remap_id
from core.project.records import now
from core.project.row_changes import BATCH_SIZE
from core.project.schema import class_pixels, edits, picture_work, pictures, runs
from core.project.store import Store

MAX_KEPT_PIXELS = 1 << 22
"""Of a prediction; of a larger one only every second, fourth, ... row and column is kept."""
MAX_KEPT_BYTES = 256 << 20
"""Of all kept predictions; the oldest are dropped first, those not compared last. What they showed stays."""
MAX_SECONDS = 1e7
_MAX_PIXELS = 1 << 53

ClassCounts = Mapping[int, tuple[int, int, int]]
"""By class value: pixels where prediction and label agree, of the label, and predicted; where both say something."""


@dataclass(frozen=True, slots=True)
class InitialPrediction:
    """values: (h, w) uint8, every `step`-th row and column of a prediction, in class values of now"""

    values: Values
    step: int


@dataclass(frozen=True, slots=True)
class EditTime:
    """One edit of a picture: when it was stored, when the one before it was (in whatever picture; None: none), how long
    it took, and how many pixels it changed. Times are seconds since 1970."""

    at: float
    before: float | None
    seconds: float
    pixels: int


@dataclass(frozen=True, slots=True)
class WorkMeasure:
    """What came of the work on a picture; see the fields of `PictureWork`."""

    iou: float | None
    counts: ClassCounts
    compared_pixels: int
    corrected_pixels: int
    edits: int
    seconds: float


@dataclass(frozen=True, slots=True)
class PictureWork:
    """The work on one picture, as it was last measured.

    opened_at, measured_at: UTC, ISO 8601; run_id: whose prediction was shown; labelled_pictures: others at that time
    iou: of that prediction with the label, 0..1, mean over the classes of the label; None without a prediction
    compared_pixels: that are labelled and were predicted; corrected_pixels: of these, as another class
    seconds: of active work
    """

    picture_id: int
    opened_at: str
    run_id: int | None = None
    is_live: bool = False
    labelled_pictures: int | None = None
    measured_at: str | None = None
    iou: float | None = None
    counts: ClassCounts = field(default_factory=dict)
    compared_pixels: int = 0
    corrected_pixels: int = 0
    edits: int = 0
    seconds: float = 0.0

    @property
    def corrected_share(self) -> float | None:
        """0..1, None without a prediction."""
        return self.corrected_pixels / self.compared_pixels if self.compared_pixels else None


class WorkRepository:
    """The work log of an open project. Used on the thread that owns its Store."""

    def __init__(self, store: Store, mapping_since: Callable[[int], RemapTable]) -> None:
        """mapping_since: `ClassRepository.mapping_since`"""
        self._store, self._mapping_since = store, mapping_since

    def begin(self, picture_id: int, opened_at: str, run_id: int | None, *, is_live: bool) -> bool:
        """The first edit of a picture comes next. False when its work has begun before: the picture is labelled, or the
        same run predicted it then."""
        row = picture_work.c.picture_id == picture_id
        with self._store.write_transaction(durable=False) as connection:
            labelled = select(class_pixels.c.class_value).where(class_pixels.c.picture_id == picture_id)
            if connection.execute(labelled.limit(1)).first() is not None:
                return False
            run_id = connection.execute(select(runs.c.id).where(runs.c.id == run_id)).scalar()
            before = connection.execute(select(picture_work.c.run_id).where(row)).first()
            if before is not None and before.run_id == run_id:
                return False
            connection.execute(picture_work.delete().where(row))
            connection.execute(
                insert(picture_work).values(
                    picture_id=picture_id,
                    opened_at=opened_at,
                    run_id=run_id,
                    is_live=int(is_live),
                    after_move_id=latest_remap_id(connection),
                )
            )
        return True

    def keep_prediction(
        self, picture_id: int, opened_at: str, kept: InitialPrediction, labelled: int
    ) -> None:
        """Store what was predicted when the work began. labelled: number of other labelled pictures then."""
        values = {"step": kept.step, "prediction": encode(kept.values), "labelled_pictures": labelled}
        with self._store.write_transaction(durable=False) as connection:
            connection.execute(
                update(picture_work)
                .where(picture_work.c.picture_id == picture_id, picture_work.c.opened_at == opened_at)
                .values(**values)
            )

    def drop_predictions(self, kept_bytes: int = MAX_KEPT_BYTES) -> int:
        """Drop the oldest predictions until the rest fits, those that were not compared last. Returns their number."""
        size = func.length(picture_work.c.prediction)
        with self._store.write_transaction(durable=False) as connection:
            total = connection.execute(select(func.sum(size))).scalar() or 0
            rows = connection.execute(
                select(picture_work.c.picture_id, size)
                .where(picture_work.c.prediction.is_not(None))
                .order_by(picture_work.c.measured_at.is_(None), picture_work.c.opened_at)
            ).all()
            dropped = []
            for picture_id, length in rows:
                if total <= kept_bytes:
                    break
                dropped.append(picture_id)
                total -= length
            for start in range(0, len(dropped), BATCH_SIZE):
                some = picture_work.c.picture_id.in_(dropped[start : start + BATCH_SIZE])
                connection.execute(update(picture_work).where(some).values(prediction=None))
        return len(dropped)

    def kept_bytes(self) -> int:
        """What all kept predictions take."""
        with self._store.read_transaction() as connection:
            return int(
                connection.execute(select(func.sum(func.length(picture_work.c.prediction)))).scalar() or 0
            )

    def labelled_pictures(self) -> int:
        """Number of pictures with a label now."""
        listed = select(pictures.c.id).where(pictures.c.joined_to.is_(None))
        query = select(func.count(class_pixels.c.picture_id.distinct()))
        with self._store.read_transaction() as connection:
            return int(connection.execute(query.where(class_pixels.c.picture_id.in_(listed))).scalar_one())

    def picture_ids(self) -> dict[int, bool]:
        """Ids of the pictures whose work has begun, and whether it was measured after their newest edit."""
        newest = (
            select(func.max(edits.c.made_at))
            .where(edits.c.picture_id == picture_work.c.picture_id)
            .scalar_subquery()
        )
        query = select(picture_work.c.picture_id, picture_work.c.measured_at >= func.coalesce(newest, ""))
        with self._store.read_transaction() as connection:
            return {int(picture_id): bool(fresh) for picture_id, fresh in connection.execute(query)}

    def prediction(self, picture_id: int, size: tuple[int, int]) -> InitialPrediction | None:
        """What was predicted when the work began; None where nothing was, or the picture has another size now.

        size: (width, height) of the picture
        """
        columns = (picture_work.c.prediction, picture_work.c.step, picture_work.c.after_move_id)
        with self._store.read_transaction() as connection:
            row = connection.execute(select(*columns).where(picture_work.c.picture_id == picture_id)).first()
        if row is None or row.prediction is None or not 1 <= row.step <= max(size):
            return None
        width, height = (-(-side // row.step) for side in size)
        try:
            values = decode(row.prediction, height, width, np.uint8)
        except ProjectError:
            return None
        return InitialPrediction(self._mapping_since(row.after_move_id)[values], row.step)

    def edit_times(self, picture_id: int) -> list[EditTime]:
        """All edits of a picture since its work began, undone ones included, oldest first."""
        before = edits.alias()
        previous = (
            select(before.c.made_at)
            .where(before.c.id < edits.c.id)
            .order_by(before.c.id.desc())
            .limit(1)
            .scalar_subquery()
        )
        query = (
            select(edits.c.made_at, previous.label("before"), edits.c.seconds, edits.c.pixels)
            .join(picture_work, picture_work.c.picture_id == edits.c.picture_id)
            .where(edits.c.picture_id == picture_id, edits.c.made_at >= picture_work.c.opened_at)
            .order_by(edits.c.id)
        )
        found = []
        with self._store.read_transaction() as connection:
            for made_at, earlier, seconds, pixels in connection.execute(query):
                at = seconds_of(made_at)
                if at is not None and isinstance(seconds, int | float) and isinstance(pixels, int):
                    found.append(EditTime(at, seconds_of(earlier), float(seconds), pixels))
        return found

    def measured(self, picture_id: int, measure: WorkMeasure) -> Changes:
        """Store what came of the work so far."""
        with self._store.write_transaction(durable=False) as connection:
            connection.execute(
                update(picture_work)
                .where(picture_work.c.picture_id == picture_id)
                .values(
                    measured_at=now(),
                    measured_move_id=latest_remap_id(connection),
                    iou=measure.iou,
                    class_counts=msgspec.json.encode(dict(measure.counts)).decode(),
                    compared_pixels=measure.compared_pixels,
                    corrected_pixels=measure.corrected_pixels,
                    edits=measure.edits,
                    seconds=measure.seconds,
                )
            )
        return Changes(work=frozenset([picture_id]))

    def get(self, picture_id: int) -> PictureWork | None:
        """The work on one picture; None where it has not begun."""
        found = self._read(picture_id)
        return found[0] if found else None

    def all(self) -> list[PictureWork]:
        """The work on all pictures, in the order in which it began."""
        return self._read(None)

    def _read(self, picture_id: int | None) -> list[PictureWork]:
        columns = [c for c in picture_work.columns if c.name != "prediction"]
        query = select(*columns).order_by(picture_work.c.opened_at, picture_work.c.picture_id)
        if picture_id is not None:
            query = query.where(picture_work.c.picture_id == picture_id)
        tables: dict[int, RemapTable] = {}
        with self._store.read_transaction() as connection:
            rows = connection.execute(query).all()
        for row in rows:
            if row.measured_move_id not in tables:
                tables[row.measured_move_id] = self._mapping_since(row.measured_move_id)
        return [_work_of(row, tables[row.measured_move_id]) for row in rows]


def seconds_of(text: object) -> float | None:
    """A stored time as seconds since 1970; None for what is no time: the file may be a stranger's."""
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except (ValueError, OverflowError):
        return None


def _work_of(row: Row[Any], table: RemapTable) -> PictureWork:
    """Values that no measurement has are left out."""
    compared = min(max(0, row.compared_pixels), _MAX_PIXELS)
    iou = row.iou
    return PictureWork(
        row.picture_id,
        row.opened_at,
        row.run_id,
        bool(row.is_live),
        row.labelled_pictures if row.labelled_pictures is None else min(max(0, row.labelled_pictures), 10**9),
        row.measured_at if seconds_of(row.measured_at) is not None else None,
        iou if iou is not None and 0 <= iou <= 1 else None,
        _counts_of(row.class_counts, table),
        compared,
        min(max(0, row.corrected_pixels), compared),
        min(max(0, row.edits), 10**9),
        min(max(0.0, row.seconds), MAX_SECONDS) if math.isfinite(row.seconds) else 0.0,
    )


def _counts_of(text: str | None, table: RemapTable) -> ClassCounts:
    """In class values of now: those of merged classes are added up."""
    try:
        stored = msgspec.json.decode(text or "{}", type=dict[int, tuple[int, int, int]])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
    found: dict[int, tuple[int, int, int]] = {}
    for value, counts in stored.items():
        if 0 < value < VOID and all(0 <= count < _MAX_PIXELS for count in counts):
            now_value = int(table[value])
            found[now_value] = tuple(map(sum, zip(found.get(now_value, (0, 0, 0)), counts, strict=True)))  # type: ignore[assignment]
    found.pop(UNLABELLED, None)
    return found
