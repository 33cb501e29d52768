"""One edit that the simulated annotator would make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box, Point
from core.labels.label_map import Mask, Values

PixelPath = NDArray[np.int64]
"""int64 (N, 2): x, y of pixels; for a brush each is adjacent to the one before."""


class AnnotationTool(StrEnum):
    """What the annotator works with. The names of the tools are those of the edits in the journal."""

    BRUSH = "brush"
    POLYGON = "polygon"
    FILL = "fill"
    SUPERPIXELS = "superpixels"
    ACCEPT = "accept"
    CORRECT = "correct"


ALL_TOOLS = frozenset(AnnotationTool)
VERDICTS = frozenset({AnnotationTool.ACCEPT, AnnotationTool.CORRECT})
BRUSH_ALONE = frozenset({AnnotationTool.BRUSH})
"""A careful annotator: what is right is never painted over, and each error is painted by itself."""


@dataclass(frozen=True, slots=True, eq=False)
class PlannedEdit:
    """All pixels of `mask` (bool, h and w of `box`) become `value`.

    path: pixels over whose centres the brush moves, corners of the polygon, places on superpixels or of a click,
        or one in a region that is judged
    radius: of the brush in pixels, else 0; seconds: to search, travel, paint and press keys
    """

    tool: AnnotationTool
    value: int
    radius: float
    path: PixelPath
    box: Box
    mask: Mask
    seconds: float

    @property
    def end(self) -> Point:
        """Where the pointer is afterwards."""
        x, y = self.path[-1].tolist()
        return Point(x + 0.5, y + 0.5)


def seconds_by_tool(edits: Sequence[PlannedEdit], check_seconds: float) -> dict[str, float]:
    """Seconds of each tool, and those of the final check and its keys."""
    seconds = {"check": check_seconds}
    for edit in edits:
        seconds[edit.tool] = seconds.get(edit.tool, 0.0) + edit.seconds
    return {str(tool): spent for tool, spent in sorted(seconds.items())}


def seconds_of(edits: Sequence[PlannedEdit]) -> float:
    """Time of all edits together."""
    return sum(edit.seconds for edit in edits)


def label_after(label: Values, edits: Sequence[PlannedEdit]) -> Values:
    """A copy of a label, (H, W) uint8, with these edits."""
    after = label.copy()
    for edit in edits:
        after[edit.box.slices][edit.mask] = edit.value
    return after
