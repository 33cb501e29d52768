"""A dataset from outside becomes pictures, classes and labels of a project."""

from __future__ import annotations

import contextlib
import filecmp
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import Cancelled, FormatError, ImageError, ProjectError
from core.formats.masks import MaskFolder, Pair, read_labels
from core.geometry import Box
from core.images.source import read_size
from core.labels.labelmap import LabelMap, Origin, Values
from core.project.pictures import digest_of
from core.project.project import Project
from core.project.records import PictureRecord, Split, Status
from core.session.opening import is_text


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What came in. `problems` has one sentence for each picture or mask that did not."""

    pictures: int
    labels: int
    classes: dict[str, int]
    problems: tuple[str, ...]


def import_masks(
    project: Project,
    dataset: MaskFolder,
    *,
    split: Split | None = None,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> ImportReport:
    """Bring a dataset in: pictures that lie outside the project's folder are copied into it.

    Classes are matched by name, new ones keep their colour and take their index (plus one when indices begin at
    0) where that value is free. A label that is there already is never overwritten. Raises Cancelled between
    two pictures; what came in so far stays.
    """
    values = _take_classes(project, dataset)
    problems: list[str] = []
    pictures = labels = 0
    with project.store.together():
        for done, pair in enumerate(dataset.pairs):
            if cancelled():
                raise Cancelled
            try:
                record = _take_picture(project, dataset, pair, split)
                pictures += 1
                if pair.mask is not None:
                    _take_label(project, record, read_labels(dataset, pair.mask, values))
                    labels += 1
            except (ImageError, FormatError) as problem:
                problems.append(str(problem))
            if progress:
                progress(done + 1, len(dataset.pairs))
    named = {c.name: values[c.index] for c in dataset.classes}
    return ImportReport(pictures, labels, named, tuple(problems))


def store_label(project: Project, record: PictureRecord, values: Values, name: str, tool: str) -> bool:
    """Put a whole label (H, W) uint8 into a picture as one edit of origin "imported". False when nothing changed."""
    labels = LabelMap(project.labels.read(record.id, values.shape[1], values.shape[0]))
    labels.begin(name, tool, 0, Origin.IMPORTED)
    labels.put(Box(0, 0, labels.width, labels.height), values, labels.values == 0)
    edit = labels.finish()
    if edit is not None:
        project.journal.commit(record.id, edit)
    return edit is not None


def _take_classes(project: Project, dataset: MaskFolder) -> dict[int, int]:
    """Make the project know every class. Returns the project's value of each index of the dataset."""
    classes = project.classes.read()
    shift = int(any(c.index == 0 for c in dataset.classes))
    values: dict[int, int] = {}
    for foreign in dataset.classes:
        known = classes.by_name(foreign.name)
        if known is None:
            wanted = foreign.index + shift
            free = 1 <= wanted <= 254 and classes.by_value(wanted) is None
            classes = classes.added(foreign.name, foreign.colour, wanted if free else None)
            known = classes.classes[-1]
        values[foreign.index] = known.value
    project.classes.write(classes)
    return values


def _take_picture(project: Project, dataset: MaskFolder, pair: Pair, split: Split | None) -> PictureRecord:
    if not is_text(str(pair.picture)):
        raise FormatError(f"The name {pair.picture.name!r} is not readable text; rename the file.")
    width, height = read_size(pair.picture)
    if pair.picture.is_relative_to(project.folder):
        relative = pair.picture.relative_to(project.folder).as_posix()
    else:
        relative = pair.picture.relative_to(dataset.root / "images").as_posix()
        _copy(pair.picture, project.picture_path(relative))
    fresh = project.pictures.add([relative])
    record = fresh[0] if fresh else project.pictures.by_path(relative)
    if record.is_labelled and (record.width, record.height) != (width, height):
        raise FormatError(f"{relative} is labelled at another size in this project; it was left out.")
    project.pictures.set_size(record.id, width, height)
    if project.pictures.digest(record.id) is None:  # so that it is found again wherever it is moved
        with contextlib.suppress(OSError):
            project.pictures.set_digests({record.id: digest_of(project.picture_path(relative))})
    wanted = split or (Split(pair.split) if pair.split else None)
    if wanted is not None and record.split is None:
        project.pictures.set_split([record.id], wanted)
    return project.pictures.get(record.id)


def _take_label(project: Project, record: PictureRecord, values: Values) -> None:
    if values.shape != (record.height, record.width):
        raise FormatError(
            f"The mask of {record.path} is {values.shape[1]} x {values.shape[0]} pixels, the picture "
            f"{record.width} x {record.height}; the label was left out."
        )
    store_label(project, record, values, "Import masks", "import")
    if np.count_nonzero(values) and record.status == Status.NEW:
        project.pictures.set_status([record.id], Status.DONE)


def _copy(source: Path, target: Path) -> None:
    """Copy beside, then rename; a file that is there already must be the same picture."""
    if target.exists():
        if not filecmp.cmp(source, target, shallow=False):
            raise FormatError(
                f"Another picture called {target.name} is already in {target.parent}; it was kept."
            )
        return
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, beside)
        beside.replace(target)
    except OSError as problem:
        beside.unlink(missing_ok=True)
        raise ProjectError(f"{source.name} could not be copied to {target.parent}: {problem}.") from problem
