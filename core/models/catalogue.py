"""Every network by name, with what it costs: a table to read, search and choose from. No torch in here."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.base.errors import ModelError

ANY, LEVELS, DILATES, VISION = "", "l", "d", "v"
"""What an architecture may ask of its encoder: nothing, a picture at each halving of the resolution, to see far
without halving it again, or to be a vision transformer."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """A row of the table.

    smp: its name in segmentation_models_pytorch, None when it is ours; encoder: the usual one, None where it has
    its own way down; idea: one line about it; needs: one of ANY, LEVELS, DILATES, VISION
    family, never: how the names of encoders begin that it takes, and that it does not take
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
    """A way down that many architectures can use.

    parameters: millions of numbers to learn; gmacs: thousand million multiplications for 256 x 256 pixels
    pretrained: weights from ImageNet can be had; flags: which of LEVELS, DILATES, VISION it has
    """

    name: str
    parameters: float
    gmacs: float
    pretrained: bool
    flags: str


@dataclass(frozen=True, slots=True)
class NamedNetwork:
    """A pair that has a name of its own."""

    name: str
    title: str
    architecture: str
    encoder: str


_MIT = ("mit_b",)
_NO_HALF = "mit_b", "tu-mit"

ARCHITECTURES = (
    Architecture("asymmetric-unet", "Asymmetric U-Net", None, None, "ASPP and SE; quick on a processor."),
    Architecture("asymmetric-unet-small", "Asymmetric U-Net, small", None, None, "A third of the work."),
    Architecture("asymmetric-unet-large", "Asymmetric U-Net, large", None, None, "Twice as wide."),
    Architecture("plain-unet", "Plain U-Net", None, None, "That of 2015, half as wide."),
    Architecture("unet", "U-Net", "unet", "resnet34", "A way down, a way up, and bridges between them."),
    Architecture("unetplusplus", "U-Net++", "unetplusplus", "resnet34", "More bridges; slower.", LEVELS, never=_MIT),
    Architecture("manet", "MA-Net", "manet", "resnet34", "U-Net whose bridges weigh place and channel.", LEVELS),
    Architecture("linknet", "LinkNet", "linknet", "resnet34", "Adds instead of joining; quick.", LEVELS, never=_MIT),
    Architecture("fpn", "Feature pyramid", "fpn", "resnet34", "Joins what is seen at four scales."),
    Architecture("pspnet", "PSPNet", "pspnet", "resnet34", "Pools the scene in grids; coarse edges."),
    Architecture("pan", "PAN", "pan", "resnet34", "Light; sides of 128 pixels at least.", DILATES),
    Architecture("deeplabv3", "DeepLab v3", "deeplabv3", "resnet34", "Convolutions with holes; slow.", DILATES),
    Architecture("deeplabv3plus", "DeepLab v3+", "deeplabv3plus", "resnet34", "DeepLab with sharper edges.", DILATES),
    Architecture("upernet", "UPerNet", "upernet", "resnet34", "A feature pyramid over a pooled scene."),
    Architecture("segformer", "SegFormer", "segformer", "mit_b0", "A transformer with a light decoder."),
    Architecture("dpt", "DPT", "dpt", "tu-vit_small_patch16_224", "A vision transformer; wants ImageNet.", VISION),
    Architecture("fcn-8s", "FCN-8s", None, "vgg16_bn", "VGG; its last three levels are added up.", LEVELS, "vgg"),
)  # fmt: skip

NAMED_NETWORKS = (
    NamedNetwork("unet-mobilenetv2", "U-Net on MobileNetV2", "unet", "mobilenet_v2"),
    NamedNetwork("unet-resnet34", "U-Net on ResNet-34", "unet", "resnet34"),
)

_BY_NAME = {row.name: row for row in ARCHITECTURES}


def architectures() -> tuple[Architecture, ...]:
    """All rows, ours first."""
    return ARCHITECTURES


def architecture(name: str) -> Architecture:
    """The row of this name. Raises ModelError, naming all, when there is none."""
    row = _BY_NAME.get(name)
    if row is None:
        known = ", ".join([*_BY_NAME, *(pair.name for pair in NAMED_NETWORKS)])
        raise ModelError(f"There is no architecture called “{name}”; choose one of {known}.")
    return row


def resolve_network(name: str, encoder: str | None = None) -> tuple[str, str | None]:
    """(architecture, encoder) for what a person calls a network; the usual encoder where none is given.

    Raises ModelError for a name nobody knows and for an encoder that does not fit.
    """
    for pair in NAMED_NETWORKS:
        if pair.name == name:
            return pair.architecture, encoder or pair.encoder
    row = architecture(name)
    if row.encoder is None:
        if encoder:
            raise ModelError(f"{row.title} has a way down of its own; leave the encoder out.")
        return name, None
    chosen = encoder or row.encoder
    known = _encoders_by_name().get(base_encoder_name(chosen))
    # One that the table does not have may still be known to a newer library: building it will tell.
    if known is not None and not is_compatible(row, known):
        raise ModelError(f"{row.title} cannot be built on {chosen}; {row.encoder} is its usual encoder.")
    return name, chosen


@functools.cache
def encoders() -> tuple[Encoder, ...]:
    """Every encoder of the table, in the order of the libraries: theirs first, then “tu-” ones of timm."""
    return tuple(
        Encoder(name, float(parameters), float(gmacs), "p" in flags, flags.replace("p", ""))
        for name, (parameters, gmacs, flags) in _read("encoders.json").items()
    )


def encoders_for(row: Architecture) -> tuple[Encoder, ...]:
    """Those that `row` can be built on; none for a network with a way down of its own."""
    return tuple(one for one in encoders() if is_compatible(row, one)) if row.encoder else ()


def is_compatible(row: Architecture, encoder: Encoder) -> bool:
    """Whether `row` can be built on `encoder`."""
    if row.needs != VISION and VISION in encoder.flags:
        return False
    if encoder.name.startswith(row.never) if row.never else False:
        return False
    return row.needs in encoder.flags and encoder.name.startswith(row.family)


def network_cost(name: str) -> tuple[float, float]:
    """(million parameters, gmacs) of an architecture on its usual encoder, for ten classes; nan when unknown."""
    parameters, gmacs = _read("networks.json").get(name, (float("nan"), float("nan")))
    return float(parameters), float(gmacs)


def has_pretrained_weights(row: Architecture, encoder: str | None) -> bool:
    """Whether weights from ImageNet can be had; for an encoder outside the table it is worth a try."""
    if row.encoder is None:
        return False
    known = _encoders_by_name().get(base_encoder_name(encoder or row.encoder))
    return known is None or known.pretrained


def base_encoder_name(encoder: str) -> str:
    """The name without the tag that says which weights: tu-resnet50.a1_in1k is tu-resnet50."""
    return encoder.split(".", 1)[0]


def matches(search: str, *texts: str) -> bool:
    """Whether every word of `search` occurs in one of `texts`; case does not matter."""
    whole = " ".join(texts).casefold()
    return all(word in whole for word in search.casefold().split())


def search_encoders(search: str, rows: Iterable[Encoder]) -> tuple[Encoder, ...]:
    """The encoders whose name has every word of `search`."""
    return tuple(one for one in rows if matches(search, one.name))


@functools.cache
def _encoders_by_name() -> dict[str, Encoder]:
    return {one.name: one for one in encoders()}


@functools.cache
def _read(name: str) -> dict[str, list[Any]]:
    # Counted by tests/benchmarks/encoder_costs.py: counting takes torch and minutes, reading a millisecond.
    table: dict[str, list[Any]] = json.loads(Path(__file__).with_name(name).read_text("utf-8"))
    return table
