"""What every writer does: begin, write picture by picture, finish; and say beforehand what its format cannot hold."""

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
"""The split of pictures that belong to none."""


@dataclass(frozen=True, slots=True)
class LabelStatistics:
    """What is to be written, in numbers: label pixels by value (255 is void), pictures by split, pictures with tags
    or notes, pictures by ending (".jpg"), and whether predictions are among it."""

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
    """`root` is an empty folder that becomes the dataset once all is written; `count` pictures will come. With `lists`
    splits become lists of names instead of folders, where a format leaves the choice."""

    root: Path
    classes: ClassList
    count: int
    split_lists: bool = False


@dataclass(frozen=True, slots=True)
class ExportPicture:
    """One picture on its way out.

    name: without ending and folder, different from all others; split: train, val, test or NO_SPLIT; width and height:
    upright; label and prediction: (height, width) uint8 project values, None where there is none; confidence:
    (height, width) uint8, 255 is certain, with a prediction; pixels: (height, width, 3) uint8 where the picture is
    no longer that of its file; then `window` (x0, y0, x1, y1) is the part of the file it shows, stretched.
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
    """What became of one picture: its files, and whatever `finish` has to know of it, as JSON can hold it."""

    files: tuple[Path, ...]
    entry: Any = None


class DatasetWriter(Protocol):
    """Writes one dataset. Made afresh for each export: begin, write .., finish.

    After `begin` it can be pickled and does not change, so that pictures are written in any process and order; their
    parts are kept in a file until the end, which is what an export that was stopped goes on from.
    """

    def losses(self, classes: ClassList, statistics: LabelStatistics) -> tuple[str, ...]:
        """Sentences: what of this project the format cannot hold. Asked before anything is written.

        Raises FormatError when the project cannot be written in this format at all, as `begin` does.
        """
        ...

    def start(self, plan: WritePlan) -> None:
        """Raises FormatError when the project cannot be written in this format at all."""
        ...

    def write(self, picture: ExportPicture) -> WriteResult:
        """Raises ImageError or FormatError when it has to be left out."""
        ...

    def finish(self, entries: Iterable[Any]) -> None:
        """Write what is known only at the end: tables, lists, one large file. `parts` are those of all pictures in
        their order, read from a file each time they are gone through."""
        ...


def copy_picture(
    picture: ExportPicture, folder: Path, name: str | None = None, suffixes: Iterable[str] = ()
) -> Path:
    """Put the picture into `folder` under its (or a) name, upright. Returns the file. Raises ImageError.

    A picture that lies upright is copied byte for byte; one that relies on its EXIF turn would not lie under its
    mask in most readers, so it is written anew as PNG. With `endings` only such files are copied as they are, and
    others written anew as the first of them.
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
    """(H, W) uint8 as an 8-bit PNG: greyscale, or with a (256, 3) uint8 palette."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(values)
    if palette is not None:
        image.putpalette(palette.tobytes())
    image.save(path, "PNG", compress_level=6)


def write_rgb_png(path: Path, pixels: Values) -> None:
    """(H, W, 3) uint8 as a PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, "PNG", compress_level=6)


def colour_table(classes: ClassList) -> Values:
    """(256, 3) uint8 RGB by pixel value: unlabelled black, void white."""
    table = classes.palette()
    table[VOID] = 255
    return table


class ClassNumbering:
    """Numbers from `first` on for the classes of a project in list order, for formats whose numbers have no gaps."""

    def __init__(self, classes: ClassList, first: int) -> None:
        self.classes: tuple[LabelClass, ...] = tuple(classes)
        self.number = {c.value: n for n, c in enumerate(self.classes, first)}

    def table(self, unlabelled: int, void: int) -> Values:
        """(256,) uint8: the number of each pixel value; values of no class count as unlabelled."""
        table = np.full(256, unlabelled, np.uint8)
        for value, number in self.number.items():
            table[value] = number
        table[UNLABELLED], table[VOID] = unlabelled, void
        return table


def safe_name(name: str) -> str:
    """A file name of letters, digits, dots, dashes and underscores, for formats that list names with blanks between."""
    return _UNSAFE.sub("_", name).strip("._") or "picture"


def dotless_name(name: str) -> str:
    """The same without dots, for formats where a name ends at the first one."""
    return safe_name(name.replace(".", "_"))


def tag_losses(statistics: LabelStatistics) -> tuple[str, ...]:
    """The loss of formats that know nothing but pixels."""
    return ("Tags and notes of pictures are not written.",) if statistics.tagged else ()


def void_losses(statistics: LabelStatistics, target: str) -> tuple[str, ...]:
    """The loss of formats that know one kind of pixel without a class."""
    if not statistics.void or not statistics.unlabelled:
        return ()
    return (f"Void and unlabelled pixels both become {target}: the format cannot tell them apart.",)
