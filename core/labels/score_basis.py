"""What a mean IoU rests on: how many pictures and pixels judged it, and how far it may be off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from core.base.text import count_of
from core.labels.bootstrap import Interval

ENOUGH_PICTURES = 5
"""With fewer pictures a mean IoU says little about others, and its interval is too narrow itself."""
ENOUGH_SHARE = 0.1
"""Share of the pixels of these pictures. Strokes are painted where a person is sure, and there networks are right: in
less than a tenth of a picture the difficult edges are missing."""
FEW_PIXELS = 500
"""A class with fewer scored pixels weighs in the mean like any other, although a few wrong pixels move it by points."""


@dataclass(frozen=True, slots=True)
class ScoreBasis:
    """pictures: scored ones; share: of their pixels that were labelled and scored, 0..1; interval: 95 %, of the mean
    IoU over pictures, None for fewer than two; few: pixels of the classes with fewer than FEW_PIXELS, by class value
    """

    pictures: int
    share: float
    interval: Interval | None = None
    few: Mapping[int, int] = field(default_factory=dict)

    def scaled(self, share: float) -> ScoreBasis:
        """That of a mean in which further classes count as 0: the interval times `share`."""
        if self.interval is None:
            return self
        return replace(self, interval=(self.interval[0] * share, self.interval[1] * share))

    @property
    def is_enough(self) -> bool:
        """Whether the score says something about pictures that nobody labelled."""
        return self.pictures >= ENOUGH_PICTURES and self.share >= ENOUGH_SHARE

    def text(self, noun: str = "picture") -> str:
        """`0.81 to 0.96 on 40 % of 12 pictures`."""
        percent = 100 * self.share
        share = "all" if percent >= 99.5 else f"{percent:.0f} %" if percent >= 1 else f"{percent:.1g} %"
        rests = f"on {share} of {count_of(self.pictures, noun)}"
        return f"{self.interval[0]:.2f} to {self.interval[1]:.2f} {rests}" if self.interval else rests

    def few_text(self, names: Mapping[int, str]) -> str:
        """Which classes rest on few pixels, as a sentence; empty without one."""
        found = [
            f"{names[value]} ({count_of(pixels, 'pixel')})"
            for value, pixels in self.few.items()
            if value in names
        ]
        return f"Few pixels: {', '.join(found)}." if found else ""
