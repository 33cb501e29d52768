"""From Qt's mouse, wheel and key events to what the hand does: drawing, panning, zooming, changing the size."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, auto
from typing import TYPE_CHECKING

from PySide6.QtCore import QKeyCombination, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QMouseEvent, QPointingDevice, QTabletEvent, QWheelEvent

from core.tools.tool import Cursor, Modifiers, Tool
from desktop.canvas.input.keyboard_cursor import KeyHand
from desktop.canvas.input.tool_runner import Grip

if TYPE_CHECKING:
    from desktop.canvas.canvas import CanvasView

_ZOOM_NOTCH = 1.25
_NOTCH = 120.0
"""What a mouse wheel reports for one notch, in eighths of a degree."""

_Button = Qt.MouseButton
_Held = Qt.KeyboardModifier
_TOOL_KEYS = (
    Qt.Key.Key_Return,
    Qt.Key.Key_Enter,
    Qt.Key.Key_Escape,
    Qt.Key.Key_Backspace,
    Qt.Key.Key_Delete,
)


class _Act(Enum):
    """What the buttons are doing."""

    NOTHING = auto()
    STROKE = auto()
    SIZE = auto()


class Pointer:
    """The hand on the canvas; knows what each button is doing. Lives on the GUI thread.

    Panning may happen in the middle of a stroke, so it is not one of the acts but stands beside them.
    """

    def __init__(self, canvas: CanvasView) -> None:
        self._canvas = canvas
        self.grip = Grip(canvas)
        self.keys = KeyHand(canvas, self)
        self.position: QPointF | None = None
        """Where the pointer is, in widget pixels; None while it is elsewhere."""
        self._mouse_at: QPointF | None = None
        self._act = _Act.NOTHING
        self._button = _Button.NoButton
        self._pan_button = _Button.NoButton
        self._pan_from = QPointF()
        self._space = False
        self._size_from = (QPointF(), 0.0)
        self._erases = False
        self._held = Modifiers()
        self._pressure = 1.0
        self._pen_erases = False
        self._size_notches = 0.0

    # What is going on

    @property
    def tool(self) -> Tool:
        return self.grip.tool

    @property
    def is_stroking(self) -> bool:
        """Whether a button holds a tool down."""
        return self._act == _Act.STROKE

    @property
    def is_panning(self) -> bool:
        return self._pan_button != _Button.NoButton

    @property
    def is_ready_to_pan(self) -> bool:
        return self._space

    @property
    def erases(self) -> bool:
        """Whether a press now, or the stroke under way, takes labels away."""
        if self.tool.cursor == Cursor.ERASER_RING or self._erases:
            return True
        return self.tool.cursor == Cursor.RING and not self.is_stroking and self._held.ctrl

    @property
    def ring_centre(self) -> QPointF | None:
        """Where the brush ring is drawn: while its size changes it stays where that began."""
        return self._size_from[0] if self._act == _Act.SIZE else self.position

    # Called by the canvas

    def take(self, tool: Tool) -> None:
        """Change tools; what the old one has under way is finished."""
        if tool is not self.tool:
            self.leave()
            self.grip.tool = tool
            self._tell_place()

    def settle(self) -> None:
        """Finish a stroke whose button is still down; later moves of the same press do nothing."""
        stroked = self.is_stroking
        self._end_act()
        if stroked and self.position is not None:
            self.grip.release(self.position, self._held)

    def leave(self) -> None:
        """Another tool, another picture, or the end: finish all that is under way."""
        self._end_act()
        self.grip.leave()

    def lose_focus(self) -> None:
        """Keys and buttons may go up unseen from now on."""
        self.settle()
        if self.keys.is_on:
            self.keys.give_way()
            self.position = None
        self._space, self._held = False, Modifiers()
        self._pressure, self._pen_erases = 1.0, False
        self._pan_button = _Button.NoButton

    # Mouse and pen

    def note_pen(self, event: QTabletEvent) -> None:
        """How hard a pen presses, and with which end. The mouse event that follows does the rest."""
        self._pressure = event.pressure()
        self._pen_erases = event.pointerType() == QPointingDevice.PointerType.Eraser

    def press(self, event: QMouseEvent) -> bool:
        self.keys.give_way()
        self._note(event)
        button = event.button()
        if self._canvas.stage() is None:
            return False
        if button == _Button.MiddleButton or (button == _Button.LeftButton and self._space):
            self._pan_button, self._pan_from = button, self._place(event.position())
            return True
        if self._act != _Act.NOTHING or self.is_panning:
            return True
        if button == _Button.LeftButton:
            held = replace(self._held, ctrl=True) if self._pen_erases else self._held
            return self._begin_stroke(self._place(event.position()), button, held)
        if button == _Button.RightButton:
            return self._press_secondary(self._place(event.position()))
        return False

    def double_click(self, event: QMouseEvent) -> bool:
        """For shapes the second click of a double click completes; for all else it is a click like any other."""
        stage = self._canvas.stage()
        plain = event.button() == _Button.LeftButton and not self._space and self._act == _Act.NOTHING
        if plain and stage is not None and self.tool.is_busy:
            self._note(event)
            self._end_act()
            self.grip.finish()
            return True
        return self.press(event)

    def move(self, event: QMouseEvent) -> None:
        rests, self._mouse_at = event.position() == self._mouse_at, event.position()
        if rests and self.keys.is_on:
            return  # the window was drawn anew below a mouse that nobody touches
        self.keys.give_way()
        # All points of the event count, not only the last: a stroke bends where the hand bent it.
        for point in event.points():
            self._move_to(self._place(point.position()), event.modifiers())

    def release(self, event: QMouseEvent) -> None:
        self._note(event)
        if event.button() == self._pan_button:
            self._pan_button = _Button.NoButton
        elif event.button() == self._button:
            stroked, at = self._act == _Act.STROKE, self._place(event.position())
            self._end_act()
            if stroked:
                self.grip.release(at, replace(self._held, pressure=self._pressure))
            self._pressure, self._pen_erases = 1.0, False  # a mouse may come next

    def away(self) -> None:
        """The pointer left the canvas."""
        if self.keys.is_on:
            return
        self.settle()
        self.position = None

    # Keys that stand for the mouse

    def go(self, position: QPointF, held: Qt.KeyboardModifier) -> None:
        """As if the mouse had moved there with these keys held."""
        self._move_to(position, held)

    def press_or_let_go(self) -> None:
        """As if a button went down where the pointer is, or came up again."""
        if self.is_stroking:
            self.settle()
        elif self.position is not None and self._act == _Act.NOTHING and self._canvas.stage() is not None:
            self._begin_stroke(self.position, _Button.NoButton, self._held)

    # Wheel and keys

    def wheel(self, event: QWheelEvent) -> bool:
        # Some systems turn the wheel sideways while Shift or Alt is held.
        notches = (event.angleDelta().y() or event.angleDelta().x()) / _NOTCH
        if notches == 0:
            return False
        held = event.modifiers()
        if held & _Held.ShiftModifier or (self.tool.wheel_turns and not held & _Held.ControlModifier):
            self._size_notches += notches
            whole = int(self._size_notches)
            self._size_notches -= whole
            return self.grip.size(whole)
        self._canvas.zoom_at(self._place(event.position()), _ZOOM_NOTCH**notches)
        return True

    def wants(self, event: QKeyEvent) -> bool:
        """Whether a key belongs to the tool now, before any shortcut of the window."""
        key, plain = event.key(), _is_plain(event)
        if self.keys.wants(event):
            return True
        if key == Qt.Key.Key_Space:
            return plain
        if plain and key == Qt.Key.Key_Escape and self._canvas.is_waiting:
            return True
        return (plain and self.tool.is_busy and key in _TOOL_KEYS) or self._tool_takes(event)

    def key_press(self, event: QKeyEvent) -> bool:
        if self.keys.wants(event):
            self.keys.press(event)
            return True
        self._hold(event.modifiers())
        key = event.key()
        if self.wants(event):
            if key == Qt.Key.Key_Space:
                self._hold_space(not event.isAutoRepeat() or self._space)
            elif key == Qt.Key.Key_Escape and self._canvas.is_waiting and not self.tool.is_busy:
                self.grip.cancel()  # the tool hears of it too, and asks anew when it needs the work again
            elif self._tool_takes(event):
                self.grip.key(_written(event))
            elif key == Qt.Key.Key_Backspace:
                self.step_back()
            elif key == Qt.Key.Key_Delete:
                if not self.is_stroking:
                    self.grip.delete()
            else:
                self._end_act()
                (self.grip.cancel if key == Qt.Key.Key_Escape else self.grip.finish)()
            return True
        return False

    def key_release(self, event: QKeyEvent) -> bool:
        self._hold(event.modifiers())
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._hold_space(False)
            return True
        return False

    def click(self, held: Modifiers) -> None:
        """As a click would do with these keys held, where the pointer is."""
        if self.position is not None and self._act == _Act.NOTHING:
            self._begin_stroke(self.position, _Button.LeftButton, held)
            self.settle()

    def step_back(self) -> None:
        """Backspace."""
        if not self.is_stroking:
            self.grip.step_back()

    # Steps of the above

    def _tool_takes(self, event: QKeyEvent) -> bool:
        return not self.is_stroking and self.tool.takes(_written(event))

    def _begin_stroke(self, position: QPointF, button: Qt.MouseButton, held: Modifiers) -> bool:
        erases = held.ctrl and self.tool.can_erase
        if not self.grip.can_press(erasing=erases):
            self._canvas.needs_class.emit()
            return True
        if self.grip.announce():
            self._act, self._button, self._erases = _Act.STROKE, button, erases
            self.grip.press(position, replace(held, pressure=self._pressure))
        return True

    def _press_secondary(self, position: QPointF) -> bool:
        radius = self.tool.radius(self._canvas.options)
        if self._held.alt and radius is not None:
            self._act, self._button = _Act.SIZE, _Button.RightButton
            self._size_from = (position, radius)
            return True
        if self.tool.can_erase or self.tool.two_handed:
            return self._begin_stroke(position, _Button.RightButton, Modifiers(self._held.shift, True))
        if self.tool.is_busy:
            self.step_back()
            return True
        return False

    def _move_to(self, position: QPointF, held: Qt.KeyboardModifier) -> None:
        self.position = position
        self._held = _modifiers(held)
        if self.is_panning or (self._space and self.is_stroking):
            step = position - self._pan_from
            self._pan_from = position
            self._canvas.pan_by(step)
            return
        self._pan_from = position
        stage = self._canvas.stage()
        if stage is None:
            return
        if self._act == _Act.SIZE:
            start, radius = self._size_from
            self._canvas.set_radius(radius + (position.x() - start.x()) / stage.scale)
        else:
            self._tell_place()

    def _tell_place(self) -> None:
        """Tell the tool where the pointer is and what is held, also while it draws."""
        if self.position is None:
            return
        if self._act == _Act.NOTHING:
            self.grip.move(self.position, self._held, pressed=False)
        elif self._act == _Act.STROKE and not self._space and not self.is_panning:
            self.grip.move(self.position, replace(self._held, pressure=self._pressure), pressed=True)

    def _note(self, event: QMouseEvent) -> None:
        self.position = self._place(event.position())
        self._held = _modifiers(event.modifiers())

    def _place(self, position: QPointF) -> QPointF:
        """Of two views side by side the one where a press began has the hand until it ends."""
        return self._canvas.fold(position, anew=self._act == _Act.NOTHING and not self.is_panning)

    def _hold(self, held: Qt.KeyboardModifier) -> None:
        """Keys change what a press would do, and that is shown at once."""
        if self.keys.is_on:
            return  # they belong to the keys that move the cursor
        if _modifiers(held) != self._held:
            self._held = _modifiers(held)
            self._tell_place()

    def _hold_space(self, held: bool) -> None:
        self._space = held
        if self.position is not None:
            self._pan_from = self.position

    def _end_act(self) -> None:
        self._act, self._button, self._erases = _Act.NOTHING, _Button.NoButton, False


def _is_plain(event: QKeyEvent) -> bool:
    return not event.modifiers() & (_Held.ControlModifier | _Held.AltModifier | _Held.MetaModifier)


def _written(event: QKeyEvent) -> str:
    """A key with what is held, as shortcuts are written. Keys of the number pad are keys like all others."""
    held = event.modifiers() & ~_Held.KeypadModifier
    return QKeySequence(QKeyCombination(held, Qt.Key(event.key()))).toString(
        QKeySequence.SequenceFormat.PortableText
    )


def _modifiers(held: Qt.KeyboardModifier) -> Modifiers:
    return Modifiers(
        bool(held & _Held.ShiftModifier), bool(held & _Held.ControlModifier), bool(held & _Held.AltModifier)
    )
