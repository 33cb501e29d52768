"""Connections that end with a session, while the widgets live on for the next one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, SignalInstance


class Wires:
    """Remembers what it joined. Without it, a closed session would go on hearing its old buttons."""

    def __init__(self) -> None:
        self._joined: list[Any] = []

    def join(self, signal: SignalInstance, act: Callable[..., object]) -> None:
        """Call `act` whenever `signal` is emitted, until `cut`."""
        self._joined.append(signal.connect(act))

    def cut(self) -> None:
        """Join nothing any more. May be called twice."""
        for connection in self._joined:
            QObject.disconnect(connection)
        self._joined.clear()
