"""Every network of the catalogue is built, trained, stored, and adapted to more classes."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.base.errors import ModelError
from core.models.catalogue import NAMED_NETWORKS, architectures, resolve_network
from core.models.checkpoint import load_checkpoint, save_checkpoint
from core.models.network_builder import NEW_CLASS_SHARE, build_network, grow_head, head_layers
from core.models.networks.asymmetric_unet import AsymmetricUNet
from core.models.spec import ModelSpec

SPEC = ModelSpec("asymmetric-unet", None, "none", 64, (1, 2, 5))
SMALL = {
    "segformer": "mit_b0",
    "dpt": "tu-vit_tiny_patch16_224",
    "fcn-8s": "vgg11_bn",
    "upernet": "tu-mobilenetv3_small_050",
    "pan": "mobilenet_v2",
    "fpn": "efficientnet-b0",
    "deeplabv3": "mobilenet_v2",
}
"""A small encoder for each architecture, together a few of each kind; resnet18 for the others."""


def small(name: str) -> ModelSpec:
    architecture, encoder = resolve_network(name)
    if encoder and name not in {pair.name for pair in NAMED_NETWORKS}:
        encoder = SMALL.get(name, "resnet18")
    return replace(SPEC, architecture=architecture, encoder=encoder)


NETWORKS = [row.name for row in architectures()] + [pair.name for pair in NAMED_NETWORKS]
MORE_ENCODERS = ["mobileone_s0", "densenet121", "tu-resnet18", "tu-convnext_atto"]


@pytest.fixture(autouse=True)
def one_core() -> Iterator[None]:
    """So small pictures are quicker on one core, by far when the other is busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def learns_and_comes_back(spec: ModelSpec, folder: Path) -> None:
    torch.manual_seed(0)
    side = 128 if spec.architecture == "pan" else 64  # its pyramid halves a sixteenth three times more
    model = build_network(spec).train()
    logits = model(torch.randn(2, spec.channels, side, side))
    assert logits.shape[:2] == (2, len(spec.class_values)) and logits.shape[2] in (side // 4, side // 2, side)
    logits.square().mean().backward()
    assert all(head.weight.grad.any() for head in head_layers(model))
    assert [p.shape for p in model.parameters() if p.grad is not None and not p.grad.isfinite().all()] == []
    model = model.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    save_checkpoint(folder, model, spec, {})
    again = load_checkpoint(folder).model
    picture = torch.randn(1, spec.channels, side, side + 32)
    with torch.inference_mode():
        said = model(picture)
        torch.testing.assert_close(again(picture), said, rtol=1e-3, atol=1e-4)
    assert said.shape == (1, len(spec.class_values), side, side + 32)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_trains_and_round_trips(name: str, tmp_path: Path) -> None:
    learns_and_comes_back(small(name), tmp_path)


@pytest.mark.parametrize("encoder", MORE_ENCODERS)
def test_encoders_of_every_kind_train(encoder: str, tmp_path: Path) -> None:
    learns_and_comes_back(replace(SPEC, architecture="unet", encoder=encoder), tmp_path)


@pytest.mark.parametrize("name", ["asymmetric-unet-small", "plain-unet", "fcn-8s", "linknet"])
def test_any_number_of_channels_and_classes(name: str, tmp_path: Path) -> None:
    learns_and_comes_back(replace(small(name), channels=5, class_values=(7,)), tmp_path)


def test_asymmetric_unet_is_small_and_every_weight_has_a_gradient() -> None:
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
        # timm would ask a stranger's repository what to build.
        ModelSpec("unet", "tu-hf-hub:stranger/beacon", "none", 64, (1, 2)),
        ModelSpec("unet", "tu-local-dir:/tmp/beacon", "none", 64, (1, 2)),
    ],
)
def test_messages_about_networks_that_cannot_be_built(
    spec: ModelSpec, offline: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_args: object, **_kwargs: object) -> None:
        pytest.fail("somebody was asked over the network")

    monkeypatch.setattr("huggingface_hub.file_download.get_hf_file_metadata", asked)
    with pytest.raises(ModelError, match=r"^There (is|are) no .*\.$"):
        build_network(spec)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", "/nowhere")


@pytest.mark.parametrize("encoder", ["resnet34", "tu-resnet18"])
@pytest.mark.parametrize("name", ["unet", "deeplabv3plus"])
def test_failed_download_of_weights_raises_a_model_error(name: str, encoder: str, offline: None) -> None:
    heard: list[str] = []
    with pytest.raises(ModelError) as caught:
        build_network(ModelSpec(name, encoder, "imagenet", 64, (1, 2)), heard.append)
    assert str(caught.value) == (
        f"The ImageNet weights of {encoder} could not be downloaded (no network). "
        "Train from scratch or try again when online."
    )
    assert heard == [f"Downloading the ImageNet weights of {encoder}."]


def test_cached_weights_need_no_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import safetensors.torch
    import timm
    from huggingface_hub import constants

    theirs = timm.create_model("resnet18", pretrained=False)
    name = timm.models.get_pretrained_cfg("resnet18").hf_hub_id.replace("/", "--")
    place = tmp_path / f"models--{name}"
    (place / "snapshots" / "1").mkdir(parents=True)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("1")
    safetensors.torch.save_file(theirs.state_dict(), place / "snapshots" / "1" / "model.safetensors")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    heard: list[str] = []
    model = build_network(ModelSpec("unet", "tu-resnet18", "imagenet", 64, (1, 2), channels=4), heard.append)
    stored = model.state_dict()["encoder.model.layer1.0.conv1.weight"]
    torch.testing.assert_close(stored, theirs.state_dict()["layer1.0.conv1.weight"])
    assert heard == []


# Classes come and go ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["asymmetric-unet", "unet", "dpt", "fcn-8s", "segformer"])
def test_grown_head_keeps_the_logits_of_known_classes(name: str) -> None:
    torch.manual_seed(0)
    old_spec = small(name)
    new_spec = replace(old_spec, class_values=(5, 7, 1, 9))  # 2 is gone, 7 and 9 are new, the order changed
    old = build_network(old_spec).eval()
    for head in head_layers(old):
        torch.nn.init.normal_(head.weight)
    new = grow_head(old, old_spec, new_spec).eval()
    picture = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        before, after = old(picture), new(picture)
    torch.testing.assert_close(after[:, 0], before[:, 2], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(after[:, 2], before[:, 0], rtol=1e-4, atol=1e-4)
    assert after[:, [1, 3]].isfinite().all()


@pytest.mark.parametrize("name", ["asymmetric-unet", "unet", "fcn-8s"])
def test_new_class_gets_no_pixel_and_at_most_its_share(name: str) -> None:
    torch.manual_seed(0)
    old_spec = small(name)
    new_spec = replace(old_spec, class_values=(1, 2, 5, 6))
    old = build_network(old_spec).eval()
    for head in head_layers(old):
        torch.nn.init.normal_(head.weight)
        torch.nn.init.normal_(head.bias)  # type: ignore[arg-type]
    new = grow_head(old, old_spec, new_spec).eval()
    picture = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        before, after = old(picture).softmax(1), new(picture).softmax(1)
    share = after[:, 3]
    assert share.max() <= NEW_CLASS_SHARE and share.min() > 0
    assert torch.equal(before.argmax(1), after.argmax(1))
    lost = before - after[:, :3]
    assert (lost >= -1e-6).all() and (lost <= share.unsqueeze(1) + 1e-6).all()


def test_merged_classes_are_as_likely_as_both_where_they_are_equal() -> None:
    torch.manual_seed(0)
    old = build_network(SPEC).eval()
    (head,) = head_layers(old)
    torch.nn.init.normal_(head.weight)
    with torch.no_grad():
        head.weight[1], head.bias[1] = head.weight[0], 0.5  # type: ignore[index]
        head.bias[0] = 0.5  # type: ignore[index]
    merged = grow_head(old, SPEC, replace(SPEC, class_values=(2, 5), inherits=((2, 1), (2, 2)))).eval()
    picture = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        before, after = old(picture).softmax(1), merged(picture).softmax(1)
    torch.testing.assert_close(after[:, 0], before[:, 0] + before[:, 1])
    torch.testing.assert_close(after[:, 1], before[:, 2])


def test_reused_value_starts_as_a_new_class() -> None:
    old = build_network(SPEC)
    grown = grow_head(old, SPEC, replace(SPEC, inherits=((2, 0),)))
    torch.testing.assert_close(head_layers(grown)[0].weight[1], head_layers(old)[0].weight.mean(0))


def test_head_of_another_architecture_is_refused() -> None:
    with pytest.raises(ModelError, match="train from scratch"):
        grow_head(build_network(SPEC), SPEC, ModelSpec("unet", "resnet18", "none", 64, (1, 2)))
