"""The programs that are measured: each opens its own real window and says where its canvas is.

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


class Cannot(Exception):  # noqa: N818  (an answer, not a fault)
    """The program has no such thing; the message is the whole sentence."""


class Program(Protocol):
    """A started program with its window in sight."""

    name: str
    version: str
    window: Any
    """The top-level QWidget."""
    zooms_with_ctrl: bool
    """Whether the wheel zooms only while Ctrl is held."""
    pans_by: str
    """What moves the picture: "middle" or "left" drag, or the "wheel"."""

    @property
    def canvas(self) -> Any:
        """The QWidget that paints the picture."""

    def open(self, path: Path) -> None:
        """Begin to open a picture or a folder."""

    def shown(self) -> object:
        """Something that names the picture on screen; None while there is none."""

    def is_ready(self) -> bool:
        """Whether the picture on screen can be worked on."""

    def take_brush(self, radius: float) -> None:
        """A brush of a class, `radius` in image pixels. Raises Cannot."""

    def label_at(self, position: Any) -> int:
        """The label under a position of the canvas (QPointF)."""

    def is_settled(self) -> bool:
        """Whether everything painted so far can be taken back."""

    def close(self) -> None:
        """End everything, asking nothing."""


def start(name: str, width: int, height: int, folder: Path | None = None) -> Program:
    """The program with a window of `width` by `height` logical pixels; `folder` is what it will `open` first."""
    module = import_module(f"tests.benchmarks.programs.with_{name}")
    return module.start(width, height, folder)  # type: ignore[no-any-return]


def qt(part: str) -> ModuleType:
    """QtCore, QtGui .. of the binding that the program has loaded."""
    binding = next(name for name in _BINDINGS if f"{name}.QtWidgets" in sys.modules)
    return import_module(f"{binding}.{part}")
