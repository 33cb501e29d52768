"""Keeps widgets and actions disabled, with the reason as their tooltip, whatever else enables them meanwhile."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget


class ReadOnlyLock(QObject):
    """For a project that is open read-only. GUI thread; `release` before the widgets are used again."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self._reason = reason
        self._locked: list[tuple[QWidget | QAction, bool, str]] = []

    def lock(self, targets: Iterable[QWidget | QAction]) -> None:
        for target in targets:
            self._locked.append((target, target.isEnabled(), target.toolTip()))
            target.setEnabled(False)
            target.setToolTip(self._reason)
            if isinstance(target, QAction):
                target.changed.connect(self._action_changed)
            else:
                target.installEventFilter(self)

    def release(self) -> None:
        """Give everything back as it was."""
        locked, self._locked = self._locked, []
        for target, enabled, tip in locked:
            if isinstance(target, QAction):
                target.changed.disconnect(self._action_changed)
            else:
                target.removeEventFilter(self)
            target.setEnabled(enabled)
            target.setToolTip(tip)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if isinstance(watched, QWidget):
            if event.type() == QEvent.Type.EnabledChange and watched.isEnabled():
                watched.setEnabled(False)
            elif event.type() == QEvent.Type.ToolTipChange and watched.toolTip() != self._reason:
                watched.setToolTip(self._reason)
        return False

    def _action_changed(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            if action.isEnabled():
                action.setEnabled(False)
            if action.toolTip() != self._reason:
                action.setToolTip(self._reason)
