"""Table of architectures and encoders, with what they cost. Does not import torch."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.base.display_text import quoted
from core.base.errors import ModelError
from core.models.networks.packaged_weights import is_packaged

ANY, LEVELS, DILATES, VISION = "", "l", "d", "v"
"""What an architecture requires of its encoder: nothing, features at each halving of the resolution, dilated
convolutions, or to be a vision transformer."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network architecture.

    smp: its name in segmentation_models_pytorch, None for our own; encoder: the default, None where it is built in
    idea: one line about it; needs: one of ANY, LEVELS, DILATES, VISION
    family, never: prefixes of the names of encoders that it takes, and that it does not take
    """

    name: str
    title: str
    smp: str | None
    encoder: str | None
    idea: str
    needs: str = ANY
    family: str = ""
    never: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Encoder:
    """An encoder that several architectures can use.

    parameters: in millions; gmacs: 10^9 multiply-accumulates for 256 x 256 pixels
    pretrained: ImageNet weights exist; flags: which of LEVELS, DILATES, VISION it supports
    normalisation: key of `core.models.spec.NORMALISATIONS` that its ImageNet weights require
    """

    name: str
    parameters: float
    gmacs: float
    pretrained: bool
    flags: str
    normalisation: str = "imagenet"


@dataclass(frozen=True, slots=True)
class NamedNetwork:
    """An architecture and encoder with a common name."""

    name: str
    title: str
    architecture: str
    encoder: str


LITE = "tu-tf_efficientnet_lite0"
_ENCODER_TITLES = {LITE: "EfficientNet-Lite0", "tu-tf_efficientnet_lite2": "EfficientNet-Lite2"}
_MIT = ("mit_b",)
_NO_HALF = "mit_b", "tu-mit"

ARCHITECTURES = (
    Architecture("asymmetric-unet", "Asymmetric U-Net", None, None, "With ASPP and SE; fast on a processor."),
    Architecture("asymmetric-unet-small", "Asymmetric U-Net, small", None, None, "A third of the work."),
    Architecture("asymmetric-unet-large", "Asymmetric U-Net, large", None, None, "Twice as wide."),
    Architecture("hypercolumn", "Hypercolumn", None, LITE, "Pretrained; learns in seconds.", LEVELS),
    Architecture("plain-unet", "Plain U-Net", None, None, "The network of 2015 at half its width."),
    Architecture("unet", "U-Net", "unet", "resnet34", "Encoder, decoder and skip connections."),
    Architecture("unetplusplus", "U-Net++", "unetplusplus", "resnet34", "Nested skips; slower.", LEVELS, never=_MIT),
    Architecture("manet", "MA-Net", "manet", "resnet34", "U-Net with two kinds of attention.", LEVELS),
    Architecture("linknet", "LinkNet", "linknet", "resnet34", "Adds skips; fast.", LEVELS, never=_MIT),
    Architecture("fpn", "Feature pyramid", "fpn", "resnet34", "Merges features of four scales."),
    Architecture("pspnet", "PSPNet", "pspnet", "resnet34", "Pyramid pooling; coarse edges."),
    Architecture("pan", "PAN", "pan", "resnet34", "Light; sides of 128 pixels at least.", DILATES),
    Architecture("deeplabv3", "DeepLab v3", "deeplabv3", "resnet34", "Dilated convolutions; slow.", DILATES),
    Architecture("deeplabv3plus", "DeepLab v3+", "deeplabv3plus", "resnet34", "DeepLab with a decoder.", DILATES),
    Architecture("upernet", "UPerNet", "upernet", "resnet34", "Feature pyramid with pyramid pooling."),
    Architecture("segformer", "SegFormer", "segformer", "mit_b0", "Transformer encoder with a light decoder."),
    Architecture("dpt", "DPT", "dpt", "tu-vit_small_patch16_224", "Vision transformer; needs pretraining.", VISION),
    Architecture("fcn-8s", "FCN-8s", None, "vgg16_bn", "VGG; adds the scores of three levels.", LEVELS, "vgg"),
)  # fmt: skip

NAMED_NETWORKS = (
    NamedNetwork("unet-mobilenetv2", "U-Net on MobileNetV2", "unet", "mobilenet_v2"),
    NamedNetwork("unet-resnet34", "U-Net on ResNet-34", "unet", "resnet34"),
)

_BY_NAME = {row.name: row for row in ARCHITECTURES}


def architectures() -> tuple[Architecture, ...]:
    """All architectures, our own first."""
    return ARCHITECTURES


def architecture(name: str) -> Architecture:
    """The architecture of this name. Raises ModelError, which lists all names."""
    row = _BY_NAME.get(name)
    if row is None:
        known = ", ".join([*_BY_NAME, *(pair.name for pair in NAMED_NETWORKS)])
        raise ModelError(f"There is no architecture called {quoted(name)}; choose one of {known}.")
    return row


def resolve_network(name: str, encoder: str | None = None) -> tuple[str, str | None]:
    """(architecture, encoder) for a name of a network; the default encoder where none is given.

    Raises ModelError for an unknown name and for an encoder that does not fit.
    """
    for pair in NAMED_NETWORKS:
        if pair.name == name:
            return pair.architecture, encoder or pair.encoder
    row = architecture(name)
    if row.encoder is None:
        if encoder:
            raise ModelError(f"{row.title} has a built-in encoder; leave the encoder out.")
        return name, None
    chosen = encoder or row.encoder
    known = _encoders_by_name().get(base_encoder_name(chosen))
    # An encoder outside the table may exist in a newer library: building the network decides.
    if known is not None and not is_compatible(row, known):
        raise ModelError(f"{row.title} cannot be built on {chosen}; {row.encoder} is its default encoder.")
    return name, chosen


@functools.cache
def encoders() -> tuple[Encoder, ...]:
    """Every encoder: those of segmentation_models_pytorch, then those of timm (“tu-”)."""
    return tuple(
        Encoder(
            name,
            float(parameters),
            float(gmacs),
            "p" in flags,
            flags.replace("p", "").replace("s", ""),
            "symmetric" if "s" in flags else "imagenet",
        )
        for name, (parameters, gmacs, flags) in _read("encoders.json").items()
    )


def encoders_for(row: Architecture) -> tuple[Encoder, ...]:
    """The encoders that `row` can be built on; none where the encoder is built in."""
    return tuple(one for one in encoders() if is_compatible(row, one)) if row.encoder else ()


def is_compatible(row: Architecture, encoder: Encoder) -> bool:
    """Whether `row` can be built on `encoder`."""
    if row.needs != VISION and VISION in encoder.flags:
        return False
    if encoder.name.startswith(row.never) if row.never else False:
        return False
    return row.needs in encoder.flags and encoder.name.startswith(row.family)


def network_cost(name: str) -> tuple[float, float]:
    """(million parameters, gmacs) of an architecture on its default encoder, for ten classes; nan when unknown."""
    parameters, gmacs = _read("networks.json").get(name, (float("nan"), float("nan")))
    return float(parameters), float(gmacs)


def has_pretrained_weights(row: Architecture, encoder: str | None) -> bool:
    """Whether ImageNet weights exist; assumed for an encoder outside the table."""
    if row.encoder is None:
        return False
    known = _encoders_by_name().get(base_encoder_name(encoder or row.encoder))
    return known is None or known.pretrained


def normalisation_of(encoder: str | None) -> str:
    """Key of `core.models.spec.NORMALISATIONS` for a network on this encoder; that of ImageNet where none is known."""
    known = _encoders_by_name().get(base_encoder_name(encoder)) if encoder else None
    return known.normalisation if known else "imagenet"


def encoder_title(encoder: str) -> str:
    """The name of an encoder for people: that of its authors where the library's is cryptic."""
    return _ENCODER_TITLES.get(encoder, encoder)


def architecture_title(name: str, encoder: str | None) -> str:
    """For people: “U-Net on resnet34”; the title alone for a network with a built-in encoder."""
    title = architecture(name).title
    return f"{title} on {encoder_title(encoder)}" if encoder else title


def pretrained_text(encoder: Encoder) -> str:
    """Where ImageNet weights of the encoder come from; empty where there are none."""
    if is_packaged(encoder.name):
        return "ImageNet weights included"
    return "ImageNet weights to download" if encoder.pretrained else ""


def base_encoder_name(encoder: str) -> str:
    """The name without the tag of its weights: tu-resnet50.a1_in1k -> tu-resnet50."""
    return encoder.split(".", 1)[0]


def matches(search: str, *texts: str) -> bool:
    """Whether every word of `search` occurs in one of `texts`; case does not matter."""
    whole = " ".join(texts).casefold()
    return all(word in whole for word in search.casefold().split())


def search_encoders(search: str, rows: Iterable[Encoder]) -> tuple[Encoder, ...]:
    """The encoders whose name contains every word of `search`."""
    return tuple(one for one in rows if matches(search, one.name))


@functools.cache
def _encoders_by_name() -> dict[str, Encoder]:
    return {one.name: one for one in encoders()}


@functools.cache
def _read(name: str) -> dict[str, list[Any]]:
    # Counted by tests/benchmarks/encoder_costs.py: counting takes torch and minutes, reading a millisecond.
    table: dict[str, list[Any]] = json.loads(Path(__file__).with_name(name).read_text("utf-8"))
    return table
