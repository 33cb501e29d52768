"""Journey one: open a folder, see the first picture at once, and whatever the network already thinks of it."""

from __future__ import annotations

import contextlib
import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from core.base.changes import Changes
from core.base.errors import ImageError, MaskloopError
from core.base.lane import Lane
from core.formats.mask_layout import MASKS, PREDICTIONS, is_mask_dataset
from core.images.cache import PictureCache
from core.images.folder import has_pictures, is_encodable_name, read_thumbnail, scan_folder
from core.images.image_reader import count_frames, needs_tiled_reading, read_raster
from core.images.pyramid import Pyramid
from core.images.tiff_reader import TiffRegionReader
from core.images.tiled_pyramid import AnyPyramid, TiledPyramid
from core.labels.label_map import Values
from core.labels.prediction import PredictedMask, read_prediction
from core.project.packed_picture import file_digest
from core.project.project import HOME_FOLDER, Project, run_class_mapping
from core.project.records import PictureRecord, UndoNames
from core.session.loading.first_picture import TILED_FROM_PIXELS, FirstPicture
from core.session.loading.picture_versions import OUTDATED, PictureVersions, Version
from core.session.picture_index import PictureIndex
from core.session.transfer.excluded_masks import ExcludedPaths, read_excluded

log = logging.getLogger(__name__)

R = TypeVar("R")

CACHE_BYTES = 512 * 2**20
"""Decoded pictures kept in memory: the one shown, its neighbours, and those seen last."""
MASK_BYTES = 64 * 2**20
"""The same for predictions as they lie on disk."""
PREFETCH_PIXELS = 32_000_000
"""The label of a larger picture is not read ahead: it may lie in memory for nothing."""
FIRST_CHUNK, CHUNK = 64, 2000
"""Pictures are added in chunks: a small one first, so that something is on screen at once."""


@dataclass(frozen=True, slots=True)
class LoadedPicture:
    """All that is needed to show a picture. `labels` (H, W) uint8 is the receiver's own to change.

    frames: how many the file holds; the first is shown. stamp: when it was read, for `PictureLoader.is_current`.
    forgets: its file has another size than it had, and what was painted and taken back then cannot be brought back.
    """

    record: PictureRecord
    pyramid: AnyPyramid
    labels: Values
    prediction: PredictedMask | None
    journal: UndoNames
    frames: int = 1
    version: Version = (0, 0)
    history_trimmed: bool = False


class PictureLoader:
    """Reads pictures for the screen. Called from the GUI thread; the work is done on the reading lane."""

    def __init__(
        self,
        project: Project,
        index: PictureIndex,
        document: Lane,
        reading: Lane,
        announce: Callable[[Changes], None],
        first_picture: FirstPicture | None = None,
    ) -> None:
        """`seen`: a picture that was read before the project was open."""
        self._first_picture = first_picture
        self._project = project
        self._index = index
        self._document = document
        self._reading = reading
        self._announce = announce
        self._closing = False
        self._versions = PictureVersions()
        self._frames: dict[int, int] = {}  # of files that were read and hold several
        self._digests: dict[int, str] = {}  # of files that were read, until the document knows them
        self._cache: PictureCache[int, AnyPyramid] = PictureCache(
            self._read, lambda p: p.memory_bytes, CACHE_BYTES
        )
        self._masks: PictureCache[tuple[int, int, int], PredictedMask] = PictureCache(
            lambda key: read_prediction(project.prediction_path(key[0])),
            lambda mask: mask.values.nbytes + mask.confidence.nbytes,
            MASK_BYTES,
        )

    def load(self, picture_id: int) -> Future[LoadedPicture]:
        """The picture with label, prediction and journal; waits behind nothing but what is being read now.

        The future raises ImageError when the file cannot be read (the record then carries the reason).
        """
        return self._reading.submit_first(self._load, picture_id)

    def warm_cache(self, picture_ids: Sequence[int]) -> None:
        """Read pictures that are likely to be asked for next."""
        for picture_id in picture_ids:
            self._reading.submit(self._warm_cache, picture_id)

    def prefetch(self, picture_id: int, prepare: Callable[[LoadedPicture], R]) -> Future[R | None]:
        """The same as `show` before it is asked for: what `prepare` makes of it on the reading lane.

        Ask `is_current` before it is shown. None for a picture that is too large, or cannot be read: `show` says why.
        """
        return self._reading.submit(self._prefetch, picture_id, prepare)

    def is_current(self, loaded: LoadedPicture) -> bool:
        """Whether nothing was changed since it was read, as far as that is known by now. Any thread."""
        return self._versions.of(loaded.record.id) == loaded.version

    def confirm_current(self, loaded: LoadedPicture) -> Future[bool]:
        """The same, behind all that was asked of the document before: the last word."""
        return self._document.submit(self.is_current, loaded)

    def on_changes(self, changes: Changes) -> None:
        """Document lane: something was changed, by whomever."""
        self._versions.on_changes(changes)

    def prediction(self, picture_id: int) -> Future[PredictedMask]:
        """The newest prediction of a picture. The future raises ImageError when there is none."""
        return self._reading.submit_first(self._prediction, picture_id)

    def thumbnail(self, picture_id: int, side: int) -> Future[Values]:
        """A small copy, (h, w, 3) uint8. The future raises ImageError when the file cannot be read."""
        path = self._project.picture_path(self._index.get(picture_id).path)
        return self._reading.submit(read_thumbnail, path, side)

    def scan_folder(self) -> Future[None]:
        """Look through the folder and add what is new, chunk by chunk; the future ends with the search."""
        # On a thread of its own lane it would hold up the first picture; as one of two readers it does not.
        return self._reading.submit(self._scan_folder)

    def add_pictures(self, paths: Sequence[str]) -> Future[list[int]]:
        """Add pictures that have come into the folder, by relative path. Returns the ids of all of them, in order."""
        return self._document.submit(self._add_pictures, list(paths))

    def stop(self) -> None:
        """Give up searching: the window is closing."""
        self._closing = True

    def clear(self) -> None:
        """Everything has ended: let go of all that is kept in memory."""
        self._first_picture = None
        self._cache.clear()
        self._masks.clear()

    def _scan_folder(self) -> None:
        aside = self._index.excluded = self._document.submit(read_excluded, self._project).result()
        found = list_pictures(self._project.folder, aside)
        size = FIRST_CHUNK
        while not self._closing:
            chunk = list(itertools.islice(found, size))
            if not chunk:
                return
            size = CHUNK
            # One at a time: what the person asks of the document must not wait behind all of a large folder.
            self._document.submit(self._add, chunk).result()

    def _add(self, chunk: list[str]) -> None:
        fresh = self._project.pictures.add(chunk)
        if fresh:
            self._index.extend(fresh)
            self._announce(Changes(picture_list=True))

    def _add_pictures(self, paths: list[str]) -> list[int]:
        for start in range(0, len(paths), CHUNK):
            self._add(paths[start : start + CHUNK])
        ids = [self._project.pictures.by_path(path).id for path in paths]
        for picture_id in ids:  # another file may have had this name before
            self._cache.drop(picture_id)
        self._versions.on_changes(Changes(pictures=frozenset(ids)))
        return ids

    def _read(self, picture_id: int) -> AnyPyramid:
        path = self._project.picture_path(self._index.get(picture_id).path)
        if needs_tiled_reading(path, TILED_FROM_PIXELS):
            return self._tiled(picture_id, path)
        seen, self._first_picture = (
            self._first_picture,
            None,
        )  # of any but the first picture it would only be memory
        pyramid = seen.pyramid if seen and seen.path == path else Pyramid.from_raster(read_raster(path))
        with contextlib.suppress(ImageError):  # what lies behind the first need not be whole
            frames = count_frames(path)
            if frames > 1:
                self._frames[picture_id] = frames
        try:
            self._digests[picture_id] = file_digest(path)
        except OSError:
            log.warning("gone since it was read: %s", path)
        return pyramid

    def _tiled(self, picture_id: int, path: Path) -> TiledPyramid:
        # No digest: reading gigabytes once more, only to find the file again should it move, is not worth it.
        def tell(sentence: str) -> None:
            self._document.submit(self._note_problem, picture_id, sentence)

        return TiledPyramid(TiffRegionReader(path), self._reading.submit, self._reading.submit_first, tell)

    def _warm_cache(self, picture_id: int) -> None:
        if self._closing:
            return
        try:
            self._cache.get(picture_id)
            self._mask(picture_id)
        except MaskloopError:
            return  # it will be said when the picture is shown

    def _prefetch(self, picture_id: int, prepare: Callable[[LoadedPicture], R]) -> R | None:
        if self._closing:
            return None
        begun = self._versions.of(picture_id)
        try:
            pyramid = self._pyramid(picture_id)
            width, height = pyramid.size
            if isinstance(pyramid, TiledPyramid) or width * height > PREFETCH_PIXELS:
                return None
            opened = self._with_label(picture_id, pyramid, begun)
        except MaskloopError:
            return None  # it will be said when the picture is shown
        return prepare(opened)

    def _load(self, picture_id: int) -> LoadedPicture:
        begun = self._versions.of(picture_id)
        try:
            pyramid = self._pyramid(picture_id)
        except ImageError as problem:
            self._document.submit(self._note_problem, picture_id, str(problem))
            raise
        return self._with_label(picture_id, pyramid, begun)

    def _pyramid(self, picture_id: int) -> AnyPyramid:
        pyramid = self._cache.get(picture_id)
        self._check_size(picture_id, *pyramid.size)
        return pyramid

    def _with_label(self, picture_id: int, pyramid: AnyPyramid, started: Version) -> LoadedPicture:
        width, height = pyramid.size
        try:
            mask = self._mask(picture_id)
        except ImageError:
            mask = None
        if mask is not None and mask.values.shape != (height, width):
            mask = None
        # In order with the strokes: a label read before the last stroke is stored would lose it on screen.
        labels, journal, moved, stamp, forgets = self._document.submit(
            self._read_label, picture_id, width, height, mask.run_id if mask else None, started
        ).result()
        prediction = None if mask is None or moved is None else mask.remapped(moved)
        frames = self._frames.get(picture_id, 1)
        record = self._index.get(picture_id)
        return LoadedPicture(record, pyramid, labels, prediction, journal, frames, stamp, forgets)

    def _prediction(self, picture_id: int) -> PredictedMask:
        """As the classes are now: a network that knows older ones is read through what became of them."""
        mask = self._mask(picture_id)
        return mask.remapped(self._document.submit(run_class_mapping, self._project, mask.run_id).result())

    def _mask(self, picture_id: int) -> PredictedMask:
        """As the network said it. Kept under the file's age too: a newer one is read anew. Raises ImageError."""
        path = self._project.prediction_path(picture_id)
        record = self._index.get(picture_id)
        if 2 * (record.width or 0) * (record.height or 0) > MASK_BYTES // 2:
            return read_prediction(path)  # reading is not what takes long with a giant; memory is scarce
        try:
            found = path.stat()
        except OSError:
            return read_prediction(path)  # says what is wrong
        return self._masks.get((picture_id, found.st_mtime_ns, found.st_size))

    def _check_size(self, picture_id: int, width: int, height: int) -> None:
        record = self._index.get(picture_id)
        if record.is_labelled and (record.width, record.height) != (width, height):
            raise ImageError(
                f"{record.path} is now {width} x {height} pixels, but it was labelled at "
                f"{record.width} x {record.height}. Put the old picture back to go on with its label."
            )

    def _read_label(
        self, picture_id: int, width: int, height: int, run_id: int | None, started: Version
    ) -> tuple[Values, UndoNames, Values | None, Version, bool]:
        """Label and journal, what became of the classes since that run, when that was, and whether a new size took
        steps of the journal along.

        `begun`: when the reading of picture and prediction began, which happens beside the document lane.
        """
        outdated = self._versions.of(picture_id) != started
        record = self._index.get(picture_id)
        forgets = False
        if (record.width, record.height) != (width, height) or record.problem:
            steps = self._undo_steps(picture_id)
            self._announce(self._project.pictures.set_size(picture_id, width, height))
            forgets = self._undo_steps(picture_id) < steps
        self._note_digest(record)
        labels = self._project.labels.read(picture_id, width, height)
        moved = None if run_id is None else run_class_mapping(self._project, run_id)
        stamp = OUTDATED if outdated else self._versions.of(picture_id)
        return labels, self._project.journal.undo_names(picture_id), moved, stamp, forgets

    def _undo_steps(self, picture_id: int) -> int:
        return sum(not edit.thinned for edit in self._project.journal.history(picture_id))

    def _note_digest(self, record: PictureRecord) -> None:
        """What the file holds, so that it can be found again once it is moved.

        Of a labelled picture the digest stays what it was when it was labelled.
        """
        digest = self._digests.pop(record.id, None)
        if digest is None:
            return
        known = self._project.pictures.digest(record.id)
        if known is None or (known != digest and not record.is_labelled):
            self._project.pictures.set_digests({record.id: digest})

    def _note_problem(self, picture_id: int, sentence: str) -> None:
        if self._index.get(picture_id).problem != sentence:
            self._announce(self._project.pictures.set_problem(picture_id, sentence))


def list_pictures(folder: Path, excluded: ExcludedPaths | None = None) -> Iterator[str]:
    """Paths of all pictures below `folder`, relative, with forward slashes, in natural order; lazy.

    The masks of a dataset that lies there, and what was set `aside`, are no pictures to label; names that are no text
    are passed over.
    """
    masks = (f"{MASKS}/", f"{PREDICTIONS}/") if is_mask_dataset(folder) else ()
    paths = (path.relative_to(folder).as_posix() for path in scan_folder(folder))
    there = excluded or ExcludedPaths()
    return (
        path
        for path in paths
        if not path.startswith(masks) and not there.excludes(path) and is_encodable_name(path)
    )


def check_folder(folder: Path) -> None:
    """Raises ImageError when there is nothing to label in `folder`, before a project is made in it."""
    if (folder / HOME_FOLDER).is_dir():
        return
    if not folder.exists():
        raise ImageError(f"There is no folder {folder}. Check the name and try again.")
    if not folder.is_dir():
        raise ImageError(f"{folder} is a file. Open the folder that holds your pictures instead.")
    if not has_pictures(folder):
        raise ImageError(
            f"There are no pictures in {folder}. Put pictures there (JPEG, PNG, TIFF, WebP, BMP and other kinds) or "
            "open another folder."
        )
