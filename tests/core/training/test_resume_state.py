"""The state of a training on disk: only an optimizer with the same parameters in the same order takes it."""

from pathlib import Path

import pytest
import torch
from torch import nn

from core.base.errors import TrainingError
from core.training.ema import AveragedModel
from core.training.resume_state import ResumePoint, load_state, save_state


def test_a_state_of_other_parameters_is_refused(tmp_path: Path) -> None:
    model = nn.Conv2d(3, 4, 1)
    average, optimizer = AveragedModel(model, 0.9), torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 3, 2, 2)).sum().backward()
    optimizer.step()
    save_state(tmp_path, model, average, optimizer, ResumePoint(1, 2.0))
    assert load_state(
        tmp_path, model, average, torch.optim.AdamW(model.parameters(), fused=True)
    ) == ResumePoint(1, 2.0)
    assert model.bias is not None
    for others in ([model.bias, model.weight], [model.bias]):
        with pytest.raises(TrainingError, match="cannot be resumed"):
            load_state(tmp_path, model, average, torch.optim.AdamW(others, fused=True))
