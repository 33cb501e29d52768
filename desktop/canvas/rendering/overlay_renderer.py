"""Draws label, prediction and confidence for a part of the screen: fills, patterns, outlines and heat map."""

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
from desktop.canvas.rendering.layer_style import (
    NO_HISTORY,
    Colours,
    ColourTable,
    DiagonalHatch,
    LayerState,
    RegionStyle,
    RepeatedTile,
    Values,
    apply_tiles,
    premultiplied,
    sample_nearest,
)
from desktop.canvas.viewport import Viewport
from desktop.theme.class_patterns import pattern_bits, pattern_colours, pattern_tile

_OUTLINE_WIDTH = 1.5
"""Logical pixels of an outline inside its region; the neighbouring region has an outline of its own."""
_OUTLINE_GAMMA = 0.35
"""Exponent for the opacity of outlines: a thin line must be stronger than a fill to be equally visible."""
_VOID_OUTLINE = (176, 176, 176)
_CERTAIN = 0.97
"""From this confidence on the heat map is transparent."""
_HEAT_STOPS = (  # uncertainty (1: as likely as chance), red, green, blue, opacity
    (0.0, 120, 30, 140, 0.0),
    (0.2, 150, 30, 140, 0.5),
    (0.5, 240, 90, 50, 0.85),
    (0.8, 255, 225, 70, 1.0),
    (1.0, 255, 250, 180, 1.0),
)


@dataclass(frozen=True, slots=True)
class ClassPalette:
    """What the layers need of the classes. palette: (256, 3) uint8 RGB by class value; hidden: class values that no
    layer shows; order: class values as listed, which decides on their patterns."""

    palette: NDArray[np.uint8]
    hidden: frozenset[int] = frozenset()
    order: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class ScreenPatterns:
    """Patterns repeated over the screen and the width of outlines, for one device pixel ratio."""

    hatch: DiagonalHatch
    class_patterns: RepeatedTile
    line_width: int
    """Device pixels of an outline."""

    @classmethod
    def for_ratio(cls, ratio: float) -> ScreenPatterns:
        return cls(
            DiagonalHatch(ratio), RepeatedTile(pattern_tile(ratio)), max(1, round(_OUTLINE_WIDTH * ratio))
        )


class OverlayRenderer:
    """Immutable; made when classes or layers change, never while painting. Fills are one table look-up; patterns,
    outlines and heat map cost in proportion to the device pixels drawn."""

    def __init__(self, classes: ClassPalette, state: LayerState, has_prediction: bool) -> None:
        self.fill_table = ColourTable(classes.palette, state, has_prediction, classes.hidden)
        """Label and prediction as filled regions, whatever the style of this renderer."""
        empty = replace(state, label_visible=False, prediction_visible=False)
        self._table = (
            ColourTable(classes.palette, empty, has_prediction, classes.hidden)
            if state.shape == RegionStyle.OUTLINE
            else self.fill_table
        )
        self._outlined = state.shape != RegionStyle.FILL
        self._patterned = state.patterns and state.shape != RegionStyle.OUTLINE
        self._heatmap = (
            confidence_heatmap(state.uncertainty_alpha)
            if has_prediction and state.uncertainty_alpha > 0
            else None
        )
        self._region_ids: NDArray[np.uint16] | None = None
        if (self._outlined or self._patterned) and not self.fill_table.is_empty:
            self._region_ids = _region_table(state, has_prediction, classes.hidden)
            self._lines = _label_and_prediction_colours(
                _outline_colours(classes.palette),
                *(s**_OUTLINE_GAMMA for s in (state.label_alpha, state.prediction_alpha)),
            )
            strong = [
                min(1.0, 0.2 + 0.8 * s) if s else 0.0 for s in (state.label_alpha, state.prediction_alpha)
            ]
            self._pattern_colours = _label_and_prediction_colours(pattern_colours(classes.palette), *strong)
            self._pattern_bits = np.tile(pattern_bits(classes.order), 2)

    @property
    def is_empty(self) -> bool:
        return self.fill_table.is_empty and self._heatmap is None

    @property
    def uses_confidence(self) -> bool:
        return self._heatmap is not None

    def outline_reach(self, patterns: ScreenPatterns) -> int:
        """How many device pixels beyond changed labels have to be redrawn."""
        return patterns.line_width if self._region_ids is not None and self._outlined else 0

    def render(
        self,
        box: Box,
        view: Viewport,
        labels: LabelMap,
        prediction: PredictedMask | None,
        patterns: ScreenPatterns,
        history_tiles: Mapping[TileKey, Values] = NO_HISTORY,
    ) -> Colours:
        """The overlay of the device pixels of `box`, which lie on the picture, (h, w) uint32 premultiplied.
        history_tiles: values shown in place of the label's tiles."""
        reach = self.outline_reach(patterns)
        wide = Box(box.x0 - reach, box.y0 - reach, box.x1 + reach, box.y1 + reach)
        wide = wide.intersection(view.picture_box()) if reach else box
        rows, columns = view.rows(wide.y0, wide.y1), view.columns(wide.x0, wide.x1)
        said = sample_nearest(labels.values, rows, columns)
        if history_tiles:
            apply_tiles(said, history_tiles, rows, columns)
        told = None
        if prediction is not None and self.fill_table.uses_prediction:
            told = sample_nearest(prediction.values, rows, columns)
        inner = box.moved(-wide.x0, -wide.y0).slices
        pixels = self._fill(said[inner], None if told is None else told[inner], box, view, patterns)
        if self._region_ids is not None:
            self._draw_regions(pixels, self._regions(said, told), inner, box, view, patterns)
        if self._heatmap is not None and prediction is not None:
            places = view.rows(box.y0, box.y1), view.columns(box.x0, box.x1)
            heat = self._heatmap.take(sample_nearest(prediction.confidence, *places))
            heat[sample_nearest(prediction.values, *places) == 0] = 0  # only a part of it is predicted
            pixels = blend_over(heat, pixels)
        return pixels

    def _fill(
        self, labels: Values, predicted: Values | None, box: Box, view: Viewport, patterns: ScreenPatterns
    ) -> Colours:
        if self._table.is_empty:
            return np.zeros(labels.shape, np.uint32)
        return self._table.compose(labels, predicted, partial(patterns.hatch.cover, box, view.left, view.top))

    def _regions(self, labels: Values, predicted: Values | None) -> NDArray[np.uint16]:
        """The region id of each pixel, (h, w) uint16: 0 nothing, 1..255 the label, 256 and above the prediction."""
        assert self._region_ids is not None
        index = np.left_shift(labels, 8, dtype=np.uint16)
        if predicted is not None:
            index |= predicted
        return self._region_ids.take(index, mode="wrap")

    def _draw_regions(
        self,
        pixels: Colours,
        regions: NDArray[np.uint16],
        inner: tuple[slice, slice],
        box: Box,
        view: Viewport,
        patterns: ScreenPatterns,
    ) -> None:
        if self._patterned:
            ids = regions[inner]
            marks = self._pattern_bits.take(ids, mode="wrap") & patterns.class_patterns.cover(
                box, view.left, view.top
            )
            np.copyto(pixels, self._pattern_colours.take(ids, mode="wrap"), where=marks != 0)
        if self._outlined:
            ids = regions[inner]
            edge = region_borders(regions, patterns.line_width)[inner] & (ids != 0)
            np.copyto(pixels, self._lines.take(ids, mode="wrap"), where=edge)


def region_borders(regions: NDArray[np.uint16], reach: int) -> NDArray[np.bool_]:
    """(h, w) bool: whether another region is at most `reach` rows and columns away. The array's edge is no border."""
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    high = cv2.dilate(regions, kernel, borderType=cv2.BORDER_REPLICATE)
    low = cv2.erode(regions, kernel, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(high != low, bool)


def confidence_heatmap(opacity: float) -> Colours:
    """Colours by confidence 0..255, (256,) uint32 premultiplied: transparent at high, brightest at low confidence."""
    uncertainty = np.clip((_CERTAIN - np.arange(256) / 255) / (_CERTAIN - 0.15), 0, 1)
    steps = np.array(_HEAT_STOPS)
    red, green, blue, opacities = (
        np.interp(uncertainty, steps[:, 0], steps[:, part]) for part in range(1, 5)
    )
    alpha = opacities * min(1.0, max(0.0, opacity))
    words = np.rint(np.stack([red * alpha, green * alpha, blue * alpha, 255 * alpha])).astype(np.uint32)
    colours: Colours = words[3] << 24 | words[0] << 16 | words[1] << 8 | words[2]
    return colours


def blend_over(top: Colours, bottom: Colours) -> Colours:
    """Source-over of premultiplied colours: two channels at a time, each in two bytes of its own."""
    kept, pairs = np.uint32(256) - (top >> np.uint32(24)), np.uint32(0x00FF00FF)
    low = ((bottom & pairs) * kept >> np.uint32(8)) & pairs
    high = ((bottom >> np.uint32(8)) & pairs) * kept & ~pairs
    return top + (low | high)


def _region_table(state: LayerState, has_prediction: bool, hidden: frozenset[int]) -> NDArray[np.uint16]:
    """The region id for each label and prediction, (65536,) uint16: the rules of `ColourTable` as numbers."""
    unseen = np.array(sorted(hidden), np.intp)
    said = np.arange(256, dtype=np.uint16)
    told = said + np.uint16(256)
    said[unseen] = 0
    told[unseen] = told[UNLABELLED] = told[VOID] = 0
    table = np.zeros((256, 256), np.uint16)
    if has_prediction and state.prediction_alpha > 0:
        table[UNLABELLED if state.label_alpha > 0 else slice(None)] = told
    if state.label_alpha > 0:
        table[1:] = said[1:, None]
    return table.ravel()


def _outline_colours(palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    colours = palette.copy()
    colours[VOID] = _VOID_OUTLINE
    return colours


def _label_and_prediction_colours(colours: NDArray[np.uint8], label: float, prediction: float) -> Colours:
    """Colours by region id, (512,) uint32 premultiplied, from (256, 3) uint8 RGB and the opacities of both layers."""
    return np.concatenate([premultiplied(colours, label), premultiplied(colours, prediction)])
