"""Keys of the walk that are no shortcuts, because they mean something else wherever the canvas has not the focus."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent

from desktop.canvas.canvas import Canvas

_Key, _Modifier = Qt.Key, Qt.KeyboardModifier
_STEPS = {
    (_Key.Key_Tab, _Modifier.NoModifier): "next_region",
    (_Key.Key_Backtab, _Modifier.ShiftModifier): "previous_region",
    (_Key.Key_Tab, _Modifier.ShiftModifier): "previous_region",
}
_VERDICTS = {
    (_Key.Key_Return, _Modifier.NoModifier): "region_right",
    (_Key.Key_Enter, _Modifier.NoModifier): "region_right",
    (_Key.Key_Escape, _Modifier.NoModifier): "leave_regions",
}
_REPEATING = frozenset(("next_region", "previous_region"))


class WalkKeys(QObject):
    """Tab, Shift+Tab, Enter and Esc of a canvas that has the focus trigger actions, unless a shape, a stroke or a
    computation needs the key. Tab goes from field to field as ever where there is nothing to walk through, and
    with Ctrl always. GUI thread; `close` ends it.

    can_walk: whether there is a prediction; is_walking: whether a region may have a verdict
    """

    def __init__(
        self,
        canvas: Canvas,
        actions: Mapping[str, QAction],
        can_walk: Callable[[], bool],
        is_walking: Callable[[], bool],
    ) -> None:
        super().__init__()
        self._canvas, self._actions = canvas, actions
        self._can_walk, self._is_walking = can_walk, is_walking
        canvas.installEventFilter(self)

    def close(self) -> None:
        self._canvas.removeEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802
        # Keys that a sheet over the canvas leaves alone pass through here too.
        if event.type() != QEvent.Type.KeyPress or not self._canvas.hasFocus():
            return False
        assert isinstance(event, QKeyEvent)
        if event.key() in (_Key.Key_Tab, _Key.Key_Backtab) and event.modifiers() & (
            _Modifier.ControlModifier | _Modifier.MetaModifier
        ):
            is_back = bool(event.modifiers() & _Modifier.ShiftModifier)
            return self._canvas.focusNextPrevChild(not is_back)
        return self._press(event)

    def _press(self, event: QKeyEvent) -> bool:
        pressed = Qt.Key(event.key()), event.modifiers() & ~_Modifier.KeypadModifier
        action_id = _STEPS.get(pressed) if self._can_walk() else None
        if action_id is None and self._is_walking():
            action_id = _VERDICTS.get(pressed)
        if action_id is None or self._canvas.is_busy or self._canvas.tools.is_waiting:
            return False
        if event.isAutoRepeat() and action_id not in _REPEATING:
            return True  # a key that is held down says nothing of the next region
        action = self._actions[action_id]
        action.trigger()
        return action.isEnabled()
