"""The writer protocol (start, write each picture, finish), the types it uses, and file functions that writers share."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.images.image_reader import is_upright, read_picture
from core.labels.class_list import UNLABELLED, VOID, ClassList, LabelClass

Values = NDArray[np.uint8]

MADE_BY = "Maskloop"
JPEG_SUFFIXES = (".jpg", ".jpeg")
JPEG_QUALITY = 95
_UNSAFE = re.compile(r"[^\w.-]+")
NO_SPLIT = "unsplit"
"""Name of the split of pictures without one."""


@dataclass(frozen=True, slots=True)
class LabelStatistics:
    """Counts of what will be exported.

    pixels: label pixels by value (255 is void); splits: pictures by split; unlabelled: unlabelled pixels; tagged:
    pictures with tags or notes; predictions: whether any are exported; suffixes: pictures by file suffix (".jpg").
    """

    pixels: Mapping[int, int] = field(default_factory=dict)
    splits: Mapping[str, int] = field(default_factory=dict)
    unlabelled: int = 0
    tagged: int = 0
    predictions: bool = False
    suffixes: Mapping[str, int] = field(default_factory=dict)

    @property
    def void(self) -> int:
        return self.pixels.get(VOID, 0)

    @property
    def without_split(self) -> int:
        return self.splits.get(NO_SPLIT, 0)


@dataclass(frozen=True, slots=True)
class WritePlan:
    """`root` is an empty folder that becomes the dataset; `count` is the number of pictures. With `split_lists`
    splits are written as lists of names instead of folders, in formats that allow both."""

    root: Path
    classes: ClassList
    count: int
    split_lists: bool = False


@dataclass(frozen=True, slots=True)
class ExportPicture:
    """One picture to be exported.

    name: unique, without folder and suffix; split: train, val, test or NO_SPLIT; width, height: after EXIF rotation;
    label, prediction: (height, width) uint8 class values of the project, or None; confidence: (height, width) uint8,
    255 is certain, with a prediction; pixels: (height, width, 3) uint8 if the picture differs from its file; then
    `source_window` (x0, y0, x1, y1) is the part of the file that it shows, scaled to width x height.
    """

    name: str
    split: str
    source: Path
    width: int
    height: int
    label: Values | None = None
    prediction: Values | None = None
    confidence: Values | None = None
    tags: tuple[str, ...] = ()
    pixels: Values | None = None
    source_window: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class WriteResult:
    """The files written for one picture, and a JSON-serializable entry that `finish` needs."""

    files: tuple[Path, ...]
    entry: Any = None


class DatasetWriter(Protocol):
    """Writes one dataset; a new instance for each export: start, write .., finish.

    After `start` it is immutable and can be pickled, so that pictures are written in any process and any order. Their
    entries are stored in a file until the end, from which an interrupted export is resumed.
    """

    def losses(self, classes: ClassList, statistics: LabelStatistics) -> tuple[str, ...]:
        """Sentences on what the format cannot store of this project; called before anything is written.

        Raises FormatError, like `start`, if the project cannot be written in this format at all.
        """
        ...

    def start(self, plan: WritePlan) -> None:
        """Raises FormatError if the project cannot be written in this format at all."""
        ...

    def write(self, picture: ExportPicture) -> WriteResult:
        """Raises ImageError or FormatError if the picture has to be left out."""
        ...

    def finish(self, entries: Iterable[Any]) -> None:
        """Write the files that depend on all pictures: tables, lists, one large file. `entries` are those of all
        pictures in order, read from a file on each iteration."""
        ...


def copy_picture(
    picture: ExportPicture, folder: Path, name: str | None = None, suffixes: Iterable[str] = ()
) -> Path:
    """Write the picture into `folder`, as `name` or under its own name. Returns the file. Raises ImageError.

    The file is copied byte for byte. If it has an EXIF rotation, which many readers ignore so that the mask would not
    match, it is rotated and saved as PNG. With `suffixes` other file types are saved as the first of them.
    """
    allowed = tuple(suffixes)
    suffix = picture.source.suffix.lower()
    as_it_is = picture.pixels is None and (not allowed or suffix in allowed) and is_upright(picture.source)
    if not as_it_is:
        suffix = allowed[0] if allowed else ".png"
    path = folder / f"{picture.name if name is None else name}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    if as_it_is:
        shutil.copyfile(picture.source, path)
        return path
    pixels = read_picture(picture.source) if picture.pixels is None else picture.pixels
    image = Image.fromarray(pixels)
    if suffix in JPEG_SUFFIXES:
        image.save(path, quality=JPEG_QUALITY, subsampling=0)
    else:
        image.save(path)
    return path


def write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False), "utf-8", newline="\n")


def write_lines(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8", newline="\n")


def write_index_png(path: Path, values: Values, palette: Values | None = None) -> None:
    """Write (H, W) uint8 as an 8-bit PNG: greyscale, or with a (256, 3) uint8 palette."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(values)
    if palette is not None:
        image.putpalette(palette.tobytes())
    image.save(path, "PNG", compress_level=6)


def write_rgb_png(path: Path, pixels: Values) -> None:
    """Write (H, W, 3) uint8 as a PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, "PNG", compress_level=6)


def colour_table(classes: ClassList) -> Values:
    """(256, 3) uint8 RGB by pixel value; unlabelled is black, void is white."""
    table = classes.palette()
    table[VOID] = 255
    return table


class ClassNumbering:
    """Consecutive numbers from `first` for the classes of a project in list order."""

    def __init__(self, classes: ClassList, first: int) -> None:
        self.classes: tuple[LabelClass, ...] = tuple(classes)
        self.number = {c.value: n for n, c in enumerate(self.classes, first)}

    def table(self, unlabelled: int, void: int) -> Values:
        """(256,) uint8: number by pixel value; values without a class count as unlabelled."""
        table = np.full(256, unlabelled, np.uint8)
        for value, number in self.number.items():
            table[value] = number
        table[UNLABELLED], table[VOID] = unlabelled, void
        return table


def safe_name(name: str) -> str:
    """A file name of letters, digits, dots, dashes and underscores, for formats with space-separated lists of names."""
    return _UNSAFE.sub("_", name).strip("._") or "picture"


def dotless_name(name: str) -> str:
    """The same without dots, for formats where the name ends at the first dot."""
    return safe_name(name.replace(".", "_"))


def tag_losses(statistics: LabelStatistics) -> tuple[str, ...]:
    """The loss of formats that store only pixels."""
    return ("Tags and notes of pictures are not written.",) if statistics.tagged else ()


def void_losses(statistics: LabelStatistics, target: str) -> tuple[str, ...]:
    """The loss of formats with only one kind of pixel without a class."""
    if not statistics.void or not statistics.unlabelled:
        return ()
    return (f"Void and unlabelled pixels both become {target}: the format does not distinguish them.",)
