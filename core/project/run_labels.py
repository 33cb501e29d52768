"""Which labels a run learned from: its pictures, their split and labelled pixels, packed into a few bytes each."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from core.base.errors import ProjectError
from core.project.records import PictureRecord, Split

_MAX_BYTES = 256 << 20
"""Of the JSON: more than that of ten million pictures."""


class RunPicture(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """pixels: labelled ones, of the picture at its own size, when the run last took it in."""

    picture_id: int
    split: Split
    pixels: int


@dataclass(frozen=True, slots=True)
class LabelTotals:
    """Pictures, and labelled pixels in them, that a run learned from and was validated on."""

    train_pictures: int = 0
    train_pixels: int = 0
    val_pictures: int = 0
    val_pixels: int = 0


@dataclass(frozen=True, slots=True)
class RunLabels:
    """The labels of a run, in the order of the picture ids."""

    pictures: tuple[RunPicture, ...]

    @classmethod
    def of(cls, records: Iterable[PictureRecord]) -> RunLabels:
        """records: of the splits train and val"""
        found = (RunPicture(r.id, r.split, r.labelled_pixels) for r in records if r.split is not None)
        return cls(tuple(sorted(found, key=lambda each: each.picture_id)))

    @property
    def totals(self) -> LabelTotals:
        train, val = ([p.pixels for p in self.pictures if p.split == s] for s in (Split.TRAIN, Split.VAL))
        return LabelTotals(len(train), sum(train), len(val), sum(val))

    def encode(self) -> bytes:
        """JSON, [picture, split, pixels] each, compressed by zlib."""
        return zlib.compress(msgspec.json.encode(self.pictures), 6)

    @classmethod
    def decode(cls, content: bytes) -> RunLabels:
        """What `encode` made. Raises ProjectError for anything else: the file may be a stranger's."""
        try:
            decompressor = zlib.decompressobj()
            text = decompressor.decompress(content, _MAX_BYTES)
            if not decompressor.eof:
                raise ValueError("too long, or cut off")
            return cls(msgspec.json.decode(text, type=tuple[RunPicture, ...]))
        except (zlib.error, ValueError) as problem:
            raise ProjectError(
                f"The list of the labels of this run is damaged ({problem}). Its scores are not affected."
            ) from problem
