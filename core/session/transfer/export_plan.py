"""What an export would write, before anything is: the wish, and in numbers what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from core.base.errors import FormatError
from core.formats.writers.base import MADE_BY, NO_SPLIT
from core.formats.writers.registry import ExportFormat, export_format
from core.formats.writers.resize_and_tile import ResizeOptions, avoid_tile_name
from core.labels.class_list import ClassList
from core.project.project import Project
from core.project.records import PictureRecord, Status
from core.session.transfer.export_destination import check_destination
from core.session.transfer.export_resume import count_finished
from core.session.transfer.export_summary import label_statistics
from core.session.transfer.file_names import PATTERN, file_names, make_unique


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What to export. `format` is a row of OUTGOING; `splits` are names (train, val, test, NO_SPLIT), empty means all
    of them; `only_done` leaves out what is not marked done; `pattern` names the files; `lists` asks for lists of the
    splits instead of folders."""

    out: Path
    format: str = "masks"
    splits: frozenset[str] = frozenset()
    labels: bool = True
    predictions: bool = False
    only_done: bool = False
    shape: ResizeOptions = field(default_factory=ResizeOptions)
    pattern: str = PATTERN
    lists: bool = False


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """What an export would write, in numbers, and what its format cannot hold, before anything is written.

    moment: that of the classes, as `ClassRepository.latest_remap_id` tells it; pieces: pictures after tiling, those without a label
    counted as well; pixels: label pixels by value; finished: pictures that an export with this wish had written before
    it was stopped; discards: those that one with another wish had.
    """

    options: ExportOptions
    row: ExportFormat
    classes: ClassList
    moment: int
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
        """What becomes of what a stopped export to this place has left, as a sentence."""
        if self.finished:
            return (
                f"An export to this place was stopped after {self.finished:,} of {len(self.records):,} pictures; "
                "this one goes on from there."
            )
        if self.discards:
            return (
                f"An export with other choices was stopped at this place after {self.discards:,} pictures; they are "
                "discarded."
            )
        return None


def plan_export(project: Project, options: ExportOptions) -> ExportPlan:
    """The dry run. Raises FormatError when there is nothing to write or the place is taken."""
    row = export_format(options.format)
    options.shape.validate()
    check_destination(options.out, project)
    records = tuple(
        r
        for r in project.pictures.all()
        if (not options.splits or (r.split or NO_SPLIT) in options.splits)
        and (not options.only_done or r.status == Status.DONE)
        and ((options.labels and r.is_labelled) or (options.predictions and r.is_predicted))
    )
    if not records:
        wanted = " or ".join(["label"] * options.labels + ["prediction"] * options.predictions)
        raise FormatError(
            f"There is nothing to export with these choices: no picture of them carries a {wanted or 'mask'}."
        )
    moment, classes = project.classes.latest_remap_id(), project.classes.read()
    statistics = label_statistics(project, records, labels=options.labels, predictions=options.predictions)
    names = file_names(records, options.pattern)
    if row.safe_name is not None:
        names = make_unique(names, row.safe_name)
    if options.shape.tile is not None:
        names = make_unique(names, avoid_tile_name)
    left, same = count_finished(options.out.absolute(), describe_export(project, options, classes))
    return ExportPlan(
        options,
        row,
        classes,
        moment,
        records,
        names,
        sum(r.is_labelled for r in records) if options.labels else 0,
        sum(r.is_predicted for r in records) if options.predictions else 0,
        sum(options.shape.tile_count(r.width or 1, r.height or 1) for r in records),
        statistics.splits,
        statistics.pixels,
        (*row.writer().losses(classes, statistics), *options.shape.losses()),
        min(left, len(records)) if same else 0,
        0 if same else left,
    )


def check_classes(project: Project, plan: ExportPlan) -> None:
    """Raises FormatError when the classes are no longer those of the plan: labels would go out under other names."""
    if (project.classes.latest_remap_id(), project.classes.read()) != (plan.moment, plan.classes):
        raise FormatError("The classes have changed meanwhile, so nothing was exported. Export again.")


def describe_export(project: Project, options: ExportOptions, classes: ClassList) -> dict[str, Any]:
    """All that an export is made of but for its pictures, as JSON."""
    return {
        "made_by": f"{MADE_BY} {version('maskloop')}",
        "project": str(project.home),
        "wish": asdict(options) | {"out": options.out.name, "splits": sorted(options.splits)},
        "classes": [[c.value, c.name, list(c.colour)] for c in classes],
    }
