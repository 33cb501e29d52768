"""The style of the layers: which colour a pixel gets from its label, its prediction and their difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from core.base.geometry import TILE_SIZE, Box, TileKey
from core.labels.class_list import MAX_CLASS_VALUE, UNLABELLED, VOID

Values = NDArray[np.uint8]
Colours = NDArray[np.uint32]
"""Premultiplied 0xAARRGGBB, the layout of QImage.Format_ARGB32_Premultiplied."""
NO_HISTORY: Mapping[TileKey, Values] = MappingProxyType({})
"""No tiles of an earlier label: the label as it is now."""

# The hatch in logical pixels: its stripes are wide enough to be visible and narrow enough for small regions.
_PERIOD, _STRIPE, _EDGE = 10, 2, 1
# What a pixel of the hatch is: background, stripe, or one of the stripe's two edges; and void's grey for each.
_BACKGROUND, _ON_STRIPE, _ON_EDGE = range(3)
_VOID_GREYS = ((112, 112, 112), (176, 176, 176), (64, 64, 64))
_DIFFERENCE_STRIPE, _DIFFERENCE_EDGE = (255, 255, 255), (16, 16, 16)


class RegionStyle(StrEnum):
    """How the regions of label and prediction are drawn."""

    FILL = "fill"
    OUTLINE = "outline"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class LayerState:
    """Visibility and opacity (0..1) of each layer; a hidden layer keeps its opacity.

    The prediction is drawn where there is no label yet (value 0); with the label layer hidden it is drawn everywhere.
    The difference is a hatch where label and prediction are different classes. Void is hatched in grey. Uncertainty
    is a heat map above all other layers, strong where the confidence is low. `patterns`: a pattern for each class.
    """

    label_opacity: float = 0.55
    prediction_opacity: float = 0.35
    difference_opacity: float = 0.9
    label_visible: bool = True
    prediction_visible: bool = True
    difference_visible: bool = False
    uncertainty_opacity: float = 0.8
    uncertainty_visible: bool = False
    shape: RegionStyle = RegionStyle.FILL
    patterns: bool = False

    @property
    def image_only(self) -> LayerState:
        """The same with only the picture visible."""
        return replace(
            self,
            label_visible=False,
            prediction_visible=False,
            difference_visible=False,
            uncertainty_visible=False,
        )

    @property
    def label_alpha(self) -> float:
        """The opacity in effect, 0 while hidden."""
        return self.label_opacity if self.label_visible else 0.0

    @property
    def prediction_alpha(self) -> float:
        """The opacity in effect, 0 while hidden."""
        return self.prediction_opacity if self.prediction_visible else 0.0

    @property
    def difference_alpha(self) -> float:
        """The opacity in effect, 0 while hidden."""
        return self.difference_opacity if self.difference_visible else 0.0

    @property
    def uncertainty_alpha(self) -> float:
        """The opacity in effect, 0 while hidden."""
        return self.uncertainty_opacity if self.uncertainty_visible else 0.0


class ColourTable:
    """The colour of each (hatch, label, prediction) in one table, so that composing the layers is one look-up.

    3 x 256 x 256 uint32 (768 KiB), built when classes or layers change, never while painting.
    """

    def __init__(
        self,
        palette: NDArray[np.uint8],
        state: LayerState,
        has_prediction: bool,
        hidden: frozenset[int] = frozenset(),
    ) -> None:
        """palette: (256, 3) uint8 RGB by class value; hidden: class values that no layer shows."""
        unseen = np.array(sorted(hidden), np.intp)
        self.uses_prediction = has_prediction and (state.prediction_alpha > 0 or state.difference_alpha > 0)
        self.is_empty = not self.uses_prediction and state.label_alpha <= 0
        self._shows_difference = self.uses_prediction and state.difference_alpha > 0
        table = np.zeros((3, 256, 256), np.uint32)
        if self.uses_prediction:
            proposed = premultiplied(palette, state.prediction_alpha)
            proposed[UNLABELLED] = proposed[VOID] = proposed[unseen] = 0
            table[:, UNLABELLED if state.label_alpha > 0 else slice(None)] = proposed
        if state.label_alpha > 0:
            table[:, 1:VOID] = premultiplied(palette, state.label_alpha)[1:VOID, None]
            table[:, VOID] = premultiplied(np.array(_VOID_GREYS, np.uint8), state.label_alpha)[:, None]
            table[:, unseen] = 0
        if self._shows_difference:
            label, prediction = np.ogrid[:256, :256]
            differs = (
                (label >= 1) & (label <= MAX_CLASS_VALUE) & (prediction != label) & (prediction != UNLABELLED)
            )
            differs[unseen] = False
            hatch = np.array([_DIFFERENCE_STRIPE, _DIFFERENCE_EDGE], np.uint8)
            table[_ON_STRIPE][differs], table[_ON_EDGE][differs] = premultiplied(
                hatch, state.difference_alpha
            )
        self._label_and_prediction = table.ravel()
        self._label_only = table[:, :, 0].ravel()

    def compose(self, labels: Values, prediction: Values | None, hatch: Callable[[], Values]) -> Colours:
        """Overlay colours, (h, w) uint32, for labels, predictions and, if visible, the hatch, each (h, w) uint8."""
        hatched = self._shows_difference or int(labels.max(initial=0)) == VOID
        # All indices are valid by construction; mode="wrap" skips the bounds check of numpy.
        if prediction is None or not self.uses_prediction:
            if not hatched:
                return self._label_only.take(labels, mode="wrap")
            index = np.left_shift(hatch(), 8, dtype=np.uint32)
            index |= labels
            return self._label_only.take(index, mode="wrap")
        index = np.left_shift(labels, 8, dtype=np.uint32)
        index |= prediction
        if hatched:
            index |= np.left_shift(hatch(), 16, dtype=np.uint32)
        return self._label_and_prediction.take(index, mode="wrap")


def premultiplied(colours: NDArray[np.uint8], opacity: float) -> Colours:
    """(n, 3) uint8 RGB at an opacity 0..1 as (n,) premultiplied uint32."""
    alpha = np.uint32(round(255 * min(1.0, max(0.0, opacity))))
    red, green, blue = ((colours.astype(np.uint32) * alpha + np.uint32(127)) // np.uint32(255)).T
    words: Colours = (alpha << 24) | (red << 16) | (green << 8) | blue
    return words


def sample_nearest(values: Values, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Values:
    """values[rows][:, columns] for ascending indices, at a cost that depends on the size of the result only."""
    top, left = int(rows[0]), int(columns[0])
    part = values[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
    # Copying whole rows is fastest, so it is done on the larger array: last when magnified, else first.
    if part.shape[0] < rows.size:
        return part.take(columns - left, axis=1).take(rows - top, axis=0)
    # Not part.take(rows, axis=0): take first copies an array whose rows are not contiguous.
    return part[rows - top].take(columns - left, axis=1)


def apply_tiles(
    sampled: Values, tiles: Mapping[TileKey, Values], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> None:
    """Overwrite `sampled`, taken from a label at these ascending rows and columns, with the values of tiles."""
    for key, tile in tiles.items():
        height, width = tile.shape
        top, left = key.row * TILE_SIZE, key.column * TILE_SIZE
        high, low = np.searchsorted(rows, (top, top + height))
        near, far = np.searchsorted(columns, (left, left + width))
        if high < low and near < far:
            sampled[high:low, near:far] = tile[rows[high:low] - top].take(columns[near:far] - left, axis=1)


class RepeatedTile:
    """A square tile of values repeated over the screen, anchored at the picture so that it pans with it."""

    def __init__(self, tile: Values) -> None:
        """tile: (n, n) uint8, in device pixels."""
        self._period = len(tile)
        self._tile = tile

    def cover(self, box: Box, left: int, top: int) -> Values:
        """Values for the device pixels of `box`, (h, w) uint8, for a picture whose corner is at (left, top)."""
        down, right = (box.y0 - top) % self._period, (box.x0 - left) % self._period
        repeats = (box.height // self._period + 2, box.width // self._period + 2)
        tiles = np.tile(self._tile, repeats)
        return tiles[down : down + box.height, right : right + box.width]


class DiagonalHatch(RepeatedTile):
    """Diagonal stripes with an edge on both sides: 0 background, 1 stripe, 2 edge."""

    def __init__(self, ratio: float) -> None:
        """ratio: device pixels per logical pixel."""
        period, stripe, edge = (max(1, round(part * ratio)) for part in (_PERIOD, _STRIPE, _EDGE))
        run = np.full(period, _BACKGROUND, np.uint8)
        run[: stripe + 2 * edge] = _ON_EDGE
        run[edge : edge + stripe] = _ON_STRIPE
        place = np.arange(period)
        super().__init__(run[(place[:, None] + place) % period])
