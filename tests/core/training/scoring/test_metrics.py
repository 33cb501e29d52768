"""The confusion matrix against a count pixel by pixel."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.training.data.training_set import IGNORE_INDEX
from core.training.scoring.metrics import confusion_matrix


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from([0, 1, 2, 3, IGNORE_INDEX])), min_size=1, max_size=60
    )
)
def test_confusion_counts_labelled_pixels(pairs: list[tuple[int, int]]) -> None:
    """Deterministically or not."""
    expected = np.zeros((4, 4), np.int64)
    for guess, true in pairs:
        if true != IGNORE_INDEX:
            expected[true, guess] += 1
    pred, truth = (torch.tensor(column, dtype=torch.uint8) for column in zip(*pairs, strict=True))
    assert (confusion_matrix(pred, truth, 4).numpy() == expected).all()
    torch.use_deterministic_algorithms(True)
    try:
        assert (confusion_matrix(pred, truth, 4).numpy() == expected).all()
    finally:
        torch.use_deterministic_algorithms(False)
