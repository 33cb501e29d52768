"""The input size of a project's network: large enough that small things do not vanish from the scaled labels."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.base.errors import MaskloopError
from core.base.number_text import percent_text
from core.labels.class_list import ClassList
from core.models.spec import ModelSpec, default_size
from core.project.project import Project
from core.project.records import PictureRecord
from core.training.data.small_regions import ScaledRegions, SizeAdvice, advise_size, regions_of
from core.training.data.snapshot import SnapshotEntry

ADVICE_FACT = "size_advice"
"""Name of the fact in the project file that holds the `SizeProposal` of the newest training."""
LARGEST_DEFAULT = {"cpu": 1440, "mps": 1440, "cuda": 2048}
"""By device the largest input that is chosen unasked: the time of a prediction grows with its square."""
MOST_STRETCH = 1.1
"""How much the shape of a picture may change before it is said."""
SAMPLED_PICTURES = 8
"""Labelled pictures that are measured for the first network, evenly spread."""


@dataclass(frozen=True, slots=True)
class SizeProposal:
    """A sentence about classes that vanish at an input of `size` pixels, and the size to use instead, equal to `size`
    where none is better. Without a sentence nothing vanishes. Stored as JSON by field name."""

    sentence: str = ""
    size: int = 0
    better: int = 0

    def to_json(self) -> str:
        return json.dumps({"sentence": self.sentence, "size": self.size, "better": self.better})

    @classmethod
    def from_json(cls, text: str | None) -> SizeProposal:
        """Read what `to_json` wrote; an empty one when that is missing or damaged."""
        try:
            raw = json.loads(text or "{}")
            return cls(str(raw["sentence"]), int(raw["size"]), int(raw["better"]))
        except (ValueError, TypeError, KeyError):
            return cls()


def first_size(
    project: Project, records: Iterable[PictureRecord], device_kind: str, *, pretrained: bool
) -> int:
    """The input of a new network: the default of the device, or larger where labelled things would vanish at that.

    Reads a few labels. device_kind: as `likely_device` returns it
    """
    size = default_size(device_kind, pretrained=pretrained)
    large = [r for r in records if r.is_labelled and max(r.width or 0, r.height or 0) > size]
    chosen = large[:: max(1, len(large) // SAMPLED_PICTURES)][:SAMPLED_PICTURES]
    measured: list[ScaledRegions] = []
    for record in chosen:
        width, height = record.width or 0, record.height or 0
        try:
            values = project.labels.read(record.id, width, height)
        except MaskloopError:
            continue  # said when it is copied for training
        measured.append(ScaledRegions(max(width, height), regions_of(values)))
    return advise_size(measured, size, LARGEST_DEFAULT.get(device_kind, size)).better


def propose_size(pictures: Iterable[ScaledRegions], size: int, classes: ClassList) -> SizeProposal:
    """What a training at this input says about its labels. pictures: of the snapshot"""
    advice = advise_size(pictures, size)
    return SizeProposal(_sentence(advice, classes), advice.size, advice.better)


def stretched_text(spec: ModelSpec, entries: Iterable[SnapshotEntry]) -> str:
    """A sentence where most pictures do not have the shape of an input with width and height; else empty."""
    if spec.shape is None:
        return ""
    shapes = Counter((entry.own_width, entry.own_height) for entry in entries)
    if not shapes:
        return ""
    width, height = shapes.most_common(1)[0][0]
    across, down = spec.shape
    if max(width * down, height * across) <= MOST_STRETCH * min(width * down, height * across):
        return ""
    text = f"Pictures of {width:,} x {height:,} pixels are stretched to {across} x {down}."
    turned = max(width * across, height * down) <= MOST_STRETCH * min(width * across, height * down)
    return f"{text} The width comes first: {down}x{across} has their shape." if turned else text


def _sentence(advice: SizeAdvice, classes: ClassList) -> str:
    lost = [(classes.name_of(value), share) for value, share in sorted(advice.lost.items())]
    if not lost:
        return ""
    which = _listed(
        [f"“{name}” loses {percent_text(share)} of its regions or pixels" for name, share in lost[:3]]
    )
    if len(lost) > 3:
        which += f", and {len(lost) - 3} more classes lose as much"
    start = f"Pictures are scaled to {advice.size:,} pixels for the network, where {which}."
    if advice.better == advice.size:
        return f"{start} Cut the pictures into tiles to keep them: export resized or tiled."
    times = (advice.better / advice.size) ** 2
    return (
        f"{start} At {advice.better:,} pixels they are kept. Training still takes crops of the same size; a prediction "
        f"takes about {times:.0f} times as long."
    )


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
