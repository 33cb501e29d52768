"""The dispatcher passes events of the session to the GUI thread."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from core.base.changes import Changes, Notice
from desktop.dispatcher import MainThreadDispatcher


def test_each_kind_of_event_has_its_signal(qtbot: QtBot) -> None:
    dispatcher = MainThreadDispatcher()
    heard: list[object] = []
    dispatcher.noticed.connect(heard.append)
    dispatcher.changed.connect(heard.append)
    dispatcher.training_changed.connect(heard.append)
    dispatcher.dispatch(Notice("No backup could be made."))
    dispatcher.dispatch(Changes(picture_list=True))
    qtbot.waitUntil(lambda: len(heard) == 2)
    assert heard == ["No backup could be made.", Changes(picture_list=True)]
