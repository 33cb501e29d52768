"""The compositor: keeps buffers of the drawn picture, the overlay above it, and both composited.

A widget is asked to paint for many reasons: the brush cursor moves, a menu closes, a stroke grows. All buffers are
kept and only boxes reported as damaged are redrawn, so that most paints copy one buffer to the screen.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial, reduce

import numpy as np
from PySide6.QtGui import QPainter

from core.base.geometry import TILE_SIZE, Box, TileKey, tile_box
from core.images.adjustments import AdjustedView, Adjustments
from core.images.tiled_pyramid import AnyPyramid
from core.labels.label_map import LabelMap
from core.labels.prediction import PredictedMask
from desktop.canvas.rendering.frame_budget import FrameBudget
from desktop.canvas.rendering.image_renderer import render_image
from desktop.canvas.rendering.layer_style import NO_HISTORY, ColourTable, Values
from desktop.canvas.rendering.overlay_renderer import OverlayRenderer, ScreenPatterns
from desktop.canvas.rendering.pixel_buffer import PixelBuffer, PixelWords
from desktop.canvas.rendering.pixel_grid import MIN_GRID_SCALE, draw_pixel_grid
from desktop.canvas.viewport import Viewport

MAX_CHANGED_TILES = 24
"""More tiles of a prediction that differ are repainted as one box: the 192 of 12 megapixels took 60 ms to report one by
one, and the whole canvas takes 8 ms to paint."""


@dataclass(frozen=True, slots=True)
class CanvasContent:
    """The picture shown, with its label and prediction and the colours of the layers. Read only, except that the
    active tool edits `labels`."""

    pyramid: AnyPyramid
    image: AdjustedView
    labels: LabelMap
    prediction: PredictedMask | None
    colours: ColourTable


@dataclass(frozen=True, slots=True)
class ComparisonStyle:
    """How both sides are drawn while they are compared. divider: its position as a share 0..1 of the view's width;
    None: two views side by side, both of the same part of the picture."""

    left: OverlayRenderer
    right: OverlayRenderer
    divider: float | None


class FrameBuffers:
    """The buffers for one size of the canvas; independent of the content."""

    def __init__(self, width: int, height: int, ratio: float) -> None:
        """width, height: device pixels; ratio: device pixels per logical pixel."""
        self.size_and_ratio = width, height, ratio
        self.image = PixelBuffer(width, height, opaque=True)
        self.overlay = self.transparent_buffer(width, height)
        self.composite = PixelBuffer(width, height, opaque=True)
        self.patterns = ScreenPatterns.for_ratio(ratio)

    @staticmethod
    def transparent_buffer(width: int, height: int) -> PixelBuffer:
        """A buffer for an overlay."""
        return PixelBuffer(width, height, opaque=False)


class Compositor:
    """Draws the picture and its layers. Lives on the GUI thread; a clone may draw on another one."""

    def __init__(self, view: Viewport) -> None:
        self.view = view
        self.frame_budget = FrameBudget()
        self._background = np.uint32(0xFF808080)
        self._pyramid: AnyPyramid | None = None
        self._adjustments = Adjustments()
        self._image: AdjustedView | None = None
        self._labels: LabelMap | None = None
        self._prediction: PredictedMask | None = None
        self._history_tiles: Mapping[TileKey, Values] = NO_HISTORY
        self._renderer: OverlayRenderer | None = None
        self._split: ComparisonStyle | None = None
        self._pixel_grid = False
        self.resize(1, 1, 1.0)

    def resize(self, width: int, height: int, ratio: float) -> None:
        """New buffers of `width` x `height` device pixels, `ratio` of them per logical pixel."""
        self._buffers = FrameBuffers(width, height, ratio)
        self._second_overlay: PixelBuffer | None = None
        self._allocate_second_overlay()

    @property
    def ratio(self) -> float:
        """Device pixels per logical pixel."""
        return self._buffers.size_and_ratio[2]

    def set_background(self, grey: int) -> None:
        self._background = np.uint32(0xFF000000 | grey << 16 | grey << 8 | grey)
        self._damage_image()

    def set_picture(self, pyramid: AnyPyramid | None, labels: LabelMap | None) -> None:
        self._pyramid, self._labels, self._prediction, self._history_tiles = pyramid, labels, None, NO_HISTORY
        self._image = AdjustedView(pyramid, self._adjustments) if pyramid else None
        self.damage_all()

    @property
    def content(self) -> CanvasContent | None:
        if self._pyramid is None or self._image is None or self._labels is None or self._renderer is None:
            return None
        return CanvasContent(
            self._pyramid, self._image, self._labels, self._prediction, self._renderer.fill_table
        )

    def set_layers(
        self,
        renderer: OverlayRenderer,
        prediction: PredictedMask | None,
        split: ComparisonStyle | None = None,
    ) -> None:
        """How the layers are drawn; `split` replaces `renderer` while two sides are compared."""
        self._renderer, self._prediction, self._split = renderer, prediction, split
        self._allocate_second_overlay()
        self._damage_overlay()

    def replace_prediction(self, prediction: PredictedMask) -> list[Box]:
        """Another prediction in place of one of the same picture, in the same style and without a comparison. Returns
        the device pixels that will change: of the tiles on screen that differ."""
        before, self._prediction = self._prediction, prediction
        if before is None or self._renderer is None or self._renderer.uses_confidence:
            self._damage_overlay()
            return [Box(0, 0, self.view.width, self.view.height)]
        height, width = prediction.values.shape
        on_screen = self.view.visible_part()
        changed: list[Box] = []
        for key in on_screen.tiles():
            tile = tile_box(key, width, height)
            if not np.array_equal(before.values[tile.slices], prediction.values[tile.slices]):
                changed.append(tile)
                if len(changed) > MAX_CHANGED_TILES:
                    return [self.damage_labels(on_screen)]
        return [self.damage_labels(tile) for tile in changed]

    def move_divider(self, divider: float) -> None:
        """Redraws only what lies between the old position and the new one."""
        if self._split is None or self._split.divider is None:
            return
        left, right = sorted(self._divider_column(each) for each in (self._split.divider, divider))
        self._split = replace(self._split, divider=divider)
        self._damage_overlay(Box(left, 0, right, self.view.height))

    def set_history_tiles(self, tiles: Mapping[TileKey, Values]) -> Box:
        """Show these tiles in place of those of the label, which does not change. Returns the device pixels that
        will change."""
        keys, self._history_tiles = {*self._history_tiles, *tiles}, tiles
        places = (
            Box(k.column * TILE_SIZE, k.row * TILE_SIZE, (k.column + 1) * TILE_SIZE, (k.row + 1) * TILE_SIZE)
            for k in keys
        )
        return self.damage_labels(reduce(Box.union, places, Box.empty()))

    def set_pixel_grid(self, shown: bool) -> None:
        """Whether lines are drawn between image pixels where these are large."""
        self._pixel_grid = shown
        self._damage_overlay()

    def set_adjustments(self, adjustments: Adjustments) -> None:
        self._adjustments = adjustments
        self._image = AdjustedView(self._pyramid, adjustments) if self._pyramid else None
        self._damage_image()

    def damage_all(self) -> None:
        self._damage_image()
        self._damage_overlay()

    def damage_labels(self, box: Box) -> Box:
        """Labels of these image pixels changed. Returns the device pixels that will change."""
        renderers = (self._split.left, self._split.right) if self._split else (self._renderer,)
        reach = max(each.outline_reach(self._buffers.patterns) if each else 0 for each in renderers)
        on_screen = self.view.device_box(box, margin=1 + reach)
        self._damage_overlay(on_screen)
        return on_screen

    def damage_picture(self, box: Box) -> Box:
        """These image pixels are available in better quality now. Returns the device pixels that will change."""
        # Interpolation reads one pixel of its pyramid level beyond the box.
        on_screen = self.view.device_box(box, margin=2)
        self._damage_image(on_screen)
        return on_screen

    def scroll(self, dx: int, dy: int) -> None:
        """The picture moved by whole device pixels."""
        for buffer in (self._buffers.image, *self._overlay_buffers(), self._buffers.composite):
            buffer.scroll(dx, dy)

    def paint(self, painter: QPainter, exposed: list[Box], step: int = 1) -> None:
        """Paint the exposed boxes, each pixel as a square of `step` device pixels; the painter counts device pixels."""
        self._update()
        for box in exposed:
            self._buffers.composite.draw(painter, box, step)

    def update_for(self, seconds: float) -> bool:
        """Redraw damaged boxes for about this long. Returns whether everything is up to date."""
        self._update(time.perf_counter() + seconds)
        return self._buffers.composite.is_up_to_date

    def _update(self, deadline: float = math.inf) -> None:
        """Redraw the damaged boxes of all buffers until the deadline."""
        image, overlay = self._buffers.image, self._buffers.overlay
        start = time.perf_counter()
        drawn = image.redraw_damaged(self._render_image, deadline)
        renderers: tuple[OverlayRenderer | None, ...] = (self._renderer,)
        if self._split is not None:
            sides = (self._split.left, self._split.right)
            renderers = sides[:1] if self._second_overlay else sides
        has_overlay = self._shows_pixel_grid or any(
            each is not None and not each.is_empty for each in renderers
        )
        if has_overlay:
            overlay.redraw_damaged(partial(self._render_overlay, self._split_parts), deadline)
        # Only complete frames with a label are measured: a preview, which has none, is faster to draw.
        if deadline == math.inf and self._labels is not None:
            self.frame_budget.record(drawn, time.perf_counter() - start)
        if image.is_up_to_date and (overlay.is_up_to_date or not has_overlay):
            self._buffers.composite.composite(image, overlay if has_overlay else None)

    def clone(self, view: Viewport, buffers: FrameBuffers | None = None) -> Compositor:
        """A compositor that draws the same content with a viewport and buffers of its own, if need be on another
        thread. For temporary use: it keeps the picture in memory."""
        other = copy.copy(self)
        other.view = view
        other._buffers = buffers or FrameBuffers(*self._buffers.size_and_ratio)
        return other

    def render_offscreen(
        self,
        pyramid: AnyPyramid,
        labels: LabelMap,
        prediction: PredictedMask | None,
        renderer: OverlayRenderer,
    ) -> None:
        """Draw all of a picture into new buffers, for `adopt`."""
        self.frame_budget = FrameBudget()  # the speed of another thread is no measurement for the GUI thread
        self._split = None
        self.set_picture(pyramid, labels)
        self.set_layers(renderer, prediction)
        self._update()

    def adopt(self, other: Compositor) -> bool:
        """Take over the buffers that another compositor has drawn. False, and nothing happens, unless it has drawn the
        same content in the same style."""
        same = (
            self._split is None
            and not self._history_tiles
            and self._pyramid is other._pyramid
            and self._labels is other._labels
            and self._prediction is other._prediction
            and self._renderer is other._renderer
            and (self.view, self.ratio, self._pixel_grid) == (other.view, other.ratio, other._pixel_grid)
            and (self._adjustments, self._background) == (other._adjustments, other._background)
        )
        if same:
            self._buffers = other._buffers
        return same

    def paint_second_view(self, painter: QPainter, exposed: list[Box]) -> None:
        """Paint these boxes of the second of two views side by side, after `paint`; the origin of the painter is the
        corner of that view."""
        if self._second_overlay is None or self._split is None:
            return
        overlay, renderer = self._second_overlay, self._split.right
        overlay.redraw_damaged(partial(self._render_overlay, lambda inside: [(inside, renderer)]))
        for box in exposed:
            self._buffers.image.draw(painter, box)
            overlay.draw(painter, box)

    def _overlay_buffers(self) -> list[PixelBuffer]:
        return (
            [self._buffers.overlay, self._second_overlay] if self._second_overlay else [self._buffers.overlay]
        )

    def _damage_image(self, box: Box | None = None) -> None:
        self._buffers.image.damage(box)
        self._buffers.composite.damage(box)

    def _damage_overlay(self, box: Box | None = None) -> None:
        for buffer in (*self._overlay_buffers(), self._buffers.composite):
            buffer.damage(box)

    def _allocate_second_overlay(self) -> None:
        """There is a second overlay buffer while two views are side by side, as large as the first."""
        if self._split is None or self._split.divider is not None:
            self._second_overlay = None
        elif self._second_overlay is None:
            self._second_overlay = FrameBuffers.transparent_buffer(*self._buffers.size_and_ratio[:2])

    def _render_image(self, box: Box, into: PixelWords) -> None:
        inside = box.intersection(self.view.visible_box()) if self._pyramid else Box.empty()
        if inside != box:
            into[:] = self._background
        if self._pyramid is not None and self._image is not None and not inside.is_empty:
            render_image(self._pyramid, self._image, self.view, inside, into[_within(inside, box)])

    def _render_overlay(
        self, parts: Callable[[Box], Iterable[tuple[Box, OverlayRenderer]]], box: Box, into: PixelWords
    ) -> None:
        inside = box.intersection(self.view.visible_box()) if self._labels else Box.empty()
        if inside != box:
            into[:] = 0
        if self._labels is None or inside.is_empty:
            return
        for part, renderer in parts(inside):
            into[_within(part, box)] = renderer.render(
                part, self.view, self._labels, self._prediction, self._buffers.patterns, self._history_tiles
            )
        if self._shows_pixel_grid:
            draw_pixel_grid(into[_within(inside, box)], inside, self.view)

    @property
    def _shows_pixel_grid(self) -> bool:
        return self._pixel_grid and self.view.scale >= MIN_GRID_SCALE

    def _split_parts(self, box: Box) -> Iterator[tuple[Box, OverlayRenderer]]:
        """The box cut at the divider, each part with its renderer."""
        if self._split is None or self._split.divider is None:
            renderer = self._renderer if self._split is None else self._split.left
            if renderer is not None:
                yield box, renderer
            return
        column = min(box.x1, max(box.x0, self._divider_column(self._split.divider)))
        left, right = Box(box.x0, box.y0, column, box.y1), Box(column, box.y0, box.x1, box.y1)
        for part, renderer in ((left, self._split.left), (right, self._split.right)):
            if not part.is_empty:
                yield part, renderer

    def _divider_column(self, divider: float) -> int:
        return round(divider * self.view.width)


def _within(part: Box, box: Box) -> tuple[slice, slice]:
    """Rows and columns of a part in an array of the size of `box`."""
    return part.moved(-box.x0, -box.y0).slices
