"""Paints a shape as an edit: at once when it is small, else as a deferred edit on another thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from core.base.geometry import Box
from core.labels.deferred_edit import DeferredEdit
from core.tools.tool import MaskPreview, OutlinePreview, ToolContext, ToolResult

MAX_IMMEDIATE_PIXELS = 1 << 20
"""Pixels that are painted within a frame: five to twelve nanoseconds each."""


def paint_or_defer(
    context: ToolContext,
    name: str,
    tool: str,
    value: int,
    pixels: int | None,
    paint: Callable[[ToolContext], Box],
    *,
    outline: OutlinePreview | None = None,
    mask_preview: MaskPreview | None = None,
) -> ToolResult:
    """Have `paint` paint into an edit with this name, tool and class, with the options as they are now.

    pixels: how many it may change; None when that is not known yet: then it is deferred. `paint` gets the context and
    returns the dirty box; it may be called later, and must not read the tool's state. outline, mask_preview: shown
    until the shape is painted.
    """
    context.labels.begin_edit(name, tool, value)
    if pixels is not None and pixels <= MAX_IMMEDIATE_PIXELS:
        dirty = paint(context)
        return ToolResult(dirty, context.labels.finish_edit())
    fixed_context = replace(context, options=replace(context.options))
    return ToolResult(
        outline=outline,
        mask_preview=mask_preview,
        deferred=DeferredEdit(context.labels, name, lambda: paint(fixed_context)),
    )
