"""The state of a training on disk: each parameter gets the state of its own name."""

from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from core.base.errors import TrainingError
from core.models.checkpoint import load_starting_model
from core.models.spec import ModelSpec
from core.training.ema import AveragedModel
from core.training.loop import train
from core.training.recipe import Recipe
from core.training.resume_state import STATE_FILE, ResumePoint, load_state, save_state
from tests.core.training.head.test_head_fit import snapshot


def saved(folder: Path) -> tuple[nn.Conv2d, AveragedModel]:
    model = nn.Conv2d(3, 4, 1)
    average, optimizer = AveragedModel(model, 0.9), torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 3, 2, 2)).sum().backward()
    optimizer.step()
    save_state(folder, model, average, optimizer, ResumePoint(1, 2.0))
    return model, average


def test_each_parameter_gets_its_own_state_in_any_order(tmp_path: Path) -> None:
    model, average = saved(tmp_path)
    assert model.bias is not None
    for chosen in ([model.weight, model.bias], [model.bias, model.weight], [model.bias]):
        optimizer = torch.optim.AdamW(chosen, fused=True)
        assert load_state(tmp_path, model, average, optimizer) == ResumePoint(1, 2.0)
        assert {id(each) for each in optimizer.state} == {id(each) for each in chosen}
        assert all(state["exp_avg"].shape == each.shape for each, state in optimizer.state.items())


def test_the_share_of_the_learning_rate_is_saved(tmp_path: Path) -> None:
    model, average = saved(tmp_path)
    optimizer = torch.optim.AdamW(model.parameters())
    save_state(tmp_path, model, average, optimizer, ResumePoint(3, 4.0, 0.25))
    assert load_state(tmp_path, model, average, optimizer) == ResumePoint(3, 4.0, 0.25)


def test_numbers_of_an_earlier_version_that_do_not_fit_leave_the_weights(tmp_path: Path) -> None:
    model, average = saved(tmp_path)
    path = tmp_path / STATE_FILE
    with safetensors.safe_open(str(path), "pt") as opened:
        metadata, names = opened.metadata(), list(opened.keys())
        tensors = {name: opened.get_tensor(name) for name in names}
    numbered = {
        name.replace("optimizer/weight", "optimizer/0").replace("optimizer/bias", "optimizer/1"): value
        for name, value in tensors.items()
    }
    path.write_bytes(safetensors.torch.save(numbered, metadata))
    assert model.bias is not None
    heard: list[str] = []
    same = torch.optim.AdamW(model.parameters(), fused=True)
    load_state(tmp_path, model, average, same, heard.append)
    assert len(same.state) == 2 and not heard
    for others in ([model.bias, model.weight], [model.bias]):
        optimizer = torch.optim.AdamW(others, fused=True)
        assert load_state(tmp_path, model, average, optimizer, heard.append) == ResumePoint(1, 2.0)
        assert not optimizer.state
    assert len(heard) == 2 and "starts afresh" in heard[0]


def test_a_state_of_another_network_is_refused(tmp_path: Path) -> None:
    _, average = saved(tmp_path)
    other = nn.Conv2d(3, 5, 1)
    with pytest.raises(TrainingError, match="cannot be resumed"):
        load_state(tmp_path, other, average, torch.optim.AdamW(other.parameters()))


@pytest.mark.parametrize("levels", [(2, 2), (0, 2), (2, 0)])
def test_a_training_of_any_encoder_with_frozen_levels_goes_on(
    tmp_path: Path, levels: tuple[int, int]
) -> None:
    spec = ModelSpec("unet", "tu-tf_efficientnet_lite0", "imagenet", 64, (4, 9))
    pictures = snapshot(tmp_path / "snapshot")
    for name, steps, frozen, base in (("one", 1, levels[0], None), ("two", 2, levels[1], "one")):
        folder = None if base is None else tmp_path / base
        recipe = Recipe(minutes=None, steps=steps, batch=2, threads=1, frozen_levels=frozen)
        result = train(
            load_starting_model(folder, spec), spec, pictures, recipe, run_folder=tmp_path / name,
            on_event=lambda _: None, resume_from=folder, keep_state=True,
        )  # fmt: skip
        assert result.step == steps
