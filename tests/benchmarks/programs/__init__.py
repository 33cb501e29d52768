"""The programs to measure: each opens its real window and names its canvas.

These modules and `hand` run under the interpreter of the program they drive, also one that knows nothing of Maskloop,
and with whatever binding of Qt it brings.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

NAMES = ("maskloop", "napari", "labelme")
_BINDINGS = ("PySide6", "PyQt6", "PyQt5")


class Cannot(Exception):  # noqa: N818  (a result, not a defect)
    """The program does not have this feature; the message is a whole sentence."""


class Program(Protocol):
    """A started program whose window is shown."""

    name: str
    version: str
    window: Any
    """The top-level QWidget."""
    zooms_with_ctrl: bool
    """Whether the wheel zooms only while Ctrl is held."""
    pans_by: str
    """What pans: a "middle" or "left" drag, or the "wheel"."""

    @property
    def canvas(self) -> Any:
        """The QWidget that paints the picture."""

    def open(self, path: Path) -> None:
        """Start to open a picture or a folder."""

    def shown(self) -> object:
        """An id of the picture shown; None while there is none."""

    def is_ready(self) -> bool:
        """Whether the picture shown can be worked on."""

    def take_brush(self, radius: float) -> None:
        """Select the brush with a class; `radius` in image pixels. Raises Cannot."""

    def label_at(self, position: Any) -> int:
        """The label value at a position of the canvas (QPointF)."""

    def is_settled(self) -> bool:
        """Whether everything painted so far can be undone."""

    def close(self) -> None:
        """Close the program without asking."""


def start(name: str, width: int, height: int, folder: Path | None = None) -> Program:
    """Start the program with a window of `width` x `height` logical pixels; `folder` is what it will `open` first."""
    module = import_module(f"tests.benchmarks.programs.with_{name}")
    return module.start(width, height, folder)  # type: ignore[no-any-return]


def qt(part: str) -> ModuleType:
    """QtCore, QtGui, ... of the Qt binding that the program has imported."""
    binding = next(name for name in _BINDINGS if f"{name}.QtWidgets" in sys.modules)
    return import_module(f"{binding}.{part}")
