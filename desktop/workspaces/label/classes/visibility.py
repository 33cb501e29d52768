"""Classes that are out of sight, and classes that no tool may paint over."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Signal

from core.labels.class_list import LAST_CLASS, UNLABELLED
from core.session.session import Session
from desktop.actions.catalog import keys_text
from desktop.connections import Wires
from desktop.dispatcher import Bridge
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.panels.classes.model import Shields
from desktop.workspaces.label.tool_controller import Choosing

HIDDEN, LOCKED = "hidden_classes", "locked_classes"
"""Facts of the project under which both sets are remembered."""


class Shielding(QObject):
    """Owns which classes are hidden and locked; canvas and class list follow it. Lives on the GUI thread."""

    message = Signal(str)

    def __init__(self, session: Session, bridge: Bridge, page: LabelPage, choosing: Choosing) -> None:
        super().__init__()
        self._session, self._page, self._choosing = session, page, choosing
        self._hidden: frozenset[int] = frozenset()
        self._locked: frozenset[int] = frozenset()
        self._classes = session.editing.classes
        self._left = False
        self._wires = Wires()
        self._wires.join(page.classes.rows.class_asked, self.act)
        self._wires.join(page.canvas.before_edit, self._paint_in_sight)
        self._show()
        bridge.when_done(session.remembered(HIDDEN), lambda text: self._recall(hidden=text))
        bridge.when_done(session.remembered(LOCKED), lambda text: self._recall(locked=text))

    def leave(self) -> None:
        self._wires.cut()
        self._left = True
        self._hidden = self._locked = frozenset()
        self._show()

    def handlers(self) -> dict[str, Callable[[], object]]:
        """What each action does with the class that is painted with, or with all."""
        active = {
            key: partial(self._act_on_active, key) for key in ("hide_class", "solo_class", "lock_class")
        }
        return {
            **active,
            "show_all_classes": lambda: self._take(frozenset(), self._locked, "All classes are shown."),
            "unlock_all_classes": lambda: self._take(self._hidden, frozenset(), "No class is locked."),
        }

    def act(self, key: str, value: int) -> None:
        """Hide, show alone or lock a class, or take that back."""
        classes = self._session.editing.classes
        if classes.by_value(value) is None:
            return
        name, one = classes.name_of(value), frozenset((value,))
        if key == "hide_class":
            keys = keys_text("show_all_classes")
            hint = f" {keys} shows all classes." if keys else ""
            said = f"{name} is shown again." if value in self._hidden else f"{name} is hidden.{hint}"
            self._take(self._hidden ^ one, self._locked, said)
        elif key == "solo_class":
            others = frozenset(classes.values) - one
            alone = self._hidden == others
            said = "All classes are shown." if alone else f"Only {name} is shown."
            self._take(frozenset() if alone else others, self._locked, said)
        elif key == "lock_class":
            unlocked = value in self._locked
            said = (
                f"{name} can be painted over again."
                if unlocked
                else f"{name} is locked against painting over."
            )
            self._take(self._hidden, self._locked ^ one, said)

    def classes_changed(self) -> None:
        """A class keeps its shield under another value; one that is gone must not leave it to the next that gets its
        value."""
        before, self._classes = self._classes, self._session.editing.classes
        hidden, locked = (
            frozenset(before.followed(value, self._classes) for value in values) - {UNLABELLED}
            for values in (self._hidden, self._locked)
        )
        self._take(hidden, locked)

    def _act_on_active(self, key: str) -> None:
        value = self._choosing.active_class
        if self._session.editing.classes.by_value(value) is None:
            self.message.emit("Choose a class first: unlabelled and void are always as they are.")
            return
        self.act(key, value)

    def _paint_in_sight(self) -> None:
        """Nobody paints with a class that cannot be seen."""
        value = self._choosing.active_class
        if value in self._hidden and self._page.canvas.tool.needs_class:
            name = self._session.editing.classes.name_of(value)
            self._take(self._hidden - {value}, self._locked, f"{name} is shown again, as you paint with it.")

    def _recall(self, hidden: str | None = None, locked: str | None = None) -> None:
        if self._left:
            return
        known = frozenset(self._session.editing.classes.values)
        self._hidden |= _values(hidden) & known
        self._locked |= _values(locked) & known
        self._show()

    def _take(self, hidden: frozenset[int], locked: frozenset[int], said: str = "") -> None:
        if hidden != self._hidden:
            self._session.remember(HIDDEN, _text(hidden))
        if locked != self._locked:
            self._session.remember(LOCKED, _text(locked))
        if (hidden, locked) != (self._hidden, self._locked):
            self._hidden, self._locked = hidden, locked
            self._show()
        if said:
            self.message.emit(said)

    def _show(self) -> None:
        self._page.canvas.options.locked = self._locked
        self._page.canvas.set_hidden(self._hidden)
        self._page.classes.rows.set_shields(Shields(self._hidden, self._locked))


def _text(values: frozenset[int]) -> str:
    return ",".join(str(value) for value in sorted(values))


def _values(text: str | None) -> frozenset[int]:
    """What was remembered; whatever is no class value is left out, for the file may come from anywhere."""
    parts = (text or "")[:2000].split(",")
    numbers = (int(part) for part in parts if part.isascii() and part.isdigit() and len(part) <= 3)
    return frozenset(number for number in numbers if 1 <= number <= LAST_CLASS)
