"""A dataset from outside becomes pictures, classes and labels of a project."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.base.errors import Cancelled, FormatError
from core.base.geometry import Box
from core.base.process_pool import MAX_WEIGHT, map_in_order
from core.formats.dataset_types import ClassTarget, Dataset, Sample
from core.labels.label_map import Edit, LabelMap, Origin, Values
from core.project.bulk_insert import insert_pictures
from core.project.packed_picture import PackedPicture, file_digest
from core.project.project import Project
from core.project.records import PictureRecord, Split, Status
from core.project.row_changes import RowChange
from core.session.transfer.excluded_masks import exclude_masks
from core.session.transfer.import_ledger import ImportLedger, signature_of
from core.session.transfer.import_plan import ClassChoice, ImportPlan, map_classes, plan_import
from core.session.transfer.import_task import ImportItem, ImportRequest, ImportTask

R = TypeVar("R")


class DocumentRunner(Protocol):
    """Runs what touches the document where the document lives, and waits for it."""

    def __call__(self, act: Callable[[], R]) -> R: ...


def _run_here(act: Callable[[], R]) -> R:
    return act()


LEDGER_FOLDER = "imports"
"""Folder in the project's cache."""
BATCH_PICTURES, BATCH_PIXELS = 16, 16_000_000
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
    uncertain: Mapping[str, float] = field(default_factory=dict)


def import_dataset(
    project: Project,
    dataset: Dataset,
    *,
    choices: Mapping[str, ClassChoice] | None = None,
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
    run_on_document: DocumentRunner | None = None,
    on_imported: Callable[[PictureRecord], None] | None = None,
) -> ImportReport:
    """Bring a dataset in: pictures that lie outside the project's folder are copied into it, one at a time.

    A label that is there already is never overwritten. Each picture is one undoable edit; pictures that are new to the
    project are stored a few at a time. `written` runs what touches the document where the document lives (here, when
    None); `came` hears of each picture. Raises Cancelled between two pictures; what came in so far stays, and the next
    import goes on from there.
    """
    on_document = run_on_document or _run_here
    taking = _ImportRun(project, plan, on_document, on_imported)
    # With the whole document for itself an import waits for the disk once, at its end.
    alone = project.store.deferred_sync() if run_on_document is None else contextlib.nullcontext()
    with alone:
        try:
            taking.notify(taking.skipped_masks)
            going = itertools.takewhile(lambda _: not cancelled(), plan.dataset.samples)
            done = 0
            for done, ready in enumerate(taking.read(going), 1):
                taking.add(ready)
                if progress:
                    progress(done, plan.pictures)
            if done < plan.pictures:
                raise Cancelled
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
    labels.begin_edit(name, tool, 0, Origin.IMPORTED)
    labels.put_values(Box(0, 0, labels.width, labels.height), values, labels.values == 0)
    return labels.finish_edit()


class _ImportRun:
    """One import under way."""

    def __init__(
        self,
        project: Project,
        plan: ImportPlan,
        on_document: DocumentRunner,
        on_imported: Callable[[PictureRecord], None] | None,
    ) -> None:
        self._project, self._plan, self._on_document, self._on_imported = (
            project,
            plan,
            on_document,
            on_imported,
        )
        self._table = on_document(self._write_classes)
        self._known = {record.path: record for record in on_document(project.pictures.all)}
        self.skipped_masks = (
            on_document(lambda: exclude_masks(project, plan.dataset, self._known.values()))
            if plan.in_place
            else []
        )
        """Masks that had been taken for pictures, by id."""
        self._ledger = ImportLedger(project.cache_folder / LEDGER_FOLDER, plan.dataset.root)
        self._largest_pixels = MAX_WEIGHT
        """Pixels of the largest picture so far. Before there is one, nothing is read beside the first."""
        self._waiting: dict[str, tuple[ImportItem, PackedPicture]] = {}
        self._pixels = 0
        self._pictures = self._labels = self._skipped = 0
        self._problems = list(plan.dataset.problems)
        self._notes = list(plan.dataset.notes)
        self._uncertain: dict[str, float] = {}

    def read(self, samples: Iterable[Sample]) -> Iterator[ImportItem | str | None]:
        """Samples read on several cores, in their order, as `ImportTask` answers. Two that go to one place take turns."""
        return map_in_order(
            ImportTask(self._project.folder, np.ascontiguousarray(self._table)),
            map(self._request, samples),
            self._plan.pictures,
            lambda _: self._largest_pixels,
            # Some file systems do not tell upper and lower case apart.
            lambda asked: asked.path.casefold(),
        )

    def add(self, ready: ImportItem | str | None) -> None:
        """Bring one picture in; what is wrong with it becomes a problem. One that is new may wait for others."""
        if ready is None:
            self._skipped += 1
            return
        if isinstance(ready, str):
            self._problems.append(ready)
            return
        self._problems += ready.problems
        self._notes += ready.notes
        if ready.confidence < 1:
            self._uncertain[ready.path] = round(ready.confidence, 4)
        pixels = ready.size[0] * ready.size[1]
        self._largest_pixels = (
            max(self._largest_pixels, pixels) if self._pictures + len(self._waiting) else pixels
        )
        if ready.packed_picture is None or ready.path in self._waiting:
            self._flush()
            self._store_one(ready)
        else:
            self._waiting[ready.path] = ready, ready.packed_picture
            self._pixels += pixels
            if len(self._waiting) >= BATCH_PICTURES or self._pixels > BATCH_PIXELS:
                self._flush()

    def _request(self, sample: Sample) -> ImportRequest:
        """What has to be known before a picture is read."""
        inside = sample.picture.is_relative_to(self._project.folder)
        path = sample.picture.relative_to(self._project.folder).as_posix() if inside else sample.target_path
        sign = signature_of((sample.picture, *sample.sources), self._table.tobytes(), str(self._plan.split))
        split = self._plan.split or (Split(sample.split) if sample.split else None)
        record = self._known.get(path)
        there = record is not None and (record.is_labelled or sample.read_mask is None)
        # Brought by an earlier import, and nobody has undone it since.
        is_in = there and self._ledger.has(path, sign) and self._project.picture_path(path).exists()
        return ImportRequest(sample, path, split, sign, record is not None, is_in)

    def notify(self, picture_ids: Iterable[int]) -> None:
        """Whoever wants to hears of pictures."""
        if self._on_imported is not None:
            for picture_id in picture_ids:
                self._on_imported(self._on_document(partial(self._project.pictures.get, picture_id)))

    def report(self) -> ImportReport:
        values = {
            row.foreign.name: int(self._table[n])
            for n, row in enumerate(self._plan.rows, 1)
            if row.choice.fate == ClassTarget.CLASS
        }
        return ImportReport(
            self._pictures,
            self._labels,
            values,
            tuple(self._problems),
            self._skipped,
            tuple(self._notes),
            self._uncertain,
        )

    def close(self) -> None:
        try:
            self._flush()
        finally:
            self._ledger.close()

    def _flush(self) -> None:
        """Store what waits."""
        waiting, self._waiting, self._pixels = self._waiting, {}, 0
        if not waiting:
            return
        arrivals = [arrival for _, arrival in waiting.values()]
        ids = self._on_document(lambda: insert_pictures(self._project.store, arrivals))
        for path, (ready, _) in waiting.items():
            if path in ids:
                self._count_stored(ready)
            else:
                self._store_one(ready)
        self.notify(ids.values())

    def _store_one(self, ready: ImportItem) -> None:
        """Bring in a picture that the project holds already."""
        try:
            record = self._on_document(lambda: self._store(ready))
        except FormatError as problem:
            self._problems.append(str(problem))
            return
        self._count_stored(ready)
        if self._on_imported is not None:
            self._on_imported(record)

    def _count_stored(self, ready: ImportItem) -> None:
        self._pictures += 1
        self._labels += ready.has_mask
        if ready.is_complete:
            self._ledger.add(ready.path, ready.signature)

    def _write_classes(self) -> NDArray[np.uint8]:
        classes, table = map_classes(self._project.classes.read(), self._plan.rows)
        self._project.classes.save(classes)
        return table

    def _store(self, ready: ImportItem) -> PictureRecord:
        """Where the document lives: the picture's row, its split, its label. Raises FormatError."""
        project, path, size = self._project, ready.path, ready.size
        fresh = project.pictures.add([path])
        record = fresh[0] if fresh else project.pictures.by_path(path)
        if record.is_labelled and (record.width, record.height) != size:
            raise FormatError(f"{path} is labelled at another size in this project; it was left out.")
        project.pictures.set_size(record.id, *size)
        if project.pictures.digest(record.id) is None:  # so that it is found again wherever it is moved
            with contextlib.suppress(OSError):
                project.pictures.set_digests({record.id: file_digest(project.picture_path(path))})
        wanted = ready.split
        if wanted is not None and record.split is None:
            project.pictures.set_split([record.id], wanted)
        rows = _tag_rows(record, ready.tags)
        label = ready.label()
        if label is not None:
            store_label(project, record, label, "Import masks", "import", rows)
            if label.any() and record.status == Status.NEW:
                project.pictures.set_status([record.id], Status.DONE)
        elif rows:
            project.journal.change_rows(record.id, "Import tags", "import", rows)
        return project.pictures.get(record.id)


def _tag_rows(record: PictureRecord, tags: tuple[str, ...]) -> tuple[RowChange, ...]:
    more = sorted(set(tags) - set(record.tags))
    return tuple(RowChange("picture_tags", f"{record.id}:{tag}", {}) for tag in more)
