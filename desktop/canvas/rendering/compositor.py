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
from PySide6.QtGui import QImage, QPainter

from core.base.geometry import TILE, Box, TileKey
from core.images.adjustments import Eye, Tone
from core.images.tiled_pyramid import AnyPyramid
from core.labels.label_map import LabelMap
from core.labels.prediction import PredictedMask
from desktop.canvas.rendering.frame_budget import Pace
from desktop.canvas.rendering.image_renderer import draw_ground
from desktop.canvas.rendering.layer_style import NOW, ColourTable, Values
from desktop.canvas.rendering.overlay_renderer import Grain, Look
from desktop.canvas.rendering.pixel_buffer import Pixels, Sheet
from desktop.canvas.rendering.pixel_grid import GRID_FROM, rule
from desktop.canvas.viewport import Viewport


@dataclass(frozen=True, slots=True)
class Scene:
    """What is shown, for those who show it once more in another size; nobody writes into it."""

    pyramid: AnyPyramid
    eye: Eye
    labels: LabelMap
    prediction: PredictedMask | None
    table: ColourTable


@dataclass(frozen=True, slots=True)
class Halves:
    """How both sides look while they are compared: at a divider, which stands at a share of the view's width, or,
    without a share, side by side, each showing the same place."""

    left: Look
    right: Look
    share: float | None


class Sheets:
    """What a screen needs for one size of the canvas, and nothing of what it shows."""

    def __init__(self, width: int, height: int, ratio: float) -> None:
        """width, height: device pixels; ratio: how many of them a logical pixel has."""
        self.made_for = width, height, ratio
        self.ground = Sheet(width, height, QImage.Format.Format_RGB32)
        self.layers = self.clear(width, height)
        self.joined = Sheet(width, height, QImage.Format.Format_RGB32)
        self.grain = Grain.of(ratio)

    @staticmethod
    def clear(width: int, height: int) -> Sheet:
        """One for layers: what is below shows through."""
        return Sheet(width, height, QImage.Format.Format_ARGB32_Premultiplied)


class Screen:
    """The picture and its layers as the canvas shows them. Lives on the GUI thread."""

    def __init__(self, view: Viewport) -> None:
        self.view = view
        self.pace = Pace()
        self._background = np.uint32(0xFF808080)
        self._pyramid: AnyPyramid | None = None
        self._tone = Tone()
        self._eye: Eye | None = None
        self._labels: LabelMap | None = None
        self._prediction: PredictedMask | None = None
        self._then: Mapping[TileKey, Values] = NOW
        self._look: Look | None = None
        self._halves: Halves | None = None
        self._grid = False
        self.resize(1, 1, 1.0)

    def resize(self, width: int, height: int, ratio: float) -> None:
        """Fresh sheets of `width` by `height` device pixels, `ratio` of them to a logical pixel."""
        self._sheets = Sheets(width, height, ratio)
        self._beside: Sheet | None = None
        self._make_beside()

    @property
    def ratio(self) -> float:
        """Device pixels to a logical pixel."""
        return self._sheets.made_for[2]

    def set_background(self, grey: int) -> None:
        self._background = np.uint32(0xFF000000 | grey << 16 | grey << 8 | grey)
        self._damage_ground()

    def set_picture(self, pyramid: AnyPyramid | None, labels: LabelMap | None) -> None:
        self._pyramid, self._labels, self._prediction, self._then = pyramid, labels, None, NOW
        self._eye = Eye(pyramid, self._tone) if pyramid else None
        self.damage_all()

    @property
    def scene(self) -> Scene | None:
        if self._pyramid is None or self._eye is None or self._labels is None or self._look is None:
            return None
        return Scene(self._pyramid, self._eye, self._labels, self._prediction, self._look.fills)

    def set_layers(self, look: Look, prediction: PredictedMask | None, halves: Halves | None = None) -> None:
        """How the layers look; `halves` take their place while two sides are compared."""
        self._look, self._prediction, self._halves = look, prediction, halves
        self._make_beside()
        self._damage_layers()

    def move_divider(self, share: float) -> None:
        """Only what lies between the old place and the new one is worked out again."""
        if self._halves is None or self._halves.share is None:
            return
        places = sorted(self._divider(each) for each in (self._halves.share, share))
        self._halves = replace(self._halves, share=share)
        self._damage_layers(Box(places[0], 0, places[-1], self.view.height))

    def set_then(self, tiles: Mapping[TileKey, Values]) -> Box:
        """Show these tiles in place of those of the label, which is not touched. Returns the device pixels that will
        look different."""
        keys, self._then = {*self._then, *tiles}, tiles
        places = (Box(k.column * TILE, k.row * TILE, (k.column + 1) * TILE, (k.row + 1) * TILE) for k in keys)
        return self.damage_labels(reduce(Box.united, places, Box.nothing()))

    def set_grid(self, wanted: bool) -> None:
        """Whether there are lines between the picture's pixels where they are large."""
        self._grid = wanted
        self._damage_layers()

    def set_tone(self, tone: Tone) -> None:
        self._tone = tone
        self._eye = Eye(self._pyramid, tone) if self._pyramid else None
        self._damage_ground()

    def damage_all(self) -> None:
        self._damage_ground()
        self._damage_layers()

    def damage_labels(self, box: Box) -> Box:
        """Labels of these image pixels changed. Returns the device pixels that will look different."""
        looks = (self._halves.left, self._halves.right) if self._halves else (self._look,)
        reach = max(look.reach(self._sheets.grain) if look else 0 for look in looks)
        on_screen = self.view.device_box(box, margin=1 + reach)
        self._damage_layers(on_screen)
        return on_screen

    def damage_picture(self, box: Box) -> Box:
        """These image pixels can be shown better now. Returns the device pixels that will look different."""
        # Smooth drawing looks a pixel of its level beyond the box.
        on_screen = self.view.device_box(box, margin=2)
        self._damage_ground(on_screen)
        return on_screen

    def scroll(self, dx: int, dy: int) -> None:
        """The picture moved by whole device pixels."""
        for sheet in (self._sheets.ground, *self._layer_sheets(), self._sheets.joined):
            sheet.scroll(dx, dy)

    def paint(self, painter: QPainter, exposed: list[Box], step: int = 1) -> None:
        """Draw the pixels of the exposed boxes, each as a square of `step` device pixels, which the painter counts."""
        self._freshen()
        for box in exposed:
            self._sheets.joined.show(painter, box, step)

    def freshen_for(self, seconds: float) -> bool:
        """Bring the sheets up to date for about so long. Returns whether all is done."""
        self._freshen(time.perf_counter() + seconds)
        return self._sheets.joined.is_fresh

    def _freshen(self, until: float = math.inf) -> None:
        """Bring all sheets up to date, as far as there is time."""
        ground, layers = self._sheets.ground, self._sheets.layers
        began = time.perf_counter()
        drawn = ground.freshen(self._draw_ground, until)
        looks: tuple[Look | None, ...] = (self._look,)
        if self._halves is not None:
            looks = (self._halves.left,) if self._beside else (self._halves.left, self._halves.right)
        has_layers = self._has_grid or any(look is not None and not look.is_empty for look in looks)
        if has_layers:
            layers.freshen(partial(self._draw_layers, self._parts), until)
        if until == math.inf and self._labels is not None:  # a picture that has no label yet is drawn sooner
            self.pace.learn(drawn, time.perf_counter() - began)
        if ground.is_fresh and (layers.is_fresh or not has_layers):
            self._sheets.joined.take(ground, layers if has_layers else None)

    def alike(self, view: Viewport, sheets: Sheets | None = None) -> Screen:
        """A screen that draws the same with a view and sheets of its own, if need be on another thread. Only for now:
        it holds on to the picture."""
        other = copy.copy(self)
        other.view = view
        other._sheets = sheets or Sheets(*self._sheets.made_for)
        return other

    def draw_alone(
        self, pyramid: AnyPyramid, labels: LabelMap, prediction: PredictedMask | None, look: Look
    ) -> None:
        """Draw all of a picture on fresh sheets, for `adopt`."""
        self.pace = Pace()  # what another thread takes beside this one tells nothing of this one
        self._halves = None
        self.set_picture(pyramid, labels)
        self.set_layers(look, prediction)
        self._freshen()

    def adopt(self, other: Screen) -> bool:
        """Take over the sheets that another screen has drawn. False, and nothing is taken, unless it shows what this
        one shows, in the same way."""
        same = (
            self._halves is None
            and not self._then
            and self._pyramid is other._pyramid
            and self._labels is other._labels
            and self._prediction is other._prediction
            and self._look is other._look
            and (self.view, self.ratio, self._grid) == (other.view, other.ratio, other._grid)
            and (self._tone, self._background) == (other._tone, other._background)
        )
        if same:
            self._sheets = other._sheets
        return same

    def paint_beside(self, painter: QPainter, exposed: list[Box]) -> None:
        """Draw these boxes of the second of two views that stand side by side, after `paint`; the corner of that
        view is the painter's origin."""
        if self._beside is None or self._halves is None:
            return
        sheet, look = self._beside, self._halves.right
        sheet.freshen(partial(self._draw_layers, lambda inside: [(inside, look)]))
        for box in exposed:
            self._sheets.ground.show(painter, box)
            sheet.show(painter, box)

    def _layer_sheets(self) -> list[Sheet]:
        return [self._sheets.layers, self._beside] if self._beside else [self._sheets.layers]

    def _damage_ground(self, box: Box | None = None) -> None:
        self._sheets.ground.damage(box)
        self._sheets.joined.damage(box)

    def _damage_layers(self, box: Box | None = None) -> None:
        for sheet in (*self._layer_sheets(), self._sheets.joined):
            sheet.damage(box)

    def _make_beside(self) -> None:
        """There is a second sheet as long as two views stand side by side, as large as the first."""
        if self._halves is None or self._halves.share is not None:
            self._beside = None
        elif self._beside is None:
            self._beside = Sheets.clear(*self._sheets.made_for[:2])

    def _draw_ground(self, box: Box, into: Pixels) -> None:
        inside = box.intersected(self.view.shown_box()) if self._pyramid else Box.nothing()
        if inside != box:
            into[:] = self._background
        if self._pyramid is not None and self._eye is not None and not inside.is_empty:
            draw_ground(self._pyramid, self._eye, self.view, inside, into[_within(inside, box)])

    def _draw_layers(
        self, parts: Callable[[Box], Iterable[tuple[Box, Look]]], box: Box, into: Pixels
    ) -> None:
        inside = box.intersected(self.view.shown_box()) if self._labels else Box.nothing()
        if inside != box:
            into[:] = 0
        if self._labels is None or inside.is_empty:
            return
        for part, look in parts(inside):
            into[_within(part, box)] = look.paint(
                part, self.view, self._labels, self._prediction, self._sheets.grain, self._then
            )
        if self._has_grid:
            rule(into[_within(inside, box)], inside, self.view)

    @property
    def _has_grid(self) -> bool:
        return self._grid and self.view.scale >= GRID_FROM

    def _parts(self, box: Box) -> Iterator[tuple[Box, Look]]:
        """The box cut at the divider, each part with how it looks."""
        if self._halves is None or self._halves.share is None:
            look = self._look if self._halves is None else self._halves.left
            if look is not None:
                yield box, look
            return
        place = min(box.x1, max(box.x0, self._divider(self._halves.share)))
        left, right = Box(box.x0, box.y0, place, box.y1), Box(place, box.y0, box.x1, box.y1)
        for part, look in ((left, self._halves.left), (right, self._halves.right)):
            if not part.is_empty:
                yield part, look

    def _divider(self, share: float) -> int:
        return round(share * self.view.width)


def _within(part: Box, box: Box) -> tuple[slice, slice]:
    """Rows and columns of a part in an array of the size of `box`."""
    return part.moved(-box.x0, -box.y0).slices
