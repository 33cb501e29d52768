"""The training process is started before somebody presses Train."""

from __future__ import annotations

import pytest

from core.session.training.service import TrainingService
from tests.desktop.conftest import GuiDriver


def test_a_project_that_stays_open_starts_its_process_and_a_closed_one_does_not(
    gui: GuiDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[TrainingService] = []

    def record(service: TrainingService) -> None:
        started.append(service)

    monkeypatch.setattr(TrainingService, "warm_up", record)
    folder = gui.session.folder
    for delay, count in ((30_000, 0), (20, 1)):
        monkeypatch.setattr("desktop.workspaces.train.controller.WARM_UP_MS", delay)
        gui.window.close_project()
        gui.window.open_project(folder)
        gui.wait_until(gui.has_picture, "a picture", 20)
        gui.wait_until(lambda count=count: len(started) >= count, "an early start", 20)
        timer = gui.window.context.train_controller._warm_up_timer  # type: ignore[union-attr]
        assert len(started) == count and timer.isActive() == (not count)
    assert started == [gui.session.training]
    gui.window.context.train_controller._warm_up_timer.start()  # type: ignore[union-attr]
    gui.window.close_project()
    gui.wait(60)
    assert len(started) == 1
