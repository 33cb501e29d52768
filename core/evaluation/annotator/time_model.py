"""How fast and how accurate the simulated annotator is, with the source of each number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class PointingModel(StrEnum):
    """How long it takes to bring the pointer to the next place.

    QUICK: the simulated user with which RootPainter was evaluated (A. G. Smith et al., "RootPainter: deep learning
    segmentation of biological images with corrective annotation", New Phytologist 236, 2022). KEYSTROKE: the
    keystroke-level model (S. K. Card, T. P. Moran, A. Newell, Communications of the ACM 23(7), 1980), which on
    street scenes takes about four times as long.
    """

    QUICK = "quick"
    KEYSTROKE = "keystroke"


@dataclass(frozen=True, slots=True)
class AnnotatorModel:
    """Speed and accuracy of the annotator, the same for correcting and from blank.

    From RootPainter's simulated user:
    brush_speed, travel_speed: screen pixels a second while painting, and between two places
    search_seconds: to find the next place; check_seconds: for a final check of the picture

    From the keystroke-level model:
    key_seconds: K, a key or mouse button pressed by an average skilled typist
    point_seconds, point_seconds_a_bit, most_point_seconds: P = 0.8 + 0.1 log2(distance / size + 0.5), at most 1.5 s

    Our assumptions:
    tolerance: pixels by which an edge may be off; zoom: screen pixels for each image pixel
    least_error: pixels of the smallest wrong region that is corrected, or painted from blank
    pointing: a stroke, a click and each corner of a polygon begin with one movement of this kind
    Another class than before takes a key, and so do another tool, the end of a polygon, accepting the rest, and the
    next picture.
    """

    brush_speed: float = 400.0
    travel_speed: float = 800.0
    search_seconds: float = 0.2
    check_seconds: float = 0.2
    key_seconds: float = 0.2
    point_seconds: float = 0.8
    point_seconds_a_bit: float = 0.1
    most_point_seconds: float = 1.5
    tolerance: float = 2.0
    least_error: int = 1
    zoom: float = 1.0
    pointing: PointingModel = PointingModel.QUICK

    @property
    def lift_distance(self) -> float:
        """Image pixels from which on lifting the brush is faster than painting over them."""
        if self.pointing is PointingModel.KEYSTROKE:
            return (self.point_seconds + self.key_seconds) * self.brush_speed / self.zoom
        return self.search_seconds / (1 / self.brush_speed - 1 / self.travel_speed) / self.zoom

    def stroke_seconds(self, distance: float, length: float) -> float:
        """A stroke of `length` pixels that begins `distance` pixels away."""
        seconds = self._point_seconds(distance) + self.zoom * length / self.brush_speed
        return seconds + (self.key_seconds if self.pointing is PointingModel.KEYSTROKE else 0.0)

    def click_seconds(self, distance: float) -> float:
        """A click `distance` pixels away, on a place as large as the tolerance allows."""
        return self._point_seconds(distance) + self.key_seconds

    @property
    def verdict_seconds(self) -> float:
        """To look at the region that a key has brought up, and to press a key for it."""
        return self.search_seconds + self.key_seconds

    def finish_seconds(self, *, accepts: bool) -> float:
        """To check a picture and go on to the next; accepts: after accepting the rest of its prediction."""
        return self.check_seconds + self.key_seconds * (2 if accepts else 1)

    def _point_seconds(self, distance: float) -> float:
        if self.pointing is PointingModel.QUICK:
            return self.search_seconds + self.zoom * distance / self.travel_speed
        size = max(1.0, 2 * self.tolerance * self.zoom)
        bits = math.log2(max(1.0, self.zoom * distance / size + 0.5))
        return min(self.most_point_seconds, self.point_seconds + self.point_seconds_a_bit * bits)
