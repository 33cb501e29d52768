"""What a picture took that came with a prediction is said when it is done, beside what the one before took."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt

from core.labels.prediction import PredictedMask, write_prediction
from desktop.tour.window_driver import CTRL
from desktop.workspaces.label.prediction_controller import percent_text
from tests.desktop.conftest import Desk
from tests.factories import project_in

pytestmark = pytest.mark.qt_log_ignore("does not support")


def test_it_is_said_how_much_was_corrected_here_and_before(desk: Desk, tmp_path: Path) -> None:
    with project_in(tmp_path / "told") as project:
        run = project.runs.start('{"architecture": "asymmetric-unet"}', "{}", None, 1)
        for picture_id in (1, 2):
            width, height = project.pictures.get(picture_id).width, project.pictures.get(picture_id).height
            ones = np.full((height or 64, width or 96), 1, np.uint8)
            write_prediction(project.prediction_path(picture_id), PredictedMask(ones, ones, run.id))
    desk.window.open_project(tmp_path / "told")
    desk.wait_until(lambda: desk.window.context is not None and desk.has_picture(), "a picture", 20)
    desk.wait_until(lambda: desk.labelling.picture.prediction is not None, "its prediction", 20)

    desk.key(Qt.Key.Key_2)
    desk.dab(0.5)
    desk.key(Qt.Key.Key_Return, CTRL)
    desk.wait_until(lambda: desk.said.startswith("Corrected"), "what it took", 10)
    first = desk.said
    assert first.startswith("Corrected ") and " % of " in first and "before" not in first

    desk.wait_until(lambda: desk.labelling.picture.id == 2, "the next picture", 10)
    desk.wait_until(lambda: desk.labelling.picture.prediction is not None, "its prediction", 20)
    desk.key(Qt.Key.Key_Return, CTRL)
    desk.wait_until(lambda: desk.said.startswith("Corrected nothing"), "what this one took", 10)
    assert desk.said.endswith(f", {first.split()[1]} % of the one before.")

    desk.wait_until(lambda: desk.labelling.picture.id == 3, "the last picture", 10)
    desk.window.show_message("")
    desk.dab(0.5)
    desk.key(Qt.Key.Key_D, CTRL)
    desk.wait_until(lambda: desk.session.pictures.get(3).status == "done", "the mark", 10)
    desk.session.wait_until_saved()
    desk.wait(50)
    assert not desk.said, "nobody had predicted it"


def test_shares_are_said_in_words() -> None:
    assert [percent_text(share) for share in (0, 0.004, 0.03, 0.114)] == [
        "nothing",
        "less than 1 %",
        "3 %",
        "11 %",
    ]
