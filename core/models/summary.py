"""Summary of a network: its stages in order, with channels, sizes and parameters. Nothing is computed, only shapes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from core.base.text import count_of
from core.models.catalogue import architecture, encoder_title
from core.models.network_builder import build_network
from core.models.networks.asymmetric_unet import AsymmetricUNet
from core.models.networks.fcn import FCN8s
from core.models.networks.hypercolumn import HypercolumnNet
from core.models.networks.plain_unet import PlainUNet
from core.models.spec import ModelSpec
from core.models.summary_types import BOTTLENECK, DECODER, ENCODER, HEAD, OTHER, NetworkStage, NetworkSummary

SIDES = (128, 224, 256, 384, 512, 768)
"""Sides of the square inputs. A network that cannot take one leaves it out; some take only 224."""
ENCODER_TEXT = "Features of decreasing resolution and growing receptive field."

Shape = tuple[int, int, int]
"""Channels, height and width of an output."""


@dataclass
class NetworkPart:
    """A part of a network that becomes a stage.

    modules: whose parameters it counts, unless `own_parameters` is given; output_module: whose output is measured
    shapes: of that output, by the side of the square input
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
        parameters = sum(p.numel() for module in self.modules for p in module.parameters())
        return NetworkStage(
            self.kind,
            self.name,
            self.description,
            channels,
            parameters if self.own_parameters is None else self.own_parameters,
            sizes,
        )


def summarise_network(spec: ModelSpec) -> NetworkSummary:
    """The summary of the network of a spec. Raises ModelError."""
    spec = replace(spec, weights="none")
    model = build_network(spec).to("meta").eval()
    parts = list(_parts(model))
    for side in SIDES:
        # The input may be too small for the deepest level, or not the one size that a transformer takes.
        with contextlib.suppress(RuntimeError, ValueError, AssertionError):
            _measure(model, parts, torch.zeros(1, spec.channels, side, side, device="meta"))
    encoder = getattr(model, "encoder", None)
    if isinstance(encoder, nn.Module):
        parts[:1] = encoder_parts(encoder, spec.channels) or parts[:1]
    stages = [part.to_stage() for part in parts]
    total = sum(p.numel() for p in model.parameters())
    left = total - sum(stage.parameters for stage in stages)
    if left:
        stages.append(NetworkStage(OTHER, "Other layers", "Layers between the stages above.", 0, left))
    title = architecture(spec.architecture).title
    title = f"{title} on {encoder_title(spec.encoder)}" if spec.encoder else title
    return NetworkSummary(title, spec.size, spec.channels, len(spec.class_values), total, tuple(stages))


def _parts(model: nn.Module) -> Iterator[NetworkPart]:
    if isinstance(model, AsymmetricUNet):
        yield from _asymmetric(model)
    elif isinstance(model, PlainUNet):
        yield from _plain(model)
    elif isinstance(model, HypercolumnNet):
        yield from _hypercolumn(model)
    else:
        yield from _on_encoder(model)


def _asymmetric(model: AsymmetricUNet) -> Iterator[NetworkPart]:
    for at, stage in enumerate(model.down):
        blocks = len(stage) - 1  # type: ignore[arg-type]
        description = (
            f"Convolution of stride 2 halves the size, then {count_of(blocks, 'residual block')} with "
            "squeeze-and-excitation."
            if blocks
            else "Convolution of stride 2 halves the size."
        )
        yield NetworkPart(ENCODER, f"Encoder {at + 1}", description, [stage], stage)
    description = "Parallel convolutions with several dilations, and global average pooling (ASPP)."
    yield NetworkPart(BOTTLENECK, "Atrous pyramid", description, [model.pyramid], model.pyramid)
    for at, rise in enumerate(model.up):
        description = "Upsamples by 2, adds the skip connection, one convolution."
        yield NetworkPart(DECODER, f"Decoder {at + 1}", description, [rise], rise)
    yield NetworkPart(
        HEAD,
        "Head",
        "One logit for each class and position; upsampled to the picture afterwards.",
        [model.head],
        model.head,
    )


def _plain(model: PlainUNet) -> Iterator[NetworkPart]:
    for at, stage in enumerate(model.down):
        name = f"Encoder {at + 1}" if at < len(model.down) - 1 else "Bottleneck"
        description = (
            "Two convolutions." if at == 0 else "Max pooling halves the size, then two convolutions."
        )
        yield NetworkPart(
            (ENCODER if at < len(model.down) - 1 else BOTTLENECK), name, description, [stage], stage
        )
    for at, (rise, stage) in enumerate(zip(model.rise, model.up, strict=True)):
        description = (
            "A transposed convolution doubles the size; joined with the skip connection; two convolutions."
        )
        yield NetworkPart(DECODER, f"Decoder {at + 1}", description, [rise, stage], stage)
    yield NetworkPart(HEAD, "Head", "One logit for each class and pixel.", [model.head], model.head)


def _hypercolumn(model: HypercolumnNet) -> Iterator[NetworkPart]:
    yield NetworkPart(ENCODER, "Encoder", ENCODER_TEXT, [model.encoder], None)
    decoder = model.decoder
    yield NetworkPart(
        BOTTLENECK,
        "Atrous pyramid",
        "Parallel convolutions with several dilations, and global average pooling (ASPP), of the two coarsest levels.",
        [decoder.narrow, decoder.norm, decoder.weigh, decoder.pyramid],
        decoder.pyramid,
    )
    for at, block in enumerate(decoder.up):
        description = "Upsamples by 2, adds the skip connection, one convolution."
        yield NetworkPart(DECODER, f"Decoder {at + 1}", description, [block], block)
    yield NetworkPart(
        DECODER,
        "Hidden layer",
        "The sum of one 1x1 convolution of each encoder level and of the decoder.",
        [model.levels, decoder.out],
        decoder.out,
    )
    description = "One logit for each class and position; upsampled to the picture afterwards."
    yield NetworkPart(HEAD, "Head", description, [model.head], model.head)


def _on_encoder(model: nn.Module) -> Iterator[NetworkPart]:
    """A network of segmentation_models_pytorch, or FCN-8s on one of its encoders."""
    encoder: nn.Module = model.encoder  # type: ignore[assignment]
    yield NetworkPart(ENCODER, "Encoder", ENCODER_TEXT, [encoder], None)
    if isinstance(model, FCN8s):
        yield NetworkPart(
            BOTTLENECK,
            "Two wide layers",
            "Classify at the coarsest resolution.",
            [model.think],
            model.think,
        )
        heads: list[nn.Module] = [model.score, model.score_16, model.score_8]
        description = (
            "Logits of three sizes are added from coarse to fine; upsampled to the picture afterwards."
        )
        yield NetworkPart(HEAD, "Heads", description, heads, model.score_8)
        return
    decoder: nn.Module = model.decoder  # type: ignore[assignment]
    blocks = getattr(decoder, "blocks", None)
    if isinstance(blocks, nn.ModuleList):
        for at, block in enumerate(blocks):
            description = "Upsamples by 2 and merges the skip connection."
            yield NetworkPart(DECODER, f"Decoder {at + 1}", description, [block], block)
    else:
        yield NetworkPart(DECODER, "Decoder", "Merges encoder features of several sizes.", [decoder], decoder)
    head: nn.Module = model.segmentation_head  # type: ignore[assignment]
    yield NetworkPart(
        HEAD, "Head", "One logit for each class and pixel, upsampled to the picture.", [head], head
    )


def encoder_parts(encoder: nn.Module, channels: int) -> list[NetworkPart]:
    """One part for each output of an encoder; none for encoders with another kind of output.

    Parameters are assigned by execution order: to an output belong the modules up to the one that returned it.
    """
    parts: list[NetworkPart] = []
    for side in SIDES:
        with contextlib.suppress(RuntimeError, ValueError, AssertionError):
            found = _encoder_outputs(encoder, torch.zeros(1, channels, side, side, device="meta"))
            if not found:
                return []
            if not parts:
                description = "Larger receptive field than the stage before."
                parts = [
                    NetworkPart(ENCODER, f"Encoder {at}", description, [], own_parameters=own)
                    for at, (_, own) in enumerate(found, 1)
                ]
            for part, (shape, _) in zip(parts, found, strict=True):
                part.shapes[side] = shape
    return parts


def _encoder_outputs(encoder: nn.Module, picture: Tensor) -> list[tuple[Shape, int]]:
    """Shape of each output but the picture itself, and the number of parameters first used for it."""
    calls: list[tuple[nn.Module, Tensor]] = []

    def record(module: nn.Module, _given: object, output: object) -> None:
        if isinstance(output, Tensor):
            calls.append((module, output))

    hooks = [module.register_forward_hook(record) for module in encoder.modules()]
    try:
        with torch.no_grad():
            outputs = encoder(picture)
    finally:
        for hook in hooks:
            hook.remove()
    if not all(isinstance(output, Tensor) and output.dim() == 4 for output in outputs):
        return []
    found: list[tuple[Shape, int]] = []
    counted: set[int] = set()
    start = 0
    for output in outputs:
        if output is picture or output.shape[1] == 0:
            continue
        same = [at for at, (_, tensor) in enumerate(calls) if tensor is output]
        # A transformer returns rows of tokens, which are reshaped to a picture later.
        alike = [
            at for at, (_, tensor) in enumerate(calls) if at >= start and _may_be_reshaped(tensor, output)
        ]
        ends = same or alike
        end = max(ends, default=start)
        parameters = {id(p): p.numel() for module, _ in calls[start : end + 1] for p in module.parameters()}
        own = sum(count for key, count in parameters.items() if key not in counted)
        counted.update(parameters)
        start = end + 1
        found.append(((output.shape[1], output.shape[2], output.shape[3]), own))
    return found


def _may_be_reshaped(tensor: Tensor, output: Tensor) -> bool:
    """Whether one may be the other, reshaped: the same elements, channels last."""
    channels = output.shape[1]
    return tensor.shape == output.shape or (tensor.shape[-1] == channels and tensor.numel() == output.numel())


def _measure(model: nn.Module, parts: list[NetworkPart], picture: Tensor) -> None:
    """Run the network on a picture without data, and record the output shape of each part."""

    def recorder_of(part: NetworkPart) -> Callable[[nn.Module, object, object], None]:
        def record(_module: nn.Module, _given: object, output: object) -> None:
            if isinstance(output, Tensor) and output.dim() == 4:
                part.shapes[picture.shape[3]] = output.shape[1], output.shape[2], output.shape[3]

        return record

    hooks = [
        part.output_module.register_forward_hook(recorder_of(part))
        for part in parts
        if part.output_module is not None
    ]
    try:
        with torch.no_grad():
            model(picture)
    finally:
        for hook in hooks:
            hook.remove()
