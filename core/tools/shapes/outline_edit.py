"""Opens the outline of a labelled region as a polygon, and applies the edited outline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from core.base.geometry import Box, Point
from core.labels.class_list import UNLABELLED
from core.labels.label_map import LabelSnapshot
from core.labels.morphology import NEARBY_PIXELS, RegionMask, mask_in_box, nearby_region
from core.labels.outlines import Ring, simplify_ring, trace_outlines
from core.labels.rasterization import connected_region, polygons
from core.tools.deferred import paint_or_defer
from core.tools.edit_constraint import paint_mask
from core.tools.tool import OutlinePreview, ToolContext, ToolResult
from core.tools.tool_options import OutlineDetail

_TOLERANCES = {OutlineDetail.EXACT: 0.0, OutlineDetail.FINE: 1.0, OutlineDetail.COARSE: 2.5}
"""How many pixels the outline may deviate from the region: image pixels, or screen pixels where those are larger."""


@dataclass(slots=True, eq=False)
class OutlineEdit:
    """A region as it was when its outline was opened.

    shape: its pixels, None for a large region until `outline` has found it; label: snapshot to find it in
    """

    at: Point
    value: int
    tolerance: float
    shape: RegionMask | None
    label: LabelSnapshot | None

    @classmethod
    def at_point(cls, context: ToolContext, at: Point) -> OutlineEdit | None:
        """The labelled region at a point; None where there is none."""
        labels = context.labels
        inside = 0 <= at.x < labels.width and 0 <= at.y < labels.height
        value = int(labels.values[int(at.y), int(at.x)]) if inside else UNLABELLED
        if value == UNLABELLED:
            return None
        # Corners that coincide on the screen cannot be edited; unchanged parts keep their pixels anyway.
        slack = _TOLERANCES[context.options.detail] * max(1.0, 1 / context.scale)
        shape = nearby_region(labels.values, at, NEARBY_PIXELS)
        return cls(at, value, slack, shape, labels.snapshot() if shape is None else None)

    def outline(self) -> tuple[Ring, ...]:
        """The rings to edit. Takes up to a second for a ragged region of a large picture. Any thread."""
        if self.shape is None:
            assert self.label is not None
            self.shape, self.label = connected_region(self.label.copy(), self.at), None
        exact = trace_outlines(*self.shape)
        simplified = [
            ring for ring in (simplify_ring(ring, self.tolerance) for ring in exact) if len(ring) > 2
        ]
        return tuple(simplified or exact)

    def commit(
        self, context: ToolContext, tool: str, shown: Sequence[Ring], rings: Sequence[Ring]
    ) -> ToolResult:
        """The region becomes what `rings` enclose: pixels now outside become unlabelled, the others get the class.

        shown: the outline before it was edited. Where it is unchanged the pixels are unchanged, however coarse the
        outline is. Only after `outline`.
        """
        assert self.shape is not None
        whole = Box(0, 0, context.labels.width, context.labels.height)
        box = self.shape[0]
        for ring in (*shown, *rings):
            box = box.union(Box.bounding(ring).intersection(whole))

        def paint(context: ToolContext) -> Box:
            return self._paint(context, shown, rings)

        return paint_or_defer(
            context,
            f"Edit outline, {context.class_name}",
            tool,
            context.class_value,
            box.area,
            paint,
            outline=OutlinePreview(
                tuple(rings[0]), closed=True, handles=False, rings=tuple(rings[1:]), filled=True
            ),
        )

    def _paint(self, context: ToolContext, shown: Sequence[Ring], rings: Sequence[Ring]) -> Box:
        """Paint into the open edit. Returns the dirty box."""
        assert self.shape is not None
        labels = context.labels
        whole = Box(0, 0, labels.width, labels.height)
        before, after = polygons(shown, whole), polygons(rings, whole)
        box = self.shape[0].union(before[0]).union(after[0])
        old, new, region = (mask_in_box(part, box) for part in (before, after, self.shape))
        changed = old ^ new
        if self.tolerance:
            side = 2 * math.ceil(self.tolerance) + 1
            changed = cv2.dilate(changed.astype(np.uint8), np.ones((side, side), np.uint8)).astype(bool)
        final = np.where(changed, new, region)
        removed = region & ~final & (labels.values[box.slices] == self.value)
        # Pixels that stay in the region are painted only if the class is another one now.
        gained = final & ~region if context.class_value == self.value else final
        return paint_mask(context, box, removed, self.at, UNLABELLED).union(
            paint_mask(context, box, gained, self.at)
        )
