"""A shape becomes an edit: at once where it is small, beside the window where it is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from core.base.geometry import Box
from core.labels.deferred_edit import DeferredEdit
from core.tools.tool import MaskPreview, OutlinePreview, ToolContext, ToolResult

MAX_IMMEDIATE_PIXELS = 1 << 20
"""Pixels that are painted between two frames: five to twelve nanoseconds each."""


def paint_or_defer(
    stage: ToolContext,
    name: str,
    tool: str,
    value: int,
    pixels: int | None,
    paint: Callable[[ToolContext], Box],
    *,
    outline: OutlinePreview | None = None,
    mask_preview: MaskPreview | None = None,
) -> ToolResult:
    """Have `paint` paint into an edit of this name, tool and class, with the options as they are now.

    pixels: how many it may touch, None where nobody knows yet: then another thread paints. `paint` is given the stage
    and returns the dirty box; it may be called later, and must not look at the tool. outline, ghost: what is seen of
    the shape until it is painted.
    """
    stage.labels.begin_edit(name, tool, value)
    if pixels is not None and pixels <= MAX_IMMEDIATE_PIXELS:
        dirty = paint(stage)
        return ToolResult(dirty, stage.labels.finish_edit())
    settled = replace(stage, options=replace(stage.options))
    return ToolResult(
        outline=outline,
        mask_preview=mask_preview,
        deferred=DeferredEdit(stage.labels, name, lambda: paint(settled)),
    )
