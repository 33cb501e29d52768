"""Every network we can build: a table, and the function that reads it."""

from __future__ import annotations

import contextlib
import socket
import urllib.parse
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from core.errors import ModelError
from core.models.asymmetric_unet import AsymmetricUNet
from core.models.spec import ModelSpec

Progress = Callable[[str], None]
"""Told a sentence now and then, while something takes its time."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """A row of the table. `smp` is the name in segmentation_models_pytorch, None for our own; `encoder` the
    usual one; `idea` explains it in one line."""

    name: str
    title: str
    smp: str | None
    encoder: str | None
    idea: str


ARCHITECTURES = (
    Architecture("asymmetric-unet", "Asymmetric U-Net", None, None, "Small and quick, learns on a processor."),
    Architecture("unet", "U-Net", "unet", "resnet34", "A way down, a way up, and bridges between them."),
    Architecture("unetplusplus", "U-Net++", "unetplusplus", "resnet34", "U-Net with a net of bridges; slower."),
    Architecture("linknet", "LinkNet", "linknet", "resnet34", "U-Net that adds instead of joining; quick."),
    Architecture("fpn", "Feature pyramid", "fpn", "resnet34", "Joins what is seen at four scales."),
    Architecture("pspnet", "PSPNet", "pspnet", "resnet34", "Pools the scene in grids; coarse edges."),
    Architecture("deeplabv3", "DeepLab v3", "deeplabv3", "resnet34", "Convolutions with holes see far."),
    Architecture("deeplabv3plus", "DeepLab v3+", "deeplabv3plus", "resnet34", "DeepLab with sharper edges."),
    Architecture("segformer", "SegFormer", "segformer", "mit_b0", "A transformer with a light decoder."),
)  # fmt: skip


def architectures() -> tuple[Architecture, ...]:
    """All rows, ours first."""
    return ARCHITECTURES


def build(spec: ModelSpec, progress: Progress | None = None) -> nn.Module:
    """A fresh network: float (N, channels, H, W) normalised, sides multiples of 32 -> logits (N, classes, H, W).

    In train mode it may answer at half the resolution; the loss then takes the label of every second pixel.
    Pretrained encoder weights are downloaded once by segmentation_models_pytorch; `progress` hears of it.
    Raises ModelError for a name nobody knows and for weights that cannot be had.
    """
    row = next((row for row in ARCHITECTURES if row.name == spec.architecture), None)
    if row is None:
        known = ", ".join(row.name for row in ARCHITECTURES)
        raise ModelError(f"There is no architecture called “{spec.architecture}”; choose one of {known}.")
    classes = len(spec.class_values)
    if row.smp is None:
        if spec.weights != "none":
            raise ModelError(f"There are no ImageNet weights of {row.title}; train it from scratch.")
        return AsymmetricUNet(classes, spec.channels)
    encoder = spec.encoder or row.encoder
    assert encoder is not None
    with _quiet():
        # Imported here: it takes seconds, and our own network does not need it.
        import segmentation_models_pytorch as smp

        if spec.weights == "imagenet":
            _expect_weights(smp, encoder, progress)
        try:
            model: nn.Module = smp.create_model(
                row.smp,
                encoder,
                encoder_weights=None if spec.weights == "none" else spec.weights,
                in_channels=spec.channels,
                classes=classes,
            )
        except Exception as problem:  # whatever a hundred encoders and their downloads may raise
            raise _cannot_build(row, encoder, spec.weights, problem) from problem
    return model


def head_of(model: nn.Module) -> nn.Conv2d:
    """The last convolution, one row a class. Raises ModelError when the network has none where we look."""
    head = getattr(model, "head", None)
    if head is None and hasattr(model, "segmentation_head"):
        head = model.segmentation_head[0]  # type: ignore[index]
    if not isinstance(head, nn.Conv2d):
        raise ModelError("This network has no output layer that can take more classes; train from scratch.")
    return head


@torch.no_grad()
def grow_head(old_model: nn.Module, old_spec: ModelSpec, new_spec: ModelSpec) -> nn.Module:
    """A network for the classes of `new_spec` that keeps all the old one has learned.

    Known classes keep their row of the head, also under another value (`inherits`); a new class starts as the
    mean of the known rows, a little less likely than they, so that it is not predicted before it was learned.
    Raises ModelError when the two specs differ in more than classes, size and weights.
    """
    ours, theirs = (new_spec.architecture, new_spec.channels), (old_spec.architecture, old_spec.channels)
    if ours != theirs or new_spec.encoder != old_spec.encoder:
        raise ModelError(
            f"The weights of a {old_spec.architecture} do not fit a {new_spec.architecture}; train from scratch."
        )
    model = build(replace(new_spec, weights="none"))
    old_head, head = head_of(old_model), head_of(model)
    kept = {id(tensor) for tensor in (old_head.weight, old_head.bias)}
    body = {
        name: value for name, value in old_model.state_dict(keep_vars=True).items() if id(value) not in kept
    }
    model.load_state_dict({**model.state_dict(), **body})
    weight, bias = old_head.weight, old_head.bias
    heirs = dict(new_spec.inherits)
    for row, value in enumerate(new_spec.class_values):
        known_as = heirs.get(value, value)
        if known_as in old_spec.class_values:
            old_row = old_spec.class_values.index(known_as)
            head.weight[row] = weight[old_row]
            if head.bias is not None and bias is not None:
                head.bias[row] = bias[old_row]
        else:
            head.weight[row] = weight.mean(0) + head.weight[row] * 0.1
            if head.bias is not None and bias is not None:
                head.bias[row] = bias.mean() - 1.0
    return model


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Warnings of other people's code about other people's code; a user cannot act on them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=FutureWarning)
        warnings.filterwarnings("ignore", message="For 'tu-'", category=UserWarning)
        warnings.filterwarnings(
            "ignore", message=".*HF_TOKEN.*|.*unauthenticated requests.*", category=UserWarning
        )
        yield


def _expect_weights(smp: Any, encoder: str, progress: Progress | None) -> None:
    """Say that a download comes, or raise at once where the library would try in vain for half a minute."""
    from huggingface_hub import constants, try_to_load_from_cache

    settings = smp.encoders.encoders.get(encoder, {}).get("pretrained_settings", {}).get("imagenet")
    if settings is not None:
        cached = try_to_load_from_cache(
            settings["repo_id"], "model.safetensors", revision=settings["revision"]
        )
        if isinstance(cached, str):
            return
    if progress:
        progress(f"Downloading the ImageNet weights of {encoder}.")
    if constants.HF_HUB_OFFLINE:
        raise _no_weights(encoder)
    if not urllib.request.getproxies():  # behind a proxy only the library knows the way
        host = urllib.parse.urlsplit(constants.ENDPOINT)
        try:
            socket.create_connection((host.hostname or "", host.port or 443), timeout=5).close()
        except OSError as problem:
            raise _no_weights(encoder) from problem


def _no_weights(encoder: str) -> ModelError:
    return ModelError(
        f"The ImageNet weights of {encoder} could not be downloaded (no network). "
        "Train from scratch or try again when online."
    )


def _cannot_build(row: Architecture, encoder: str, weights: str, problem: Exception) -> ModelError:
    reason = str(problem).strip("'\"").split("\n", maxsplit=1)[0][:120]
    unknown = "Wrong encoder name" in reason or "Unknown model" in reason
    if unknown:
        return ModelError(
            f"There is no encoder called “{encoder}”; resnet34 and mobilenet_v2 are good choices."
        )
    if "Wrong pretrained weights" in reason:
        return ModelError(f"There are no ImageNet weights of {encoder}; train it from scratch.")
    if weights != "none" and isinstance(problem, OSError):
        return _no_weights(encoder)
    return ModelError(f"{row.title} cannot be built with the encoder {encoder}: {reason}.")
