"""Base class of the controllers: each connects one part of an open project to its widgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Signal

from core.base.changes import Changes
from desktop.signal_connections import ConnectionGroup

Actions = dict[str, Callable[[], object]]
"""Action id -> what it does while the project is open."""


class Controller(QObject):
    """Lives on the GUI thread from the opening of a project to its closing. Subclasses override what they need.

    `message` carries a sentence for the status bar. Connections to widgets go through `self.connections`, because
    the widgets outlive the project: `close` ends them. A result that arrives later finds `is_closed`.
    """

    message = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.connections = ConnectionGroup()
        self.is_closed = False

    def start(self) -> None:
        """Fill the widgets; called once, after all controllers of the project exist."""

    def close(self) -> None:
        """The project closes: disconnect from the widgets."""
        self.is_closed = True
        self.connections.disconnect_all()

    def on_changes(self, changes: Changes) -> None:
        """Something in the project changed; refresh what shows it."""

    def actions(self) -> Actions:
        """The actions that this controller carries out."""
        return {}


class ControllerGroup(Controller):
    """A controller made of others: whatever it is told reaches each of them, in the order of `members`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.members: Sequence[Controller] = ()

    def set_members(self, members: Sequence[Controller]) -> None:
        """Call once, when all are made. Their messages are passed on."""
        self.members = tuple(members)
        for member in self.members:
            self.connections.connect(member.message, self.message.emit)

    def start(self) -> None:
        for member in self.members:
            member.start()

    def close(self) -> None:
        for member in self.members:
            member.close()
        super().close()

    def on_changes(self, changes: Changes) -> None:
        for member in self.members:
            member.on_changes(changes)

    def actions(self) -> Actions:
        return {key: act for member in self.members for key, act in member.actions().items()}
