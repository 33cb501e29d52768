"""Display adjustments of a picture: window, gamma, contrast, brightness and channels. They never change what a
network sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box
from core.images.pyramid import Pyramid
from core.images.tiled_pyramid import AnyPyramid

Table = NDArray[np.uint8]
CHANNELS = ("rgb", "red", "green", "blue", "grey")
_RGB_INDEX = {"red": 0, "green": 1, "blue": 2}


@dataclass(frozen=True, slots=True)
class Adjustments:
    """Applied to each displayed pixel in this order: window, gamma, contrast, brightness, channels.

    low, high: become black and white, as shares of the picture's display window; of pictures with more than 8 bits they
    may lie outside 0..1, because the file holds more than is shown at first
    gamma: above 1 brightens shadows; brightness and contrast: -1..1, 0 changes nothing
    channels: one of `CHANNELS`; picks: which channels of a multi-channel picture are shown as red, green and blue
    """

    low: float = 0.0
    high: float = 1.0
    gamma: float = 1.0
    contrast: float = 0.0
    brightness: float = 0.0
    channels: str = "rgb"
    picks: tuple[int, int, int] = (0, 1, 2)

    @property
    def is_identity(self) -> bool:
        """Whether nothing is changed."""
        return self == Adjustments()

    def lookup_table(self, shares: NDArray[np.float64]) -> Table:
        """uint8 for shares of the display window (0 is its black, 1 its white)."""
        span = max(self.high - self.low, 1e-4)
        level = np.clip((shares - self.low) / span, 0, 1) ** (1 / self.gamma)
        # The middle is fixed; at full contrast only black and white are left.
        steep = np.tan((self.contrast + 1) * np.pi / 4)
        level = (level - 0.5) * min(float(steep), 1e4) + 0.5 + self.brightness
        return np.asarray(np.clip(level * 255, 0, 255).round(), np.uint8)

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: object) -> Adjustments:
        """The inverse of `to_json`; invalid values are replaced by their defaults."""
        if not isinstance(raw, Mapping):
            return cls()
        valid: dict[str, Any] = {}
        for field in fields(cls):
            value = raw.get(field.name)
            if field.name == "channels" and value in CHANNELS:
                valid["channels"] = value
            elif field.name == "picks" and isinstance(value, list | tuple) and len(value) == 3:
                if all(isinstance(n, int) and 0 <= n < 64 for n in value):
                    valid["picks"] = tuple(value)
            elif field.name in _LIMITS and isinstance(value, int | float):
                low, high = _LIMITS[field.name]
                valid[field.name] = min(high, max(low, float(value)))
        result = cls(**valid)
        return result if result.high > result.low else cls(**{**valid, "low": 0.0, "high": 1.0})


_LIMITS = {
    "low": (-8.0, 8.0),
    "high": (-8.0, 8.0),
    "gamma": (0.1, 10.0),
    "contrast": (-1.0, 1.0),
    "brightness": (-1.0, 1.0),
}
"""Lowest and highest value of each field."""


def select_channels(picture: NDArray[np.uint8], channels: str) -> NDArray[np.uint8]:
    """(h, w, 3): unchanged, or one channel or the luminance as grey."""
    if channels == "rgb":
        return picture
    if channels == "grey":
        single = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
    else:
        single = np.ascontiguousarray(picture[:, :, _RGB_INDEX[channels]])
    return np.asarray(cv2.cvtColor(single, cv2.COLOR_GRAY2RGB), np.uint8)


class AdjustedView:
    """A picture with adjustments. Lookup tables are made once; the cost of rendering follows the rendered pixels."""

    def __init__(self, pyramid: AnyPyramid, adjustments: Adjustments) -> None:
        self._pyramid, self._adjustments = pyramid, adjustments
        raw = pyramid.raw if isinstance(pyramid, Pyramid) and not adjustments.is_identity else None
        self._raw = raw
        self._tables: list[Table] = []
        if raw is not None:
            most = raw.channels - 1
            self._channels = [min(pick, most) for pick in adjustments.picks] if most >= 2 else [0, 0, 0]
            depth = np.arange(256 if raw.levels[0].dtype == np.uint8 else 65536)
            for pick in self._channels:
                low, high = raw.windows[pick]
                self._tables.append(adjustments.lookup_table((depth - low) / max(1, high - low)))
        elif not adjustments.is_identity:
            self._tables.append(adjustments.lookup_table(np.arange(256) / 255))

    @property
    def is_identity(self) -> bool:
        """Whether `part` already is what is displayed."""
        return not self._tables

    def part(self, level: int, box: Box) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """(h, w, 3) of `box` in pixels of a level, before the lookup tables."""
        if self._raw is None:
            return self._pyramid.part(level, box)
        stored: Any = self._raw.levels[level][box.slices]
        return np.ascontiguousarray(stored[:, :, self._channels])

    def render(self, part: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.uint8]:
        """(h, w, 3) uint8 RGB of what `part` returned."""
        if self.is_identity:
            return part  # type: ignore[return-value]
        if self._raw is None:
            result = np.asarray(cv2.LUT(np.ascontiguousarray(part), self._tables[0]), np.uint8)
        else:
            result = np.empty(part.shape, np.uint8)
            for channel, table in enumerate(self._tables):
                result[:, :, channel] = table.take(part[:, :, channel])
        return select_channels(result, self._adjustments.channels)


@dataclass(frozen=True, slots=True)
class Histogram:
    """counts: (3, 256) pixels of red, green and blue; low, high: what the first and last bin stand for, as shares of
    the picture's display window."""

    counts: NDArray[np.int64]
    low: float
    high: float

    def auto_levels(self, clip: float = 0.002) -> tuple[float, float]:
        """(low, high) of adjustments under which all but a share `clip` at either end spans black to white."""
        cumulative = np.cumsum(self.counts.sum(0))
        if not cumulative[-1]:
            return 0.0, 1.0
        low = int(np.searchsorted(cumulative, clip * cumulative[-1], side="right"))
        high = int(np.searchsorted(cumulative, (1 - clip) * cumulative[-1]))
        step = (self.high - self.low) / 255
        return (self.low + low * step, self.low + high * step) if high > low else (0.0, 1.0)


def compute_histogram(pyramid: AnyPyramid, adjustments: Adjustments) -> Histogram:
    """Of the coarsest level, which has at most a quarter of a million pixels."""
    level = pyramid.level_count - 1
    box = Box(0, 0, *pyramid.level_size(level))
    raw = pyramid.raw if isinstance(pyramid, Pyramid) else None
    if raw is None:
        part = pyramid.part(level, box)
        return Histogram(_counts([part[:, :, n] for n in range(3)]), 0.0, 1.0)
    picks = [min(pick, raw.channels - 1) for pick in adjustments.picks] if raw.channels >= 3 else [0, 0, 0]
    low, high = (-0.5, 1.5) if raw.levels[0].dtype == np.uint16 else (0.0, 1.0)
    steps = []
    for pick in picks:
        black, white = raw.windows[pick]
        shares = (raw.levels[level][:, :, pick].astype(np.float32) - black) / max(1, white - black)
        steps.append(np.clip((shares - low) * (255 / (high - low)), 0, 255).astype(np.uint8))
    return Histogram(_counts(steps), low, high)


def _counts(channels: Sequence[NDArray[np.uint8]]) -> NDArray[np.int64]:
    return np.stack([np.bincount(channel.ravel(), minlength=256) for channel in channels])
