"""Journey four: pictures and masks leave as a dataset, whole or not at all."""

from __future__ import annotations

import contextlib
import shutil
import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from core.errors import Cancelled, FormatError, ImageError
from core.formats.card import CARD
from core.formats.outgoing import Outgoing, outgoing
from core.formats.shaping import Shape, shaped
from core.formats.writing import NO_SPLIT, OutPicture, WritePlan, Writer
from core.images.source import read_size
from core.labels.classes import ClassList
from core.labels.labelmap import Values
from core.labels.prediction import read_prediction
from core.lanes import Lane
from core.project.project import Project, mapping_of
from core.project.records import PictureRecord, Status
from core.session.counting import Counting, card_of, statistics_of
from core.session.naming import PATTERN, names_of
from core.session.placing import check_place, into_place, mark

R = TypeVar("R")

LABELS, PREDICTIONS = "labels", "predictions"


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

    pieces: pictures after tiling, those without a label counted as well; pixels: label pixels by value.
    """

    wish: ExportWish
    row: Outgoing
    classes: ClassList
    records: tuple[PictureRecord, ...] = ()
    names: dict[int, str] = field(default_factory=dict)
    labelled: int = 0
    predicted: int = 0
    pieces: int = 0
    splits: Mapping[str, int] = field(default_factory=dict)
    pixels: Mapping[int, int] = field(default_factory=dict)
    losses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written. `pictures` counts those of the project, `pairs` those with a label; `problems` name what was
    left out and why."""

    out: Path
    pictures: int
    pairs: int
    predictions: int
    problems: tuple[str, ...]


def plan_export(project: Project, wish: ExportWish) -> ExportPlan:
    """The dry run. Raises FormatError when there is nothing to write or the place is taken."""
    row = outgoing(wish.format)
    wish.shape.check()
    check_place(wish.out, project)
    records = tuple(
        r
        for r in project.pictures.all()
        if r.problem is None
        and (not wish.splits or (r.split or NO_SPLIT) in wish.splits)
        and (not wish.only_done or r.status == Status.DONE)
        and ((wish.labels and r.is_labelled) or (wish.predictions and r.is_predicted))
    )
    if not records:
        wanted = " or ".join(["label"] * wish.labels + ["prediction"] * wish.predictions)
        raise FormatError(
            f"There is nothing to export with these choices: no picture of them carries a {wanted or 'mask'}."
        )
    classes = project.classes.read()
    statistics = statistics_of(project, records, labels=wish.labels, predictions=wish.predictions)
    return ExportPlan(
        wish,
        row,
        classes,
        records,
        names_of(records, wish.pattern),
        sum(r.is_labelled for r in records) if wish.labels else 0,
        sum(r.is_predicted for r in records) if wish.predictions else 0,
        sum(wish.shape.count(r.width or 1, r.height or 1) for r in records),
        statistics.splits,
        statistics.pixels,
        (*row.writer().losses(classes, statistics), *wish.shape.losses()),
    )


def run_export(
    project: Project,
    plan: ExportPlan,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> ExportReport:
    """Write everything beside the place, then rename. Raises Cancelled or FormatError; nothing is left then."""
    out = plan.wish.out.absolute()
    beside = out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}.partial")
    missing = [parent for parent in out.parents if not parent.exists()]
    try:
        beside.mkdir(parents=True)
        report = _write_all(project, plan, beside, progress or (lambda *_: None), cancelled)
        mark(beside, plan.wish.format)
        into_place(beside, out)
    except OSError as problem:
        raise FormatError(
            f"The dataset could not be written to {out}: {problem.strerror or problem}. "
            "Check that there is space and that you may write there."
        ) from problem
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        for parent in missing:  # only goes when it is empty: when nothing was exported
            with contextlib.suppress(OSError):
                parent.rmdir()
    return report


class Exporting:
    """Exports while the window goes on, on a lane and through a reading connection of its own."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lane = Lane("export")
        self._cancel = threading.Event()

    def plan(self, wish: ExportWish) -> Future[ExportPlan]:
        """The dry run. The future raises FormatError."""
        return self._lane.submit(self._with_reader, lambda project: plan_export(project, wish))

    def run(self, plan: ExportPlan, progress: Callable[[int, int], None]) -> Future[ExportReport]:
        """Write it. `progress` is called on the export lane. The future raises FormatError or Cancelled."""
        self._cancel.clear()
        return self._lane.submit(
            self._with_reader, lambda project: run_export(project, plan, progress, self._cancel.is_set)
        )

    def cancel(self) -> None:
        """Stop after the picture under way; nothing is left behind, and the next export begins anew."""
        self._cancel.set()

    def close(self) -> None:
        self.cancel()
        self._lane.close(drop_waiting=True)

    def _with_reader(self, act: Callable[[Project], R]) -> R:
        with Project.read(self._home) as project:
            return act(project)


class _Sink:
    """One dataset that is written. A format that is not layered holds one mask a picture: `only` says which."""

    def __init__(self, plan: ExportPlan, root: Path, only: str | None) -> None:
        root.mkdir(exist_ok=True)
        self._writer: Writer = plan.row.writer()
        self._only = only
        lists = plan.wish.lists and plan.row.lists
        self._writer.begin(WritePlan(root, plan.classes, len(plan.records), lists))

    def write(self, picture: OutPicture) -> None:
        mask = picture.prediction if self._only == PREDICTIONS else picture.label
        if self._only is None:
            self._writer.write(picture)
        elif mask is not None:
            self._writer.write(replace(picture, label=mask, prediction=None, confidence=None))

    def finish(self) -> None:
        self._writer.finish()


def _sinks(plan: ExportPlan, root: Path) -> list[_Sink]:
    if plan.row.layered:
        return [_Sink(plan, root, None)]
    wanted = [LABELS] * plan.wish.labels + [PREDICTIONS] * plan.wish.predictions
    return [_Sink(plan, root / one if len(wanted) > 1 else root, one) for one in wanted]


def _write_all(
    project: Project,
    plan: ExportPlan,
    root: Path,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> ExportReport:
    """Raises Cancelled between two pictures, and FormatError when not one could be written."""
    sinks = _sinks(plan, root)
    counting = Counting(project)
    problems: list[str] = []
    pictures = pairs = predictions = 0
    for done, record in enumerate(plan.records):
        if cancelled():
            raise Cancelled
        try:
            whole = _out_picture(project, plan, record, problems)
            if whole is not None:
                for piece in shaped(whole, plan.wish.shape):
                    for sink in sinks:
                        sink.write(piece)
                    counting.wrote(piece)
                counting.of(record, whole)
                pictures += 1
                pairs += whole.label is not None
                predictions += whole.prediction is not None
        except (ImageError, FormatError) as problem:
            problems.append(str(problem))
        progress(done + 1, len(plan.records))
    if not pictures:
        raise FormatError(f"Nothing could be exported, so {plan.wish.out} was left as it is. {problems[0]}")
    for sink in sinks:
        sink.finish()
    card = card_of(project, plan.row, plan.wish, plan.losses, len(problems))
    (root / CARD).write_text(card.text(plan.classes, counting.tally), "utf-8", newline="\n")
    return ExportReport(plan.wish.out.absolute(), pictures, pairs, predictions, tuple(problems))


def _out_picture(
    project: Project, plan: ExportPlan, record: PictureRecord, problems: list[str]
) -> OutPicture | None:
    """The picture with what is wanted of it, None when nothing is there. Raises ImageError."""
    source = project.picture_path(record.path)
    size = read_size(source)
    if record.width is not None and size != (record.width, record.height):
        raise ImageError(
            f"{record.path} is now {size[0]} x {size[1]} pixels, but it was {record.width} x {record.height} "
            "when it was last opened; it was left out."
        )
    label = prediction = confidence = None
    if plan.wish.labels and record.is_labelled:
        label = project.labels.read(record.id, *size)
    if plan.wish.predictions and record.is_predicted:
        try:
            prediction, confidence = _prediction(project, record, size)
        except ImageError as problem:  # the cache may be emptied at any time; the label goes out all the same
            problems.append(str(problem))
    if label is None and prediction is None:
        return None
    split = str(record.split or NO_SPLIT)
    name = plan.names[record.id]
    return OutPicture(name, split, source, *size, label, prediction, confidence, record.tags)


def _prediction(project: Project, record: PictureRecord, size: tuple[int, int]) -> tuple[Values, Values]:
    """Class values and confidence, (H, W) uint8 each. Raises ImageError when the cache has lost it."""
    mask = read_prediction(project.prediction_path(record.id))
    mask = mask.relabelled(mapping_of(project, mask.run_id))
    if mask.values.shape[::-1] != size:
        raise ImageError(f"The prediction of {record.path} is of another size; predict it again.")
    return mask.values, mask.confidence
