"""Features of pictures on disk, in half precision, so that an encoder computes them once.

A file is named by a digest of the picture's pixels and of the encoder, so neither can be mistaken for another. The
cache may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MAX_BYTES = 1 << 30
"""Bytes on disk; a picture of 480 x 360 needs 2.4 million."""
Levels = list[NDArray[np.float16]]


class FeatureCache:
    """Arrays float16 (C, h, w) per level of a picture. Owned by one process; not thread-safe.

    encoder: text that changes with the weights of the encoder
    """

    def __init__(self, folder: Path, encoder: str, max_bytes: int = MAX_BYTES) -> None:
        self._folder, self._encoder, self._max_bytes = folder, encoder, max_bytes

    def read(self, picture: NDArray[np.uint8]) -> Levels | None:
        """The levels stored for a picture (H, W, C); None where there are none or the file is damaged."""
        path = self._path(picture)
        try:
            # Opened here: of a damaged file NumPy would leave the handle open.
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
                levels = [stored[name] for name in sorted(stored.files, key=lambda name: int(name[4:]))]
        except (OSError, ValueError, KeyError, EOFError, AttributeError, TypeError, zipfile.BadZipFile):
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # the least recently used files are deleted first
        return levels if all(level.dtype == np.float16 and level.ndim == 3 for level in levels) else None

    def write(self, picture: NDArray[np.uint8], levels: Sequence[NDArray[np.float16]]) -> None:
        """Store the levels of a picture; without space on the disk nothing is stored."""
        path = self._path(picture)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        with contextlib.suppress(OSError):
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                with temporary.open("wb") as stream:
                    np.savez(stream, *levels)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)

    def prune(self) -> None:
        """Delete the least recently used files beyond the limit."""
        with contextlib.suppress(OSError):
            files = [(path.stat(), path) for path in self._folder.glob("*.npz")]
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
