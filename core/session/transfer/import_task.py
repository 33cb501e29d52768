"""One picture of a dataset that comes in: put where it belongs, its mask read. Nothing here touches the document."""

from __future__ import annotations

import contextlib
import errno
import filecmp
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.base.errors import FormatError, ImageError, ProjectError
from core.base.geometry import Box
from core.formats.dataset_types import Sample
from core.images.folder import is_encodable_name
from core.images.image_reader import read_picture, read_size
from core.labels.label_map import Values
from core.project.packed_picture import PackedPicture, file_digest, pack_label
from core.project.records import Split


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """A picture to be read: `path` is the one it gets in the project, `known` whether it is there, `signature` says of
    what it is made; `is_in` when an earlier import brought exactly that."""

    sample: Sample
    path: str
    split: Split | None
    signature: str
    known: bool = False
    is_imported: bool = False


@dataclass(frozen=True, slots=True)
class ImportItem:
    """One picture that lies where it belongs, its mask read. `values` (H, W) uint8 of the project, None without one;
    `arrival` is both for a project that does not hold the picture yet, with `values` in it; `sure` is that of the
    mask; `whole` when nothing of it is missing; `labelled` when there is a mask."""

    path: str
    split: Split | None
    tags: tuple[str, ...]
    signature: str
    size: tuple[int, int]
    values: Values | None = None
    packed_picture: PackedPicture | None = None
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    confidence: float = 1.0
    is_complete: bool = True
    has_mask: bool = False

    def label(self) -> Values | None:
        """(H, W) uint8, None without one."""
        return (
            self.values if self.packed_picture is None or not self.has_mask else self.packed_picture.values()
        )


@dataclass(frozen=True, slots=True)
class ImportTask:
    """Reads samples in any process. folder: that of the project; table: (256,) uint8, the project's value of each value
    of a ReadMask."""

    folder: Path
    table: NDArray[np.uint8]

    def __call__(self, asked: ImportRequest) -> ImportItem | str | None:
        """None when it is in already, a sentence when it cannot come. Raises ProjectError when the disk refuses."""
        if asked.is_imported:
            return None
        try:
            return self._read(asked)
        except (ImageError, FormatError) as problem:
            return str(problem)

    def _read(self, asked: ImportRequest) -> ImportItem:
        """Raises ImageError and FormatError."""
        sample, path = asked.sample, asked.path
        if not is_encodable_name(str(sample.picture)):
            raise FormatError(f"The name {sample.picture.name!r} is not readable text; rename the file.")
        size = self._copy_picture(sample, path)
        values: Values | None = None
        notes: tuple[str, ...] = ()
        problems: tuple[str, ...] = ()
        sure = 1.0
        if sample.read_mask is not None:
            try:
                mask = sample.read_mask()
                notes, sure = mask.notes, mask.confidence
                values = np.asarray(cv2.LUT(np.ascontiguousarray(mask.values), self.table), np.uint8)
            except (ImageError, FormatError) as problem:
                problems = (str(problem),)
        if values is not None and values.shape[::-1] != size:
            problems = (
                f"The mask of {path} is {values.shape[1]} x {values.shape[0]} pixels, the picture "
                f"{size[0]} x {size[1]}; the label was left out.",
            )
            values = None
        labelled = values is not None
        whole = labelled or sample.read_mask is None
        arrival = None
        if not asked.known:
            arrival, values = self._pack(asked, size, values), None
        tags, sign = sample.tags, asked.signature
        return ImportItem(
            path, asked.split, tags, sign, size, values, arrival, notes, problems, sure, whole, labelled
        )

    def _pack(self, asked: ImportRequest, size: tuple[int, int], values: Values | None) -> PackedPicture:
        digest = None
        with contextlib.suppress(OSError):
            digest = file_digest(self.folder / asked.path)
        tags = tuple(sorted(set(asked.sample.tags)))
        label = None if values is None else pack_label(values)
        return PackedPicture(asked.path, *size, digest, asked.split, tags, label)

    def _copy_picture(self, sample: Sample, path: str) -> tuple[int, int]:
        """Make the picture lie where it belongs. Returns its size, upright. Raises ImageError, FormatError for a
        picture that cannot lie there, and ProjectError when the disk refuses."""
        target = self.folder / path
        try:
            if sample.crop is not None:
                _crop_picture(sample.picture, sample.crop, target)
                return sample.crop.width, sample.crop.height
            size = read_size(sample.picture)
            if target != sample.picture:
                _copy(sample.picture, target)
        except OSError as problem:
            if problem.errno == errno.ENAMETOOLONG:
                raise FormatError(
                    f"The name {target.name} is too long for the disk; give the file a shorter one."
                ) from problem
            raise ProjectError(
                f"{sample.picture.name} could not be copied to {target.parent}: {problem}."
            ) from problem
        return size


def _crop_picture(source: Path, part: Box, target: Path) -> None:
    """A part of a picture as a PNG of its own; one that is there already is taken for it."""
    if target.exists():
        if read_size(target) != (part.width, part.height):
            raise FormatError(
                f"Another picture called {target.name} is already in {target.parent}; it was kept."
            )
        return
    pixels = read_picture(source)[part.slices]
    with _temporary_file(target) as beside:
        Image.fromarray(np.ascontiguousarray(pixels)).save(beside, "PNG")


def _copy(source: Path, target: Path) -> None:
    """Copy beside, then rename; a file that is there already must be the same picture."""
    if target.exists():
        if not filecmp.cmp(source, target, shallow=False):
            raise FormatError(
                f"Another picture called {target.name} is already in {target.parent}; it was kept."
            )
        return
    with _temporary_file(target) as beside:
        shutil.copyfile(source, beside)


@contextlib.contextmanager
def _temporary_file(target: Path) -> Iterator[Path]:
    """A file to write, that becomes `target` in the end. Raises OSError."""
    beside = target.with_name(f".{uuid.uuid4().hex}.tmp")  # short, however long the target's own name is
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        beside.replace(target)
    finally:
        with contextlib.suppress(OSError):  # what was raised before says more
            beside.unlink()
