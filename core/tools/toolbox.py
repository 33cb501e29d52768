"""Every tool there is, in the order of the tool strip."""

from __future__ import annotations

from core.tools.brush import Brush, Eraser
from core.tools.drawn import Lasso
from core.tools.fill import Fill
from core.tools.frames import Ellipse, Rectangle
from core.tools.grabcut import GrabCut
from core.tools.polygon import Polygon
from core.tools.region import Region
from core.tools.scissors import Scissors
from core.tools.superpixels import Superpixels
from core.tools.tool import Tool
from core.tools.wand import Wand
from core.tools.watershed import Watershed

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
    Region,
)


def all_tools() -> dict[str, Tool]:
    """One of each by the id of its action, "tool_" and its name."""
    return {f"tool_{kind.name}": kind() for kind in TOOLS}
