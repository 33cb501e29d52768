"""How label, prediction and confidence look on a part of the screen: fills, marks, outlines and heat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box, TileKey
from core.labels.class_list import UNLABELLED, VOID
from core.labels.label_map import LabelMap
from core.labels.prediction import PredictedMask
from desktop.canvas.rendering import class_patterns
from desktop.canvas.rendering.class_patterns import Marks
from desktop.canvas.rendering.layer_style import (
    NOW,
    Colours,
    ColourTable,
    Hatch,
    LayerState,
    Shape,
    Values,
    lay_over,
    premultiplied,
    sample,
)
from desktop.canvas.viewport import Viewport

_LINE = 1.5
"""Logical pixels of an outline at its side of the border; the region beyond it has its own line."""
_LINE_POWER = 0.35
"""A thin line must be stronger than a fill of the same opacity to be seen as well."""
_VOID_LINE = (176, 176, 176)
_SURE = 0.97
"""From this probability on nothing of the heat is seen."""
_HEAT = (  # doubt (1: none of the classes is likelier than chance would have it), red, green, blue, strength
    (0.0, 120, 30, 140, 0.0),
    (0.2, 150, 30, 140, 0.5),
    (0.5, 240, 90, 50, 0.85),
    (0.8, 255, 225, 70, 1.0),
    (1.0, 255, 250, 180, 1.0),
)


@dataclass(frozen=True, slots=True)
class Classes:
    """What the layers know of the classes. palette: (256, 3) uint8 RGB by value; hidden: values that no layer
    shows; order: values as they are listed."""

    palette: NDArray[np.uint8]
    hidden: frozenset[int] = frozenset()
    order: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Grain:
    """What is repeated over the screen, for one number of device pixels to a logical one."""

    hatch: Hatch
    marks: Marks
    reach: int
    """Device pixels of an outline."""

    @classmethod
    def of(cls, ratio: float) -> Grain:
        return cls(Hatch(ratio), Marks(ratio), max(1, round(_LINE * ratio)))


class Look:
    """Made when classes or layers change, never while painting. With fills alone composing is one look-up; what is
    added to it costs as much as it has pixels on the screen."""

    def __init__(self, classes: Classes, state: LayerState, has_prediction: bool) -> None:
        self.fills = ColourTable(classes.palette, state, has_prediction, classes.hidden)
        """Label and prediction as filled regions, whatever their shape here."""
        empty = replace(state, label_visible=False, prediction_visible=False)
        self._table = (
            ColourTable(classes.palette, empty, has_prediction, classes.hidden)
            if state.shape == Shape.OUTLINE
            else self.fills
        )
        self._outlined = state.shape != Shape.FILL
        self._marked = state.patterns and state.shape != Shape.OUTLINE
        self._heat = heat(state.uncertainty) if has_prediction and state.uncertainty > 0 else None
        self._ids: NDArray[np.uint16] | None = None
        if (self._outlined or self._marked) and not self.fills.is_empty:
            self._ids = _ids(state, has_prediction, classes.hidden)
            self._lines = _of_both(
                _line_colours(classes.palette), *(s**_LINE_POWER for s in (state.label, state.prediction))
            )
            strong = [min(1.0, 0.2 + 0.8 * s) if s else 0.0 for s in (state.label, state.prediction)]
            self._inks = _of_both(class_patterns.ink(classes.palette), *strong)
            self._kinds = np.tile(class_patterns.kinds(classes.order), 2)

    @property
    def is_empty(self) -> bool:
        return self.fills.is_empty and self._heat is None

    def reach(self, grain: Grain) -> int:
        """How many device pixels away from a label that changed the screen may look different."""
        return grain.reach if self._ids is not None and self._outlined else 0

    def paint(
        self,
        box: Box,
        view: Viewport,
        labels: LabelMap,
        prediction: PredictedMask | None,
        grain: Grain,
        then: Mapping[TileKey, Values] = NOW,
    ) -> Colours:
        """The device pixels of `box`, which lie on the picture, (h, w) uint32. `then`: tiles that are shown in place
        of those of the label."""
        reach = self.reach(grain)
        wide = Box(box.x0 - reach, box.y0 - reach, box.x1 + reach, box.y1 + reach)
        wide = wide.intersected(view.picture_box()) if reach else box
        rows, columns = view.rows(wide.y0, wide.y1), view.columns(wide.x0, wide.x1)
        said = sample(labels.values, rows, columns)
        if then:
            lay_over(said, then, rows, columns)
        told = None
        if prediction is not None and self.fills.uses_prediction:
            told = sample(prediction.values, rows, columns)
        inner = box.moved(-wide.x0, -wide.y0).slices
        pixels = self._fill(said[inner], None if told is None else told[inner], box, view, grain)
        if self._ids is not None:
            self._draw_shapes(pixels, self._shown(said, told), inner, box, view, grain)
        if self._heat is not None and prediction is not None:
            sure = sample(prediction.confidence, view.rows(box.y0, box.y1), view.columns(box.x0, box.x1))
            pixels = over(self._heat.take(sure), pixels)
        return pixels

    def _fill(self, said: Values, told: Values | None, box: Box, view: Viewport, grain: Grain) -> Colours:
        if self._table.is_empty:
            return np.zeros(said.shape, np.uint32)
        return self._table.compose(said, told, partial(grain.hatch.over, box, view.left, view.top))

    def _shown(self, said: Values, told: Values | None) -> NDArray[np.uint16]:
        """What each pixel shows: 0 nothing, 1..255 the label, 256 and more the prediction."""
        assert self._ids is not None
        index = np.left_shift(said, 8, dtype=np.uint16)
        if told is not None:
            index |= told
        return self._ids.take(index, mode="wrap")

    def _draw_shapes(
        self,
        pixels: Colours,
        shown: NDArray[np.uint16],
        inner: tuple[slice, slice],
        box: Box,
        view: Viewport,
        grain: Grain,
    ) -> None:
        if self._marked:
            ids = shown[inner]
            marks = self._kinds.take(ids, mode="wrap") & grain.marks.over(box, view.left, view.top)
            np.copyto(pixels, self._inks.take(ids, mode="wrap"), where=marks != 0)
        if self._outlined:
            ids = shown[inner]
            edge = borders(shown, grain.reach)[inner] & (ids != 0)
            np.copyto(pixels, self._lines.take(ids, mode="wrap"), where=edge)


def borders(shown: NDArray[np.uint16], reach: int) -> NDArray[np.bool_]:
    """Where something else is at most `reach` rows and columns away; there is nothing beyond the array."""
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    high = cv2.dilate(shown, kernel, borderType=cv2.BORDER_REPLICATE)
    low = cv2.erode(shown, kernel, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(high != low, bool)


def heat(opacity: float) -> Colours:
    """The colour of each confidence 0..255, (256,) premultiplied uint32: clear where it is sure, then ever brighter."""
    doubt = np.clip((_SURE - np.arange(256) / 255) / (_SURE - 0.15), 0, 1)
    steps = np.array(_HEAT)
    red, green, blue, strength = (np.interp(doubt, steps[:, 0], steps[:, part]) for part in range(1, 5))
    alpha = strength * min(1.0, max(0.0, opacity))
    words = np.rint(np.stack([red * alpha, green * alpha, blue * alpha, 255 * alpha])).astype(np.uint32)
    return words[3] << 24 | words[0] << 16 | words[1] << 8 | words[2]


def over(top: Colours, bottom: Colours) -> Colours:
    """Premultiplied colours laid over others: two channels at a time, each in its own two bytes."""
    kept, pairs = np.uint32(256) - (top >> np.uint32(24)), np.uint32(0x00FF00FF)
    low = ((bottom & pairs) * kept >> np.uint32(8)) & pairs
    high = ((bottom >> np.uint32(8)) & pairs) * kept & ~pairs
    return top + (low | high)


def _ids(state: LayerState, has_prediction: bool, hidden: frozenset[int]) -> NDArray[np.uint16]:
    """What is shown for each label and prediction, (65536,) uint16: the rules of `ColourTable`, as numbers."""
    unseen = np.array(sorted(hidden), np.intp)
    said = np.arange(256, dtype=np.uint16)
    told = said + np.uint16(256)
    said[unseen] = 0
    told[unseen] = told[UNLABELLED] = told[VOID] = 0
    table = np.zeros((256, 256), np.uint16)
    if has_prediction and state.prediction > 0:
        table[UNLABELLED if state.label > 0 else slice(None)] = told
    if state.label > 0:
        table[1:] = said[1:, None]
    return table.ravel()


def _line_colours(palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    colours = palette.copy()
    colours[VOID] = _VOID_LINE
    return colours


def _of_both(colours: NDArray[np.uint8], label: float, prediction: float) -> Colours:
    """(256, 3) uint8 RGB as label and as prediction, (512,) premultiplied."""
    return np.concatenate([premultiplied(colours, label), premultiplied(colours, prediction)])
