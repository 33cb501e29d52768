"""Inserts many labelled pictures in one transaction, because an import of thousands spends its time there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from core.base.geometry import Box, TileKey, tile_box
from core.labels.class_list import UNLABELLED, VOID
from core.labels.codec import decode, encode
from core.labels.label_map import Origin
from core.project.packed_picture import PackedLabel, PackedPicture, PackedTile
from core.project.records import Status, now
from core.project.schema import (
    class_pixels,
    classes,
    edit_rows,
    edit_tiles,
    edits,
    picture_tags,
    pictures,
    tiles,
)
from core.project.store import Store
from core.project.stored_tiles import blank_tile, origin_id
from core.project.undo_order import discard_undone_edits

_PICTURES = (
    insert(pictures).on_conflict_do_nothing(index_elements=["path"]).returning(pictures.c.id, pictures.c.path)
)


def insert_pictures(store: Store, packed: Sequence[PackedPicture]) -> dict[str, int]:
    """Insert pictures with their labels and tags, each as one undoable edit. Returns their ids by path.

    Pictures that exist already, and labels with a class that does not exist, are left out for the caller to store one
    by one. Raises ProjectError when the disk refuses; nothing is stored in that case.
    """
    with store.write_transaction() as connection:
        known = {UNLABELLED, VOID, *connection.execute(select(classes.c.value)).scalars()}
        new = {p.path: p for p in packed if p.label is None or p.label.counts.keys() <= known}
        if not new:
            return {}
        added = connection.execute(_PICTURES, [_picture_columns(p) for p in new.values()]).all()
        ids = {str(path): int(number) for number, path in sorted(map(tuple, added))}
        edit_id = discard_undone_edits(connection, min(ids.values(), default=0))
        origin_ids = {o: origin_id(connection, o, None) for o in (Origin.IMPORTED, Origin.PAINTED)}
        moment = now()
        rows_of: dict[Any, list[dict[str, Any]]] = {
            table: [] for table in (edits, tiles, edit_tiles, class_pixels, picture_tags, edit_rows)
        }
        for path, number in ids.items():
            picture = new[path]
            label = picture.label
            if label is None and not picture.tags:
                continue
            rows_of[edits].append(_edit_columns(label, edit_id, number, origin_ids) | {"made_at": moment})
            for tile in label.tiles if label else ():
                key_columns = _tile_columns(number, tile.key)
                blank = blank_tile()
                origin_plane = _origin_plane(
                    tile, tile_box(tile.key, picture.width, picture.height), origin_ids[Origin.IMPORTED]
                )
                rows_of[tiles].append(key_columns | {"pixels": tile.pixels, "origins": origin_plane})
                before = {"edit_id": edit_id, "pixels": blank.pixels, "origins": blank.origins}
                rows_of[edit_tiles].append(key_columns | before)
            rows_of[class_pixels] += [
                {"picture_id": number, "class_value": value, "pixels": count}
                for value, count in (label.counts if label else {}).items()
                if value != UNLABELLED
            ]
            for tag in picture.tags:
                rows_of[picture_tags].append({"picture_id": number, "tag": tag})
                key = {"table_name": "picture_tags", "row_key": f"{number}:{tag}", "content": None}
                rows_of[edit_rows].append({"edit_id": edit_id} | key)
            edit_id += 1
        for table, rows in rows_of.items():
            if rows:
                connection.execute(_INSERTS[table], rows)
    return ids


_INSERTS = {
    table: insert(table) for table in (edits, tiles, edit_tiles, class_pixels, picture_tags, edit_rows)
}


def _picture_columns(picture: PackedPicture) -> dict[str, Any]:
    status = Status.NEW if picture.label is None else Status.DONE
    return {
        "path": picture.path,
        "width": picture.width,
        "height": picture.height,
        "digest": picture.digest,
        "file_bytes": picture.age.bytes if picture.age else None,
        "file_modified": picture.age.modified if picture.age else None,
        "split": picture.split.value if picture.split else None,
        "status": status.value,
    }


def _edit_columns(
    label: PackedLabel | None, edit_id: int, picture_id: int, origin_ids: dict[Origin, int]
) -> dict[str, Any]:
    box = label.box if label else None
    return {
        "id": edit_id,
        "picture_id": picture_id,
        "name": "Import masks" if label else "Import tags",
        "tool": "import",
        "class_value": 0,
        "x0": box.x0 if box else 0,
        "y0": box.y0 if box else 0,
        "x1": box.x1 if box else 0,
        "y1": box.y1 if box else 0,
        "pixels": label.pixels if label else 0,
        "seconds": 0.0,
        "origin_id": origin_ids[Origin.IMPORTED if label else Origin.PAINTED],
    }


def _origin_plane(tile: PackedTile, box: Box, origin: int) -> bytes:
    """The encoded origin plane: `origin` wherever the tile is labelled, else 0."""
    if tile.is_fully_labelled:
        return encode(np.full((1, 1), origin, np.uint16))
    labelled = decode(tile.pixels, box.height, box.width, np.uint8) != UNLABELLED
    return encode(labelled * np.uint16(origin))


def _tile_columns(picture_id: int, key: TileKey) -> dict[str, int]:
    return {"picture_id": picture_id, "tile_column": key.column, "tile_row": key.row}
