"""Every row of the table builds with random weights, learns, and can take more classes."""

from dataclasses import replace

import pytest
import torch

from core.errors import ModelError
from core.models.asymmetric_unet import AsymmetricUNet
from core.models.registry import Architecture, architectures, build, grow_head, head_of
from core.models.spec import ModelSpec

SPEC = ModelSpec("asymmetric-unet", None, "none", 64, (1, 2, 5))


@pytest.mark.parametrize("row", architectures(), ids=lambda row: row.name)
def test_every_architecture_gives_logits_of_the_picture_size(row: Architecture) -> None:
    encoder = row.encoder and ("mit_b0" if row.name == "segformer" else "resnet18")
    model = build(ModelSpec(row.name, encoder, "none", 64, (1, 2, 5))).eval()
    with torch.inference_mode():
        assert model(torch.zeros(1, 3, 64, 96)).shape == (1, 3, 64, 96)
    assert head_of(model).out_channels == 3


def test_ours_is_small_and_every_weight_learns() -> None:
    model = AsymmetricUNet(4)
    assert 0.4e6 < sum(p.numel() for p in model.parameters()) < 2e6
    # A new block starts as nothing (its last norm is zero): one step opens it, then all weights get a gradient.
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(2):
        optimizer.zero_grad()
        model(torch.randn(2, 3, 64, 64)).square().mean().backward()
        optimizer.step()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_a_single_picture_can_be_trained_on() -> None:
    assert AsymmetricUNet(2).train()(torch.randn(1, 3, 32, 32)).shape == (1, 2, 16, 16)


@pytest.mark.parametrize(
    "spec",
    [
        replace(SPEC, architecture="crystal-ball"),
        replace(SPEC, weights="imagenet"),
        ModelSpec("unet", "no-such-encoder", "none", 64, (1, 2)),
        ModelSpec("unet", "tu-no-such-encoder", "none", 64, (1, 2)),
    ],
)
def test_what_cannot_be_built_is_said_plainly(spec: ModelSpec) -> None:
    with pytest.raises(ModelError, match=r"^There (is|are) no .*\.$"):
        build(spec)


def test_weights_that_cannot_be_downloaded_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", "/nowhere")
    heard: list[str] = []
    with pytest.raises(ModelError) as caught:
        build(ModelSpec("unet", "resnet34", "imagenet", 64, (1, 2)), heard.append)
    assert str(caught.value) == (
        "The ImageNet weights of resnet34 could not be downloaded (no network). "
        "Train from scratch or try again when online."
    )
    assert heard == ["Downloading the ImageNet weights of resnet34."]


@pytest.mark.parametrize("name", ["asymmetric-unet", "unet"])
def test_a_grown_head_keeps_what_it_knew(name: str) -> None:
    torch.manual_seed(0)
    old_spec = ModelSpec(name, "resnet18" if name == "unet" else None, "none", 64, (1, 2, 5))
    new_spec = replace(old_spec, class_values=(5, 7, 1))  # 2 is gone, 7 is new, the order changed
    old = build(old_spec).eval()
    new = grow_head(old, old_spec, new_spec).eval()
    picture = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        before, after = old(picture), new(picture)
    torch.testing.assert_close(after[:, 0], before[:, 2])
    torch.testing.assert_close(after[:, 2], before[:, 0])
    assert after[:, 1].isfinite().all()


def test_a_head_does_not_grow_onto_another_body() -> None:
    with pytest.raises(ModelError, match="train from scratch"):
        grow_head(build(SPEC), SPEC, ModelSpec("unet", "resnet18", "none", 64, (1, 2)))
