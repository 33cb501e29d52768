"""Pixels with the bit depth and channels of the file, and the display windows that map them to 8 bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_CHANNELS = 16
"""Most channels of a picture, and most input channels of a network."""
SAMPLE_PIXELS = 1 << 20
"""Pixels sampled for a window: many enough for a thousandth of them to be significant, few enough to be quick."""
WINDOW_PERCENTILES = (0.1, 99.9)
"""Percentiles that become black and white: a hot pixel or a dead line must not flatten the contrast of the picture."""
STRIP_ROWS = 256
"""Rows converted at a time, so that no temporary array has the size of the picture."""


class Window(NamedTuple):
    """The display window of a channel: the stored value shown as black and the one shown as white."""

    low: int
    high: int


FULL_WINDOW = Window(0, 255)
"""The window of 8-bit channels: stored values are shown unchanged."""


@dataclass(frozen=True, slots=True)
class Raster:
    """A picture, upright, with the bit depth and channels of its file.

    values: (H, W, C) uint8 or uint16, C >= 1; must not be written to
    windows: one for each channel; three channels that are RGB share one, so that hues are kept
    offset, step: the number in the file is `offset + step * value`, for floats and signed integers
    """

    values: NDArray[np.uint8] | NDArray[np.uint16]
    windows: tuple[Window, ...]
    offset: float = 0.0
    step: float = 1.0

    @classmethod
    def from_bytes(cls, picture: NDArray[np.uint8]) -> Raster:
        """(H, W, C) uint8, unchanged."""
        return cls(picture, (FULL_WINDOW,) * picture.shape[2])

    @classmethod
    def from_values(cls, values: NDArray[Any], *, one_window: bool, nodata: float | None = None) -> Raster:
        """Any numeric array, (H, W) or (H, W, C). More than 16 bits are quantised into 65,535 even steps of their
        range.

        nan becomes the lowest value, infinities the ends of the range. Neither they nor `nodata` (the file's number for
        "not measured") influence a window. one_window: all channels share one window.
        """
        if values.ndim == 2:
            values = values[:, :, None]
        if values.dtype == np.bool_:
            values = values.astype(np.uint8) * np.uint8(255)
        sample = _sample(values)
        known = np.isfinite(sample) if sample.dtype.kind == "f" else np.ones(sample.shape, bool)
        if nodata is not None:
            known &= sample != np.asarray(nodata).astype(sample.dtype)
        if values.dtype in (np.uint8, np.uint16):
            windows = _windows(sample, known, one_window)
            return cls(np.ascontiguousarray(values), windows)
        first, step = _value_range(values, nodata)
        with np.errstate(invalid="ignore"):
            steps = np.clip((sample.astype(np.float64) - first) / step, 0, 65535)
        windows = _windows(np.nan_to_num(steps).round().astype(np.uint16), known, one_window)
        return cls(_quantised(values, first, step), windows, first, step)

    @property
    def channels(self) -> int:
        return int(self.values.shape[2])

    @property
    def is_displayable(self) -> bool:
        """Whether the values are what is shown: 8-bit RGB or grey."""
        return (
            self.values.dtype == np.uint8 and self.channels in (1, 3) and set(self.windows) == {FULL_WINDOW}
        )

    def to_rgb(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB for display: the first three channels; with fewer, the first as grey."""
        channels = (0, 1, 2) if self.channels >= 3 else (0, 0, 0)
        if self.is_displayable and self.channels == 3:
            return self.values  # type: ignore[return-value]
        return apply_tables(self.values, window_tables(self), channels)

    def to_model_input(self) -> NDArray[np.uint8]:
        """(H, W, C) uint8 for a network: RGB for grey and RGB pictures, else each channel through its own window."""
        if self.channels in (1, 3):
            return self.to_rgb()
        return apply_tables(self.values, window_tables(self), tuple(range(self.channels)))


def window_tables(raster: Raster) -> tuple[NDArray[np.uint8], ...]:
    """For each channel the (256,) or (65536,) uint8 lookup table from a stored value to a shown one."""
    depth = 256 if raster.values.dtype == np.uint8 else 65536
    tables: dict[Window, NDArray[np.uint8]] = {}
    return tuple(tables.setdefault(window, window_table(window, depth)) for window in raster.windows)


def window_table(window: Window, depth: int) -> NDArray[np.uint8]:
    """(depth,) uint8: 0 up to the window's low end, 255 from its high end on, linear between."""
    span = max(1, window.high - window.low)
    rising = (np.arange(depth) - window.low) * (255.0 / span)
    return np.asarray(np.clip(rising, 0, 255).round(), np.uint8)


def apply_tables(
    values: NDArray[np.uint8] | NDArray[np.uint16],
    tables: Sequence[NDArray[np.uint8]],
    channels: Sequence[int],
) -> NDArray[np.uint8]:
    """(H, W, len(channels)) uint8: the chosen channels of (H, W, C), each looked up in its table."""
    result = np.empty((*values.shape[:2], len(channels)), np.uint8)
    for top in range(0, len(values), STRIP_ROWS):
        rows = slice(top, top + STRIP_ROWS)
        for place, channel in enumerate(channels):
            result[rows, :, place] = tables[channel][values[rows, :, channel]]
    return result


def _sample(values: NDArray[Any]) -> NDArray[Any]:
    """Every n-th pixel of every n-th row, always the same ones."""
    height, width = values.shape[:2]
    step = max(1, int(np.ceil(np.sqrt(height * width / SAMPLE_PIXELS))))
    return values[::step, ::step]


def _windows(sample: NDArray[Any], known: NDArray[np.bool_], one_window: bool) -> tuple[Window, ...]:
    channels = int(sample.shape[2])
    if sample.dtype == np.uint8:
        return (FULL_WINDOW,) * channels
    if one_window:
        return (_window(sample[known]),) * channels
    return tuple(_window(sample[:, :, n][known[:, :, n]]) for n in range(channels))


def _window(known: NDArray[np.uint16]) -> Window:
    if not known.size:
        return Window(0, 1)
    # No interpolation: in a small picture the percentiles are its darkest and brightest values.
    low = np.percentile(known, WINDOW_PERCENTILES[0], method="lower")
    high = np.percentile(known, WINDOW_PERCENTILES[1], method="higher")
    if low == high:  # nearly all pixels are equal: show the few that are not
        low, high = known.min(), known.max()
    return Window(int(low), int(high))


def _value_range(values: NDArray[Any], missing: float | None) -> tuple[float, float]:
    """(lowest, step) that spread the finite values over 0..65535."""
    low, high = np.inf, -np.inf
    for top in range(0, len(values), STRIP_ROWS):
        strip = values[top : top + STRIP_ROWS]
        if missing is not None:
            strip = strip[strip != np.asarray(missing).astype(strip.dtype)]
        strip = strip[np.isfinite(strip)] if strip.dtype.kind == "f" else strip
        if strip.size:
            low, high = min(low, float(strip.min())), max(high, float(strip.max()))
    if not low < high:
        return (low if np.isfinite(low) else 0.0), 1.0
    whole = values.dtype.kind in "iu" and high - low <= 65535
    return low, 1.0 if whole else (high - low) / 65535


def _quantised(values: NDArray[Any], first: float, step: float) -> NDArray[np.uint16]:
    counted = np.empty(values.shape, np.uint16)
    for top in range(0, len(values), STRIP_ROWS):
        strip = values[top : top + STRIP_ROWS].astype(np.float64)
        strip = (strip - first) / step
        counted[top : top + STRIP_ROWS] = _to_uint16(strip)
    return counted


def _to_uint16(steps: NDArray[np.float64]) -> NDArray[np.uint16]:
    steps = np.nan_to_num(steps, copy=False, nan=0.0, posinf=65535.0, neginf=0.0)
    return np.clip(steps, 0, 65535, out=steps).round().astype(np.uint16)
