"""How a picture is looked at: brightness, contrast, gamma, window and channels; only for eyes, never for a network."""

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
_ONE = {"red": 0, "green": 1, "blue": 2}


@dataclass(frozen=True, slots=True)
class Adjustments:
    """What is done to each shown pixel, in this order: window, gamma, contrast, brightness, channels.

    low, high: shares of the window that a picture opens with which become black and white; of deep pictures they
    may lie outside 0..1, for the file holds more than is shown at first
    gamma: above 1 lightens the shadows; brightness and contrast: -1..1, 0 changes nothing
    channels: one of `CHANNELS`; picks: which channels of a picture of many are shown as red, green and blue
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
        """uint8 of shares of the opening window (0 is its black, 1 its white)."""
        span = max(self.high - self.low, 1e-4)
        level = np.clip((shares - self.low) / span, 0, 1) ** (1 / self.gamma)
        # The middle stays the middle; at full contrast only black and white are left.
        steep = np.tan((self.contrast + 1) * np.pi / 4)
        level = (level - 0.5) * min(float(steep), 1e4) + 0.5 + self.brightness
        return np.asarray(np.clip(level * 255, 0, 255).round(), np.uint8)

    def to_json(self) -> dict[str, Any]:
        """Plain values, ready for `json.dumps`."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: object) -> Adjustments:
        """What `to_json` described; whatever does not fit is as if nobody had touched it."""
        if not isinstance(raw, Mapping):
            return cls()
        kept: dict[str, Any] = {}
        for field in fields(cls):
            value = raw.get(field.name)
            if field.name == "channels" and value in CHANNELS:
                kept["channels"] = value
            elif field.name == "picks" and isinstance(value, list | tuple) and len(value) == 3:
                if all(isinstance(n, int) and 0 <= n < 64 for n in value):
                    kept["picks"] = tuple(value)
            elif field.name in _LIMITS and isinstance(value, int | float):
                low, high = _LIMITS[field.name]
                kept[field.name] = min(high, max(low, float(value)))
        made = cls(**kept)
        return made if made.high > made.low else cls(**{**kept, "low": 0.0, "high": 1.0})


_LIMITS = {
    "low": (-8.0, 8.0),
    "high": (-8.0, 8.0),
    "gamma": (0.1, 10.0),
    "contrast": (-1.0, 1.0),
    "brightness": (-1.0, 1.0),
}
"""Lowest and highest of each number."""


def select_channels(picture: NDArray[np.uint8], channels: str) -> NDArray[np.uint8]:
    """(h, w, 3): all colours, or one channel or the brightness as grey."""
    if channels == "rgb":
        return picture
    if channels == "grey":
        single = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
    else:
        single = np.ascontiguousarray(picture[:, :, _ONE[channels]])
    return np.asarray(cv2.cvtColor(single, cv2.COLOR_GRAY2RGB), np.uint8)


class AdjustedView:
    """One picture looked at through one tone. Tables are made once; looking costs what is looked at."""

    def __init__(self, pyramid: AnyPyramid, tone: Adjustments) -> None:
        self._pyramid, self._tone = pyramid, tone
        deep = pyramid.raw if isinstance(pyramid, Pyramid) and not tone.is_identity else None
        self._deep = deep
        self._tables: list[Table] = []
        if deep is not None:
            most = deep.channels - 1
            self._picks = [min(pick, most) for pick in tone.picks] if most >= 2 else [0, 0, 0]
            depth = np.arange(256 if deep.levels[0].dtype == np.uint8 else 65536)
            for pick in self._picks:
                low, high = deep.windows[pick]
                self._tables.append(tone.lookup_table((depth - low) / max(1, high - low)))
        elif not tone.is_identity:
            self._tables.append(tone.lookup_table(np.arange(256) / 255))

    @property
    def is_identity(self) -> bool:
        """Whether `part` is already what is seen."""
        return not self._tables

    def part(self, level: int, box: Box) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """(h, w, 3) of `box` in pixels of a level, before the tables."""
        if self._deep is None:
            return self._pyramid.part(level, box)
        stored: Any = self._deep.levels[level][box.slices]
        return np.ascontiguousarray(stored[:, :, self._picks])

    def render(self, part: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.uint8]:
        """(h, w, 3) uint8 RGB of what `part` gave."""
        if self.is_identity:
            return part  # type: ignore[return-value]
        if self._deep is None:
            made = np.asarray(cv2.LUT(np.ascontiguousarray(part), self._tables[0]), np.uint8)
        else:
            made = np.empty(part.shape, np.uint8)
            for channel, table in enumerate(self._tables):
                made[:, :, channel] = table.take(part[:, :, channel])
        return select_channels(made, self._tone.channels)


@dataclass(frozen=True, slots=True)
class Histogram:
    """counts: (3, 256) pixels of red, green and blue; low, high: what the first and last stand for, in shares of the
    window the picture opens with."""

    counts: NDArray[np.int64]
    low: float
    high: float

    def auto_levels(self, clip: float = 0.002) -> tuple[float, float]:
        """(low, high) of a tone under which all but a share `clip` at either end goes from black to white."""
        rising = np.cumsum(self.counts.sum(0))
        if not rising[-1]:
            return 0.0, 1.0
        low = int(np.searchsorted(rising, clip * rising[-1], side="right"))
        high = int(np.searchsorted(rising, (1 - clip) * rising[-1]))
        step = (self.high - self.low) / 255
        return (self.low + low * step, self.low + high * step) if high > low else (0.0, 1.0)


def compute_histogram(pyramid: AnyPyramid, tone: Adjustments) -> Histogram:
    """Of the coarsest level, which has at most a quarter of a million pixels."""
    level = pyramid.level_count - 1
    box = Box(0, 0, *pyramid.level_size(level))
    deep = pyramid.raw if isinstance(pyramid, Pyramid) else None
    if deep is None:
        part = pyramid.part(level, box)
        return Histogram(_counts([part[:, :, n] for n in range(3)]), 0.0, 1.0)
    picks = [min(pick, deep.channels - 1) for pick in tone.picks] if deep.channels >= 3 else [0, 0, 0]
    low, high = (-0.5, 1.5) if deep.levels[0].dtype == np.uint16 else (0.0, 1.0)
    steps = []
    for pick in picks:
        black, white = deep.windows[pick]
        shares = (deep.levels[level][:, :, pick].astype(np.float32) - black) / max(1, white - black)
        steps.append(np.clip((shares - low) * (255 / (high - low)), 0, 255).astype(np.uint8))
    return Histogram(_counts(steps), low, high)


def _counts(channels: Sequence[NDArray[np.uint8]]) -> NDArray[np.int64]:
    return np.stack([np.bincount(channel.ravel(), minlength=256) for channel in channels])
