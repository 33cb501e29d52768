"""What an export holds, in numbers: beforehand for the dry run, afterwards for its card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from core.formats.writers.base import NO_SPLIT, LabelStatistics
from core.formats.writers.dataset_card import DatasetCard, DatasetCounts, dataset_date
from core.formats.writers.registry import ExportFormat
from core.project.project import Project
from core.project.records import PictureRecord

if TYPE_CHECKING:
    from core.session.transfer.export_plan import ExportOptions


def label_statistics(
    project: Project, records: tuple[PictureRecord, ...], *, labels: bool, predictions: bool
) -> LabelStatistics:
    """In numbers what is to be written. Pixels of predictions are not counted: that would mean reading them all."""
    labelled = [r for r in records if labels and r.is_labelled]
    return LabelStatistics(
        project.pictures.total_pixels_by_class([r.id for r in labelled]),
        Counter(str(r.split or NO_SPLIT) for r in records),
        sum(max(0, (r.width or 0) * (r.height or 0) - r.labelled_pixels) for r in labelled),
        sum(bool(r.tags or r.note) for r in records),
        predictions,
        Counter(PurePosixPath(r.path).suffix.lower() for r in records),
    )


def add_to_tally(tally: DatasetCounts, one: Mapping[str, Any]) -> None:
    """Count a picture as `export_writing` tells of it; who labelled its pixels is told by name."""
    tally.pictures[one["split"]] += one["pieces"]
    tally.masks[one["split"]] += one["masks"]
    tally.pixels.update(dict(one["pixels"]))
    tally.class_pictures.update(dict(one["holding"]))
    tally.origin_pixels.update(one["said"])


def dataset_card(
    project: Project, row: ExportFormat, options: ExportOptions, losses: tuple[str, ...], left_out: int
) -> DatasetCard:
    """What the card says besides numbers."""
    what = " and ".join(["Labels"] * options.labels + ["predictions"] * options.predictions)
    return DatasetCard(
        project.name,
        row.title,
        row.about,
        version("maskloop"),
        dataset_date(project.journal.latest_edit_time()),
        what[:1].upper() + what[1:],
        _describe_options(options),
        losses,
        left_out,
    )


def _describe_options(options: ExportOptions) -> tuple[str, ...]:
    said = []
    if options.splits:
        said.append(f"Only these splits: {', '.join(sorted(options.splits))}.")
    if options.only_done:
        said.append("Only pictures that are marked done.")
    if options.shape.longest:
        said.append(
            f"The longer side of each picture was brought to {options.shape.longest} pixels; masks took the nearest pixel."
        )
    if options.shape.tile:
        kept = "those without a label left out" if options.shape.drop_blank else "all of them kept"
        said.append(
            f"Cut into tiles of {options.shape.tile} pixels that share {options.shape.overlap}; {kept}. "
            "_y and _x in a name say where the tile begins."
        )
    return tuple(said)
