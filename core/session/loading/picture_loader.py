"""Loads pictures with label, prediction and undo state for the canvas, and prefetches those that come next.

A decoded picture is cached by the age of its file, so that a picture that was replaced is read again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from core.base.changes import Changes
from core.base.errors import ImageError, MaskloopError
from core.base.lane import Lane
from core.images.cache import PictureCache
from core.images.error_messages import describe_read_error
from core.images.file_age import FileAge, file_age
from core.images.file_kind import check_picture_file
from core.images.image_reader import MAX_PIXELS, count_frames, needs_tiled_reading, read_raster, read_size
from core.images.pyramid import Pyramid
from core.images.thumbnail import read_thumbnail
from core.images.tiff_regions import TiffRegionReader
from core.images.tiled_conversion import check_convertible, needs_conversion
from core.images.tiled_pyramid import AnyPyramid, TiledPyramid
from core.labels.label_map import Values
from core.labels.prediction import PredictedMask, read_prediction
from core.project.content.file_content import ObservedContent, observe_file
from core.project.content.joins import MISSING
from core.project.content.picture_contents import ContentChanges, PictureContents
from core.project.project import Project, run_class_mapping
from core.project.records import PictureRecord, UndoNames
from core.session.change_writer import ChangeWriter
from core.session.loading.first_picture import TILED_FROM_PIXELS, FirstPicture
from core.session.loading.picture_conversion import ConversionNeededError, PictureConverter
from core.session.picture_index import PictureIndex

R = TypeVar("R")

CACHE_BYTES = 512 * 2**20
"""Size of the cache of decoded pictures: the one shown, its neighbours, and those seen last."""
MASK_BYTES = 64 * 2**20
"""Size of the cache of predictions as they lie on disk."""
PREFETCH_PIXELS = 32_000_000
"""Larger pictures are not prefetched: their label would take much memory, perhaps for nothing."""

Version = tuple[int, int]
"""How often all pictures at once, and this one alone, have changed so far."""
OUTDATED: Version = (-1, -1)
"""The version of a picture that changed while it was being read."""
PictureKey = tuple[int, FileAge]
"""Id of a picture, and the age of its file."""


@dataclass(frozen=True, slots=True)
class LoadedPicture:
    """All that the canvas needs to show a picture. `labels` (H, W) uint8 belongs to the receiver, who may change it.

    frames: how many the file holds; the first is shown
    version: for `PictureLoader.is_current`
    history_trimmed: the size of the file has changed, and undo steps of the old size were dropped
    age: of the file whose pixels these are
    """

    record: PictureRecord
    pyramid: AnyPyramid
    labels: Values
    prediction: PredictedMask | None
    journal: UndoNames
    frames: int = 1
    version: Version = (0, 0)
    history_trimmed: bool = False
    age: FileAge | None = None


class PictureVersions:
    """Counts changes of pictures. Written on the document lane, in order with the changes; read on any thread."""

    def __init__(self) -> None:
        self._all = 0
        self._each: dict[int, int] = {}

    def on_changes(self, changes: Changes) -> None:
        """Document lane. A change of the class list concerns the label of every picture."""
        self._all += changes.classes
        for picture_id in changes.pictures | changes.labels | changes.predictions:
            self._each[picture_id] = self._each.get(picture_id, 0) + 1

    def of(self, picture_id: int) -> Version:
        """Differs from every earlier version as soon as anything of the picture has changed."""
        return self._all, self._each.get(picture_id, 0)


@dataclass(frozen=True, slots=True)
class _StoredPart:
    """What the project stores of a picture, read in one piece of work of the document lane.

    class_mapping: (256,) uint8 from the prediction's run to today's class values, None without a prediction
    """

    labels: Values
    journal: UndoNames
    class_mapping: Values | None
    version: Version
    history_trimmed: bool


class PictureLoader:
    """Called from the GUI thread; files are read on the reading lane, the project on the document lane."""

    def __init__(
        self,
        project: Project,
        index: PictureIndex,
        document: Lane,
        reading: Lane,
        announce: Callable[[Changes], None],
        first_picture: FirstPicture | None = None,
        observe: Callable[[Sequence[ObservedContent]], ContentChanges] | None = None,
    ) -> None:
        """`first_picture` was decoded before the project was open and need not be read again.

        observe: stores on the document lane what content a file has (`ContentService.store`)
        """
        self._observe = observe or PictureContents(project.store).observe
        self._first_picture = first_picture
        self._project = project
        self._index = index
        self._document = document
        self._reading = reading
        self._writer = ChangeWriter(document, announce)
        self._closing = False
        self.converter = PictureConverter(project.cache_folder, writing=project.is_writing)
        self._versions = PictureVersions()
        self._frames: dict[int, int] = {}  # by picture id, of files read so far that hold several
        self._observed: dict[int, ObservedContent] = {}  # by picture id, of files read, until they are stored
        self._cache: PictureCache[PictureKey, AnyPyramid] = PictureCache(
            self._read_pyramid, lambda p: p.memory_bytes, CACHE_BYTES
        )
        self._masks: PictureCache[tuple[int, int, int], PredictedMask] = PictureCache(
            lambda key: read_prediction(project.prediction_path(key[0])),
            lambda mask: mask.values.nbytes + mask.confidence.nbytes,
            MASK_BYTES,
        )

    # For the canvas ---------------------------------------------------------------------------------

    def load(self, picture_id: int) -> Future[LoadedPicture]:
        """The picture, before all other work that waits on the reading lane.

        The future raises ImageError when the file cannot be read; the reason is stored in the record as well.
        """
        return self._reading.submit_first(self._load, picture_id)

    def warm_cache(self, picture_ids: Sequence[int]) -> None:
        """Decode pictures that are likely to be loaded next."""
        for picture_id in picture_ids:
            self._reading.submit(self._warm_cache, picture_id)

    def prefetch(self, picture_id: int, prepare: Callable[[LoadedPicture], R]) -> Future[R | None]:
        """Load a picture before it is asked for. Returns what `prepare` makes of it on the reading lane.

        Ask `is_current` before showing it. None for a picture that is too large or unreadable: `load` says why.
        """
        return self._reading.submit(self._prefetch, picture_id, prepare)

    def is_current(self, loaded: LoadedPicture) -> bool:
        """Whether no stored change has been announced since the picture was read. Any thread."""
        return self._versions.of(loaded.record.id) == loaded.version

    def confirm_current(self, loaded: LoadedPicture) -> Future[bool]:
        """`is_current` behind everything that waits on the document lane, so that the answer is final."""
        return self._document.submit(self.is_current, loaded)

    def prediction(self, picture_id: int) -> Future[PredictedMask]:
        """The newest prediction, in today's class values. The future raises ImageError when there is none."""
        return self._reading.submit_first(self._prediction, picture_id)

    def thumbnail(self, picture_id: int, side: int) -> Future[Values]:
        """A small copy, (h, w, 3) uint8. The future raises ImageError when the file cannot be read."""
        return self._reading.submit(self._thumbnail, picture_id, side)

    def convert(self, picture_id: int, report: Callable[[float], object]) -> Future[Path]:
        """Make a picture readable for which `load` raised ConversionNeededError; see `PictureConverter.convert`."""
        return self.converter.convert(
            picture_id, lambda: self._project.picture_path(self._index.get(picture_id).path), report
        )

    def remove_leftovers(self) -> None:
        """Delete what a crash has left of conversions, behind what waits on the reading lane."""
        self._reading.submit(self.converter.remove_leftovers)

    # For the session --------------------------------------------------------------------------------

    def on_changes(self, changes: Changes) -> None:
        """Document lane: something was stored."""
        self._versions.on_changes(changes)

    def on_files_added(self, picture_ids: Iterable[int]) -> None:
        """Document lane: these files are new; another file may have had the name before."""
        self.drop(picture_ids)
        self._versions.on_changes(Changes(pictures=frozenset(picture_ids)))

    def drop(self, picture_ids: Iterable[int]) -> None:
        """Forget the pixels of these pictures: their files have other content."""
        ids = set(picture_ids)
        for key in self._cache.keys():  # noqa: SIM118  (no dictionary)
            if key[0] in ids:
                self._cache.drop(key)

    def recent_ids(self) -> list[int]:
        """Ids of the pictures in memory, such as the one on screen and its neighbours, the newest first."""
        return [key[0] for key in reversed(self._cache.keys())]

    def stop(self) -> None:
        """Skip prefetches that still wait, give up conversions: the session closes."""
        self._closing = True
        self.converter.close()

    def clear(self) -> None:
        """Free the caches, once both lanes have ended."""
        self._first_picture = None
        self._cache.clear()
        self._masks.clear()

    # Reading lane -----------------------------------------------------------------------------------

    def _load(self, picture_id: int) -> LoadedPicture:
        started = self._versions.of(picture_id)
        try:
            age, pyramid = self._pyramid(picture_id)
        except ConversionNeededError:
            raise
        except ImageError as problem:
            self._document.submit(self._store_observed, picture_id)
            self._writer.submit(self._store_problem, picture_id, str(problem))
            raise
        return self._with_label(picture_id, pyramid, age, started)

    def _prefetch(self, picture_id: int, prepare: Callable[[LoadedPicture], R]) -> R | None:
        if self._closing:
            return None
        started = self._versions.of(picture_id)
        try:
            age, pyramid = self._pyramid(picture_id)
            width, height = pyramid.size
            if isinstance(pyramid, TiledPyramid) or width * height > PREFETCH_PIXELS:
                return None
            loaded = self._with_label(picture_id, pyramid, age, started)
        except MaskloopError:
            return None  # reported when the picture is loaded
        return prepare(loaded)

    def _warm_cache(self, picture_id: int) -> None:
        if self._closing:
            return
        try:
            self._cache.get(self._key(picture_id))
            self._mask(picture_id)
        except MaskloopError:
            return  # reported when the picture is loaded

    def _key(self, picture_id: int) -> PictureKey:
        """Raises ImageError when the file is not there."""
        record = self._index.get(picture_id)
        path = self._project.picture_path(record.path)
        try:
            return picture_id, file_age(path)
        except (FileNotFoundError, NotADirectoryError) as problem:
            raise ImageError(MISSING.format(path=record.path)) from problem
        except (OSError, ValueError) as problem:
            raise ImageError(describe_read_error(path, problem, MAX_PIXELS)) from problem

    def _pyramid(self, picture_id: int) -> tuple[FileAge, AnyPyramid]:
        """From the cache or the file. Raises ImageError, also when the label was painted at another size."""
        key = self._key(picture_id)
        pyramid = self._cache.get(key)
        width, height = pyramid.size
        record = self._index.get(picture_id)
        if record.is_labelled and (record.width, record.height) != (width, height):
            raise ImageError(
                f"{record.path} is now {width} x {height} pixels, but it was labelled at "
                f"{record.width} x {record.height}. Say what becomes of the label, or put the old picture back."
            )
        return key[1], pyramid

    def _read_pyramid(self, key: PictureKey) -> AnyPyramid:
        picture_id, age = key
        path = self._project.picture_path(self._index.get(picture_id).path)
        check_picture_file(path, self._project.folder)
        if needs_tiled_reading(path, TILED_FROM_PIXELS):
            return self._tiled_pyramid(picture_id, path)
        if needs_conversion(path, MAX_PIXELS):
            return self._tiled_pyramid(picture_id, self._converted(picture_id, path))
        # Kept for the first read only: for any other picture it would waste memory.
        first, self._first_picture = self._first_picture, None
        pyramid = first.pyramid if first and first.path == path else Pyramid.from_raster(read_raster(path))
        with contextlib.suppress(ImageError):  # frames behind the first may be damaged
            frames = count_frames(path)
            self._frames[picture_id] = frames
        seen = observe_file(picture_id, path, pyramid.size)
        if seen is not None and seen.age == age:  # else it was replaced meanwhile: the watcher will say so
            self._observed[picture_id] = seen
        return pyramid

    def _converted(self, picture_id: int, path: Path) -> Path:
        """The tiled copy of a picture that is too large to be decoded whole. Raises ConversionNeededError."""
        found = self.converter.converted(picture_id, path)
        if found is None:
            check_convertible(path)
            raise ConversionNeededError(
                f"{path.name} is so large that it must be converted into tiles first."
            )
        if read_size(found) != read_size(path):
            self.converter.reject(found)
            raise ConversionNeededError(f"The tiles of {path.name} are damaged; it must be converted again.")
        return found

    def _thumbnail(self, picture_id: int, side: int) -> Values:
        path = self._project.picture_path(self._index.get(picture_id).path)
        return read_thumbnail(self.converter.converted(picture_id, path) or path, side)

    def _tiled_pyramid(self, picture_id: int, path: Path) -> TiledPyramid:
        # No digest yet: reading gigabytes would delay the picture. `ContentService` hashes what has work.
        def on_problem(message: str) -> None:
            self._writer.submit(self._store_problem, picture_id, message)

        return TiledPyramid(
            TiffRegionReader(path), self._reading.submit, self._reading.submit_first, on_problem
        )

    def _with_label(
        self, picture_id: int, pyramid: AnyPyramid, age: FileAge, started: Version
    ) -> LoadedPicture:
        width, height = pyramid.size
        mask = None
        with contextlib.suppress(ImageError):
            mask = self._mask(picture_id)
        if mask is not None and mask.values.shape != (height, width):
            mask = None
        run_id = mask.run_id if mask else None
        # In order with the strokes: a label read before the last stroke is stored would lose it on screen.
        stored = self._document.submit(self._read_stored, picture_id, width, height, run_id, started).result()
        prediction = None
        if mask is not None and stored.class_mapping is not None:
            prediction = mask.remapped(stored.class_mapping)
        return LoadedPicture(
            self._index.get(picture_id),
            pyramid,
            stored.labels,
            prediction,
            stored.journal,
            self._frames.get(picture_id, 1),
            stored.version,
            stored.history_trimmed,
            age,
        )

    def _prediction(self, picture_id: int) -> PredictedMask:
        mask = self._mask(picture_id)
        return mask.remapped(self._document.submit(run_class_mapping, self._project, mask.run_id).result())

    def _mask(self, picture_id: int) -> PredictedMask:
        """The prediction as stored, in the class values of its run. Raises ImageError.

        The cache key holds the time and size of the file, so that a newer one is read.
        """
        path = self._project.prediction_path(picture_id)
        record = self._index.get(picture_id)
        if not record.is_predicted:
            raise ImageError(
                "There is no prediction of this picture yet."
            )  # the file may be of another network
        if 2 * (record.width or 0) * (record.height or 0) > MASK_BYTES // 2:
            return read_prediction(path)  # it would fill the cache, and reading is not what takes long here
        try:
            status = path.stat()
        except OSError:
            return read_prediction(path)  # raises with the reason
        return self._masks.get((picture_id, status.st_mtime_ns, status.st_size))

    # Document lane ----------------------------------------------------------------------------------

    def _read_stored(
        self, picture_id: int, width: int, height: int, run_id: int | None, started: Version
    ) -> _StoredPart:
        """The stored part of a picture that has this size now. `run_id` is the run that made its prediction.

        started: the version at which reading the file and the prediction began, beside this lane.
        """
        outdated = self._versions.of(picture_id) != started
        history_trimmed = False
        record = self._index.get(picture_id)
        is_known = (record.width, record.height) == (width, height) and not record.problem
        steps = 0 if is_known else self._undo_steps(picture_id)
        if picture_id in self._store_observed(picture_id).changed:
            run_id = None  # the prediction is of what was there before
        if self._project.is_writing and not is_known:
            self._writer.write(self._project.pictures.set_size, picture_id, width, height)
            history_trimmed = self._undo_steps(picture_id) < steps
        return _StoredPart(
            self._project.labels.read(picture_id, width, height),
            self._project.journal.undo_names(picture_id),
            None if run_id is None else run_class_mapping(self._project, run_id),
            OUTDATED if outdated else self._versions.of(picture_id),
            history_trimmed,
        )

    def _undo_steps(self, picture_id: int) -> int:
        return sum(not edit.thinned for edit in self._project.journal.history(picture_id))

    def _store_observed(self, picture_id: int) -> ContentChanges:
        """Store which content the file has, by which it is found again when it is moved, and noticed when replaced."""
        seen = self._observed.pop(picture_id, None)
        if seen is None or not self._project.is_writing:
            return ContentChanges()
        return self._observe([seen])

    def _store_problem(self, picture_id: int, message: str) -> Changes:
        if self._index.get(picture_id).problem == message:
            return Changes()
        return self._project.pictures.set_problem(picture_id, message)
