"""Position, modifier keys and pen of the pointer: the state that all gestures share."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from PySide6.QtCore import QPointF, Qt

from core.tools.tool import Modifiers

_Modifier = Qt.KeyboardModifier


@dataclass(slots=True)
class PointerState:
    """Written by the input handler, read by gestures and overlays.

    position: widget pixels of the first view, None while the pointer is not on the canvas; pressure: 0..1 of a pen,
    1 for a mouse; pen_erases: whether the pen is held by its eraser end.
    """

    position: QPointF | None = None
    modifiers: Modifiers = field(default_factory=Modifiers)
    pressure: float = 1.0
    pen_erases: bool = False

    @property
    def pressed_modifiers(self) -> Modifiers:
        """The modifiers of a press or drag now, with the pressure of the pen."""
        return replace(self.modifiers, pressure=self.pressure)

    def reset_pen(self) -> None:
        """Forget the pen: a mouse may come next, which reports no pressure."""
        self.pressure, self.pen_erases = 1.0, False


def tool_modifiers(modifiers: Qt.KeyboardModifier) -> Modifiers:
    """Modifier keys of Qt as tools know them."""
    return Modifiers(
        bool(modifiers & _Modifier.ShiftModifier),
        bool(modifiers & _Modifier.ControlModifier),
        bool(modifiers & _Modifier.AltModifier),
    )
