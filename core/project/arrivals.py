"""Pictures that come with their labels, many in one transaction: what an import of thousands spends its time on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from core.geometry import TileKey
from core.labels.classes import UNLABELLED, VOID
from core.labels.codec import encode
from core.labels.labelmap import Edit, Origin
from core.project.order import start_new_future
from core.project.records import Split, Status, now
from core.project.store import Store
from core.project.tables import (
    class_pixels,
    classes,
    edit_rows,
    edit_tiles,
    edits,
    picture_tags,
    pictures,
    tiles,
)
from core.project.tiles import blank_tile, counted, origin_id


@dataclass(frozen=True, slots=True)
class Arrival:
    """A picture that the project does not hold yet, upright size, and its label as an edit of a blank one."""

    path: str
    width: int
    height: int
    digest: str | None = None
    split: Split | None = None
    tags: tuple[str, ...] = ()
    edit: Edit | None = None


_PICTURES = (
    insert(pictures).on_conflict_do_nothing(index_elements=["path"]).returning(pictures.c.id, pictures.c.path)
)


def take_in(store: Store, arrivals: Sequence[Arrival]) -> dict[str, int]:
    """Store pictures, labels and tags, each picture's as one edit that can be undone. Returns their ids by path.

    Left out, for the caller to bring in one by one, are pictures that somebody has added meanwhile and labels with a
    class that is gone meanwhile. Raises ProjectError when the disk refuses; nothing is stored then.
    """
    with store.writing() as connection:
        known = {UNLABELLED, VOID, *connection.execute(select(classes.c.value)).scalars()}
        counts = {a.path: _counts(a) for a in arrivals}
        coming = {a.path: a for a in arrivals if counts[a.path].keys() <= known}
        if not coming:
            return {}
        added = connection.execute(_PICTURES, [_picture(a) for a in coming.values()]).all()
        ids = {str(path): int(number) for number, path in sorted(map(tuple, added))}
        edit_id = start_new_future(connection, min(ids.values(), default=0))
        who = {o: origin_id(connection, o, None) for o in (Origin.IMPORTED, Origin.PAINTED)}
        moment = now()
        made: dict[Any, list[dict[str, Any]]] = {
            table: [] for table in (edits, tiles, edit_tiles, class_pixels, picture_tags, edit_rows)
        }
        for path, number in ids.items():
            arrival = coming[path]
            edit = arrival.edit
            if edit is None and not arrival.tags:
                continue
            made[edits].append(_edit(edit, edit_id, number, who) | {"made_at": moment})
            for change in edit.tiles if edit else ():
                place = _place(number, change.key)
                blank = blank_tile()
                said = (change.after != UNLABELLED) * np.uint16(who[Origin.IMPORTED])
                made[tiles].append(place | {"pixels": encode(change.after), "origins": encode(said)})
                was = {"edit_id": edit_id, "pixels": blank.pixels, "origins": blank.origins}
                made[edit_tiles].append(place | was)
            made[class_pixels] += [
                {"picture_id": number, "class_value": value, "pixels": count}
                for value, count in counts[path].items()
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


def _counts(arrival: Arrival) -> dict[int, int]:
    """Pixels by value."""
    if arrival.edit is None:
        return {}
    found = sum((counted(change.after) for change in arrival.edit.tiles), np.zeros(256, np.int64))
    return {int(value): int(found[value]) for value in np.flatnonzero(found)}


def _picture(arrival: Arrival) -> dict[str, Any]:
    status = Status.NEW if arrival.edit is None else Status.DONE
    return {
        "path": arrival.path,
        "width": arrival.width,
        "height": arrival.height,
        "digest": arrival.digest,
        "split": arrival.split.value if arrival.split else None,
        "status": status.value,
    }


def _edit(edit: Edit | None, edit_id: int, picture_id: int, who: dict[Origin, int]) -> dict[str, Any]:
    box = edit.box if edit else None
    return {
        "id": edit_id,
        "picture_id": picture_id,
        "name": edit.name if edit else "Import tags",
        "tool": "import",
        "class_value": 0,
        "x0": box.x0 if box else 0,
        "y0": box.y0 if box else 0,
        "x1": box.x1 if box else 0,
        "y1": box.y1 if box else 0,
        "pixels": edit.pixels if edit else 0,
        "seconds": 0.0,
        "origin_id": who[Origin.IMPORTED if edit else Origin.PAINTED],
    }


def _place(picture_id: int, key: TileKey) -> dict[str, int]:
    return {"picture_id": picture_id, "tile_column": key.column, "tile_row": key.row}
