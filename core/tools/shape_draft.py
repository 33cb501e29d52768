"""A shape under way as plain values, so that it can be stored with its picture and continued later."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec

from core.base.geometry import Point

MAX_STORED_BYTES = 4 << 20
MAX_POINTS = 100_000
"""Of all drafts of a picture; beyond either limit nothing is read."""

Ring = tuple[Point, ...]


class DraftStroke(msgspec.Struct, frozen=True):
    """A scribble of a tool that segments an object. radius: in image pixels."""

    points: Ring
    radius: float
    is_background: bool


class DraftRegion(msgspec.Struct, frozen=True):
    """The labelled region whose outline is edited: where it was pointed at, and its outline before the change."""

    at: Point
    value: int
    tolerance: float
    rings: tuple[Ring, ...]


class ShapeDraft(msgspec.Struct, frozen=True):
    """What a tool needs to go on with a shape. Coordinates are image pixels.

    tool: name of the tool; title: what people call the shape; class_value, class_name: what it will paint
    line: points set by hand in order; rings: lines that are closed; paths: from each point of the line to the next
    """

    tool: str
    title: str
    class_value: int
    class_name: str
    line: Ring = ()
    rings: tuple[Ring, ...] = ()
    paths: tuple[Ring, ...] = ()
    strokes: tuple[DraftStroke, ...] = ()
    region: DraftRegion | None = None
    is_freehand: bool = False

    @property
    def point_count(self) -> int:
        """Points set by hand and strokes, for people."""
        return len(self.line) + sum(map(len, self.rings)) + len(self.strokes)

    def within(self, width: int, height: int) -> ShapeDraft:
        """The same with every point inside a picture of this size."""

        def clip(ring: Ring) -> Ring:
            return tuple(Point(min(max(p.x, 0.0), width), min(max(p.y, 0.0), height)) for p in ring)

        region = self.region
        if region is not None:
            region = msgspec.structs.replace(region, rings=tuple(map(clip, region.rings)))
        return msgspec.structs.replace(
            self,
            line=clip(self.line),
            rings=tuple(map(clip, self.rings)),
            paths=tuple(map(clip, self.paths)),
            strokes=tuple(msgspec.structs.replace(s, points=clip(s.points)) for s in self.strokes),
            region=region,
        )


def encode_drafts(drafts: Sequence[ShapeDraft]) -> str:
    """The drafts of a picture as JSON, without the oldest where they are more than `decode_drafts` takes."""
    while True:
        text = json.dumps(msgspec.to_builtins(list(drafts), enc_hook=float), separators=(",", ":"))
        if len(text) <= MAX_STORED_BYTES and sum(map(_points_of, drafts)) <= MAX_POINTS:
            return text
        drafts = drafts[1:]


def decode_drafts(text: str) -> list[ShapeDraft]:
    """What `encode_drafts` wrote. Raises ValueError for anything else, also for more than the limits allow."""
    if len(text) > MAX_STORED_BYTES:
        raise ValueError("too long")
    try:
        drafts = msgspec.json.decode(text, type=list[ShapeDraft])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(str(error)) from error
    if sum(_points_of(draft) for draft in drafts) > MAX_POINTS:
        raise ValueError("too many points")
    return drafts


def _points_of(draft: ShapeDraft) -> int:
    rings = (*draft.paths, *(draft.region.rings if draft.region else ()))
    return draft.point_count + sum(len(s.points) for s in draft.strokes) + sum(map(len, rings))
