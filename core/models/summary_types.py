"""The summary of a network: its stages with sizes and parameters. Sent between processes; does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

ENCODER, BOTTLENECK, DECODER, HEAD, OTHER = "encoder", "bottleneck", "decoder", "head", "other"
"""Kinds of stages."""


@dataclass(frozen=True, slots=True)
class NetworkStage:
    """kind: ENCODER, BOTTLENECK, DECODER, HEAD or OTHER; description: one sentence
    channels: of the output, 0 when unknown; sizes: side of a square input -> (width, height) of the output
    """

    kind: str
    name: str
    description: str
    channels: int
    parameters: int
    sizes: Mapping[int, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NetworkSummary:
    """A network from input to logits. size: long side of the input; parameters: of the whole network."""

    title: str
    size: int
    channels: int
    classes: int
    parameters: int
    stages: tuple[NetworkStage, ...]

    @property
    def sides(self) -> list[int]:
        """Sides of the square inputs for which sizes are known, ascending."""
        return sorted({side for stage in self.stages for side in stage.sizes})


class SummaryReady(msgspec.Struct, frozen=True, tag=True):
    summary: NetworkSummary


class SummaryFailed(msgspec.Struct, frozen=True, tag=True):
    message: str


SummaryReply = SummaryReady | SummaryFailed
"""Answer of `core.models.summary_worker`."""
