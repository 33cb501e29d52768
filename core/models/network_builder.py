"""Builds networks from their spec, and adapts the head to changed classes."""

from __future__ import annotations

import contextlib
import math
import re
import socket
import urllib.parse
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from core.base.allocator import keep_freed_memory
from core.base.display_text import quoted
from core.base.errors import ModelError, PretrainedWeightsError
from core.models.catalogue import Architecture, architecture
from core.models.networks.asymmetric_unet import AsymmetricUNet
from core.models.networks.efficientnet_lite import VARIANTS, EfficientNetLite
from core.models.networks.fcn import FCN8s
from core.models.networks.hypercolumn import HypercolumnNet
from core.models.networks.packaged_weights import PACKAGED_WEIGHTS, load_packaged_weights
from core.models.networks.plain_unet import PlainUNet
from core.models.spec import ModelSpec

StatusCallback = Callable[[str], None]
"""Called with a sentence about a long-running operation."""

NEW_CLASS_SHARE = 0.05
"""Largest probability of a new class, as a share of the likeliest old class; see `grow_head`."""

_PLAIN_NAME = re.compile(r"[\w.+-]+")
"""Allowed names of encoders."""

_BUILT_IN: dict[str, Callable[[int, int], nn.Module]] = {
    "asymmetric-unet": AsymmetricUNet,
    "asymmetric-unet-small": lambda classes, channels: AsymmetricUNet(
        classes, channels, widths=(16, 16, 32, 64), blocks=(0, 1, 1, 1)
    ),
    "asymmetric-unet-large": lambda classes, channels: AsymmetricUNet(
        classes, channels, widths=(32, 64, 128, 256), blocks=(0, 1, 2, 3)
    ),
    "plain-unet": PlainUNet,
}


def build_network(spec: ModelSpec, on_status: StatusCallback | None = None) -> nn.Module:
    """A new network: float32 (N, channels, H, W) normalised, sides multiples of 32 -> logits (N, classes, H, W).

    In train mode it may return half the resolution or a quarter; the loss then uses one of 4 or 16 targets. ImageNet
    weights of an encoder in PACKAGED_WEIGHTS come from a package. Those of others are downloaded once by
    segmentation_models_pytorch; `on_status` is called before. Raises ModelError for an unknown name and for weights
    that are not there.
    """
    keep_freed_memory()  # before the first pass of whatever this process does with the network
    row = architecture(spec.architecture)
    classes = len(spec.class_values)
    if row.name in _BUILT_IN:
        if spec.weights != "none":
            raise ModelError(f"There are no ImageNet weights of {row.title}; train it from scratch.")
        return _BUILT_IN[row.name](classes, spec.channels)
    encoder = spec.encoder or row.encoder
    assert encoder is not None
    if not _PLAIN_NAME.fullmatch(encoder):
        # timm would download a description for a name such as "hf-hub:user/repository".
        raise _no_encoder(encoder)
    if row.name == "hypercolumn" and encoder in VARIANTS:
        lite = EfficientNetLite(encoder, spec.channels)
        if spec.weights == "imagenet":
            load_packaged_weights(lite, encoder, spec.channels)
        return HypercolumnNet(lite, classes)
    with _suppress_warnings():
        # Imported here: it takes seconds, and the networks above do not need it.
        import segmentation_models_pytorch as smp

        packaged = spec.weights == "imagenet" and encoder in PACKAGED_WEIGHTS
        if spec.weights == "imagenet" and not packaged:
            _announce_download(smp, encoder, on_status)
        try:
            model = _on_encoder(smp, row, encoder, replace(spec, weights="none") if packaged else spec)
        except Exception as error:  # encoders and downloads raise many types
            raise _cannot_build(row, encoder, spec.weights, error) from error
    if packaged:
        load_packaged_weights(encoder_of(model), encoder, spec.channels)
    return model


def _on_encoder(smp: Any, row: Architecture, encoder: str, spec: ModelSpec) -> nn.Module:
    weights, classes = None if spec.weights == "none" else spec.weights, len(spec.class_values)
    if row.name in ("fcn-8s", "hypercolumn"):
        own = FCN8s if row.name == "fcn-8s" else HypercolumnNet
        return own(smp.encoders.get_encoder(encoder, in_channels=spec.channels, weights=weights), classes)
    # Without this option a vision transformer takes one picture size only.
    options: dict[str, Any] = {"dynamic_img_size": True} if row.name == "dpt" else {}
    model: nn.Module = smp.create_model(
        row.smp, encoder, encoder_weights=weights, in_channels=spec.channels, classes=classes, **options
    )
    return model


def has_encoder(model: nn.Module) -> bool:
    """Whether the network has an encoder of its own, which can be pretrained and frozen."""
    return isinstance(getattr(model, "encoder", None), nn.Module)


def encoder_of(model: nn.Module) -> nn.Module:
    """The encoder of a network that `has_encoder`."""
    encoder = model.encoder
    assert isinstance(encoder, nn.Module)
    return encoder


def head_layers(model: nn.Module) -> tuple[nn.Conv2d, ...]:
    """The convolutions whose outputs add up to the logits, one row a class; the first has the bias of a class.

    Raises ModelError when the network has no known head.
    """
    if isinstance(model, FCN8s):
        return model.score, model.score_16, model.score_8
    head = getattr(model, "head", None)
    if head is None and hasattr(model, "segmentation_head"):
        convolutions = [m for m in model.segmentation_head.modules() if isinstance(m, nn.Conv2d)]  # type: ignore[union-attr]
        head = convolutions[-1] if convolutions else None
    if not isinstance(head, nn.Conv2d):
        raise ModelError("This network has no output layer that can take more classes; train from scratch.")
    return (head,)


@torch.no_grad()
def grow_head(old_model: nn.Module, old_spec: ModelSpec, new_spec: ModelSpec) -> nn.Module:
    """A network for the classes of `new_spec` with the weights of the old one.

    Known classes keep their row of the head, also under another value (`inherits`), so their logits do not change.
    A class merged from several gets the mean of their rows, plus the logarithm of their number: where they were
    equally likely, it is as likely as all of them together. A new class gets the mean of all old rows plus
    log(NEW_CLASS_SHARE): never more than that share of the likeliest class, because a mean is never above the highest.
    No noise is needed: its row changes with its own labels.
    Raises ModelError when the specs differ in more than classes, size and weights.
    """
    ours, theirs = (new_spec.architecture, new_spec.channels), (old_spec.architecture, old_spec.channels)
    if ours != theirs or new_spec.encoder != old_spec.encoder:
        raise ModelError(
            f"The weights of a {old_spec.architecture} do not fit a {new_spec.architecture}; train from scratch."
        )
    model = build_network(replace(new_spec, weights="none"))
    old_heads, heads = head_layers(old_model), head_layers(model)
    kept = {id(tensor) for head in old_heads for tensor in (head.weight, head.bias)}
    body = {
        name: value for name, value in old_model.state_dict(keep_vars=True).items() if id(value) not in kept
    }
    model.load_state_dict({**model.state_dict(), **body})
    for row, value in enumerate(new_spec.class_values):
        rows, extra = _origin(value, old_spec, new_spec)
        for repository, (old_head, head) in enumerate(zip(old_heads, heads, strict=True)):
            head.weight[row] = old_head.weight[rows].mean(0)
            if head.bias is not None and old_head.bias is not None:
                head.bias[row] = old_head.bias[rows].mean() + (extra if repository == 0 else 0.0)
    return model


def _origin(value: int, old_spec: ModelSpec, new_spec: ModelSpec) -> tuple[list[int], float]:
    """The old rows of the head that a class starts from, and what is added to its bias."""
    olds = [old for new, old in new_spec.inherits if new == value] or [value]
    rows = [old_spec.class_values.index(old) for old in olds if old in old_spec.class_values]
    if rows:
        return rows, math.log(len(rows))
    return list(range(len(old_spec.class_values))), math.log(NEW_CLASS_SHARE)


@contextlib.contextmanager
def _suppress_warnings() -> Iterator[None]:
    """Suppress warnings of libraries about libraries, on which a user cannot act."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=FutureWarning)
        warnings.filterwarnings("ignore", message="For 'tu-'", category=UserWarning)
        warnings.filterwarnings(
            "ignore", message=".*HF_TOKEN.*|.*unauthenticated requests.*", category=UserWarning
        )
        yield


def _announce_download(smp: Any, encoder: str, progress: StatusCallback | None) -> None:
    """Announce a download, or raise at once where the library would retry for half a minute."""
    from huggingface_hub import constants

    if _is_cached(smp, encoder):
        return
    if progress:
        progress(f"Downloading the ImageNet weights of {encoder}.")
    if constants.HF_HUB_OFFLINE:
        raise _no_weights(encoder)
    if not urllib.request.getproxies():  # behind a proxy only the library can connect
        host = urllib.parse.urlsplit(constants.ENDPOINT)
        try:
            socket.create_connection((host.hostname or "", host.port or 443), timeout=5).close()
        except OSError as error:
            raise _no_weights(encoder) from error


def _is_cached(smp: Any, encoder: str) -> bool:
    """Whether the weights of an encoder were downloaded before."""
    from huggingface_hub import try_to_load_from_cache

    settings = smp.encoders.encoders.get(encoder, {}).get("pretrained_settings", {}).get("imagenet")
    if settings is not None:
        repository, revision = settings["repo_id"], settings["revision"]
    elif encoder.startswith("tu-"):
        import timm

        known = timm.models.get_pretrained_cfg(encoder.removeprefix("tu-"), allow_unregistered=True)
        repository, revision = (known.hf_hub_id if known else None), None
    else:
        return False
    return bool(repository) and isinstance(
        try_to_load_from_cache(repository, "model.safetensors", revision=revision), str
    )


def _no_weights(encoder: str) -> ModelError:
    return PretrainedWeightsError(
        f"The ImageNet weights of {encoder} could not be downloaded (no network). "
        "Train from scratch or try again when online."
    )


def _no_encoder(encoder: str) -> ModelError:
    return ModelError(
        f"There is no encoder called {quoted(encoder)}; resnet34 and mobilenet_v2 are good choices."
    )


def _cannot_build(row: Architecture, encoder: str, weights: str, error: Exception) -> ModelError:
    reason = str(error).strip("'\"").split("\n", maxsplit=1)[0][:120]
    unknown = "Wrong encoder name" in reason or "Unknown model" in reason
    if unknown:
        return _no_encoder(encoder)
    if "Wrong pretrained weights" in reason:
        return PretrainedWeightsError(f"There are no ImageNet weights of {encoder}; train it from scratch.")
    if weights != "none" and isinstance(error, OSError):
        return _no_weights(encoder)
    return ModelError(f"{row.title} cannot be built with the encoder {encoder}: {reason}.")
