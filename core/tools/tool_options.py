"""The options of the tools: their values (`ToolOptions`) and their descriptions for the option bar."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.base.option_spec import OptionSpec

SMALLEST_RADIUS, LARGEST_RADIUS = 0.5, 2000.0
"""Limits of brush radii in image pixels; the smallest paints single pixels."""


class BrushTip(StrEnum):
    """The shape of brush and eraser."""

    ROUND = "round"
    SQUARE = "square"


class ColourSpace(StrEnum):
    """In which space two colours are compared."""

    LAB = "lab"
    """CIE L*a*b*: distances follow how different colours look."""
    RGB = "rgb"
    """Stored values."""


class PaintOver(StrEnum):
    """Which pixels an edit may change."""

    ALL = "all"
    UNLABELLED = "unlabelled"
    SAME = "same"
    """Those of the class under the pointer when the edit began."""
    PREDICTED = "predicted"
    """Those where the prediction shows the class that is painted."""
    SEGMENT = "segment"
    """Those that are predicted as what is under the pointer when the edit begins: the edge of the prediction holds."""


class RegionScope(StrEnum):
    """What an operation on regions (grow, smooth, ...) applies to."""

    REGION = "region"
    """The selected region, else the one under the pointer."""
    CLASS = "class"
    """All pixels of its class in the picture."""


class FreedPixels(StrEnum):
    """What pixels become that a region loses when it shrinks."""

    UNLABELLED = "unlabelled"
    NEIGHBOUR = "neighbour"
    """The class next to them."""


class OutlineDetail(StrEnum):
    """How closely the outline of a labelled region follows its pixels when it is opened for editing."""

    EXACT = "exact"
    FINE = "fine"
    COARSE = "coarse"


@dataclass(slots=True)
class ToolOptions:
    """Values of all options. Lives on the GUI thread and is shared by all tools of a canvas.

    brush_radius, eraser_radius: image pixels
    pressure: whether a pen that is pressed less paints a smaller spot
    locked: class values whose pixels no tool may change
    tolerance: largest colour distance of the magic wand, 0..255; contiguous: only pixels connected with the one clicked
    segment_size: side of a superpixel in image pixels, or in screen pixels when the picture is shown reduced
    region_amount: pixels by which regions grow, shrink and are smoothed
    island_size: connected components of fewer pixels are islands
    snap: whether corners snap to edges; detail: of outlines opened for editing
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


_DEFAULTS = {field.name: field.default for field in dataclasses.fields(ToolOptions)}


def tool_option(
    name: str,
    title: str,
    help_text: str,
    *,
    choices: Mapping[str, str] | None = None,
    minimum: int | None = None,
    maximum: int | None = None,
    unit: str = "",
) -> OptionSpec:
    """Describes the field `name` of ToolOptions, with its default; choices: value and title, in the order shown."""
    default = _DEFAULTS[name]
    return OptionSpec(
        name,
        title,
        help_text,
        str if choices else type(default),
        default,
        choices=tuple(choices or ()),
        choice_titles=tuple((choices or {}).values()),
        minimum=minimum,
        maximum=maximum,
        unit=unit,
    )


@dataclass(frozen=True, slots=True)
class OptionMenu:
    """A button in the option bar that opens a menu of actions, with rarely used options below them.

    actions: ids of the table of actions; None is a separator.
    """

    name: str
    title: str
    help: str
    actions: tuple[str | None, ...]
    options: tuple[OptionSpec, ...] = ()


Control = OptionSpec | OptionMenu
"""What the option bar shows: a combo box, a check box or a number for an option, or a menu button."""

PAINT_OVER = tool_option(
    "over",
    "Over",
    "Which pixels an edit may change: all, only unlabelled ones, only those of the class under the pointer when the "
    "edit begins, only those where the prediction shows the class you paint, or only those predicted as the pixel "
    "under the pointer, so that strokes end at the edge of the prediction.",
    choices={
        PaintOver.ALL: "Everything",
        PaintOver.UNLABELLED: "Unlabelled",
        PaintOver.SAME: "Class under pointer",
        PaintOver.PREDICTED: "Inside prediction",
        PaintOver.SEGMENT: "Same prediction",
    },
)
BRUSH_TIP = tool_option(
    "tip",
    "Tip",
    "The shape of brush and eraser.",
    choices={BrushTip.ROUND: "Round", BrushTip.SQUARE: "Square"},
)
SNAP = tool_option(
    "snap",
    "Snap",
    "Corners snap to the border of a label nearby, else to the strongest edge of the picture. Hold Alt to place a "
    "corner freely.",
)
DETAIL = tool_option(
    "detail",
    "Detail",
    "How closely an outline that is opened for editing follows its pixels. Parts that you do not move keep their "
    "pixels.",
    choices={
        OutlineDetail.EXACT: "Every pixel",
        OutlineDetail.FINE: "Fine outline",
        OutlineDetail.COARSE: "Coarse outline",
    },
)


def within_limits(radius: float) -> float:
    """The radius clamped to the allowed range."""
    return min(LARGEST_RADIUS, max(SMALLEST_RADIUS, radius))
