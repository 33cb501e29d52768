"""Levels of an encoder that are not trained, for every kind of encoder."""

from pathlib import Path

import pytest
import torch

from core.models.checkpoint import load_checkpoint, load_starting_model
from core.models.network_builder import build_network, encoder_of
from core.models.spec import ModelSpec
from core.training.loop import train
from core.training.optimizer import FrozenEncoder, early_layers
from core.training.recipe import Recipe
from tests.core.training.head.test_head_fit import snapshot

LITE = "tu-tf_efficientnet_lite0"


@pytest.mark.parametrize(
    ("architecture", "encoder", "levels"),
    [
        ("hypercolumn", LITE, 2),
        ("unet", LITE, 3),
        ("unet", "resnet18", 2),
        ("fpn", "mobilenet_v2", 1),
        ("unet", "efficientnet-b0", 2),
        ("unet", "vgg11_bn", 2),
        ("unet", "mit_b0", 2),
        ("unet", "tu-convnext_atto", 2),
        ("deeplabv3plus", "resnet18", 2),
    ],
)
def test_the_finest_levels_are_frozen_and_no_others(architecture: str, encoder: str, levels: int) -> None:
    model = build_network(ModelSpec(architecture, encoder, "none", 64, (1, 2))).train()
    part = encoder_of(model)
    FrozenEncoder(model, 0.0, levels).step(0.0)
    features = part(torch.randn(2, 3, 64, 64))
    with_channels = [level for level in features[1 : levels + 1] if level.shape[1]]
    assert with_channels and not any(level.requires_grad for level in with_channels)
    assert features[levels + 1].requires_grad


def build_part(architecture: str, encoder: str) -> torch.nn.Module:
    return encoder_of(build_network(ModelSpec(architecture, encoder, "none", 64, (1, 2))))


def test_the_probe_changes_neither_modes_nor_statistics() -> None:
    part = build_part("unet", "resnet18").train()
    before = {name: value.clone() for name, value in part.state_dict().items()}
    assert early_layers(part, 2)
    assert all(module.training for module in part.modules())
    assert all(torch.equal(value, before[name]) for name, value in part.state_dict().items())
    assert all(weight.grad is None for weight in part.parameters())


def test_a_training_leaves_the_finest_levels_of_any_pretrained_encoder_alone(tmp_path: Path) -> None:
    spec = ModelSpec("unet", LITE, "imagenet", 64, (4, 9))
    recipe = Recipe(minutes=None, steps=2, batch=2, threads=1, frozen_levels=2)
    model = load_starting_model(None, spec)
    before = {name: value.clone() for name, value in encoder_of(model).state_dict().items()}
    train(
        model, spec, snapshot(tmp_path / "snapshot"), recipe,
        run_folder=tmp_path / "run", on_event=lambda _: None,
    )  # fmt: skip
    after = encoder_of(load_checkpoint(tmp_path / "run").model).state_dict()
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert not any(name.startswith(("model.conv_stem", "model.bn1", "model.blocks.0")) for name in changed)
    assert any(name.startswith("model.blocks.5") for name in changed)
