"""Specification of a network: everything needed to build it again. Does not import torch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from core.base.display_text import quoted
from core.base.errors import ModelError
from core.labels.class_list import MAX_CLASS_VALUE, UNLABELLED
from core.models.catalogue import normalisation_of
from core.models.networks.packaged_weights import is_packaged

STRIDE = 32
"""Sides of an input are multiples of this, the total stride of the architectures."""
MIN_INPUT_SIZE, MAX_INPUT_SIZE = STRIDE, 4096
InputSize = int | tuple[int, int]
"""The longer side of an input in pixels, where pictures keep their shape; or (width, height), to which all pictures are
scaled."""
WEIGHTS = ("none", "imagenet")
DEFAULT_ENCODER, DEFAULT_SIZE = "tu-tf_efficientnet_lite0", 480
WEIGHTS_FILE = "model.safetensors"
"""File in a run's folder with its newest weights."""
NORMALISATIONS: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "imagenet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "symmetric": ((127.0,), (128.0,)),
}
"""(mean, standard deviation) of pixel values 0..255, per channel or for all, which a network's input is normalised by.
"imagenet" applies to three channels; pictures with others are normalised by OTHER_CHANNELS."""
OTHER_CHANNELS = ((127.5,), (64.0,))
TTA_MODES = ("none", "flip", "scales", "all")
"""Test-time augmentation: none, with the mirror image, at three scales, both."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """The specification of a network. Field names are stored with each run.

    architecture: name in `core.models.catalogue`; encoder: its encoder, None where it is built in
    weights: initial weights of the encoder, "none" or "imagenet"
    size: long side in pixels of the network's input, a multiple of 32
    shape: (width, height), the longer one `size`, to which all pictures are scaled; None: they keep their shape
    class_values: row i of the output is the pixel value class_values[i] (1..254)
    channels: colour channels of a picture
    normalisation: key of NORMALISATIONS; empty for that of the encoder, which pretrained weights require
    inherits: (new, old) class values, for starting from older weights: class `new` gets the row of class `old`; several
        olds of one new were merged, old 0 means that the class is not the one that had its value before

    Raises ModelError when a value is out of range.
    """

    architecture: str
    encoder: str | None
    weights: str
    size: int
    class_values: tuple[int, ...]
    channels: int = 3
    inherits: tuple[tuple[int, int], ...] = ()
    normalisation: str = ""
    shape: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if not self.normalisation:
            object.__setattr__(self, "normalisation", normalisation_of(self.encoder))
        if self.normalisation not in NORMALISATIONS:
            raise ModelError(
                f"The normalisation {quoted(self.normalisation)} is not known to this version of Maskloop."
            )
        if self.weights not in WEIGHTS:
            raise ModelError(f"Unknown starting weights {quoted(self.weights)}; choose “none” or “imagenet”.")
        _check_input_size(self.size, self.shape)
        if not self.class_values:
            raise ModelError("A network needs at least one class; add a class first.")
        if len(set(self.class_values)) != len(self.class_values):
            raise ModelError("A network cannot have the same class twice.")
        if not all(1 <= value <= MAX_CLASS_VALUE for value in self.class_values):
            raise ModelError(f"Classes of a network have values from 1 to {MAX_CLASS_VALUE}.")
        if not 1 <= self.channels <= 16:
            raise ModelError(
                f"A network for {str(self.channels)[:20]} colour channels cannot be built; use 1 to 16."
            )

    @property
    def network_name(self) -> str:
        """Architecture and encoder, for messages: "unet on resnet34"."""
        return f"{self.architecture} on {self.encoder}" if self.encoder else self.architecture

    @property
    def pixel_statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """(mean, standard deviation) by which pixel values 0..255 are normalised, each per channel or for all."""
        mean, std = NORMALISATIONS[self.normalisation]
        return (mean, std) if len(mean) in (1, self.channels) else OTHER_CHANNELS

    @property
    def is_pretrained(self) -> bool:
        """Whether the encoder starts from ImageNet weights, or started from them before it was trained."""
        return self.weights == "imagenet"

    @property
    def chosen_size(self) -> InputSize:
        return self.shape or self.size

    def with_size(self, size: InputSize) -> ModelSpec:
        """The spec with another input. Raises ModelError."""
        if isinstance(size, int):
            return replace(self, size=size, shape=None)
        return replace(self, size=longer_side(size), shape=size)

    def with_network(self, architecture: str, encoder: str | None, weights: str | None = None) -> ModelSpec:
        """The spec of another network, with its normalisation. weights: None for ImageNet's if a package has them."""
        if weights is None:
            weights = "imagenet" if encoder and is_packaged(encoder) else "none"
        return replace(self, architecture=architecture, encoder=encoder, weights=weights, normalisation="")

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {
            **asdict(self),
            "class_values": list(self.class_values),
            "shape": self.shape and list(self.shape),
            "inherits": [list(pair) for pair in self.inherits],
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> ModelSpec:
        """The spec that `to_json` wrote. Raises ModelError when it is incomplete or wrong."""
        try:
            encoder = raw["encoder"]
            return cls(
                architecture=str(raw["architecture"]),
                encoder=None if encoder is None else str(encoder),
                weights=str(raw["weights"]),
                size=int(raw["size"]),
                class_values=tuple(int(value) for value in raw["class_values"]),
                channels=int(raw.get("channels", 3)),
                inherits=tuple((int(new), int(old)) for new, old in raw.get("inherits", ())),
                # Before it was stored, every network had this one.
                normalisation=str(raw.get("normalisation", "imagenet")),
                shape=_shape(raw.get("shape")),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as problem:
            raise ModelError(
                f"The description of the network is damaged ({quoted(repr(problem))})."
            ) from problem


def _shape(raw: Any) -> tuple[int, int] | None:
    if raw is None:
        return None
    width, height = raw
    return int(width), int(height)


def parse_input_size(text: str) -> InputSize:
    """The size in “480”, “256x144” or “256 × 144 pixels”. Raises ModelError."""
    found = re.fullmatch(r"\s*(\d{1,5})\s*(?:[x×X*]\s*(\d{1,5})\s*)?(?:px|pixels)?\s*", text)
    if found is None:
        raise ModelError(
            f"{quoted(text)} is not an input size; give the longer side, such as 480, or width x height, such as "
            "256x144."
        )
    size = int(found[1]) if found[2] is None else (int(found[1]), int(found[2]))
    _check_input_size(longer_side(size), None if isinstance(size, int) else size)
    return size


def _check_input_size(size: int, shape: tuple[int, int] | None) -> None:
    """As the fields of `ModelSpec`. Raises ModelError."""
    if not MIN_INPUT_SIZE <= size <= MAX_INPUT_SIZE or size % STRIDE:
        raise ModelError(
            f"The network size {str(size)[:20]} does not work; choose a multiple of {STRIDE} from {MIN_INPUT_SIZE} to "
            f"{MAX_INPUT_SIZE}."
        )
    if shape is not None and (max(shape) != size or min(shape) < MIN_INPUT_SIZE):
        raise ModelError(
            f"The network input {str(shape)[:40]} does not work; both sides need {MIN_INPUT_SIZE} pixels or more."
        )


def longer_side(size: InputSize) -> int:
    """In pixels."""
    return size if isinstance(size, int) else max(size)


def size_text(size: InputSize) -> str:
    """As `parse_input_size` reads it: "480", "256x144"."""
    return str(size) if isinstance(size, int) else f"{size[0]}x{size[1]}"


def spec_from_base(base: ModelSpec, class_values: tuple[int, ...], value_map: Sequence[int]) -> ModelSpec:
    """The spec of `base` for changed classes; value_map: (256,) old class value -> value now."""
    inherits: list[tuple[int, int]] = []
    for new in class_values:
        olds = [old for old in base.class_values if int(value_map[old]) == new]
        if olds and olds != [new]:
            inherits += [(new, old) for old in olds]
        elif not olds and new in base.class_values:
            # The value of a deleted class belongs to another class now.
            inherits.append((new, UNLABELLED))
    return replace(base, class_values=class_values, inherits=tuple(sorted(inherits)))


def default_spec(device_kind: str, class_values: tuple[int, ...]) -> ModelSpec:
    """The default on a device ("cpu", "mps" or "cuda"); docs/experiments.md has the measurements.

    Without the package of its ImageNet weights it is the best network for random weights.
    """
    if is_packaged(DEFAULT_ENCODER):
        return ModelSpec("hypercolumn", DEFAULT_ENCODER, "imagenet", DEFAULT_SIZE, class_values)
    size = default_size(device_kind, pretrained=False)
    if device_kind == "cuda":
        return ModelSpec("unet", "resnet34", "none", size, class_values)
    return ModelSpec("asymmetric-unet", None, "none", size, class_values)


def default_size(device_kind: str, *, pretrained: bool) -> int:
    """Side of the input of a network that was chosen without one; random weights need more steps, so smaller ones."""
    if pretrained:
        return DEFAULT_SIZE
    return 512 if device_kind == "cuda" else 256


def work_size(width: int, height: int, size: int) -> tuple[int, int]:
    """(width, height) of a picture scaled to a long side of `size` pixels, each at least 1."""
    scale = size / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def scaled_size(width: int, height: int, size: InputSize, scale: float = 1.0) -> tuple[int, int]:
    """(width, height) of a picture scaled to an input, times `scale`; each at least 1."""
    if isinstance(size, int):
        return work_size(width, height, max(1, round(size * scale)))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def crop_size(width: int, height: int, longest: int | None) -> tuple[int, int]:
    """(width, height) of a training crop: the shape of the picture with a long side of at most `longest` pixels, each
    rounded up to a multiple of `STRIDE`."""
    if longest is not None and longest < max(width, height):
        width, height = work_size(width, height, longest)
    return round_up_to_stride(width), round_up_to_stride(height)


def round_up_to_stride(length: int) -> int:
    """`length` rounded up to a multiple of `STRIDE`."""
    return -(-length // STRIDE) * STRIDE
