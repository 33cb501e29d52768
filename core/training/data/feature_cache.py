"""Features of pictures on disk, in half precision, so that an encoder computes them once.

A file is named by a digest of the picture's pixels and of the encoder, so neither can be mistaken for another. The
cache may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MAX_BYTES = 1 << 30
"""Bytes on disk; a picture of 480 x 360 needs 2.4 million."""
MIN_FREE_BYTES = 1 << 30
"""Bytes that stay free on the disk for what cannot be computed again, such as labels."""
UNFINISHED_SECONDS = 3600
"""Age from which on a file that is being written was left by a process that was killed."""
Levels = list[NDArray[np.float16]]


class FeatureCache:
    """Arrays float16 (C, h, w) per level of a picture. Owned by one process; not thread-safe.

    encoder: text that changes with the weights of the encoder
    """

    def __init__(self, folder: Path, encoder: str, max_bytes: int = MAX_BYTES) -> None:
        self._folder, self._encoder, self._max_bytes = folder, encoder, max_bytes
        self._written = 0

    def read(self, picture: NDArray[np.uint8]) -> Levels | None:
        """The levels stored for a picture (H, W, C); None where there are none or the file is damaged."""
        path = self._path(picture)
        try:
            # Opened here: of a damaged file NumPy would leave the handle open.
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
                levels = [stored[name] for name in sorted(stored.files, key=lambda name: int(name[4:]))]
        except (
            OSError, ValueError, KeyError, EOFError, AttributeError, TypeError, MemoryError, zipfile.BadZipFile,
        ):  # fmt: skip
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # the least recently used files are deleted first
        return levels if all(level.dtype == np.float16 and level.ndim == 3 for level in levels) else None

    def write(self, picture: NDArray[np.uint8], levels: Sequence[NDArray[np.float16]]) -> None:
        """Store the levels of a picture; without space on the disk nothing is stored.

        Nor is more than the limit between two calls of `prune`, which would delete it again.
        """
        size = sum(level.nbytes for level in levels)
        if self._written + size > self._max_bytes:
            return
        path = self._path(picture)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        with contextlib.suppress(OSError):
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                if shutil.disk_usage(self._folder).free < size + MIN_FREE_BYTES:
                    return
                with temporary.open("wb") as stream:
                    np.savez(stream, *levels)
                temporary.replace(path)
                self._written += size
            finally:
                temporary.unlink(missing_ok=True)

    def prune(self) -> None:
        """Delete the least recently used files beyond the limit, and what a killed process left half-written."""
        self._written = 0
        with contextlib.suppress(OSError):
            files = [(path.stat(), path) for path in self._folder.glob("*.npz")]
            for path in self._folder.glob(".*.tmp"):
                if time.time() - path.stat().st_mtime > UNFINISHED_SECONDS:
                    path.unlink(missing_ok=True)
            total = sum(stat.st_size for stat, _ in files)
            for stat, path in sorted(files, key=lambda pair: pair[0].st_mtime_ns):
                if total <= self._max_bytes:
                    return
                path.unlink(missing_ok=True)
                total -= stat.st_size

    def _path(self, picture: NDArray[np.uint8]) -> Path:
        digest = hashlib.blake2b(np.ascontiguousarray(picture).data, digest_size=16)
        digest.update(f"{self._encoder} {picture.shape}".encode())
        return self._folder / f"{digest.hexdigest()}.npz"
