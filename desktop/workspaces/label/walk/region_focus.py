"""Confines live predictions to the region that is looked at, so that strokes in it change nothing else."""

from __future__ import annotations

from collections.abc import Callable

from core.labels.prediction import PredictedMask
from core.labels.uncertain_regions import UncertainRegion

MAX_PIXELS = 1 << 22
"""Predictions of larger pictures are not confined: merging them takes longer than a frame."""


def can_confine(pixels: int) -> bool:
    """Whether predictions of a picture of so many pixels are confined."""
    return pixels <= MAX_PIXELS


class RegionFocus:
    """Lives on the GUI thread. on_released: the newest prediction shall be shown again, all of it."""

    def __init__(self, on_released: Callable[[], object]) -> None:
        self._on_released = on_released
        self._is_on = self._is_confining = False
        self._region: UncertainRegion | None = None
        self._shown: PredictedMask | None = None

    def release(self) -> None:
        """Nothing is looked at."""
        self._region = self._shown = None
        if self._is_confining:
            self._is_confining = False
            self._on_released()

    def hold(self, region: UncertainRegion, shown: PredictedMask | None) -> None:
        """This region is looked at from now on, in this prediction; call `release` first."""
        self._region, self._shown = region, shown

    def switch(self, is_on: bool, shown: PredictedMask | None) -> None:
        """Whether predictions are confined. shown: the one on screen"""
        self._is_on, region = is_on, self._region
        if not is_on:
            self.release()
        if region is not None:
            self.hold(region, shown)

    def confine(self, newest: PredictedMask) -> PredictedMask:
        """What is to be shown of the newest live prediction."""
        region, shown = self._region, self._shown
        if not self._is_on or region is None or shown is None or not can_confine(newest.values.size):
            return newest
        if shown.values.shape != newest.values.shape:
            return newest
        self._is_confining = True
        return region.confined(shown, newest)
