"""Signal connections that end when a project closes, while the widgets stay for the next project."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, SignalInstance


class ConnectionGroup:
    """Without it, the controllers of a closed project would still react to the widgets."""

    def __init__(self) -> None:
        self._connections: list[Any] = []

    def connect(self, signal: SignalInstance, slot: Callable[..., object]) -> None:
        """Call `slot` whenever `signal` is emitted, until `disconnect_all`."""
        self._connections.append(signal.connect(slot))

    def disconnect_all(self) -> None:
        """May be called twice."""
        for connection in self._connections:
            QObject.disconnect(connection)
        self._connections.clear()
