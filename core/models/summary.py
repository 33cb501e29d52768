"""The stages of a network, in the order in which a picture goes through them: size, channels, numbers to learn."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from core.models.asymmetric_unet import AsymmetricUNet
from core.models.catalogue import architecture
from core.models.fcn import FCN8s
from core.models.network_builder import build_network
from core.models.plain_unet import PlainUNet
from core.models.spec import ModelSpec
from core.models.summary_types import BOTTLENECK, DECODER, ENCODER, HEAD, OTHER, NetworkStage, NetworkSummary

SIDES = (128, 224, 256, 384, 512, 768)
"""Squares that sizes are told for. A network that cannot take one leaves it out; some take 224 alone."""

Shape = tuple[int, int, int]
"""Channels, height and width of what a part answers."""


@dataclass
class NetworkPart:
    """A part of a network that becomes a stage.

    modules: those whose numbers it counts, unless `own` says how many they are; answers: the one whose answer is
    measured; shapes: what it answered to a square picture, by its side
    """

    kind: str
    name: str
    description: str
    modules: list[nn.Module]
    output_module: nn.Module | None = None
    own_parameters: int | None = None
    shapes: dict[int, Shape] = field(default_factory=dict)

    def to_stage(self) -> NetworkStage:
        sizes = {side: (width, height) for side, (_, height, width) in self.shapes.items()}
        channels = next((channels for channels, _, _ in self.shapes.values()), 0)
        numbers = sum(p.numel() for module in self.modules for p in module.parameters())
        return NetworkStage(
            self.kind,
            self.name,
            self.description,
            channels,
            numbers if self.own_parameters is None else self.own_parameters,
            sizes,
        )


def summarise_network(spec: ModelSpec) -> NetworkSummary:
    """Of the network that `spec` builds; nothing is calculated, only shapes. Raises ModelError."""
    spec = replace(spec, weights="none")
    model = build_network(spec).to("meta").eval()
    parts = list(_parts(model))
    for side in SIDES:
        # It may be too small for the deepest level, or not the one size that a transformer is made for.
        with contextlib.suppress(RuntimeError, ValueError, AssertionError):
            _measure(model, parts, torch.zeros(1, spec.channels, side, side, device="meta"))
    encoder = getattr(model, "encoder", None)
    if isinstance(encoder, nn.Module):
        parts[:1] = encoder_parts(encoder, spec.channels) or parts[:1]
    stages = [part.to_stage() for part in parts]
    total = sum(p.numel() for p in model.parameters())
    left = total - sum(stage.parameters for stage in stages)
    if left:
        stages.append(NetworkStage(OTHER, "All else", "What stands between the stages above.", 0, left))
    title = architecture(spec.architecture).title + (f" on {spec.encoder}" if spec.encoder else "")
    return NetworkSummary(title, spec.size, spec.channels, len(spec.class_values), total, tuple(stages))


def _parts(model: nn.Module) -> Iterator[NetworkPart]:
    if isinstance(model, AsymmetricUNet):
        yield from _asymmetric(model)
    elif isinstance(model, PlainUNet):
        yield from _plain(model)
    else:
        yield from _on_encoder(model)


def _asymmetric(model: AsymmetricUNet) -> Iterator[NetworkPart]:
    for at, stage in enumerate(model.down):
        blocks = len(stage) - 1  # type: ignore[arg-type]
        does = "Halves the size with a convolution of stride 2"
        if blocks:
            does += f", then {blocks} residual block{'s' * (blocks > 1)} with squeeze-and-excitation"
        yield NetworkPart(ENCODER, f"Way down {at + 1}", f"{does}.", [stage], stage)
    does = "Looks at every place with several reaches and with the mean of the picture."
    yield NetworkPart(BOTTLENECK, "Atrous pyramid", does, [model.pyramid], model.pyramid)
    for at, rise in enumerate(model.up):
        does = "Doubles the size, adds what the way down saw at this size, one convolution."
        yield NetworkPart(DECODER, f"Way up {at + 1}", does, [rise], rise)
    yield NetworkPart(
        HEAD,
        "Head",
        "One score for each class and place; enlarged to the picture afterwards.",
        [model.head],
        model.head,
    )


def _plain(model: PlainUNet) -> Iterator[NetworkPart]:
    for at, stage in enumerate(model.down):
        name = f"Way down {at + 1}" if at < len(model.down) - 1 else "Bottom"
        does = "Two convolutions." if at == 0 else "Max pooling halves the size, then two convolutions."
        yield NetworkPart((ENCODER if at < len(model.down) - 1 else BOTTLENECK), name, does, [stage], stage)
    for at, (rise, stage) in enumerate(zip(model.rise, model.up, strict=True)):
        does = "A transposed convolution doubles the size; joined with the way down, then two convolutions."
        yield NetworkPart(DECODER, f"Way up {at + 1}", does, [rise, stage], stage)
    yield NetworkPart(HEAD, "Head", "One score for each class and pixel.", [model.head], model.head)


def _on_encoder(model: nn.Module) -> Iterator[NetworkPart]:
    """Of a network of segmentation_models_pytorch, or our FCN-8s on an encoder of theirs."""
    encoder: nn.Module = model.encoder  # type: ignore[assignment]
    yield NetworkPart(
        ENCODER, "Encoder", "Sees ever more of the picture at ever smaller sizes.", [encoder], None
    )
    if isinstance(model, FCN8s):
        yield NetworkPart(
            BOTTLENECK,
            "Two wide layers",
            "Decide what there is, at the coarsest size.",
            [model.think],
            model.think,
        )
        heads: list[nn.Module] = [model.score, model.score_16, model.score_8]
        does = "Scores of three sizes are added up from coarse to fine; enlarged to the picture afterwards."
        yield NetworkPart(HEAD, "Heads", does, heads, model.score_8)
        return
    decoder: nn.Module = model.decoder  # type: ignore[assignment]
    blocks = getattr(decoder, "blocks", None)
    if isinstance(blocks, nn.ModuleList):
        for at, block in enumerate(blocks):
            does = "Doubles the size and takes in what the encoder saw at this size."
            yield NetworkPart(DECODER, f"Way up {at + 1}", does, [block], block)
    else:
        yield NetworkPart(
            DECODER, "Decoder", "Brings together what the encoder saw at several sizes.", [decoder], decoder
        )
    head: nn.Module = model.segmentation_head  # type: ignore[assignment]
    yield NetworkPart(
        HEAD, "Head", "One score for each class and pixel, enlarged to the picture.", [head], head
    )


def encoder_parts(encoder: nn.Module, channels: int) -> list[NetworkPart]:
    """One for each size at which an encoder answers; none for those that answer in another way.

    Which numbers belong to which is seen from the order in which its modules are at work: all up to the one that
    gave the answer.
    """
    parts: list[NetworkPart] = []
    for side in SIDES:
        with contextlib.suppress(RuntimeError, ValueError, AssertionError):
            found = _answers(encoder, torch.zeros(1, channels, side, side, device="meta"))
            if not found:
                return []
            if not parts:
                does = "Each place sees more of the picture than in the stage before."
                parts = [
                    NetworkPart(ENCODER, f"Encoder {at}", does, [], own_parameters=own)
                    for at, (_, own) in enumerate(found, 1)
                ]
            for part, (shape, _) in zip(parts, found, strict=True):
                part.shapes[side] = shape
    return parts


def _answers(encoder: nn.Module, picture: Tensor) -> list[tuple[Shape, int]]:
    """Shape of each answer but the picture itself, and the numbers that were first at work for it."""
    heard: list[tuple[nn.Module, Tensor]] = []

    def hear(module: nn.Module, _given: object, answer: object) -> None:
        if isinstance(answer, Tensor):
            heard.append((module, answer))

    hooks = [module.register_forward_hook(hear) for module in encoder.modules()]
    try:
        with torch.no_grad():
            answers = encoder(picture)
    finally:
        for hook in hooks:
            hook.remove()
    if not all(isinstance(answer, Tensor) and answer.dim() == 4 for answer in answers):
        return []
    found: list[tuple[Shape, int]] = []
    counted: set[int] = set()
    begin = 0
    for answer in answers:
        if answer is picture or answer.shape[1] == 0:
            continue
        same = [at for at, (_, said) in enumerate(heard) if said is answer]
        # A transformer answers in rows of tokens, which are only then folded into a picture.
        alike = [at for at, (_, said) in enumerate(heard) if at >= begin and _alike(said, answer)]
        ends = same or alike
        end = max(ends, default=begin)
        numbers = {id(p): p.numel() for module, _ in heard[begin : end + 1] for p in module.parameters()}
        own = sum(count for key, count in numbers.items() if key not in counted)
        counted.update(numbers)
        begin = end + 1
        found.append(((answer.shape[1], answer.shape[2], answer.shape[3]), own))
    return found


def _alike(said: Tensor, answer: Tensor) -> bool:
    """Whether one may be the other, folded: the same numbers, channels last."""
    channels = answer.shape[1]
    return said.shape == answer.shape or (said.shape[-1] == channels and said.numel() == answer.numel())


def _measure(model: nn.Module, parts: list[NetworkPart], picture: Tensor) -> None:
    """Have the network look at a picture without numbers, and note what each part answers."""

    def heard(part: NetworkPart) -> Callable[[nn.Module, object, object], None]:
        def hear(_module: nn.Module, _given: object, answer: object) -> None:
            if isinstance(answer, Tensor) and answer.dim() == 4:
                part.shapes[picture.shape[3]] = answer.shape[1], answer.shape[2], answer.shape[3]

        return hear

    hooks = [
        part.output_module.register_forward_hook(heard(part))
        for part in parts
        if part.output_module is not None
    ]
    try:
        with torch.no_grad():
            model(picture)
    finally:
        for hook in hooks:
            hook.remove()
