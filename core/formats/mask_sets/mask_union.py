"""Reads several masks of one picture as one label: parts are united, classes are laid over each other."""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.base.errors import FormatError, ImageError, MaskloopError
from core.formats.account import AccountBuilder
from core.formats.dataset_types import LoadedMask
from core.formats.doubt import ValueReading
from core.formats.mask_reader import MaskReader
from core.images.image_reader import read_size
from core.labels.class_list import UNLABELLED, VOID
from core.labels.value_counts import count_pixels


@dataclass(frozen=True, slots=True)
class UnitedMasks:
    """Reads the masks of one picture; can be pickled.

    parts: files with the reader of each, in natural order; root: of the dataset, for the account
    """

    parts: tuple[tuple[Path, MaskReader], ...]
    root: Path

    def __call__(self) -> LoadedMask:
        """One label of all masks that can be read and have the size of most.

        A pixel that two masks give different classes gets that of the smaller area. Where no mask shows anything it is
        background, or void where that is all that is said. Raises the problem of the first mask if none can be read.
        """
        account = AccountBuilder()
        problems: list[tuple[Path, MaskloopError]] = []
        size = self._size()
        layers = _Layers()
        confidence = 1.0
        notes: list[str] = []
        for path, reader in self.parts:
            try:
                mask = reader(path)
            except (ImageError, FormatError) as problem:
                problems.append((path, problem))
                continue
            if size is not None and mask.values.shape != size:
                height, width = mask.values.shape
                account.left_out(
                    self._name(path),
                    f"it is {width} x {height} pixels, and other masks of its picture are {size[1]} x {size[0]}",
                )
                account.came_in(files=-1)
                continue
            layers.add(mask.values, background_of(reader))
            confidence = min(confidence, mask.confidence)
            notes += mask.notes
        if not layers.is_begun:
            raise problems[0][1]
        for path, reason in problems:
            account.failed(self._name(path), reason)
            account.came_in(files=-1)
        return LoadedMask(layers.flatten(), confidence, tuple(notes), account.result())

    def _size(self) -> tuple[int, int] | None:
        """Height and width of most masks by their headers, of equally many those of the first. None if unreadable."""
        sizes: Counter[tuple[int, int]] = Counter()
        for path, _ in self.parts:
            try:
                width, height = read_size(path)
            except (ImageError, FormatError):
                continue
            sizes[height, width] += 1
        return sizes.most_common(1)[0][0] if sizes else None

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)


def background_of(reader: MaskReader) -> int | None:
    """The LoadedMask value of 0 or black, which in one of several masks means that nothing is there."""
    if reader.reading == ValueReading.BINARY:
        return reader.background
    if reader.reading == ValueReading.INDEX and reader.numbers:
        return reader.numbers.get(0)
    return reader.colours.get((0, 0, 0))


@dataclass(slots=True)
class _Layers:
    """The areas of each value, packed, so that a picture with hundreds of masks stays small."""

    is_begun: bool = False
    _base: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 0), np.uint8))
    _packed: dict[int, bytes] = field(default_factory=dict)

    def add(self, values: NDArray[np.uint8], background: int | None) -> None:
        """values: (H, W) uint8, of the same shape each time."""
        if not self.is_begun:
            self._base = np.full(values.shape, UNLABELLED, np.uint8)
            self.is_begun = True
        for value in np.flatnonzero(count_pixels(values)).tolist():
            if value == background:
                self._base[values == value] = value
            elif value != UNLABELLED:
                area = values == value
                if value in self._packed:
                    area |= self._area(value)
                self._packed[value] = zlib.compress(np.packbits(area).tobytes(), 1)

    def flatten(self) -> NDArray[np.uint8]:
        """(H, W) uint8: background, void over it, the other values over both, the smallest on top."""
        values = self._base.copy()
        areas = {value: int(self._area(value).sum()) for value in self._packed}
        for value in sorted(areas, key=lambda v: (v != VOID, -areas[v], v)):
            values[self._area(value)] = value
        return values

    def _area(self, value: int) -> NDArray[np.bool_]:
        bits = np.frombuffer(zlib.decompress(self._packed[value]), np.uint8)
        return np.unpackbits(bits, count=self._base.size).reshape(self._base.shape).astype(bool)
