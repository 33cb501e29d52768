"""What an export would write, before anything is: the wish, and in numbers what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from core.base.errors import FormatError
from core.formats.writers.base import MADE_BY, NO_SPLIT
from core.formats.writers.registry import Outgoing, outgoing
from core.formats.writers.resize_and_tile import Shape, no_tile
from core.labels.class_list import ClassList
from core.project.project import Project
from core.project.records import PictureRecord, Status
from core.session.transfer.export_destination import check_place
from core.session.transfer.export_resume import count_left
from core.session.transfer.export_summary import statistics_of
from core.session.transfer.file_names import PATTERN, apart, names_of


@dataclass(frozen=True, slots=True)
class ExportWish:
    """What to export. `format` is a row of OUTGOING; `splits` are names (train, val, test, NO_SPLIT), empty means all
    of them; `only_done` leaves out what is not marked done; `pattern` names the files; `lists` asks for lists of the
    splits instead of folders."""

    out: Path
    format: str = "masks"
    splits: frozenset[str] = frozenset()
    labels: bool = True
    predictions: bool = False
    only_done: bool = False
    shape: Shape = field(default_factory=Shape)
    pattern: str = PATTERN
    lists: bool = False


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """What an export would write, in numbers, and what its format cannot hold, before anything is written.

    moment: that of the classes, as `ClassDrawer.moment` tells it; pieces: pictures after tiling, those without a label
    counted as well; pixels: label pixels by value; finished: pictures that an export with this wish had written before
    it was stopped; discards: those that one with another wish had.
    """

    wish: ExportWish
    row: Outgoing
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
    def leftover(self) -> str | None:
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


def plan_export(project: Project, wish: ExportWish) -> ExportPlan:
    """The dry run. Raises FormatError when there is nothing to write or the place is taken."""
    row = outgoing(wish.format)
    wish.shape.check()
    check_place(wish.out, project)
    records = tuple(
        r
        for r in project.pictures.all()
        if (not wish.splits or (r.split or NO_SPLIT) in wish.splits)
        and (not wish.only_done or r.status == Status.DONE)
        and ((wish.labels and r.is_labelled) or (wish.predictions and r.is_predicted))
    )
    if not records:
        wanted = " or ".join(["label"] * wish.labels + ["prediction"] * wish.predictions)
        raise FormatError(
            f"There is nothing to export with these choices: no picture of them carries a {wanted or 'mask'}."
        )
    moment, classes = project.classes.moment(), project.classes.read()
    statistics = statistics_of(project, records, labels=wish.labels, predictions=wish.predictions)
    names = names_of(records, wish.pattern)
    if row.spell is not None:
        names = apart(names, row.spell)
    if wish.shape.tile is not None:
        names = apart(names, no_tile)
    left, same = count_left(wish.out.absolute(), written_down(project, wish, classes))
    return ExportPlan(
        wish,
        row,
        classes,
        moment,
        records,
        names,
        sum(r.is_labelled for r in records) if wish.labels else 0,
        sum(r.is_predicted for r in records) if wish.predictions else 0,
        sum(wish.shape.count(r.width or 1, r.height or 1) for r in records),
        statistics.splits,
        statistics.pixels,
        (*row.writer().losses(classes, statistics), *wish.shape.losses()),
        min(left, len(records)) if same else 0,
        0 if same else left,
    )


def check_classes(project: Project, plan: ExportPlan) -> None:
    """Raises FormatError when the classes are no longer those of the plan: labels would go out under other names."""
    if (project.classes.moment(), project.classes.read()) != (plan.moment, plan.classes):
        raise FormatError("The classes have changed meanwhile, so nothing was exported. Export again.")


def written_down(project: Project, wish: ExportWish, classes: ClassList) -> dict[str, Any]:
    """All that an export is made of but for its pictures, as JSON."""
    return {
        "made_by": f"{MADE_BY} {version('maskloop')}",
        "project": str(project.home),
        "wish": asdict(wish) | {"out": wish.out.name, "splits": sorted(wish.splits)},
        "classes": [[c.value, c.name, list(c.colour)] for c in classes],
    }
