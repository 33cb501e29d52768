"""Converts pictures that are too large to be decoded whole, each once, into tiled files in the cache of the project."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import platformdirs

from core.base.errors import Cancelled, ImageError
from core.base.json_process import JsonProcess, decode_message
from core.base.lane import Lane
from core.images.conversion_job import (
    ConversionDone,
    ConversionFailed,
    ConversionJob,
    ConversionMessage,
    ConversionProgress,
)
from core.project.locks.process_identity import is_running

MODULE = "core.images.conversion_worker"
_PART = ".part"


class ConversionNeededError(ImageError):
    """The picture can be opened once it is converted."""


class PictureConverter:
    """One conversion at a time, in a child process. May be called from any thread.

    A converted file is named by picture, size and time of its source: another file of the same name is converted anew.
    For a project that is only read it is written to the folder of the user's cache, and deleted with `close`.
    """

    def __init__(self, cache_folder: Path, *, writing: bool = True) -> None:
        """cache_folder: of the project; writing: whether it may be changed"""
        self._folder, self._writing = cache_folder / "tiled", writing
        self._temporary: Path | None = None  # made by the first conversion of a project that is only read
        self._rejected: set[Path] = set()
        self._lock = threading.Lock()
        self._lane: Lane | None = None
        self._process: JsonProcess | None = None
        self._running: int | None = None
        self._cancelled: set[int] = set()
        self._closed = False

    def converted(self, picture_id: int, path: Path) -> Path | None:
        """The converted file of a picture; None while there is none."""
        try:
            name = _name(picture_id, path)
        except OSError:
            return None
        for folder in filter(None, (self._folder, self._temporary)):
            found = folder / name
            if found.is_file() and not found.is_symlink() and found not in self._rejected:
                return found
        return None

    def reject(self, converted: Path) -> None:
        """This file is damaged: the picture has to be converted again."""
        if self._writing or self._folder not in converted.parents:
            converted.unlink(missing_ok=True)
        else:
            self._rejected.add(converted)

    def remove_leftovers(self) -> None:
        """Delete what a program that crashed has left unfinished. Looks at the disk; only while writing."""
        if any(self._folder.glob(f"*{_PART}")):
            with self._lock:
                if not self._closed:
                    self._lane = self._lane or Lane("conversion")
                    self._lane.submit(self._remove_parts)  # in turn: a conversion may be about to begin

    def convert(
        self, picture_id: int, source: Callable[[], Path], report: Callable[[float], object]
    ) -> Future[Path]:
        """Convert a picture file. `report` gets the share done (0..1), on another thread.

        source: finds the file, which may look at the disk; called there too

        The future raises ImageError or DiskError with a sentence for people, and Cancelled.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("the session is closed")
            self._cancelled.discard(picture_id)
            self._lane = self._lane or Lane("conversion")
            return self._lane.submit(self._convert, picture_id, source, report)

    def cancel(self, picture_id: int) -> None:
        """Give up a conversion that waits or runs; what is written so far is deleted."""
        with self._lock:
            self._cancelled.add(picture_id)
            if self._running == picture_id and self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """Give up every conversion."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.kill()
        if self._lane is not None:
            self._lane.shutdown(cancel_futures=True)
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    # On the lane ----------------------------------------------------------------------------------

    def _convert(
        self, picture_id: int, source: Callable[[], Path], report: Callable[[float], object]
    ) -> Path:
        path = source()
        found = self.converted(picture_id, path)
        if found is not None:
            return found
        try:
            name = _name(picture_id, path)
        except OSError as error:
            raise ImageError(
                f"“{path}” no longer exists. It may have been moved, renamed or deleted."
            ) from error
        target = self._writable_folder() / name
        part = target.with_suffix(_PART)
        try:
            self._remove_others(target.parent, picture_id)
            result = self._run(picture_id, ConversionJob(path.absolute(), part.absolute()), report)
            if isinstance(result, ConversionFailed):
                raise ImageError(result.message)
            part.replace(target)
            return target
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
                part.with_suffix(".upright.part").unlink(missing_ok=True)

    def _run(
        self, picture_id: int, job: ConversionJob, report: Callable[[float], object]
    ) -> ConversionDone | ConversionFailed:
        with self._lock:
            self._raise_if_cancelled(picture_id)
            try:
                process = self._process = JsonProcess(MODULE)
            except OSError as error:
                raise ImageError(
                    f"“{job.source.name}” cannot be converted: {error}. Close other programs and try again."
                ) from error
            self._running = picture_id
        result: ConversionDone | ConversionFailed | None = None
        try:
            with contextlib.suppress(OSError, ValueError):
                process.send(job)
                while result is None and (line := process.receive()):
                    message = decode_message(line, ConversionMessage)
                    if isinstance(message, ConversionProgress):
                        report(message.share)
                    else:
                        result = message
        finally:
            process.reap(10.0)
            with self._lock:
                self._process = self._running = None
        if result is None:
            with self._lock:
                self._raise_if_cancelled(picture_id)
            return ConversionFailed(
                f"“{job.source}” could not be converted: the process ended unexpectedly, perhaps for want of memory. "
                "Close other programs and try again, or save it as a tiled TIFF."
            )
        return result

    def _raise_if_cancelled(self, picture_id: int) -> None:
        if self._closed or picture_id in self._cancelled:
            raise Cancelled

    def _writable_folder(self) -> Path:
        """Raises ImageError when there is none."""
        if self._writing:
            return self._folder
        if self._temporary is None:
            cache = platformdirs.user_cache_path("maskloop", appauthor=False) / "tiled"
            try:
                cache.mkdir(parents=True, exist_ok=True)
                _remove_abandoned(cache)
                self._temporary = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=cache))
            except OSError as error:
                raise ImageError(f"{cache} cannot be written: {error.strerror or error}.") from error
        return self._temporary

    def _remove_parts(self) -> None:
        for each in self._folder.glob(f"*{_PART}"):
            with contextlib.suppress(OSError):
                each.unlink()

    def _remove_others(self, folder: Path, picture_id: int) -> None:
        """Converted files of earlier contents of this picture, and what a killed conversion has left."""
        for each in folder.glob(f"{picture_id}-*"):
            with contextlib.suppress(OSError):
                each.unlink()


def _name(picture_id: int, path: Path) -> str:
    status = path.stat()
    return f"{picture_id}-{status.st_size}-{status.st_mtime_ns}.tif"


def _remove_abandoned(cache: Path) -> None:
    """Folders of programs that have ended without deleting them."""
    for each in cache.iterdir():
        process = each.name.partition("-")[0]
        if process.isdecimal() and not is_running(int(process)) and not each.is_symlink():
            shutil.rmtree(each, ignore_errors=True)
