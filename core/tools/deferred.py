"""A shape becomes an edit: at once where it is small, beside the window where it is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from core.base.geometry import Box
from core.labels.deferred_edit import Painting
from core.tools.tool import Ghost, Outcome, Outline, Stage

AT_ONCE = 1 << 20
"""Pixels that are painted between two frames: five to twelve nanoseconds each."""


def painted(
    stage: Stage,
    name: str,
    tool: str,
    value: int,
    pixels: int | None,
    paint: Callable[[Stage], Box],
    *,
    outline: Outline | None = None,
    ghost: Ghost | None = None,
) -> Outcome:
    """Have `paint` paint into an edit of this name, tool and class, with the options as they are now.

    pixels: how many it may touch, None where nobody knows yet: then another thread paints. `paint` is given the stage
    and returns the dirty box; it may be called later, and must not look at the tool. outline, ghost: what is seen of
    the shape until it is painted.
    """
    stage.labels.begin(name, tool, value)
    if pixels is not None and pixels <= AT_ONCE:
        dirty = paint(stage)
        return Outcome(dirty, stage.labels.finish())
    settled = replace(stage, options=replace(stage.options))
    return Outcome(
        outline=outline, ghost=ghost, painting=Painting(stage.labels, name, lambda: paint(settled))
    )
