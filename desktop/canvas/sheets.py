"""What is on the screen now: two sheets of device pixels, the picture and the layers over it.

A widget is asked to paint for many reasons: a ring moves, a menu closes, a stroke grows. Both sheets are kept
and only the places reported as damaged are worked out again, so that most paints are two copies.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect
from PySide6.QtGui import QImage, QPainter

from core.geometry import TILE, Box, TileKey
from core.images.giant import AnyPyramid
from core.images.tone import Eye, Tone
from core.labels.labelmap import LabelMap
from core.labels.prediction import PredictedMask
from desktop.canvas.grid import GRID_FROM, rule
from desktop.canvas.layers import NOW, ColourTable, Values
from desktop.canvas.looks import Grain, Look
from desktop.canvas.viewport import Viewport

_MANY = 8
"""Damaged boxes beyond this number are united: one larger box is cheaper than many calls."""

_LARGE = 2_500_000
"""Device pixels; a window that fills a screen of 2560 x 1440 stays below."""

_BAND = 96
"""Rows worked out at once: what numpy makes on the way then stays in the processor's cache, and the operating
system need not hand out fresh memory for it, which would cost more than the work itself."""


class Sheet:
    """An array of device pixels that Qt draws without a copy, and the parts of it that are out of date."""

    def __init__(self, width: int, height: int, form: QImage.Format) -> None:
        self.pixels: NDArray[np.uint32] = np.zeros((height, width), np.uint32)
        # The image only looks at the array's memory; both live and die with the sheet.
        self._image = QImage(self.pixels.data, width, height, width * 4, form)
        self._whole = Box(0, 0, width, height)
        self._stale = [self._whole]

    def damage(self, box: Box | None = None) -> None:
        """Have the device pixels of `box` (all by default) worked out before they are drawn next."""
        if box is None:
            self._stale = [self._whole]
        elif not (box := box.intersected(self._whole)).is_empty:
            if self._stale and not self._stale[-1].intersected(box).is_empty:
                box = box.united(self._stale.pop())
            self._stale.append(box)
            if len(self._stale) > _MANY:
                self._stale = [reduce(Box.united, self._stale)]

    def freshen(self, draw: Callable[[Box], None]) -> None:
        """Bring what is damaged up to date."""
        stale, self._stale = self._stale, []
        for box in stale:
            for y in range(box.y0, box.y1, _BAND):
                draw(Box(box.x0, y, box.x1, min(y + _BAND, box.y1)))

    def scroll(self, dx: int, dy: int) -> None:
        """Move the pixels; the strips that come into sight are damaged."""
        kept = self._whole.intersected(self._whole.moved(dx, dy))
        if kept.is_empty:
            self.damage()
            return
        # All pixels in one piece, which numpy moves in place; what runs over the end of a row comes into sight anew.
        flat, step = self.pixels.reshape(-1), dy * self._whole.width + dx
        if step > 0:
            flat[step:] = flat[:-step]
        elif step < 0:
            flat[:step] = flat[-step:]
        stale, self._stale = self._stale, []
        for box in stale:
            self.damage(box.moved(dx, dy))
        width, height = self._whole.width, self._whole.height
        self.damage(Box(0, 0, width, kept.y0))
        self.damage(Box(0, kept.y1, width, height))
        self.damage(Box(0, kept.y0, kept.x0, kept.y1))
        self.damage(Box(kept.x1, kept.y0, width, kept.y1))

    def show(self, painter: QPainter, box: Box) -> None:
        """Draw the device pixels of `box`; the painter counts device pixels."""
        area = QRect(box.x0, box.y0, box.width, box.height)
        painter.drawImage(area, self._image, area)


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


class Screen:
    """The picture and its layers as the canvas shows them. Lives on the GUI thread."""

    def __init__(self, view: Viewport) -> None:
        self._view = view
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
        self._ground = Sheet(width, height, QImage.Format.Format_RGB32)
        self._layers = Sheet(width, height, QImage.Format.Format_ARGB32_Premultiplied)
        self._beside: Sheet | None = None
        self._make_beside()
        self._grain = Grain.of(ratio)
        self._ratio = ratio
        self._coarse: tuple[Sheet, Sheet, Grain] | None = None

    def set_background(self, grey: int) -> None:
        self._background = np.uint32(0xFF000000 | grey << 16 | grey << 8 | grey)
        self._ground.damage()

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
        self._layers.damage(Box(places[0], 0, places[-1], self._view.height))

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
        self._ground.damage()

    def damage_all(self) -> None:
        self._ground.damage()
        self._damage_layers()

    def damage_labels(self, box: Box) -> Box:
        """Labels of these image pixels changed. Returns the device pixels that will look different."""
        looks = (self._halves.left, self._halves.right) if self._halves else (self._look,)
        reach = max(look.reach(self._grain) if look else 0 for look in looks)
        on_screen = self._view.device_box(box, margin=1 + reach)
        self._damage_layers(on_screen)
        return on_screen

    def damage_picture(self, box: Box) -> Box:
        """These image pixels can be shown better now. Returns the device pixels that will look different."""
        # Smooth drawing looks a pixel of its level beyond the box.
        on_screen = self._view.device_box(box, margin=2)
        self._ground.damage(on_screen)
        return on_screen

    def scroll(self, dx: int, dy: int) -> None:
        """The picture moved by whole device pixels."""
        for sheet in (self._ground, *self._layer_sheets()):
            sheet.scroll(dx, dy)

    def paint(self, painter: QPainter, exposed: list[Box]) -> None:
        """Draw the device pixels of the exposed boxes; the painter counts device pixels."""
        has_layers = self._freshen()
        for box in exposed:
            self._ground.show(painter, box)
            if has_layers:
                self._layers.show(painter, box)

    def _freshen(self) -> bool:
        """Bring both sheets up to date. Returns whether there are layers to be seen; else theirs is left as it is."""
        self._ground.freshen(self._draw_ground)
        looks: tuple[Look | None, ...] = (self._look,)
        if self._halves is not None:
            looks = (self._halves.left,) if self._beside else (self._halves.left, self._halves.right)
        has_layers = self._has_grid or any(look is not None and not look.is_empty for look in looks)
        if has_layers:
            self._layers.freshen(lambda box: self._draw_layers(self._layers, box, self._parts))
        return has_layers

    @property
    def is_large(self) -> bool:
        """Whether working out all of it takes longer than a frame."""
        return self._halves is None and self._view.width * self._view.height > _LARGE

    def paint_coarsely(self, painter: QPainter, exposed: list[Box]) -> None:
        """Draw the exposed boxes with half the pixels in each direction, which takes less than half the time: for a
        large canvas as long as every frame is another."""
        view = self._view.halved()
        coarse = copy.copy(self)
        coarse._view = view
        if self._coarse is None:
            coarse.resize(view.width, view.height, self._ratio / 2)
            self._coarse = coarse._ground, coarse._layers, coarse._grain
        # The sheets are kept, but not the copy: it would hold on to a picture that is gone.
        coarse._ground, coarse._layers, coarse._grain = self._coarse
        coarse.damage_all()
        # Both come together while they are small: Qt enlarges what is opaque faster.
        whole = [Box(0, 0, view.width, view.height)]
        joined = QImage(view.width, view.height, QImage.Format.Format_RGB32)
        inner = QPainter(joined)
        coarse.paint(inner, whole)
        inner.end()
        for box in exposed:
            small = QRect(box.x0 // 2, box.y0 // 2, box.width // 2 + 2, box.height // 2 + 2)
            painter.drawImage(
                QRect(2 * small.x(), 2 * small.y(), 2 * small.width(), 2 * small.height()), joined, small
            )

    def alike(self, view: Viewport) -> Screen:
        """A screen that draws the same way on another thread, with a view of its own; see `draw_alone`."""
        other = copy.copy(self)
        other._view = view
        return other

    def draw_alone(
        self, pyramid: AnyPyramid, labels: LabelMap, prediction: PredictedMask | None, look: Look
    ) -> None:
        """Draw all of a picture on fresh sheets, for `adopt`."""
        self.resize(self._view.width, self._view.height, self._ratio)
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
            and (self._view, self._ratio, self._grid) == (other._view, other._ratio, other._grid)
            and (self._tone, self._background) == (other._tone, other._background)
        )
        if same:
            self._ground, self._layers = other._ground, other._layers
        return same

    def paint_beside(self, painter: QPainter, exposed: list[Box]) -> None:
        """Draw these boxes of the second of two views that stand side by side, after `paint`; the corner of that
        view is the painter's origin."""
        if self._beside is None or self._halves is None:
            return
        sheet, look = self._beside, self._halves.right
        sheet.freshen(lambda box: self._draw_layers(sheet, box, lambda inside: [(inside, look)]))
        for box in exposed:
            self._ground.show(painter, box)
            sheet.show(painter, box)

    def _layer_sheets(self) -> list[Sheet]:
        return [self._layers, self._beside] if self._beside else [self._layers]

    def _damage_layers(self, box: Box | None = None) -> None:
        for sheet in self._layer_sheets():
            sheet.damage(box)

    def _make_beside(self) -> None:
        """There is a second sheet as long as two views stand side by side, as large as the first."""
        if self._halves is None or self._halves.share is not None:
            self._beside = None
        elif self._beside is None:
            height, width = self._layers.pixels.shape
            self._beside = Sheet(width, height, QImage.Format.Format_ARGB32_Premultiplied)

    def _draw_ground(self, box: Box) -> None:
        pixels, view = self._ground.pixels, self._view
        inside = box.intersected(view.shown_box()) if self._pyramid else Box.nothing()
        if inside != box:
            pixels[box.slices] = self._background
        if self._pyramid is None or self._eye is None or inside.is_empty:
            return
        if view.scale >= 1:
            pixels[inside.slices] = _magnified(self._eye, view, inside)
        else:
            pixels[inside.slices] = _minified(self._pyramid, self._eye, view, inside)

    def _draw_layers(
        self, sheet: Sheet, box: Box, parts: Callable[[Box], Iterable[tuple[Box, Look]]]
    ) -> None:
        pixels, view = sheet.pixels, self._view
        inside = box.intersected(view.shown_box()) if self._labels else Box.nothing()
        if inside != box:
            pixels[box.slices] = 0
        if self._labels is None or inside.is_empty:
            return
        for part, look in parts(inside):
            pixels[part.slices] = look.paint(
                part, view, self._labels, self._prediction, self._grain, self._then
            )
        if self._has_grid:
            rule(pixels, inside, view)

    @property
    def _has_grid(self) -> bool:
        return self._grid and self._view.scale >= GRID_FROM

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
        return round(share * self._view.width)


def _magnified(eye: Eye, view: Viewport, box: Box) -> NDArray[np.uint32]:
    """Crisp pixels: each device pixel takes the image pixel under its centre."""
    rows, columns = view.rows(box.y0, box.y1), view.columns(box.x0, box.x1)
    top, left = int(rows[0]), int(columns[0])
    part = _as_words(eye.seen(eye.part(0, Box(left, top, int(columns[-1]) + 1, int(rows[-1]) + 1))))
    return part.take(columns - left, axis=1).take(rows - top, axis=0)


def _minified(pyramid: AnyPyramid, eye: Eye, view: Viewport, box: Box) -> NDArray[np.uint32]:
    """Smooth pixels: between the four nearest of the level that is at most twice as fine as the screen."""
    number = pyramid.level_for(view.scale)
    step = 1 / (view.scale * 2**number)
    x = (box.x0 + 0.5 - view.left) * step - 0.5
    y = (box.y0 + 0.5 - view.top) * step - 0.5
    # Only the part in sight goes to OpenCV: its coordinates are short integers, and far pixels cost precision.
    width, height = pyramid.level_size(number)
    near = Box(int(x) - 1, int(y) - 1, int(x + box.width * step) + 3, int(y + box.height * step) + 3).clipped(
        width, height
    )
    way = np.array([[step, 0, x - near.x0], [0, step, y - near.y0]])
    part = eye.part(number, near)
    if eye.is_plain:  # four channels first: OpenCV interpolates them twice as fast as three
        part = cv2.cvtColor(part, cv2.COLOR_RGB2BGRA)
    smooth = cv2.warpAffine(
        part,
        way,
        (box.width, box.height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return smooth.view(np.uint32)[..., 0] if eye.is_plain else _as_words(eye.seen(smooth))


def _as_words(picture: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """(h, w, 3) uint8 RGB as (h, w) uint32 0xFFRRGGBB."""
    return cv2.cvtColor(picture, cv2.COLOR_RGB2BGRA).view(np.uint32)[..., 0]
