"""What an export holds, in numbers: beforehand for the dry run, afterwards for its card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from core.formats.writers.base import NO_SPLIT, LabelStatistics
from core.formats.writers.dataset_card import Card, Tally, moment
from core.formats.writers.registry import Outgoing
from core.project.project import Project
from core.project.records import PictureRecord

if TYPE_CHECKING:
    from core.session.transfer.export_plan import ExportWish


def statistics_of(
    project: Project, records: tuple[PictureRecord, ...], *, labels: bool, predictions: bool
) -> LabelStatistics:
    """In numbers what is to be written. Pixels of predictions are not counted: that would mean reading them all."""
    labelled = [r for r in records if labels and r.is_labelled]
    return LabelStatistics(
        project.pictures.pixels_in([r.id for r in labelled]),
        Counter(str(r.split or NO_SPLIT) for r in records),
        sum(max(0, (r.width or 0) * (r.height or 0) - r.labelled_pixels) for r in labelled),
        sum(bool(r.tags or r.note) for r in records),
        predictions,
        Counter(PurePosixPath(r.path).suffix.lower() for r in records),
    )


def add(tally: Tally, one: Mapping[str, Any]) -> None:
    """Count a picture as `export_writing` tells of it; who labelled its pixels is told by name."""
    tally.pictures[one["split"]] += one["pieces"]
    tally.masks[one["split"]] += one["masks"]
    tally.pixels.update(dict(one["pixels"]))
    tally.holding.update(dict(one["holding"]))
    tally.said.update(one["said"])


def card_of(
    project: Project, row: Outgoing, wish: ExportWish, losses: tuple[str, ...], left_out: int
) -> Card:
    """What the card says besides numbers."""
    what = " and ".join(["Labels"] * wish.labels + ["predictions"] * wish.predictions)
    return Card(
        project.name,
        row.title,
        row.about,
        version("maskloop"),
        moment(project.journal.newest_moment()),
        what[:1].upper() + what[1:],
        _choices(wish),
        losses,
        left_out,
    )


def _choices(wish: ExportWish) -> tuple[str, ...]:
    said = []
    if wish.splits:
        said.append(f"Only these splits: {', '.join(sorted(wish.splits))}.")
    if wish.only_done:
        said.append("Only pictures that are marked done.")
    if wish.shape.longest:
        said.append(
            f"The longer side of each picture was brought to {wish.shape.longest} pixels; masks took the nearest pixel."
        )
    if wish.shape.tile:
        kept = "those without a label left out" if wish.shape.drop_blank else "all of them kept"
        said.append(
            f"Cut into tiles of {wish.shape.tile} pixels that share {wish.shape.overlap}; {kept}. "
            "_y and _x in a name say where the tile begins."
        )
    return tuple(said)
