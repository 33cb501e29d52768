"""Connections that end with a session, while the widgets live on for the next one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, SignalInstance


class ConnectionGroup:
    """Remembers what it joined. Without it, a closed session would go on hearing its old buttons."""

    def __init__(self) -> None:
        self._connections: list[Any] = []

    def connect(self, signal: SignalInstance, slot: Callable[..., object]) -> None:
        """Call `act` whenever `signal` is emitted, until `cut`."""
        self._connections.append(signal.connect(slot))

    def disconnect_all(self) -> None:
        """Join nothing any more. May be called twice."""
        for connection in self._connections:
            QObject.disconnect(connection)
        self._connections.clear()
