"""What counts as a correction of a shown prediction."""

from __future__ import annotations

import numpy as np

from core.base.geometry import Box
from core.labels.label_map import Edit, LabelMap, Origin
from core.labels.prediction import PredictedMask
from core.live.correction import find_correction


def prediction(run_id: int = 0) -> PredictedMask:
    """(300, 400): class 1 left, class 2 right."""
    values = np.ones((300, 400), np.uint8)
    values[:, 200:] = 2
    return PredictedMask(values, np.full_like(values, 200), run_id)


def painted(box: Box, value: int, origin: Origin = Origin.PAINTED) -> Edit:
    labels = LabelMap.blank(400, 300)
    labels.begin_edit("Stroke", "brush", value, origin)
    labels.paint(box, np.ones((box.height, box.width), bool), value)
    edit = labels.finish_edit()
    assert edit is not None
    return edit


def test_the_corrected_pixels_are_those_of_the_commonest_wrong_class() -> None:
    found = find_correction(
        painted(Box(150, 250, 230, 270), 3), prediction(run_id=4)
    )  # across tiles and classes
    assert found is not None
    assert (found.wrong, found.right, found.run_id) == (1, 3, 4)
    x, y = found.points.T
    assert 150 <= x.min() <= x.max() < 200
    assert 250 <= y.min() <= y.max() < 270
    assert 0 < len(found.points) <= 400


def test_what_agrees_with_the_prediction_is_no_correction() -> None:
    assert find_correction(painted(Box(10, 10, 60, 60), 1), prediction()) is None
    # The rim of a stroke that is right.
    assert find_correction(painted(Box(150, 10, 202, 60), 1), prediction()) is None


def test_erasing_void_accepting_and_specks_are_no_corrections() -> None:
    assert find_correction(painted(Box(10, 10, 60, 60), 255), prediction()) is None
    assert find_correction(painted(Box(10, 10, 60, 60), 2, Origin.ACCEPTED), prediction()) is None
    assert find_correction(painted(Box(10, 10, 14, 14), 2), prediction()) is None
    other_size = PredictedMask(np.ones((100, 100), np.uint8), np.ones((100, 100), np.uint8))
    assert find_correction(painted(Box(10, 10, 60, 60), 2), other_size) is None
