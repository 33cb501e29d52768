"""Drives a tool without a window: calls what a canvas calls, and runs background tasks at once."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from core.base.geometry import Point
from core.labels.label_map import Edit, LabelMap
from core.tools import deferred, edit_constraint
from core.tools.tool import MaskPreview, Modifiers, OutlinePreview, Tool, ToolContext, ToolResult
from core.tools.tool_options import ToolOptions

CTRL, ALT = Modifiers(ctrl=True), Modifiers(alt=True)


def make_all_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on every edit is large enough to be deferred, and every preview to be computed only for the screen."""
    monkeypatch.setattr(deferred, "MAX_IMMEDIATE_PIXELS", 0)
    monkeypatch.setattr(edit_constraint, "MAX_IMMEDIATE_PIXELS", 0)


class ToolDriver:
    """Records what the canvas would show and store."""

    def __init__(self, tool: Tool, picture: NDArray[np.uint8], scale: float = 1.0) -> None:
        height, width = picture.shape[:2]
        self.tool = tool
        self.labels = LabelMap.blank(width, height)
        self.context = ToolContext(self.labels, 2, "tree", picture, None, ToolOptions(), scale)
        self.edits: list[Edit] = []
        self.said: list[str] = []
        self.works = 0
        self.outline: OutlinePreview | None = None
        self.mask_preview: MaskPreview | None = None

    @property
    def painted(self) -> NDArray[np.bool_]:
        return self.labels.values == self.context.class_value

    @property
    def previewed(self) -> NDArray[np.bool_]:
        """The mask preview as (H, W) bool of the whole picture."""
        mask = np.zeros(self.labels.values.shape, bool)
        preview = self.mask_preview
        if preview is not None:
            box, mask[preview.box.slices] = preview.box, preview.mask
            if preview.allowed is not None:
                mask[box.slices] &= preview.allowed(np.arange(box.y0, box.y1), np.arange(box.x0, box.x1))
        return mask

    def take(self, outcome: ToolResult, waits: bool = True) -> None:
        """What the canvas does with a result. waits: run background tasks at once."""
        self.outline, self.mask_preview = outcome.outline, outcome.mask_preview
        if outcome.deferred is not None:
            outcome.deferred.run()
        edit = outcome.deferred.edit if outcome.deferred else outcome.edit
        if edit is not None:
            self.edits.append(edit)
        if outcome.message:
            self.said.append(outcome.message)
        if outcome.task is not None:
            self.works += 1
            if waits:
                self.take(self.tool.on_task_done(self.context, outcome.task.run(lambda: False)))

    def stroke(self, *way: tuple[float, float], held: Modifiers | None = None, waits: bool = True) -> None:
        """Press at the first point, move through the others, release at the last."""
        held = held or Modifiers()
        points = [Point(*at) for at in way]
        self.take(self.tool.press(self.context, points[0], held), waits)
        for at in points[1:]:
            self.take(self.tool.drag(self.context, at, Modifiers()), waits)
        self.take(self.tool.release(self.context, points[-1], Modifiers()), waits)

    def click(self, x: float, y: float, held: Modifiers | None = None) -> None:
        self.stroke((x, y), held=held)

    def enter(self) -> None:
        self.take(self.tool.finish(self.context))


def disc_picture(
    width: int = 160, height: int = 120, centre: tuple[int, int] = (80, 60), radius: int = 36, seed: int = 0
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A bright disc on a dark background, with noise, and the mask of the disc."""
    rows, columns = np.ogrid[:height, :width]
    disc = np.hypot(rows + 0.5 - centre[1], columns + 0.5 - centre[0]) <= radius
    noise = np.random.default_rng(seed).integers(-12, 13, (height, width, 3))
    picture = np.where(disc[..., None], (210, 120, 60), (40, 80, 90)) + noise
    return picture.astype(np.uint8), disc


def iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))
