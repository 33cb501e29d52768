"""Imports a dataset: its pictures, classes and labels become those of a project."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.base.errors import Cancelled, FormatError, ImageError
from core.base.geometry import Box
from core.base.process_pool import MAX_WEIGHT, map_in_order
from core.base.progress import ProgressCallback
from core.formats.account import Account, AccountBuilder
from core.formats.dataset_types import ClassTarget, Dataset, Sample
from core.formats.doubt import Doubt
from core.images.file_age import file_age
from core.labels.label_map import Edit, LabelMap, Origin, Values
from core.project.bulk_insert import insert_pictures
from core.project.content.file_content import observe_file
from core.project.content.picture_contents import PictureContents
from core.project.packed_picture import PackedPicture, file_digest
from core.project.project import Project
from core.project.records import PictureRecord, Split, Status
from core.project.row_changes import RowChange
from core.session.transfer.dataset_survey import doubts_about_pixels, pixels_by_class
from core.session.transfer.excluded_masks import exclude_masks
from core.session.transfer.import_ledger import ImportLedger, signature_of
from core.session.transfer.import_plan import (
    ClassChoice,
    ImportPlan,
    labelled_size,
    map_classes,
    path_in_project,
    plan_import,
)
from core.session.transfer.import_task import ImportItem, ImportRequest, ImportTask, check_label_size
from core.session.transfer.last_import import LastImport, store_last_import

R = TypeVar("R")


class DocumentRunner(Protocol):
    """Runs work on the thread that owns the project, and waits for it."""

    def __call__(self, work: Callable[[], R]) -> R: ...


def _run_here(work: Callable[[], R]) -> R:
    return work()


LEDGER_FOLDER = "imports"
"""Folder in the project's cache."""
BATCH_PICTURES, BATCH_PIXELS = 16, 16_000_000
"""New pictures are stored in one transaction until one of these is reached."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What was imported.

    classes: class value by name of the dataset's class; skipped: pictures that were imported before and are unchanged
    problems: a sentence for each reason for which something was left out; notes: how the dataset was understood
    uncertain: by path the confidence, 0..1, of masks that had to be guessed; account: of the whole dataset
    pixels: by class of the dataset, of the masks read now; doubts: what was assumed; new: of the pictures those that
    the project did not have; kept: pictures whose own label was kept although the dataset has another one
    """

    pictures: int
    labels: int
    classes: dict[str, int]
    problems: tuple[str, ...]
    skipped: int = 0
    notes: tuple[str, ...] = ()
    uncertain: Mapping[str, float] = field(default_factory=dict)
    account: Account = field(default_factory=Account, compare=False)
    pixels: Mapping[str, int] = field(default_factory=dict, compare=False)
    doubts: tuple[Doubt, ...] = field(default=(), compare=False)
    new: int = field(default=0, compare=False)
    kept: int = field(default=0, compare=False)


def import_dataset(
    project: Project,
    dataset: Dataset,
    *,
    choices: Mapping[str, ClassChoice] | None = None,
    split: Split | None = None,
    progress: ProgressCallback | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> ImportReport:
    """Plan and run an import. Raises what `plan_import` and `run_import` raise."""
    plan = plan_import(project.classes.read(), project.folder, dataset, choices, split)
    return run_import(project, plan, progress, cancelled)


def run_import(
    project: Project,
    plan: ImportPlan,
    progress: ProgressCallback | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    run_on_document: DocumentRunner | None = None,
    on_imported: Callable[[PictureRecord], None] | None = None,
) -> ImportReport:
    """Run an import. Pictures outside the project's folder are copied into it.

    Existing labels are never overwritten. Each picture is one undoable edit; new pictures are stored in batches.
    run_on_document: runs what touches the project on the thread that owns it, None for this thread
    on_imported: gets each picture. Raises Cancelled between two pictures; the pictures stored so far stay, and the next
    import resumes there.
    """
    run = _ImportRun(project, plan, run_on_document or _run_here, on_imported)
    # When nobody else uses the project meanwhile, it is synced to disk once, at the end.
    sync = project.store.deferred_sync() if run_on_document is None else contextlib.nullcontext()
    with sync:
        try:
            run.notify(run.skipped_masks)
            samples = itertools.takewhile(lambda _: not cancelled(), plan.dataset.samples)
            done = 0
            for done, result in enumerate(run.read(samples), 1):
                run.add(result)
                if progress:
                    progress(done, plan.pictures)
            if done < plan.pictures:
                raise Cancelled
        finally:
            run.close()
    report = run.report()
    run.store(report)
    return report


def store_label(
    project: Project,
    record: PictureRecord,
    values: Values,
    name: str,
    tool: str,
    rows: tuple[RowChange, ...] = (),
) -> bool:
    """Store a whole label (H, W) uint8 on unlabelled pixels, as one edit of origin "imported", with related `rows`.

    False when no pixel changed; the rows change even then.
    """
    labels = LabelMap(project.labels.read(record.id, values.shape[1], values.shape[0]))
    edit = _edit_of(labels, values, name, tool)
    if edit is not None:
        project.journal.commit(record.id, edit, rows)
    elif rows:
        project.journal.change_rows(record.id, name, tool, rows)
    return edit is not None


def _edit_of(labels: LabelMap, values: Values, name: str, tool: str) -> Edit | None:
    """Fill unlabelled pixels. None when no pixel changes."""
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
        self._project, self._plan = project, plan
        self._on_document, self._on_imported = on_document, on_imported
        self._table = on_document(self._write_classes)
        self._known = {record.path: record for record in on_document(project.pictures.all)}
        self.skipped_masks = (
            on_document(lambda: exclude_masks(project, plan.dataset, self._known.values()))
            if plan.in_place
            else []
        )
        """Ids of masks that were in the picture list and are skipped now."""
        self._ledger = ImportLedger(project.cache_folder / LEDGER_FOLDER, plan.dataset.root)
        self._largest_pixels = MAX_WEIGHT
        """Pixels of the largest picture so far. Before there is one, the first picture is read alone."""
        self._waiting: dict[str, tuple[ImportItem, PackedPicture]] = {}
        self._pixels = 0
        self._pictures = self._labels = self._skipped = self._new = self._kept = 0
        self._account = AccountBuilder(plan.dataset.account)
        self._counts = np.zeros(256, np.int64)
        self._notes = list(plan.dataset.notes)
        self._uncertain: dict[str, float] = {}

    def read(self, samples: Iterable[Sample]) -> Iterator[ImportItem | Account | None]:
        """Results of `ImportTask` for the samples, in order, computed in parallel except for equal paths."""
        return map_in_order(
            ImportTask(self._project.folder, np.ascontiguousarray(self._table), self._plan.dataset.root),
            map(self._request, samples),
            self._plan.pictures,
            lambda _: self._largest_pixels,
            # Some file systems ignore case.
            lambda request: request.path.casefold(),
        )

    def add(self, result: ImportItem | Account | None) -> None:
        """Store a picture, or note its problem. A new picture may wait for its batch."""
        if result is None:
            self._skipped += 1
            return
        if isinstance(result, Account):
            self._account.add(result)
            return
        self._account.add(result.account)
        self._counts += result.counts
        self._notes += result.notes
        if result.confidence < 1:
            self._uncertain[result.path] = round(result.confidence, 4)
        if result.is_unchanged and set(result.tags) <= set(self._known[result.path].tags):
            self._skipped += 1
            self._ledger.add(result.path, result.signature, result.label_digest)
            return
        pixels = result.size[0] * result.size[1]
        is_first = not self._pictures and not self._waiting
        self._largest_pixels = pixels if is_first else max(self._largest_pixels, pixels)
        if result.packed_picture is None or result.path in self._waiting:
            self._flush()
            self._store_one(result)
        else:
            self._waiting[result.path] = result, result.packed_picture
            self._pixels += pixels
            if len(self._waiting) >= BATCH_PICTURES or self._pixels > BATCH_PIXELS:
                self._flush()

    def _request(self, sample: Sample) -> ImportRequest:
        """What the worker process needs to import a picture."""
        path = path_in_project(sample, self._project.folder)
        signature = signature_of(
            (sample.picture, *sample.sources), self._table.tobytes(), str(self._plan.split)
        )
        split = self._plan.split or (Split(sample.split) if sample.split else None)
        record = self._known.get(path)
        is_stored = record is not None and (record.is_labelled or sample.read_mask is None)
        # Imported earlier, and not undone since.
        is_imported = is_stored and self._ledger.has(path, signature) and self._is_there(path)
        digest = self._ledger.label_digest(path) if record is not None and record.is_labelled else ""
        size = None if record is None else labelled_size(record)
        return ImportRequest(sample, path, split, signature, record is not None, is_imported, digest, size)

    def _is_there(self, path: str) -> bool:
        try:
            return self._project.picture_path(path).exists()
        except ImageError:
            return False  # the worker says why

    def notify(self, picture_ids: Iterable[int]) -> None:
        """Pass these pictures to `on_imported`."""
        if self._on_imported is not None:
            for picture_id in picture_ids:
                self._on_imported(self._on_document(partial(self._project.pictures.get, picture_id)))

    def report(self) -> ImportReport:
        values = {
            row.source.name: int(self._table[n])
            for n, row in enumerate(self._plan.rows, 1)
            if row.choice.target == ClassTarget.CLASS
        }
        dataset, account = self._plan.dataset, self._account.result()
        return ImportReport(
            self._pictures,
            self._labels,
            values,
            account.sentences(dataset.root),
            self._skipped,
            tuple(self._notes),
            self._uncertain,
            account,
            pixels_by_class(dataset.classes, self._counts),
            self._plan.settled(
                (
                    *dataset.doubts,
                    *doubts_about_pixels(dataset, self._counts, is_blurred=bool(self._uncertain)),
                )
            ),
            self._new,
            self._kept,
        )

    def store(self, report: ImportReport) -> None:
        """Keep the counts of this import in the project, for `maskloop status`."""
        self._on_document(
            partial(
                store_last_import,
                self._project,
                self._plan.dataset,
                LastImport(report.pictures, report.labels, report.skipped, report.account),
            )
        )

    def close(self) -> None:
        try:
            self._flush()
        finally:
            self._ledger.close()

    def _flush(self) -> None:
        """Store the batch of new pictures."""
        waiting, self._waiting, self._pixels = self._waiting, {}, 0
        if not waiting:
            return
        packed = [packed_picture for _, packed_picture in waiting.values()]
        ids = self._on_document(lambda: insert_pictures(self._project.store, packed))
        for path, (item, _) in waiting.items():
            if path in ids:
                self._count_stored(item)
            else:
                self._store_one(item)
        self.notify(ids.values())

    def _store_one(self, item: ImportItem) -> None:
        """Store a picture that the project has already."""
        try:
            record, is_changed = self._on_document(lambda: self._store(item))
        except FormatError as problem:
            self._account.failed(item.path, problem)
            self._account.came_in(files=-1)
            return
        if not is_changed and item.path in self._known:
            self._skipped += 1
            self._remember(item)
            return
        self._count_stored(item)
        if self._on_imported is not None:
            self._on_imported(record)

    def _count_stored(self, item: ImportItem) -> None:
        self._pictures += 1
        self._labels += item.has_label
        self._new += item.path not in self._known
        self._remember(item)

    def _remember(self, item: ImportItem) -> None:
        if item.is_complete:
            self._ledger.add(item.path, item.signature, item.label_digest)

    def _write_classes(self) -> NDArray[np.uint8]:
        self._project.store.write_waiting()  # classes that the disk refused before are in the list, too
        classes, table = map_classes(self._project.classes.read(), self._plan.rows)
        self._project.classes.save(classes)
        return table

    def _store(self, item: ImportItem) -> tuple[PictureRecord, bool]:
        """On the thread that owns the project: store size, digest, split, tags and label. Raises FormatError.

        Returns also whether anything is different now.
        """
        project, path, size = self._project, item.path, item.size
        added = project.pictures.add([path])
        record = added[0] if added else project.pictures.by_path(path)
        check_label_size(path, size, labelled_size(record))
        project.pictures.set_size(record.id, *size)
        self._store_content(record, size)
        if item.split is not None and record.split is None:
            project.pictures.set_split([record.id], item.split)
        rows = _tag_rows(record, item.tags)
        label = item.label()
        is_changed = bool(rows) or item.is_copied or not record.width
        if label is not None:
            self._kept += record.is_labelled and self._is_another_label(record, label)
            is_changed |= store_label(project, record, label, "Import masks", "import", rows)
            if label.any() and record.status == Status.NEW:
                project.pictures.set_status([record.id], Status.DONE)
        elif rows:
            project.journal.change_rows(record.id, "Import tags", "import", rows)
        return project.pictures.get(record.id), is_changed

    def _store_content(self, record: PictureRecord, size: tuple[int, int]) -> None:
        """By its content a file is found when it is moved, and noticed when it is replaced: a label that is imported
        belongs to the content of now."""
        contents, path = PictureContents(self._project.store), self._project.picture_path(record.path)
        [known] = contents.known([record.id])
        with contextlib.suppress(OSError):
            if known.digest is None:
                self._project.pictures.set_digests({record.id: file_digest(path)})
            elif not known.is_labelled and (known.age is None or not known.age.is_same(file_age(path))):
                seen = observe_file(record.id, path, size)
                contents.observe([] if seen is None else [seen])

    def _is_another_label(self, record: PictureRecord, label: Values) -> bool:
        """Whether the stored label has another class where both have one."""
        stored = LabelMap(self._project.labels.read(record.id, label.shape[1], label.shape[0])).values
        return bool(((stored != label) & (stored != 0) & (label != 0)).any())


def _tag_rows(record: PictureRecord, tags: tuple[str, ...]) -> tuple[RowChange, ...]:
    added = sorted(set(tags) - set(record.tags))
    return tuple(RowChange("picture_tags", f"{record.id}:{tag}", {}) for tag in added)
