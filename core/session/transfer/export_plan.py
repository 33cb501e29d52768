"""What an export will write: the options, the dry run in numbers, and the dataset card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any

from msgspec import structs

from core.base.errors import FormatError
from core.formats.writers.base import MADE_BY, NO_SPLIT, LabelStatistics
from core.formats.writers.dataset_card import DatasetCard, DatasetCounts, dataset_date
from core.formats.writers.registry import ExportFormat, export_format
from core.formats.writers.resize_and_tile import ResizeOptions, avoid_tile_name
from core.labels.class_list import ClassList
from core.project.project import Project
from core.project.records import PictureRecord, Status
from core.session.transfer.export_destination import check_destination
from core.session.transfer.export_resume import count_finished
from core.session.transfer.file_names import PATTERN, file_names, make_unique

_NOTHING_TO_EXPORT = {
    (True, False): "There is nothing to export with these options: none of the pictures has a label.",
    (False, True): "There is nothing to export with these options: none of the pictures has a prediction.",
    (
        True,
        True,
    ): "There is nothing to export with these options: none of the pictures has a label or a prediction.",
    (False, False): "There is nothing to export: choose labels, predictions or both.",
}
"""By whether labels and predictions were asked for."""
_CONTENTS = {
    (True, False): "Labels",
    (False, True): "Predictions",
    (True, True): "Labels and predictions",
    (False, False): "",
}
"""In the dataset card, by whether there are labels and predictions."""


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What to export. Stored by field name in `export.json` of an unfinished export.

    format: id of an `ExportFormat`; splits: of train, val, test and NO_SPLIT, empty for all; only_done: only pictures
    marked done; pattern: for file names, see `file_names`; lists: list files of the splits instead of folders
    run: only predictions made by this run, None for all
    """

    out: Path
    format: str = "masks"
    splits: frozenset[str] = frozenset()
    labels: bool = True
    predictions: bool = False
    only_done: bool = False
    shape: ResizeOptions = field(default_factory=ResizeOptions)
    pattern: str = PATTERN
    lists: bool = False
    run: int | None = None


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """The dry run of an export.

    remap_id: `ClassRepository.latest_remap_id` at the time; names: file names without suffix by picture id
    pieces: pictures after tiling, unlabelled tiles included; pixels: label pixels by value
    losses: sentences about what the format cannot hold
    finished: pictures that a stopped export with the same options has written; discards: with other options
    """

    options: ExportOptions
    format: ExportFormat
    classes: ClassList
    remap_id: int
    records: tuple[PictureRecord, ...] = ()
    names: dict[int, str] = field(default_factory=dict)
    labelled: int = 0
    predicted: int = 0
    pieces: int = 0
    splits: Mapping[str, int] = field(default_factory=dict)
    pixels: Mapping[int, int] = field(default_factory=dict)
    losses: tuple[str, ...] = ()
    finished: int = 0
    discards: int = 0

    @property
    def resume_notice(self) -> str | None:
        """A sentence about an export to this folder that was stopped, None without one."""
        if self.finished:
            return (
                f"An export to this folder was interrupted after {self.finished:,} of {len(self.records):,} pictures; "
                "this one resumes it."
            )
        if self.discards:
            return (
                f"An export with other options was interrupted in this folder after {self.discards:,} pictures; they "
                "are discarded."
            )
        return None


def _records(project: Project, options: ExportOptions) -> list[PictureRecord]:
    """All pictures; without the prediction where that is by another run than asked for."""
    records = project.pictures.all()
    if options.run is None:
        return records
    runs = project.runs.prediction_runs()
    return [r if runs.get(r.id) == options.run else structs.replace(r, mean_confidence=None) for r in records]


def plan_export(project: Project, options: ExportOptions) -> ExportPlan:
    """The dry run. Raises FormatError when there is nothing to write or the destination is in use."""
    target = export_format(options.format)
    options.shape.validate()
    check_destination(options.out, project)
    records = tuple(
        r
        for r in _records(project, options)
        if (not options.splits or (r.split or NO_SPLIT) in options.splits)
        and (not options.only_done or r.status == Status.DONE)
        and ((options.labels and r.is_labelled) or (options.predictions and r.is_predicted))
    )
    if not records:
        if options.run is not None and not options.labels:
            raise FormatError(
                f"None of these pictures has a prediction by run {options.run}. Predict first: maskloop predict "
                f"--run {options.run} --images all"
            )
        raise FormatError(_NOTHING_TO_EXPORT[options.labels, options.predictions])
    remap_id, classes = project.classes.latest_remap_id(), project.classes.read()
    statistics = label_statistics(project, records, labels=options.labels, predictions=options.predictions)
    names = file_names(records, options.pattern)
    if target.safe_name is not None:
        names = make_unique(names, target.safe_name)
    if options.shape.tile is not None:
        names = make_unique(names, avoid_tile_name)
    finished, same_options = count_finished(
        options.out.absolute(), describe_export(project, options, classes)
    )
    return ExportPlan(
        options,
        target,
        classes,
        remap_id,
        records,
        names,
        sum(r.is_labelled for r in records) if options.labels else 0,
        sum(r.is_predicted for r in records) if options.predictions else 0,
        sum(options.shape.tile_count(r.width or 1, r.height or 1) for r in records),
        statistics.splits,
        statistics.pixels,
        (*target.writer().losses(classes, statistics), *options.shape.losses()),
        min(finished, len(records)) if same_options else 0,
        0 if same_options else finished,
    )


def label_statistics(
    project: Project, records: tuple[PictureRecord, ...], *, labels: bool, predictions: bool
) -> LabelStatistics:
    """Counts over what will be written. Pixels of predictions are not counted: all of them would have to be read."""
    labelled = [r for r in records if labels and r.is_labelled]
    return LabelStatistics(
        project.pictures.total_pixels_by_class([r.id for r in labelled]),
        Counter(str(r.split or NO_SPLIT) for r in records),
        sum(max(0, (r.width or 0) * (r.height or 0) - r.labelled_pixels) for r in labelled),
        sum(bool(r.tags or r.note) for r in records),
        predictions,
        Counter(PurePosixPath(r.path).suffix.lower() for r in records),
    )


def check_classes(project: Project, plan: ExportPlan) -> None:
    """Raises FormatError when the classes have changed since the plan: labels would get the names of other classes."""
    if (project.classes.latest_remap_id(), project.classes.read()) != (plan.remap_id, plan.classes):
        raise FormatError("The classes have changed meanwhile, so nothing was exported. Export again.")


def describe_export(project: Project, options: ExportOptions, classes: ClassList) -> dict[str, Any]:
    """Everything but the pictures that decides what an export writes, as JSON."""
    return {
        "made_by": f"{MADE_BY} {version('maskloop')}",
        "project": str(project.home),
        "wish": asdict(options) | {"out": options.out.name, "splits": sorted(options.splits)},
        "classes": [[c.value, c.name, list(c.colour)] for c in classes],
    }


def add_to_counts(counts: DatasetCounts, picture: Mapping[str, Any]) -> None:
    """Add the tally of one picture, as `ExportTask` returns it, with its origins by name."""
    counts.pictures[picture["split"]] += picture["pieces"]
    counts.masks[picture["split"]] += picture["masks"]
    counts.pixels.update(dict(picture["pixels"]))
    counts.class_pictures.update(dict(picture["holding"]))
    counts.origin_pixels.update(picture["said"])


def dataset_card(project: Project, plan: ExportPlan, left_out: int) -> DatasetCard:
    """The card of the dataset, without its counts."""
    options = plan.options
    return DatasetCard(
        project.name,
        plan.format.title,
        plan.format.about,
        version("maskloop"),
        dataset_date(project.journal.latest_edit_time()),
        _CONTENTS[options.labels, options.predictions],
        _describe_options(options),
        plan.losses,
        left_out,
    )


def _describe_options(options: ExportOptions) -> tuple[str, ...]:
    sentences = []
    if options.splits:
        sentences.append(f"Only these splits: {', '.join(sorted(options.splits))}.")
    if options.only_done:
        sentences.append("Only pictures that are marked done.")
    if options.shape.longest:
        sentences.append(
            f"The longer side of each picture was resized to {options.shape.longest} pixels; masks were resized by "
            "nearest neighbour."
        )
    if options.shape.tile:
        side, overlap = options.shape.tile, options.shape.overlap
        sentences.append(
            f"Cut into tiles of {side} pixels with an overlap of {overlap}; unlabelled tiles were left out. "
            "_y and _x in a name are the position of the tile."
            if options.shape.drop_blank
            else f"Cut into tiles of {side} pixels with an overlap of {overlap}; unlabelled tiles were kept. "
            "_y and _x in a name are the position of the tile."
        )
    return tuple(sentences)
