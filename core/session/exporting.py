"""Journey four: pictures and masks leave as a dataset, whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from core.errors import Cancelled, FormatError, ImageError
from core.formats.registry import FORMATS
from core.formats.writing import MADE_BY, NO_SPLIT, LabelStatistics, OutPicture, WritePlan, Writer
from core.images.source import read_size
from core.labels.classes import ClassList
from core.labels.labelmap import Values
from core.labels.prediction import read_prediction
from core.lanes import Lane
from core.project.project import Project, mapping_of
from core.project.records import PictureRecord, Status

R = TypeVar("R")

MARKER = "maskloop-export.json"
"""Lies in every export and lists what was written beside it, so that a later export knows what it may replace."""
_DESKTOPS = {".DS_Store", "Thumbs.db", "desktop.ini"}
"""Left by desktops everywhere."""


@dataclass(frozen=True, slots=True)
class ExportWish:
    """What to export. `format` is a row of FORMATS that can be written; `splits` are names (train, val, test,
    NO_SPLIT), empty means all of them; `only_done` leaves out what is not marked done."""

    out: Path
    format: str = "masks"
    splits: frozenset[str] = frozenset()
    labels: bool = True
    predictions: bool = False
    only_done: bool = False


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """What an export would write, in numbers, and what its format cannot hold, before anything is written."""

    wish: ExportWish
    classes: ClassList
    records: tuple[PictureRecord, ...] = ()
    names: dict[int, str] = field(default_factory=dict)
    labelled: int = 0
    predicted: int = 0
    losses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written. `pairs` are pictures with a label; `problems` name what was left out and why."""

    out: Path
    pictures: int
    pairs: int
    predictions: int
    problems: tuple[str, ...]


def plan_export(project: Project, wish: ExportWish) -> ExportPlan:
    """The dry run. Raises FormatError when there is nothing to write or the place is taken."""
    writer = writer_of(wish.format)
    _check_place(wish.out, project)
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
    return ExportPlan(
        wish,
        classes,
        records,
        _names(records),
        sum(r.is_labelled for r in records) if wish.labels else 0,
        sum(r.is_predicted for r in records) if wish.predictions else 0,
        writer.losses(classes, _statistics(project, wish, records)),
    )


def writer_of(name: str) -> Writer:
    """A fresh writer. Raises FormatError for a format that cannot be written."""
    row = FORMATS.get(name)
    if row is None or row.writer is None:
        raise FormatError(f"“{name}” cannot be exported; “maskloop formats” lists what can.")
    return row.writer()


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
    problems: list[str] = []
    pairs = predictions = pictures = 0
    try:
        beside.mkdir(parents=True)
        writer = writer_of(plan.wish.format)
        writer.begin(WritePlan(beside, plan.classes, len(plan.records)))
        for done, record in enumerate(plan.records):
            if cancelled():
                raise Cancelled
            try:
                labelled, predicted = _write_one(project, plan, record, writer, problems)
                pictures += labelled or predicted
                pairs += labelled
                predictions += predicted
            except (ImageError, FormatError) as problem:
                problems.append(str(problem))
            if progress:
                progress(done + 1, len(plan.records))
        if not pictures:
            raise FormatError(f"Nothing could be exported, so {out} was left as it is. {problems[0]}")
        writer.finish()
        _mark(beside, plan.wish.format)
        _into_place(beside, out)
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
    return ExportReport(out, pictures, pairs, predictions, tuple(problems))


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
        """Stop after the picture under way; nothing is left behind."""
        self._cancel.set()

    def close(self) -> None:
        self.cancel()
        self._lane.close(drop_waiting=True)

    def _with_reader(self, act: Callable[[Project], R]) -> R:
        with Project.read(self._home) as project:
            return act(project)


def _write_one(
    project: Project, plan: ExportPlan, record: PictureRecord, writer: Writer, problems: list[str]
) -> tuple[bool, bool]:
    """Whether a label and a prediction were written. Raises ImageError, with nothing written, for the picture."""
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
        return False, False
    split = str(record.split or NO_SPLIT)
    name = plan.names[record.id]
    writer.write(OutPicture(name, split, source, *size, label, prediction, confidence, record.tags))
    return label is not None, prediction is not None


def _prediction(project: Project, record: PictureRecord, size: tuple[int, int]) -> tuple[Values, Values]:
    """Class values and confidence, (H, W) uint8 each. Raises ImageError when the cache has lost it."""
    mask = read_prediction(project.prediction_path(record.id))
    mask = mask.relabelled(mapping_of(project, mask.run_id))
    if mask.values.shape[::-1] != size:
        raise ImageError(f"The prediction of {record.path} is of another size; predict it again.")
    return mask.values, mask.confidence


def _statistics(project: Project, wish: ExportWish, records: tuple[PictureRecord, ...]) -> LabelStatistics:
    """Pixels are those of the whole project: counting them for a choice of 100,000 pictures would take seconds."""
    return LabelStatistics(
        project.pictures.counts().class_pixels,
        Counter(str(r.split or NO_SPLIT) for r in records),
        sum(max(0, (r.width or 0) * (r.height or 0) - r.labelled_pixels) for r in records),
        sum(bool(r.tags or r.note) for r in records),
        wish.predictions,
    )


def _names(records: tuple[PictureRecord, ...]) -> dict[int, str]:
    """File names without suffix, no two alike: the picture's own where it is the only one of that name, else
    longer ones."""
    names = {r.id: _spelt(r, 0) for r in records}
    turn = 1
    # More than one turn: "x__a", made from x/a.jpg, may meet a picture that is really called so.
    while len(taken := Counter(name.casefold() for name in names.values())) < len(names):
        names |= {r.id: _spelt(r, turn) for r in records if taken[names[r.id].casefold()] > 1}
        turn += 1
    return names


def _spelt(record: PictureRecord, turn: int) -> str:
    """Longer at every turn: the name, with its folders, with its suffix (a.jpg beside a.png), with its number."""
    match turn:
        case 0:
            return _stem(record.name)
        case 1:
            return _stem(record.path).replace("/", "__")
        case _:
            return record.path.replace("/", "__").replace(".", "-") + f"-{record.id}" * (turn - 2)


def _stem(name: str) -> str:
    return name.rsplit(".", 1)[0]


def _check_place(out: Path, project: Project) -> None:
    out = Path(os.path.normpath(out.absolute()))
    if project.folder.is_relative_to(out) or project.home.is_relative_to(out):
        raise FormatError(f"{out} holds the pictures of the project. Choose a new folder for the export.")
    if out.is_relative_to(project.folder) or out.is_relative_to(project.home):
        raise FormatError(
            f"{out} lies among the pictures of the project, where what is exported would be taken for new ones. "
            "Choose a folder outside."
        )
    if out.is_file():
        raise FormatError(f"{out} is a file. Choose a folder for the export.")
    if out.is_dir() and any(out.iterdir()) and not _is_export(out):
        raise FormatError(
            f"{out} is not empty and holds more than an export of Maskloop. Choose a new folder."
        )


def _mark(folder: Path, format_name: str) -> None:
    """Note what was written, so that exactly this may be replaced."""
    names = sorted(path.name for path in folder.iterdir())
    content = {"made_by": MADE_BY, "format": format_name, "names": names}
    (folder / MARKER).write_text(json.dumps(content, indent=1, ensure_ascii=False), "utf-8")


def _is_export(folder: Path) -> bool:
    """Whether all in `folder` is ours to replace; a project made in an export since then is not."""
    try:
        marker = json.loads((folder / MARKER).read_text("utf-8"))
        ours = {MARKER, *map(str, marker["names"])} | _DESKTOPS
        return marker["made_by"] == MADE_BY and {path.name for path in folder.iterdir()} <= ours
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _into_place(beside: Path, out: Path) -> None:
    """Rename; an earlier export steps aside first and is only deleted once the new one stands."""
    if not out.exists():
        beside.rename(out)
        return
    old = out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}.old")
    out.rename(old)
    try:
        beside.rename(out)
    except OSError:
        old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)
