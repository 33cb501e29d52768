"""A rescue file: edits and other changes that could not be stored in their project, one JSON object a line.

The first line names the project and its classes; each edit is followed by its tiles, before and after, in the codec of
stored tiles (`core/labels/codec.py`). Lines are only appended, so a file that was cut off still holds what came before.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np

from core.base.display_text import quoted
from core.base.errors import ProjectError
from core.base.geometry import TileKey, tile_box
from core.labels.class_list import ClassList, colour_text
from core.labels.codec import decode, encode
from core.labels.label_map import Edit, TileChange
from core.project.files.picture_change import PictureChange
from core.project.records import PictureRecord, now

SUFFIX = ".maskloop-rescue"
_FORMAT = 1
_LONGEST_LINE = 1 << 20


class RescueHead(msgspec.Struct, frozen=True, tag="rescue", tag_field="kind"):
    """The first line. classes: value, name and colour (#rrggbb) of each class of the project"""

    format: int
    id: str
    project: str
    made_at: str
    classes: list[tuple[int, str, str]]


class RescuedEdit(msgspec.Struct, frozen=True, tag="edit", tag_field="kind"):
    """An edit without its pixels. picture: path in the project; box: x0, y0, x1, y1; tiles: number of lines after it"""

    picture: str
    width: int
    height: int
    name: str
    tool: str
    class_value: int
    box: tuple[int, int, int, int]
    pixels: int
    seconds: float
    origin: str
    run_id: int | None
    tiles: int


class RescuedChange(msgspec.Struct, frozen=True, tag="change", tag_field="kind"):
    """Status, split, note or tags of a picture. values: columns of the picture; added, removed: tags"""

    picture: str
    name: str
    values: dict[str, str | None]
    added: list[str]
    removed: list[str]


class RescuedTile(msgspec.Struct, frozen=True, tag="tile", tag_field="kind"):
    """Class values of one tile before and after the edit, encoded."""

    column: int
    row: int
    before: bytes
    after: bytes


class RescuedClasses(msgspec.Struct, frozen=True, tag="classes", tag_field="kind"):
    """The class list from here on, after a class was added, renamed, recoloured or moved. classes: as in the head"""

    name: str
    classes: list[tuple[int, str, str]]


RescuedLine = RescuedChange | RescuedClasses
"""A change without pixels: one line."""
_Line = RescueHead | RescuedEdit | RescuedChange | RescuedClasses | RescuedTile


def write_head(path: Path, project: str, classes: ClassList) -> None:
    """Create a rescue file; it must not exist yet. Raises OSError."""
    head = RescueHead(_FORMAT, uuid.uuid4().hex, project, now(), class_rows(classes))
    with path.open("xb") as file:
        _write(file, [head])


def class_rows(classes: ClassList) -> list[tuple[int, str, str]]:
    """Value, name and colour of each class."""
    return [(c.value, c.name, colour_text(c.colour)) for c in classes]


def append_edit(path: Path, picture: PictureRecord, size: tuple[int, int], edit: Edit) -> None:
    """Add an edit of a picture of `size` (width, height); it is on the disk when this returns. Raises OSError."""
    box = edit.box
    line = RescuedEdit(
        picture.path,
        *size,
        edit.name,
        edit.tool,
        edit.class_value,
        (box.x0, box.y0, box.x1, box.y1),
        edit.pixels,
        edit.seconds,
        edit.origin.value,
        edit.run_id,
        len(edit.tiles),
    )
    tiles = (RescuedTile(t.key.column, t.key.row, encode(t.before), encode(t.after)) for t in edit.tiles)
    with path.open("ab") as file:
        _write(file, [line, *tiles])


def change_line(picture: PictureRecord, change: PictureChange) -> RescuedChange:
    """A change of status, split, note or tags."""
    tags = sorted(change.added), sorted(change.removed)
    return RescuedChange(picture.path, change.name, dict(change.values), *tags)


def append_line(path: Path, line: RescuedLine) -> None:
    """Add a change without pixels, as `append_edit` does. Raises OSError."""
    with path.open("ab") as file:
        _write(file, [line])


def read_head(path: Path) -> RescueHead:
    """Raises ProjectError when `path` is not a rescue file."""
    try:
        with path.open("rb") as file:
            head = _parse(file.readline(_LONGEST_LINE))
    except OSError as problem:
        raise ProjectError(f"{path} cannot be read: {problem.strerror or problem}.") from problem
    if not isinstance(head, RescueHead) or head.format != _FORMAT:
        raise ProjectError(f"{path} is not a rescue file of this version of Maskloop.")
    return head


def read_edits(path: Path) -> Iterator[tuple[RescuedEdit | RescuedLine, list[RescuedTile]]]:
    """The edits and changes that are there as a whole, oldest first.

    Raises ProjectError for a line that is not understood.
    """
    edit: RescuedEdit | None = None
    tiles: list[RescuedTile] = []
    with path.open("rb") as file:
        file.readline(_LONGEST_LINE)
        while text := file.readline(_LONGEST_LINE):
            if not text.endswith(b"\n") and len(text) < _LONGEST_LINE:
                return  # cut off while it was written
            line = _parse(text)
            if isinstance(line, RescuedEdit):
                edit, tiles = line, []
            elif isinstance(line, RescuedChange | RescuedClasses):
                yield line, []
            elif isinstance(line, RescuedTile) and edit is not None:
                tiles.append(line)
            else:
                raise ProjectError(
                    f"{path} holds a line that is not part of a rescue file: {quoted(_shown(text))}."
                )
            if edit is not None and len(tiles) == edit.tiles:
                yield edit, tiles
                edit = None


def tile_changes(edit: RescuedEdit, tiles: Iterable[RescuedTile]) -> tuple[TileChange, ...]:
    """The decoded tiles of an edit. Raises ProjectError when one does not fit the picture."""
    found = []
    for tile in tiles:
        key = TileKey(tile.column, tile.row)
        place = tile_box(key, edit.width, edit.height)
        if min(tile.column, tile.row) < 0 or place.is_empty:
            raise ProjectError(f"A tile of the rescued edit {quoted(edit.name)} lies outside its picture.")
        before, after = (decode(b, place.height, place.width, np.uint8) for b in (tile.before, tile.after))
        found.append(TileChange(key, before, after))
    return tuple(found)


def _write(file: BinaryIO, lines: Iterable[_Line]) -> None:
    for line in lines:
        file.write(msgspec.json.encode(line) + b"\n")
    file.flush()
    os.fsync(file.fileno())


def _parse(text: bytes) -> _Line | None:
    try:
        return msgspec.json.decode(text, type=_Line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _shown(text: bytes) -> str:
    return text[:200].decode("utf-8", "replace").strip()
