"""What a person decides: keep or set aside the label of a picture that was replaced, or merge the labels of two.

Each decision is one edit of the picture that stays in the list, so undo takes it back. A label that is set aside keeps
its row, with its whole history, in no list.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, select
from sqlalchemy.dialects.sqlite import insert

from core.base.changes import Changes
from core.base.errors import ProjectError
from core.base.geometry import Box, TileKey, tile_box
from core.labels.class_list import UNLABELLED
from core.labels.codec import decode, encode
from core.labels.label_map import Edit, Origin, Values
from core.project.journal import begin_picture_edit, save_and_swap_rows, save_and_write_tile
from core.project.project import Project
from core.project.records import PictureRecord, Status
from core.project.row_changes import RowChange, aside_path
from core.project.schema import picture_tags, pictures
from core.project.store import inserted_id
from core.project.stored_tiles import (
    StoredTile,
    blank_tile,
    count_values,
    decode_origins_or_clear,
    origin_id,
    tiles_of_picture,
    update_pixel_counts,
)

TOOL = "files"
"""Name of the tool in the journal."""


class LabelDecision(StrEnum):
    """What becomes of the label of a picture whose content was replaced."""

    KEEP = "keep"
    CHECK = "check"
    """Keep it and mark the picture to review."""
    ASIDE = "aside"
    """Keep it out of the list, and begin with an empty label."""
    SCALE = "scale"
    """For another size: scale it to the new size, and keep the old one out of the list."""


class MergeChoice(StrEnum):
    """Which label counts when a missing picture and its double are both labelled."""

    MISSING = "missing"
    PRESENT = "present"
    BOTH = "both"
    """That of the picture which is there; where that is unlabelled, the other."""


def keep_label(project: Project, picture_id: int, *, check: bool) -> Changes:
    """The label belongs to the new content, which has the same size. A decided picture stays as it is.

    check: also mark the picture to review.
    """
    row = _row(project, picture_id)
    if row.new_digest is None:
        return Changes()
    values: dict[str, object] = {"digest": row.new_digest, "new_digest": None, "problem": None}
    if check:
        values["status"] = Status.TO_REVIEW.value
    name = "Keep the label to check it" if check else "Keep the label of the replaced picture"
    return project.journal.change_rows(
        picture_id, name, TOOL, [RowChange("pictures", str(picture_id), values)]
    )


def set_label_aside(
    project: Project, picture_id: int, size: tuple[int, int], *, scale: bool = False
) -> tuple[int, Changes]:
    """The replaced picture becomes a new one of `size` (width, height); its label is kept out of the list, for undo.

    scale: the new picture gets the label scaled to its size. Returns the id of the new picture. Raises ProjectError
    when the picture has been decided already, or its label is damaged.
    """
    record, row = project.pictures.get(picture_id), _row(project, picture_id)
    if row.new_digest is None:
        raise ProjectError(f"{record.path} has the content that its label was made for; nothing was changed.")
    scaled = _scaled(project, record, size) if scale else None
    with project.store.write_transaction() as connection:
        new_id = inserted_id(
            connection.execute(
                insert(pictures).values(
                    path=aside_path(picture_id, uuid.uuid4().hex),
                    width=size[0],
                    height=size[1],
                    split=row.split,
                    digest=row.new_digest,
                    file_bytes=row.file_bytes,
                    file_modified=row.file_modified,
                    joined_to=picture_id,
                )
            )
        )
        for tag in record.tags:
            connection.execute(insert(picture_tags).values(picture_id=new_id, tag=tag))
        name = "Scale the label to the new size" if scale else "Set the label aside"
        edit_id = begin_picture_edit(connection, new_id, _edit(name, scaled))
        if scaled is not None:
            _write_label(connection, edit_id, new_id, scaled)
        status = Status.TO_REVIEW if scaled is not None else Status.NEW
        save_and_swap_rows(
            connection,
            edit_id,
            [
                _put_aside(picture_id, record.path, new_id),
                RowChange(
                    "pictures",
                    str(new_id),
                    {"path": record.path, "joined_to": None, "status": status.value},
                ),
            ],
        )
    both = frozenset([picture_id, new_id])
    return new_id, Changes(pictures=both, labels=frozenset([new_id]), picture_list=True, files=both)


def merge_double(project: Project, missing_id: int, present_id: int, choice: MergeChoice) -> Changes:
    """A missing picture takes the file of another entry that has the same content, and both labels become one.

    Split, tags, note and history are those of the missing one; tags and note of the other are added, its split counts
    where there is none. Raises ProjectError when the contents or the sizes are not the same any more.
    """
    old, new = project.pictures.get(missing_id), project.pictures.get(present_id)
    old_row, new_row = _row(project, missing_id), _row(project, present_id)
    if old_row.digest is None or old_row.digest != new_row.digest or new_row.new_digest is not None:
        raise ProjectError(
            f"{old.path} and {new.path} do not have the same content any more; nothing was changed."
        )
    size = (old.width or 0, old.height or 0)
    if size != (new.width, new.height):
        raise ProjectError(
            f"The labels of {old.path} and {new.path} have different sizes; nothing was changed."
        )
    status = {MergeChoice.MISSING: old.status, MergeChoice.PRESENT: new.status}.get(choice, Status.TO_REVIEW)
    values = {
        "path": new.path,
        "problem": None,
        "status": status.value,
        "split": (old.split or new.split or None),
        "note": " · ".join(dict.fromkeys(filter(None, (old.note, new.note)))),
    }
    rows = [
        _put_aside(present_id, new.path, missing_id),
        RowChange("pictures", str(missing_id), values),
        *(
            RowChange("picture_tags", f"{missing_id}:{tag}", {})
            for tag in sorted(set(new.tags) - set(old.tags))
        ),
    ]
    with project.store.write_transaction() as connection:
        edit_id = begin_picture_edit(
            connection, missing_id, _edit("Merge with the label of the double", None)
        )
        _merge_tiles(connection, edit_id, missing_id, present_id, size, choice)
        save_and_swap_rows(connection, edit_id, rows)
    both = frozenset([missing_id, present_id])
    return Changes(pictures=both, labels=frozenset([missing_id]), picture_list=True, files=both)


def merged_values(missing: Values, present: Values, choice: MergeChoice) -> Values:
    """(H, W) uint8: the label that a merge of two, both of that shape, would make."""
    if choice == MergeChoice.MISSING:
        return missing
    if choice == MergeChoice.PRESENT:
        return present
    return np.where(present != UNLABELLED, present, missing)


def _put_aside(picture_id: int, path: str, successor: int) -> RowChange:
    content = {"path": aside_path(picture_id, path), "joined_to": successor}
    return RowChange("pictures", str(picture_id), content)


def _row(project: Project, picture_id: int) -> Row[Any]:
    """Raises ProjectError for a picture that is not in the list any more."""
    with project.store.read_transaction() as connection:
        row = connection.execute(select(pictures).where(pictures.c.id == picture_id)).first()
    if row is None or row.joined_to is not None:
        raise ProjectError("The picture is not in the list any more; nothing was changed.")
    return row


def _edit(name: str, values: Values | None) -> Edit:
    height, width = values.shape if values is not None else (0, 0)
    pixels = int(np.count_nonzero(values)) if values is not None else 0
    return Edit(name, TOOL, 0, Box(0, 0, width, height), pixels, 0.0, Origin.PAINTED, None, ())


def _scaled(project: Project, record: PictureRecord, size: tuple[int, int]) -> Values:
    """The label at another size, by nearest neighbour: interpolation would invent classes."""
    values = project.labels.read(record.id, record.width or 0, record.height or 0)
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)


def _write_label(connection: Connection, edit_id: int, picture_id: int, values: Values) -> None:
    """Store a label, (H, W) uint8, of a picture that has none, as painted by the person who chose to scale it."""
    height, width = values.shape
    who = origin_id(connection, Origin.PAINTED, None)
    delta = np.zeros(256, np.int64)
    for key in Box(0, 0, width, height).tiles():
        part = values[tile_box(key, width, height).slices]
        if part.any():
            origins = np.where(part != UNLABELLED, np.uint16(who), np.uint16(0))
            tile = StoredTile(encode(part), encode(origins))
            save_and_write_tile(connection, edit_id, picture_id, key, blank_tile(), tile)
            delta += count_values(part)
    update_pixel_counts(connection, picture_id, delta)


def _merge_tiles(
    connection: Connection,
    edit_id: int,
    missing_id: int,
    present_id: int,
    size: tuple[int, int],
    choice: MergeChoice,
) -> None:
    """Bring the label of the present picture into that of the missing one, with the origins of its pixels."""
    if choice == MergeChoice.MISSING:
        return
    mine, other = (dict(tiles_of_picture(connection, i)) for i in (missing_id, present_id))
    delta = np.zeros(256, np.int64)
    keys: Iterable[TileKey] = mine.keys() | other.keys()
    for key in sorted(keys, key=lambda k: (k.row, k.column)):
        old, new = mine.get(key) or blank_tile(), other.get(key) or blank_tile()
        old_values, old_origins = _planes(old, key, size)
        new_values, new_origins = _planes(new, key, size)
        merged = merged_values(old_values, new_values, choice)
        if np.array_equal(merged, old_values):
            continue
        takes_new = merged != old_values
        origins = np.where(takes_new, new_origins, old_origins)
        save_and_write_tile(
            connection, edit_id, missing_id, key, old, StoredTile(encode(merged), encode(origins))
        )
        delta += count_values(merged) - count_values(old_values)
    update_pixel_counts(connection, missing_id, delta)


def _planes(tile: StoredTile, key: TileKey, size: tuple[int, int]) -> tuple[Values, NDArray[np.uint16]]:
    place = tile_box(key, *size)
    tile, origins = decode_origins_or_clear(tile, place.height, place.width)
    return decode(tile.pixels, place.height, place.width, np.uint8), origins
