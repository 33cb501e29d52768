"""The stages of a network as words and numbers, ready to be sent from one process to another. No torch in here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

ENCODER, BOTTLENECK, DECODER, HEAD, OTHER = "down", "middle", "up", "head", "rest"
"""Where in a network a stage is."""


@dataclass(frozen=True, slots=True)
class NetworkStage:
    """kind: DOWN, MIDDLE, UP, HEAD or REST; does: one sentence; channels: of what comes out, 0 when unknown
    sizes: by the side of a square picture, (width, height) of what comes out."""

    kind: str
    name: str
    description: str
    channels: int
    parameters: int
    sizes: Mapping[int, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NetworkSummary:
    """A network from its picture to its scores. size: long side of what it looks at; parameters: of all of it."""

    title: str
    size: int
    channels: int
    classes: int
    parameters: int
    stages: tuple[NetworkStage, ...]

    @property
    def sides(self) -> list[int]:
        """Sides of pictures that sizes are known for, ascending."""
        return sorted({side for stage in self.stages for side in stage.sizes})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> NetworkSummary:
        """What `to_json` described; JSON has turned the sides into words meanwhile."""
        stages = [
            NetworkStage(
                **{
                    **stage,
                    "sizes": {int(side): (width, height) for side, (width, height) in stage["sizes"].items()},
                }
            )
            for stage in raw["stages"]
        ]
        return cls(**{**raw, "stages": tuple(stages)})
