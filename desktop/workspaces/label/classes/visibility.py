"""Classes that are out of sight, and classes that no tool may paint over."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Signal

from core.labels.class_list import MAX_CLASS_VALUE, UNLABELLED
from core.session.session import Session
from desktop.actions.catalog import shortcut_text
from desktop.connections import ConnectionGroup
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.panels.classes.model import ClassFlags
from desktop.workspaces.label.tool_controller import ToolController

HIDDEN_KEY, LOCKED_KEY = "hidden_classes", "locked_classes"
"""Facts of the project under which both sets are remembered."""


class ClassVisibility(QObject):
    """Owns which classes are hidden and locked; canvas and class list follow it. Lives on the GUI thread."""

    message = Signal(str)

    def __init__(
        self, session: Session, bridge: MainThreadDispatcher, page: LabelPage, tools: ToolController
    ) -> None:
        super().__init__()
        self._session, self._page, self._tools = session, page, tools
        self._hidden: frozenset[int] = frozenset()
        self._locked: frozenset[int] = frozenset()
        self._classes = session.editing.classes
        self._closed = False
        self._wires = ConnectionGroup()
        self._wires.connect(page.classes.list_view.action_requested, self.toggle)
        self._wires.connect(page.canvas.before_edit, self._show_active_class)
        self._update_widgets()
        bridge.when_done(session.fact(HIDDEN_KEY), lambda text: self._restore(hidden=text))
        bridge.when_done(session.fact(LOCKED_KEY), lambda text: self._restore(locked=text))

    def close(self) -> None:
        self._wires.disconnect_all()
        self._closed = True
        self._hidden = self._locked = frozenset()
        self._update_widgets()

    def actions(self) -> dict[str, Callable[[], object]]:
        """What each action does with the class that is painted with, or with all."""
        active = {
            key: partial(self._toggle_active, key) for key in ("hide_class", "solo_class", "lock_class")
        }
        return {
            **active,
            "show_all_classes": lambda: self._set(frozenset(), self._locked, "All classes are shown."),
            "unlock_all_classes": lambda: self._set(self._hidden, frozenset(), "No class is locked."),
        }

    def toggle(self, key: str, value: int) -> None:
        """Hide, show alone or lock a class, or take that back."""
        classes = self._session.editing.classes
        if classes.by_value(value) is None:
            return
        name, one = classes.name_of(value), frozenset((value,))
        if key == "hide_class":
            keys = shortcut_text("show_all_classes")
            hint = f" {keys} shows all classes." if keys else ""
            said = f"{name} is shown again." if value in self._hidden else f"{name} is hidden.{hint}"
            self._set(self._hidden ^ one, self._locked, said)
        elif key == "solo_class":
            others = frozenset(classes.values) - one
            alone = self._hidden == others
            said = "All classes are shown." if alone else f"Only {name} is shown."
            self._set(frozenset() if alone else others, self._locked, said)
        elif key == "lock_class":
            unlocked = value in self._locked
            said = (
                f"{name} can be painted over again."
                if unlocked
                else f"{name} is locked against painting over."
            )
            self._set(self._hidden, self._locked ^ one, said)

    def classes_changed(self) -> None:
        """A class keeps its shield under another value; one that is gone must not leave it to the next that gets its
        value."""
        before, self._classes = self._classes, self._session.editing.classes
        hidden, locked = (
            frozenset(before.value_in(value, self._classes) for value in values) - {UNLABELLED}
            for values in (self._hidden, self._locked)
        )
        self._set(hidden, locked)

    def _toggle_active(self, key: str) -> None:
        value = self._tools.active_class
        if self._session.editing.classes.by_value(value) is None:
            self.message.emit("Choose a class first: unlabelled and void are always as they are.")
            return
        self.toggle(key, value)

    def _show_active_class(self) -> None:
        """Nobody paints with a class that cannot be seen."""
        value = self._tools.active_class
        if value in self._hidden and self._page.canvas.tool.needs_class:
            name = self._session.editing.classes.name_of(value)
            self._set(self._hidden - {value}, self._locked, f"{name} is shown again, as you paint with it.")

    def _restore(self, hidden: str | None = None, locked: str | None = None) -> None:
        if self._closed:
            return
        known = frozenset(self._session.editing.classes.values)
        self._hidden |= _from_text(hidden) & known
        self._locked |= _from_text(locked) & known
        self._update_widgets()

    def _set(self, hidden: frozenset[int], locked: frozenset[int], message: str = "") -> None:
        if hidden != self._hidden:
            self._session.set_fact(HIDDEN_KEY, _to_text(hidden))
        if locked != self._locked:
            self._session.set_fact(LOCKED_KEY, _to_text(locked))
        if (hidden, locked) != (self._hidden, self._locked):
            self._hidden, self._locked = hidden, locked
            self._update_widgets()
        if message:
            self.message.emit(message)

    def _update_widgets(self) -> None:
        self._page.canvas.options.locked = self._locked
        self._page.canvas.set_hidden_classes(self._hidden)
        self._page.classes.list_view.set_flags(ClassFlags(self._hidden, self._locked))


def _to_text(values: frozenset[int]) -> str:
    return ",".join(str(value) for value in sorted(values))


def _from_text(text: str | None) -> frozenset[int]:
    """What was remembered; whatever is no class value is left out, for the file may come from anywhere."""
    parts = (text or "")[:2000].split(",")
    numbers = (int(part) for part in parts if part.isascii() and part.isdigit() and len(part) <= 3)
    return frozenset(number for number in numbers if 1 <= number <= MAX_CLASS_VALUE)
