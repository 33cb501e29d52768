"""Pictures that come with their labels, many in one transaction: what an import of thousands spends its time on."""

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


def insert_pictures(store: Store, arrivals: Sequence[PackedPicture]) -> dict[str, int]:
    """Store pictures, labels and tags, each picture's as one edit that can be undone. Returns their ids by path.

    Left out, for the caller to bring in one by one, are pictures that somebody has added meanwhile and labels with a
    class that is gone meanwhile. Raises ProjectError when the disk refuses; nothing is stored then.
    """
    with store.write_transaction() as connection:
        known = {UNLABELLED, VOID, *connection.execute(select(classes.c.value)).scalars()}
        coming = {a.path: a for a in arrivals if a.label is None or a.label.counts.keys() <= known}
        if not coming:
            return {}
        added = connection.execute(_PICTURES, [_picture(a) for a in coming.values()]).all()
        ids = {str(path): int(number) for number, path in sorted(map(tuple, added))}
        edit_id = discard_undone_edits(connection, min(ids.values(), default=0))
        who = {o: origin_id(connection, o, None) for o in (Origin.IMPORTED, Origin.PAINTED)}
        moment = now()
        made: dict[Any, list[dict[str, Any]]] = {
            table: [] for table in (edits, tiles, edit_tiles, class_pixels, picture_tags, edit_rows)
        }
        for path, number in ids.items():
            arrival = coming[path]
            label = arrival.label
            if label is None and not arrival.tags:
                continue
            made[edits].append(_edit(label, edit_id, number, who) | {"made_at": moment})
            for tile in label.tiles if label else ():
                place = _tile_columns(number, tile.key)
                blank = blank_tile()
                said = _origin_plane(
                    tile, tile_box(tile.key, arrival.width, arrival.height), who[Origin.IMPORTED]
                )
                made[tiles].append(place | {"pixels": tile.pixels, "origins": said})
                was = {"edit_id": edit_id, "pixels": blank.pixels, "origins": blank.origins}
                made[edit_tiles].append(place | was)
            made[class_pixels] += [
                {"picture_id": number, "class_value": value, "pixels": count}
                for value, count in (label.counts if label else {}).items()
                if value != UNLABELLED
            ]
            for tag in arrival.tags:
                made[picture_tags].append({"picture_id": number, "tag": tag})
                key = {"table_name": "picture_tags", "row_key": f"{number}:{tag}", "content": None}
                made[edit_rows].append({"edit_id": edit_id} | key)
            edit_id += 1
        for table, rows in made.items():
            if rows:
                connection.execute(_INSERTS[table], rows)
    return ids


_INSERTS = {
    table: insert(table) for table in (edits, tiles, edit_tiles, class_pixels, picture_tags, edit_rows)
}


def _picture(arrival: PackedPicture) -> dict[str, Any]:
    status = Status.NEW if arrival.label is None else Status.DONE
    return {
        "path": arrival.path,
        "width": arrival.width,
        "height": arrival.height,
        "digest": arrival.digest,
        "split": arrival.split.value if arrival.split else None,
        "status": status.value,
    }


def _edit(label: PackedLabel | None, edit_id: int, picture_id: int, who: dict[Origin, int]) -> dict[str, Any]:
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
        "origin_id": who[Origin.IMPORTED if label else Origin.PAINTED],
    }


def _origin_plane(tile: PackedTile, place: Box, who: int) -> bytes:
    """The plane of who said so: one origin wherever there is a label."""
    if tile.is_fully_labelled:
        return encode(np.full((1, 1), who, np.uint16))
    labelled = decode(tile.pixels, place.height, place.width, np.uint8) != UNLABELLED
    return encode(labelled * np.uint16(who))


def _tile_columns(picture_id: int, key: TileKey) -> dict[str, int]:
    return {"picture_id": picture_id, "tile_column": key.column, "tile_row": key.row}
