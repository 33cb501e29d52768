"""All tools, in the order of the tool strip."""

from __future__ import annotations

from core.tools.brush import Brush, Eraser
from core.tools.fill import Fill
from core.tools.region import RegionTool
from core.tools.shapes.drag_shape import Lasso
from core.tools.shapes.polygon import Polygon
from core.tools.shapes.rectangle_ellipse import Ellipse, Rectangle
from core.tools.smart.grabcut import GrabCut
from core.tools.smart.scissors import Scissors
from core.tools.smart.superpixels import Superpixels
from core.tools.smart.wand import Wand
from core.tools.smart.watershed import Watershed
from core.tools.tool import Tool

TOOLS: tuple[type[Tool], ...] = (
    Brush,
    Eraser,
    Polygon,
    Lasso,
    Rectangle,
    Ellipse,
    Fill,
    Wand,
    Superpixels,
    Scissors,
    GrabCut,
    Watershed,
    RegionTool,
)


def create_tools() -> dict[str, Tool]:
    """A new instance of each, by the id of its action: "tool_" and its name."""
    return {f"tool_{kind.name}": kind() for kind in TOOLS}
