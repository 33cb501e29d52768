"""What is on the screen now: sheets of device pixels, the picture, the layers over it, and both joined.

A widget is asked to paint for many reasons: a ring moves, a menu closes, a stroke grows. All sheets are kept
and only the places reported as damaged are worked out again, so that most paints are one copy.
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

from core.base.geometry import TILE_SIZE, Box, TileKey
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


@dataclass(frozen=True, slots=True)
class CanvasContent:
    """What is shown, for those who show it once more in another size; nobody writes into it."""

    pyramid: AnyPyramid
    image: AdjustedView
    labels: LabelMap
    prediction: PredictedMask | None
    colours: ColourTable


@dataclass(frozen=True, slots=True)
class SplitStyle:
    """How both sides look while they are compared: at a divider, which stands at a share of the view's width, or,
    without a share, side by side, each showing the same place."""

    left: OverlayRenderer
    right: OverlayRenderer
    divider: float | None


class FrameBuffers:
    """What a screen needs for one size of the canvas, and nothing of what it shows."""

    def __init__(self, width: int, height: int, ratio: float) -> None:
        """width, height: device pixels; ratio: how many of them a logical pixel has."""
        self.size_and_ratio = width, height, ratio
        self.image = PixelBuffer(width, height, opaque=True)
        self.overlay = self.transparent_buffer(width, height)
        self.composite = PixelBuffer(width, height, opaque=True)
        self.patterns = ScreenPatterns.for_ratio(ratio)

    @staticmethod
    def transparent_buffer(width: int, height: int) -> PixelBuffer:
        """One for layers: what is below shows through."""
        return PixelBuffer(width, height, opaque=False)


class Compositor:
    """The picture and its layers as the canvas shows them. Lives on the GUI thread."""

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
        self._split: SplitStyle | None = None
        self._pixel_grid = False
        self.resize(1, 1, 1.0)

    def resize(self, width: int, height: int, ratio: float) -> None:
        """Fresh sheets of `width` by `height` device pixels, `ratio` of them to a logical pixel."""
        self._buffers = FrameBuffers(width, height, ratio)
        self._second_overlay: PixelBuffer | None = None
        self._allocate_second_overlay()

    @property
    def ratio(self) -> float:
        """Device pixels to a logical pixel."""
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
        self, renderer: OverlayRenderer, prediction: PredictedMask | None, split: SplitStyle | None = None
    ) -> None:
        """How the layers look; `halves` take their place while two sides are compared."""
        self._renderer, self._prediction, self._split = renderer, prediction, split
        self._allocate_second_overlay()
        self._damage_overlay()

    def move_divider(self, divider: float) -> None:
        """Only what lies between the old place and the new one is worked out again."""
        if self._split is None or self._split.divider is None:
            return
        places = sorted(self._divider_column(each) for each in (self._split.divider, divider))
        self._split = replace(self._split, divider=divider)
        self._damage_overlay(Box(places[0], 0, places[-1], self.view.height))

    def set_history_tiles(self, tiles: Mapping[TileKey, Values]) -> Box:
        """Show these tiles in place of those of the label, which is not touched. Returns the device pixels that will
        look different."""
        keys, self._history_tiles = {*self._history_tiles, *tiles}, tiles
        places = (
            Box(k.column * TILE_SIZE, k.row * TILE_SIZE, (k.column + 1) * TILE_SIZE, (k.row + 1) * TILE_SIZE)
            for k in keys
        )
        return self.damage_labels(reduce(Box.union, places, Box.empty()))

    def set_pixel_grid(self, shown: bool) -> None:
        """Whether there are lines between the picture's pixels where they are large."""
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
        """Labels of these image pixels changed. Returns the device pixels that will look different."""
        looks = (self._split.left, self._split.right) if self._split else (self._renderer,)
        reach = max(look.outline_reach(self._buffers.patterns) if look else 0 for look in looks)
        on_screen = self.view.device_box(box, margin=1 + reach)
        self._damage_overlay(on_screen)
        return on_screen

    def damage_picture(self, box: Box) -> Box:
        """These image pixels can be shown better now. Returns the device pixels that will look different."""
        # Smooth drawing looks a pixel of its level beyond the box.
        on_screen = self.view.device_box(box, margin=2)
        self._damage_image(on_screen)
        return on_screen

    def scroll(self, dx: int, dy: int) -> None:
        """The picture moved by whole device pixels."""
        for sheet in (self._buffers.image, *self._overlay_buffers(), self._buffers.composite):
            sheet.scroll(dx, dy)

    def paint(self, painter: QPainter, exposed: list[Box], step: int = 1) -> None:
        """Draw the pixels of the exposed boxes, each as a square of `step` device pixels, which the painter counts."""
        self._update()
        for box in exposed:
            self._buffers.composite.draw(painter, box, step)

    def update_for(self, seconds: float) -> bool:
        """Bring the sheets up to date for about so long. Returns whether all is done."""
        self._update(time.perf_counter() + seconds)
        return self._buffers.composite.is_up_to_date

    def _update(self, deadline: float = math.inf) -> None:
        """Bring all sheets up to date, as far as there is time."""
        ground, layers = self._buffers.image, self._buffers.overlay
        began = time.perf_counter()
        drawn = ground.redraw_damaged(self._render_image, deadline)
        looks: tuple[OverlayRenderer | None, ...] = (self._renderer,)
        if self._split is not None:
            looks = (self._split.left,) if self._second_overlay else (self._split.left, self._split.right)
        has_layers = self._shows_pixel_grid or any(look is not None and not look.is_empty for look in looks)
        if has_layers:
            layers.redraw_damaged(partial(self._render_overlay, self._split_parts), deadline)
        if (
            deadline == math.inf and self._labels is not None
        ):  # a picture that has no label yet is drawn sooner
            self.frame_budget.record(drawn, time.perf_counter() - began)
        if ground.is_up_to_date and (layers.is_up_to_date or not has_layers):
            self._buffers.composite.composite(ground, layers if has_layers else None)

    def clone(self, view: Viewport, buffers: FrameBuffers | None = None) -> Compositor:
        """A screen that draws the same with a view and sheets of its own, if need be on another thread. Only for now:
        it holds on to the picture."""
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
        """Draw all of a picture on fresh sheets, for `adopt`."""
        self.frame_budget = (
            FrameBudget()
        )  # what another thread takes beside this one tells nothing of this one
        self._split = None
        self.set_picture(pyramid, labels)
        self.set_layers(renderer, prediction)
        self._update()

    def adopt(self, other: Compositor) -> bool:
        """Take over the sheets that another screen has drawn. False, and nothing is taken, unless it shows what this
        one shows, in the same way."""
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
        """Draw these boxes of the second of two views that stand side by side, after `paint`; the corner of that
        view is the painter's origin."""
        if self._second_overlay is None or self._split is None:
            return
        sheet, look = self._second_overlay, self._split.right
        sheet.redraw_damaged(partial(self._render_overlay, lambda inside: [(inside, look)]))
        for box in exposed:
            self._buffers.image.draw(painter, box)
            sheet.draw(painter, box)

    def _overlay_buffers(self) -> list[PixelBuffer]:
        return (
            [self._buffers.overlay, self._second_overlay] if self._second_overlay else [self._buffers.overlay]
        )

    def _damage_image(self, box: Box | None = None) -> None:
        self._buffers.image.damage(box)
        self._buffers.composite.damage(box)

    def _damage_overlay(self, box: Box | None = None) -> None:
        for sheet in (*self._overlay_buffers(), self._buffers.composite):
            sheet.damage(box)

    def _allocate_second_overlay(self) -> None:
        """There is a second sheet as long as two views stand side by side, as large as the first."""
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
        for part, look in parts(inside):
            into[_within(part, box)] = look.render(
                part, self.view, self._labels, self._prediction, self._buffers.patterns, self._history_tiles
            )
        if self._shows_pixel_grid:
            draw_pixel_grid(into[_within(inside, box)], inside, self.view)

    @property
    def _shows_pixel_grid(self) -> bool:
        return self._pixel_grid and self.view.scale >= MIN_GRID_SCALE

    def _split_parts(self, box: Box) -> Iterator[tuple[Box, OverlayRenderer]]:
        """The box cut at the divider, each part with how it looks."""
        if self._split is None or self._split.divider is None:
            look = self._renderer if self._split is None else self._split.left
            if look is not None:
                yield box, look
            return
        place = min(box.x1, max(box.x0, self._divider_column(self._split.divider)))
        left, right = Box(box.x0, box.y0, place, box.y1), Box(place, box.y0, box.x1, box.y1)
        for part, look in ((left, self._split.left), (right, self._split.right)):
            if not part.is_empty:
                yield part, look

    def _divider_column(self, divider: float) -> int:
        return round(divider * self.view.width)


def _within(part: Box, box: Box) -> tuple[slice, slice]:
    """Rows and columns of a part in an array of the size of `box`."""
    return part.moved(-box.x0, -box.y0).slices
