"""What a picture took that came with a prediction is said when it is done, beside what the one before took."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt

from core.labels.prediction import PredictedMask, write_prediction
from desktop.tour.window_driver import CTRL
from desktop.workspaces.label.correction_report import percent
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
    desk.window.open(tmp_path / "told")
    desk.until(lambda: desk.window.rooms is not None and desk.has_picture(), "a picture", 20)
    desk.until(lambda: desk.labelling.hand.prediction is not None, "its prediction", 20)

    desk.key(Qt.Key.Key_2)
    desk.dab(0.5)
    desk.key(Qt.Key.Key_Return, CTRL)
    desk.until(lambda: desk.said.startswith("Corrected"), "what it took", 10)
    first = desk.said
    assert first.startswith("Corrected ") and " % of " in first and "before" not in first

    desk.until(lambda: desk.labelling.hand.shown == 2, "the next picture", 10)
    desk.until(lambda: desk.labelling.hand.prediction is not None, "its prediction", 20)
    desk.key(Qt.Key.Key_Return, CTRL)
    desk.until(lambda: desk.said.startswith("Corrected nothing"), "what this one took", 10)
    assert desk.said.endswith(f", {first.split()[1]} % of the one before.")

    desk.until(lambda: desk.labelling.hand.shown == 3, "the last picture", 10)
    desk.window.say("")
    desk.dab(0.5)
    desk.key(Qt.Key.Key_D, CTRL)
    desk.until(lambda: desk.session.pictures.get(3).status == "done", "the mark", 10)
    desk.session.settle()
    desk.rest(50)
    assert not desk.said, "nobody had predicted it"


def test_shares_are_said_in_words() -> None:
    assert [percent(share) for share in (0, 0.004, 0.03, 0.114)] == [
        "nothing",
        "less than 1 %",
        "3 %",
        "11 %",
    ]
