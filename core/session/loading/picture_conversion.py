"""Converts pictures that are too large to be decoded whole, each once, into tiled files in the cache of the project."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

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

MODULE = "core.images.conversion_worker"
_PART = ".part"


class ConversionNeededError(ImageError):
    """The picture can be opened once it is converted."""


class PictureConverter:
    """One conversion at a time, in a child process. May be called from any thread.

    A converted file is named by picture, size and time of its source: another file of the same name is converted anew.
    """

    def __init__(self, cache_folder: Path) -> None:
        self._folder = cache_folder / "tiled"
        self._lock = threading.Lock()
        self._lane: Lane | None = None
        self._process: JsonProcess | None = None
        self._running: int | None = None
        self._cancelled: set[int] = set()
        self._closed = False

    def converted(self, picture_id: int, path: Path) -> Path | None:
        """The converted file of a picture; None while there is none."""
        try:
            target = self._target(picture_id, path)
        except OSError:
            return None
        return target if target.is_file() and not target.is_symlink() else None

    def convert(self, picture_id: int, path: Path, report: Callable[[float], object]) -> Future[Path]:
        """Convert a picture file. `report` gets the share done (0..1), on another thread.

        The future raises ImageError or DiskError with a sentence for people, and Cancelled.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("the session is closed")
            self._cancelled.discard(picture_id)
            self._lane = self._lane or Lane("conversion")
            return self._lane.submit(self._convert, picture_id, path, report)

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

    # On the lane ----------------------------------------------------------------------------------

    def _convert(self, picture_id: int, path: Path, report: Callable[[float], object]) -> Path:
        found = self.converted(picture_id, path)
        if found is not None:
            return found
        try:
            target = self._target(picture_id, path)
        except OSError as error:
            raise ImageError(
                f"“{path}” no longer exists. It may have been moved, renamed or deleted."
            ) from error
        part = target.with_suffix(_PART)
        try:
            self._remove_others(picture_id)
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

    def _target(self, picture_id: int, path: Path) -> Path:
        status = path.stat()
        return self._folder / f"{picture_id}-{status.st_size}-{status.st_mtime_ns}.tif"

    def _remove_others(self, picture_id: int) -> None:
        """Converted files of earlier contents of this picture, and what a killed conversion has left."""
        for each in self._folder.glob(f"{picture_id}-*"):
            with contextlib.suppress(OSError):
                each.unlink()
