"""What the session wants people to know arrives in the status line."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from core.base.changes import Changes, Notice
from desktop.dispatcher import MainThreadDispatcher


def test_each_kind_of_news_has_its_signal(qtbot: QtBot) -> None:
    bridge = MainThreadDispatcher()
    heard: list[object] = []
    bridge.noticed.connect(heard.append)
    bridge.changed.connect(heard.append)
    bridge.training_changed.connect(heard.append)
    bridge.dispatch(Notice("No backup could be made."))
    bridge.dispatch(Changes(picture_list=True))
    qtbot.waitUntil(lambda: len(heard) == 2)
    assert heard == ["No backup could be made.", Changes(picture_list=True)]
