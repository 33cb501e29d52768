"""Hidden classes, which the canvas does not show, and locked classes, which no tool paints over."""

from __future__ import annotations

from functools import partial

from core.base.changes import Changes
from core.labels.class_list import MAX_CLASS_VALUE, UNLABELLED
from core.session.session import Session
from desktop.actions.catalog import shortcut_text
from desktop.controller import Actions, Controller
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.label.classes.controller import ClassController
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.panels.classes.model import ClassFlags

HIDDEN_KEY, LOCKED_KEY = "hidden_classes", "locked_classes"
"""Facts of the project that hold both sets."""


class ClassVisibility(Controller):
    """Owns which classes are hidden and locked; canvas and class list follow it. Lives on the GUI thread."""

    def __init__(
        self, session: Session, dispatcher: MainThreadDispatcher, page: LabelPage, classes: ClassController
    ) -> None:
        super().__init__()
        self._session, self._page, self._class_controller = session, page, classes
        self._hidden: frozenset[int] = frozenset()
        self._locked: frozenset[int] = frozenset()
        self._classes = session.editing.classes
        self._closed = False
        self.connections.connect(page.classes.list_view.action_requested, self.toggle)
        self.connections.connect(page.canvas.tools.before_edit, self._show_active_class)
        self._update_widgets()
        dispatcher.when_done(session.fact(HIDDEN_KEY), lambda text: self._restore(hidden=text))
        dispatcher.when_done(session.fact(LOCKED_KEY), lambda text: self._restore(locked=text))

    def close(self) -> None:
        super().close()
        self._closed = True
        self._hidden = self._locked = frozenset()
        self._update_widgets()

    def on_changes(self, changes: Changes) -> None:
        """Follow classes whose value changed, and forget deleted ones: the next class may get their value."""
        if not changes.classes:
            return
        before, self._classes = self._classes, self._session.editing.classes
        hidden, locked = (
            frozenset(before.value_in(value, self._classes) for value in values) - {UNLABELLED}
            for values in (self._hidden, self._locked)
        )
        self._set(hidden, locked)

    def actions(self) -> Actions:
        of_active = ("hide_class", "solo_class", "lock_class")
        return {
            **{key: partial(self._toggle_active, key) for key in of_active},
            "show_all_classes": lambda: self._set(frozenset(), self._locked, "All classes are shown."),
            "unlock_all_classes": lambda: self._set(self._hidden, frozenset(), "No class is locked."),
        }

    def toggle(self, key: str, value: int) -> None:
        """Hide a class, show it alone, or lock it ("hide_class", "solo_class", "lock_class"); or undo that."""
        classes = self._session.editing.classes
        if classes.by_value(value) is None:
            return
        name, one = classes.name_of(value), frozenset((value,))
        if key == "hide_class":
            self._set(
                self._hidden ^ one, self._locked, self._hide_message(name, hide=value not in self._hidden)
            )
        elif key == "solo_class":
            others = frozenset(classes.values) - one
            is_alone = self._hidden == others
            message = "All classes are shown." if is_alone else f"Only {name} is shown."
            self._set(frozenset() if is_alone else others, self._locked, message)
        elif key == "lock_class":
            message = (
                f"{name} is unlocked: tools paint over it again."
                if value in self._locked
                else f"{name} is locked: no tool paints over it."
            )
            self._set(self._hidden, self._locked ^ one, message)

    def _hide_message(self, name: str, *, hide: bool) -> str:
        if not hide:
            return f"{name} is shown again."
        shortcut = shortcut_text("show_all_classes")
        return f"{name} is hidden. {shortcut} shows all classes." if shortcut else f"{name} is hidden."

    def _toggle_active(self, key: str) -> None:
        value = self._class_controller.active_class
        if self._session.editing.classes.by_value(value) is None:
            self.message.emit("Choose a class first: unlabelled and void cannot be hidden or locked.")
            return
        self.toggle(key, value)

    def _show_active_class(self) -> None:
        """An edit begins: what is painted must be visible."""
        value = self._class_controller.active_class
        if value in self._hidden and self._page.canvas.tools.tool.needs_class:
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
        self._page.canvas.tools.options.locked = self._locked
        self._page.canvas.set_hidden_classes(self._hidden)
        self._page.classes.list_view.set_flags(ClassFlags(self._hidden, self._locked))


def _to_text(values: frozenset[int]) -> str:
    return ",".join(str(value) for value in sorted(values))


def _from_text(text: str | None) -> frozenset[int]:
    """Class values as stored; anything else is left out, because the project file may come from anywhere."""
    parts = (text or "")[:2000].split(",")
    numbers = (int(part) for part in parts if part.isascii() and part.isdigit() and len(part) <= 3)
    return frozenset(number for number in numbers if 1 <= number <= MAX_CLASS_VALUE)
