"""A dataset from outside becomes pictures, classes and labels of a project."""

from __future__ import annotations

import contextlib
import filecmp
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import Cancelled, FormatError, ImageError, ProjectError
from core.formats.dataset import Dataset, Fate, Sample
from core.geometry import Box
from core.images.source import read_picture, read_size
from core.labels.labelmap import Edit, LabelMap, Origin, Values
from core.project.arrivals import Arrival, take_in
from core.project.pictures import digest_of
from core.project.project import Project
from core.project.records import PictureRecord, Split, Status
from core.project.rows import RowChange
from core.session.import_ledger import Ledger, signature_of
from core.session.import_plan import Choice, ImportPlan, plan_import, taken_in
from core.session.opening import is_text
from core.session.set_aside import set_aside

R = TypeVar("R")


class Written(Protocol):
    """Runs what touches the document where the document lives, and waits for it."""

    def __call__(self, act: Callable[[], R]) -> R: ...


def _at_once(act: Callable[[], R]) -> R:
    return act()


LEDGERS = "imports"
"""Folder in the project's cache."""
TOGETHER, TOGETHER_PIXELS = 16, 16_000_000
"""New pictures stored in one transaction: so many, or so many pixels, whichever is reached first."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What came in. `skipped` pictures were in already, unchanged; `problems` has one sentence for each picture or
    mask that did not come; `notes` say how it was understood; `unsure` gives, 0..1, how sure a guessed mask is."""

    pictures: int
    labels: int
    classes: dict[str, int]
    problems: tuple[str, ...]
    skipped: int = 0
    notes: tuple[str, ...] = ()
    unsure: Mapping[str, float] = field(default_factory=dict)


def import_dataset(
    project: Project,
    dataset: Dataset,
    *,
    choices: Mapping[str, Choice] | None = None,
    split: Split | None = None,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> ImportReport:
    """Bring a dataset in at once. Raises FormatError as `plan_import` does, and Cancelled as `run_import` does."""
    plan = plan_import(project.classes.read(), project.folder, dataset, choices, split)
    return run_import(project, plan, progress, cancelled)


def run_import(
    project: Project,
    plan: ImportPlan,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    written: Written | None = None,
    came: Callable[[PictureRecord], None] | None = None,
) -> ImportReport:
    """Bring a dataset in: pictures that lie outside the project's folder are copied into it, one at a time.

    A label that is there already is never overwritten. Each picture is one undoable edit; pictures that are new to the
    project are stored a few at a time. `written` runs what touches the document where the document lives (here, when
    None); `came` hears of each picture. Raises Cancelled between two pictures; what came in so far stays, and the next
    import goes on from there.
    """
    on_document = written or _at_once
    taking = _Taking(project, plan, on_document, came)
    # With the whole document for itself an import waits for the disk once, at its end.
    alone = project.store.together() if written is None else contextlib.nullcontext()
    with alone:
        try:
            taking.tell(taking.idle)
            for done, sample in enumerate(plan.dataset.samples):
                if cancelled():
                    raise Cancelled
                taking.take(sample)
                if progress:
                    progress(done + 1, plan.pictures)
        finally:
            taking.close()
    return taking.report()


def store_label(
    project: Project,
    record: PictureRecord,
    values: Values,
    name: str,
    tool: str,
    rows: tuple[RowChange, ...] = (),
) -> bool:
    """Put a whole label (H, W) uint8 into a picture as one edit of origin "imported", with `rows` that belong to it.

    False when no pixel changed; the rows change all the same.
    """
    labels = LabelMap(project.labels.read(record.id, values.shape[1], values.shape[0]))
    edit = _edit_of(labels, values, name, tool)
    if edit is not None:
        project.journal.commit(record.id, edit, rows)
    elif rows:
        project.journal.change_rows(record.id, name, tool, rows)
    return edit is not None


def _edit_of(labels: LabelMap, values: Values, name: str, tool: str) -> Edit | None:
    """Put a label where there is none yet. None when no pixel changes."""
    labels.begin(name, tool, 0, Origin.IMPORTED)
    labels.put(Box(0, 0, labels.width, labels.height), values, labels.values == 0)
    return labels.finish()


@dataclass(frozen=True, slots=True)
class _Ready:
    """One picture that lies where it belongs, its mask read; `values` (H, W) uint8 of the project, None without one."""

    sample: Sample
    path: str
    size: tuple[int, int]
    signature: str
    values: Values | None


class _Taking:
    """One import under way."""

    def __init__(
        self,
        project: Project,
        plan: ImportPlan,
        written: Written,
        came: Callable[[PictureRecord], None] | None,
    ) -> None:
        self._project, self._plan, self._written, self._came = project, plan, written, came
        self._table = written(self._take_classes)
        self._known = {record.path: record for record in written(project.pictures.all)}
        self.idle = (
            written(lambda: set_aside(project, plan.dataset, self._known.values())) if plan.in_place else []
        )
        """Masks that had been taken for pictures, by id."""
        self._ledger = Ledger(project.cache / LEDGERS, plan.dataset.root)
        self._waiting: dict[str, tuple[_Ready, Arrival]] = {}
        self._pixels = 0
        self._pictures = self._labels = self._skipped = 0
        self._problems = list(plan.dataset.problems)
        self._notes = list(plan.dataset.notes)
        self._unsure: dict[str, float] = {}

    def take(self, sample: Sample) -> None:
        """Bring one picture in; what is wrong with it becomes a problem. One that is new may wait for others."""
        try:
            ready = self._ready(sample)
            if ready is None:
                self._skipped += 1
            elif ready.path in self._known or ready.path in self._waiting:
                self._flush()
                self._store_known(ready)
            else:
                self._waiting[ready.path] = ready, self._arrival(ready)
                self._pixels += ready.size[0] * ready.size[1]
                if len(self._waiting) >= TOGETHER or self._pixels > TOGETHER_PIXELS:
                    self._flush()
        except (ImageError, FormatError) as problem:
            self._problems.append(str(problem))

    def tell(self, picture_ids: Iterable[int]) -> None:
        """Whoever wants to hears of pictures."""
        if self._came is not None:
            for picture_id in picture_ids:
                self._came(self._written(partial(self._project.pictures.get, picture_id)))

    def report(self) -> ImportReport:
        values = {
            row.foreign.name: int(self._table[n])
            for n, row in enumerate(self._plan.rows, 1)
            if row.choice.fate == Fate.CLASS
        }
        return ImportReport(
            self._pictures,
            self._labels,
            values,
            tuple(self._problems),
            self._skipped,
            tuple(self._notes),
            self._unsure,
        )

    def close(self) -> None:
        try:
            self._flush()
        finally:
            self._ledger.close()

    def _ready(self, sample: Sample) -> _Ready | None:
        """None when it is in already. Raises ImageError and FormatError."""
        if not is_text(str(sample.picture)):
            raise FormatError(f"The name {sample.picture.name!r} is not readable text; rename the file.")
        path = self._path_of(sample)
        signature = signature_of(
            (sample.picture, *sample.sources), self._table.tobytes(), str(self._plan.split)
        )
        if self._is_in(path, sample, signature):
            return None
        size = self._copied(sample, path)
        values = self._read(sample, path)
        if values is not None and values.shape[::-1] != size:
            self._problems.append(
                f"The mask of {path} is {values.shape[1]} x {values.shape[0]} pixels, the picture "
                f"{size[0]} x {size[1]}; the label was left out."
            )
            values = None
        return _Ready(sample, path, size, signature, values)

    def _flush(self) -> None:
        """Store what waits."""
        waiting, self._waiting, self._pixels = self._waiting, {}, 0
        if not waiting:
            return
        arrivals = [arrival for _, arrival in waiting.values()]
        ids = self._written(lambda: take_in(self._project.store, arrivals))
        for path, (ready, _) in waiting.items():
            if path in ids:
                self._is_stored(ready)
            else:
                try:
                    self._store_known(ready)
                except FormatError as problem:
                    self._problems.append(str(problem))
        self.tell(ids.values())

    def _store_known(self, ready: _Ready) -> None:
        """Bring in a picture that the project holds already. Raises FormatError."""
        record = self._written(lambda: self._store(ready))
        self._is_stored(ready)
        if self._came is not None:
            self._came(record)

    def _is_stored(self, ready: _Ready) -> None:
        self._pictures += 1
        self._labels += ready.values is not None
        if ready.values is not None or ready.sample.read is None:
            self._ledger.note(ready.path, ready.signature)

    def _arrival(self, ready: _Ready) -> Arrival:
        digest = edit = None
        with contextlib.suppress(OSError):
            digest = digest_of(self._project.picture_path(ready.path))
        if ready.values is not None:
            edit = _edit_of(LabelMap.blank(*ready.size), ready.values, "Import masks", "import")
        tags = tuple(sorted(set(ready.sample.tags)))
        return Arrival(ready.path, *ready.size, digest, self._split_of(ready.sample), tags, edit)

    def _split_of(self, sample: Sample) -> Split | None:
        return self._plan.split or (Split(sample.split) if sample.split else None)

    def _take_classes(self) -> NDArray[np.uint8]:
        classes, table = taken_in(self._project.classes.read(), self._plan.rows)
        self._project.classes.write(classes)
        return table

    def _path_of(self, sample: Sample) -> str:
        if sample.picture.is_relative_to(self._project.folder):
            return sample.picture.relative_to(self._project.folder).as_posix()
        return sample.place

    def _is_in(self, path: str, sample: Sample, signature: str) -> bool:
        """Whether an earlier import brought exactly this, and nobody has undone it since."""
        record = self._known.get(path)
        there = record is not None and (record.is_labelled or sample.read is None)
        return there and self._ledger.holds(path, signature) and self._project.picture_path(path).exists()

    def _copied(self, sample: Sample, path: str) -> tuple[int, int]:
        """Make the picture lie where it belongs. Returns its size, upright."""
        target = self._project.picture_path(path)
        if sample.cut is not None:
            _cut_out(sample.picture, sample.cut, target)
            return sample.cut.width, sample.cut.height
        size = read_size(sample.picture)
        if target != sample.picture:
            _copy(sample.picture, target)
        return size

    def _read(self, sample: Sample, path: str) -> Values | None:
        if sample.read is None:
            return None
        try:
            mask = sample.read()
        except (ImageError, FormatError) as problem:
            self._problems.append(str(problem))
            return None
        self._notes.extend(mask.notes)
        if mask.sure < 1:
            self._unsure[path] = round(mask.sure, 4)
        return self._table[mask.values]

    def _store(self, ready: _Ready) -> PictureRecord:
        """Where the document lives: the picture's row, its split, its label. Raises FormatError."""
        project, path, size = self._project, ready.path, ready.size
        fresh = project.pictures.add([path])
        record = fresh[0] if fresh else project.pictures.by_path(path)
        if record.is_labelled and (record.width, record.height) != size:
            raise FormatError(f"{path} is labelled at another size in this project; it was left out.")
        project.pictures.set_size(record.id, *size)
        if project.pictures.digest(record.id) is None:  # so that it is found again wherever it is moved
            with contextlib.suppress(OSError):
                project.pictures.set_digests({record.id: digest_of(project.picture_path(path))})
        wanted = self._split_of(ready.sample)
        if wanted is not None and record.split is None:
            project.pictures.set_split([record.id], wanted)
        rows = _tag_rows(record, ready.sample.tags)
        if ready.values is not None:
            store_label(project, record, ready.values, "Import masks", "import", rows)
            if ready.values.any() and record.status == Status.NEW:
                project.pictures.set_status([record.id], Status.DONE)
        elif rows:
            project.journal.change_rows(record.id, "Import tags", "import", rows)
        return project.pictures.get(record.id)


def _tag_rows(record: PictureRecord, tags: tuple[str, ...]) -> tuple[RowChange, ...]:
    more = sorted(set(tags) - set(record.tags))
    return tuple(RowChange("picture_tags", f"{record.id}:{tag}", {}) for tag in more)


def _cut_out(source: Path, part: Box, target: Path) -> None:
    """A part of a picture as a PNG of its own; one that is there already is taken for it."""
    if target.exists():
        if read_size(target) != (part.width, part.height):
            raise FormatError(
                f"Another picture called {target.name} is already in {target.parent}; it was kept."
            )
        return
    pixels = read_picture(source)[part.slices]
    with _beside(target, source.name) as beside:
        Image.fromarray(np.ascontiguousarray(pixels)).save(beside, "PNG")


def _copy(source: Path, target: Path) -> None:
    """Copy beside, then rename; a file that is there already must be the same picture."""
    if target.exists():
        if not filecmp.cmp(source, target, shallow=False):
            raise FormatError(
                f"Another picture called {target.name} is already in {target.parent}; it was kept."
            )
        return
    with _beside(target, source.name) as beside:
        shutil.copyfile(source, beside)


@contextlib.contextmanager
def _beside(target: Path, name: str) -> Iterator[Path]:
    """A file to write, that becomes `target` in the end. Raises ProjectError when the disk refuses."""
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        beside.replace(target)
    except OSError as problem:
        raise ProjectError(f"{name} could not be copied to {target.parent}: {problem}.") from problem
    finally:
        beside.unlink(missing_ok=True)
