"""Which checkpoints a training publishes."""

from __future__ import annotations

import numpy as np
import pytest

from core.training.scoring.checkpoint_selection import Baseline
from core.training.scoring.validation import ValidationScore


def scored(*ious: float) -> ValidationScore:
    per_class = dict(enumerate(ious))
    return ValidationScore(np.eye(len(ious), dtype=np.int64), float(np.mean(ious)), per_class, 0.5, 3, 0.1)


@pytest.mark.parametrize(
    ("found", "news", "passes"),
    [
        ((0.62, 0.50, 0.1), False, True),  # every class gains, or is not known yet
        ((0.595, 0.52, 0.0), False, True),  # within a point; the third was never known
        ((0.55, 0.60, 0.1), False, False),  # five points for a mean that gains less than two
        ((0.55, 0.90, 0.3), False, True),  # the mean gains as much
        ((0.56, 0.55, 0.1), True, True),  # an answer to new labels may cost a little more
        ((0.50, 0.62, 0.1), True, False),
    ],
)
def test_known_class_may_lose_only_what_is_allowed(
    found: tuple[float, ...], news: bool, passes: bool
) -> None:
    floor, now = Baseline.from_score(scored(0.60, 0.50, 0.1)), scored(*found)
    assert set(floor.known_iou) == {0, 1}
    assert (floor.largest_class_loss(now) <= floor.allowed_class_loss(now, after_update=news)) is passes
