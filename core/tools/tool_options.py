"""What people set for tools, and how the option bar shows it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SMALLEST_RADIUS, LARGEST_RADIUS = 0.5, 2000.0
"""Limits of brush radii in image pixels; the smallest paints single pixels."""


class BrushTip(StrEnum):
    """The shape of brush and eraser."""

    ROUND = "round"
    SQUARE = "square"


class ColourSpace(StrEnum):
    """In which space two colours are compared."""

    LAB = "lab"
    """As far apart as they look."""
    RGB = "rgb"
    """As far apart as their numbers."""


class PaintOver(StrEnum):
    """Which pixels an edit may change."""

    ALL = "all"
    UNLABELLED = "unlabelled"
    SAME = "same"
    """Those of the class that was under the pointer when the edit began."""
    PREDICTED = "predicted"
    """Those that the prediction gives to the class that is painted."""


class RegionScope(StrEnum):
    """What a change of shape is about."""

    REGION = "region"
    """The chosen region, else the one under the pointer."""
    CLASS = "class"
    """All pixels of its class in the picture."""


class FreedPixels(StrEnum):
    """What becomes of pixels that a region gives away."""

    UNLABELLED = "unlabelled"
    NEIGHBOUR = "neighbour"
    """They take the class beside them."""


class OutlineDetail(StrEnum):
    """How closely the outline of a labelled region is followed when it is opened again."""

    EXACT = "exact"
    FINE = "fine"
    COARSE = "coarse"


@dataclass(slots=True)
class ToolOptions:
    """Lives on the GUI thread and is shared by all tools of a canvas.

    Radii are image pixels. locked: class values whose pixels no tool may change. pressure: whether a pen that is
    pressed less paints a smaller spot. tolerance: how far a colour may be from the one clicked, 0..255;
    contiguous: whether only pixels connected with the one clicked are meant; segment_size: side of a superpixel in
    pixels of the picture, or of the screen when the picture is shown smaller than it is;
    region_amount: pixels by which regions grow, shrink and are smoothed;
    island_size: parts of fewer pixels are islands; snap: whether corners jump to edges; detail: of outlines opened
    again.
    """

    brush_radius: float = 15.0
    eraser_radius: float = 15.0
    tip: BrushTip = BrushTip.ROUND
    over: PaintOver = PaintOver.ALL
    pressure: bool = True
    locked: frozenset[int] = frozenset()
    tolerance: int = 12
    contiguous: bool = True
    colours: ColourSpace = ColourSpace.LAB
    segment_size: int = 24
    region_amount: int = 3
    island_size: int = 100
    scope: RegionScope = RegionScope.REGION
    freed: FreedPixels = FreedPixels.UNLABELLED
    snap: bool = False
    detail: OutlineDetail = OutlineDetail.FINE


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several `values` (value, title) for the field `key` of ToolOptions."""

    key: str
    title: str
    help: str
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Switch:
    """On or off for the field `key` of ToolOptions."""

    key: str
    title: str
    help: str


@dataclass(frozen=True, slots=True)
class Amount:
    """A whole number from `low` to `high` for the field `key` of ToolOptions."""

    key: str
    title: str
    help: str
    low: int
    high: int
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class OptionMenu:
    """A button that opens a menu of `actions`, ids of the table of actions, with `controls` below them that are
    needed too rarely to stand in the bar. `key` names it; None is a line."""

    key: str
    title: str
    help: str
    actions: tuple[str | None, ...]
    controls: tuple[Choice | Amount, ...] = ()


Control = Choice | Switch | Amount | OptionMenu

PAINT_OVER = Choice(
    "over",
    "Over",
    "Which pixels may change: all, only those without a label, only those of the class under the pointer when you "
    "begin, or only where the prediction says the class you paint.",
    (
        (PaintOver.ALL, "Everything"),
        (PaintOver.UNLABELLED, "Unlabelled"),
        (PaintOver.SAME, "Class under pointer"),
        (PaintOver.PREDICTED, "Inside prediction"),
    ),
)
BRUSH_TIP = Choice(
    "tip", "Tip", "The shape of brush and eraser.", ((BrushTip.ROUND, "Round"), (BrushTip.SQUARE, "Square"))
)

SNAP = Switch(
    "snap",
    "Snap",
    "Corners jump to the border of a label nearby, else to the strongest edge of the picture. Alt holds it off.",
)
DETAIL = Choice(
    "detail",
    "Detail",
    "How closely an outline that is opened again follows its pixels. What you do not move stays as it is.",
    (
        (OutlineDetail.EXACT, "Every pixel"),
        (OutlineDetail.FINE, "Fine outline"),
        (OutlineDetail.COARSE, "Coarse outline"),
    ),
)


def within_limits(radius: float) -> float:
    """A radius between the smallest and the largest allowed."""
    return min(LARGEST_RADIUS, max(SMALLEST_RADIUS, radius))
