"""The drawer of labels: tiles and the journal of edits. Every change is one transaction and can be undone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, Select, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from core.changes import Changes
from core.geometry import TILE, Box, TileKey, tile_box
from core.labels.codec import decode, encode
from core.labels.labelmap import Edit, Origin, Values, blank_values
from core.project.records import EditRecord, Journal, Reverted, Status, now
from core.project.store import Store, new_id
from core.project.tables import class_pixels, edit_tiles, edits, origins, pictures, tiles

Origins = NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class _Tile:
    """Both planes of one tile as stored: class values and who said so."""

    pixels: bytes
    origins: bytes


class LabelDrawer:
    """Labels of one open project. Lives where its Store lives."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, picture_id: int, width: int, height: int) -> Values:
        """The label of a picture, (height, width) uint8. Raises ProjectError when a tile is damaged."""
        values = blank_values(width, height)
        query = select(tiles.c.tile_column, tiles.c.tile_row, tiles.c.pixels)
        with self._store.reading() as connection:
            rows = connection.execute(query.where(tiles.c.picture_id == picture_id)).all()
        for column, row, pixels in rows:
            place = tile_box(TileKey(column, row), width, height)
            if not place.is_empty:
                values[place.slices] = decode(pixels, place.height, place.width, np.uint8)
        return values

    def provenance(
        self, picture_id: int, width: int, height: int
    ) -> tuple[Origins, dict[int, tuple[Origin, int | None]]]:
        """Who said so, for every pixel: (height, width) uint16 ids, 0 = nobody, and what the ids mean."""
        plane = np.zeros((height, width), np.uint16)
        with self._store.reading() as connection:
            rows = connection.execute(
                select(tiles.c.tile_column, tiles.c.tile_row, tiles.c.origins).where(
                    tiles.c.picture_id == picture_id
                )
            ).all()
            meaning = {
                int(i): (Origin(kind), run) for i, kind, run in connection.execute(select(origins)).all()
            }
        for column, row, blob in rows:
            place = tile_box(TileKey(column, row), width, height)
            plane[place.slices] = decode(blob, place.height, place.width, np.uint16)
        return plane, meaning

    def origin_at(
        self, picture_id: int, x: int, y: int, size: tuple[int, int]
    ) -> tuple[Origin, int | None] | None:
        """Who said so at one pixel of a picture of `size` (width, height); None for nobody."""
        key = TileKey(x // TILE, y // TILE)
        place = tile_box(key, *size)
        with self._store.reading() as connection:
            stored = _tile(connection, picture_id, key)
            if stored is None:
                return None
            plane = decode(stored.origins, place.height, place.width, np.uint16)
            row = connection.execute(
                select(origins.c.kind, origins.c.run_id).where(
                    origins.c.id == int(plane[y - place.y0, x - place.x0])
                )
            ).first()
        return (Origin(row.kind), row.run_id) if row else None

    def commit(self, picture_id: int, edit: Edit) -> Journal:
        """Store an edit: its tiles, one journal row, the other side of each tile, the counts. One transaction.

        Undone edits of this picture are let go: a new edit starts a new future. A picture that was new is now
        in progress. Raises ProjectError when the disk refuses; nothing is stored then.
        """
        with self._store.writing() as connection:
            _forget_undone(connection, picture_id)
            origin_id = _origin_id(connection, edit.origin, edit.run_id)
            edit_id = new_id(
                connection.execute(
                    insert(edits).values(
                        picture_id=picture_id,
                        name=edit.name,
                        tool=edit.tool,
                        class_value=edit.class_value,
                        x0=edit.box.x0,
                        y0=edit.box.y0,
                        x1=edit.box.x1,
                        y1=edit.box.y1,
                        pixels=edit.pixels,
                        seconds=edit.seconds,
                        origin_id=origin_id,
                        made_at=now(),
                    )
                )
            )
            gained = np.zeros(256, np.int64)
            for change in edit.tiles:
                height, width = change.after.shape
                stored = _tile(connection, picture_id, change.key)
                before = stored or _blank(height, width)
                said = decode(before.origins, height, width, np.uint16)
                changed = change.before != change.after
                said[changed] = np.where(change.after[changed] == 0, 0, origin_id)
                was, after = change.before, change.after
                if before.pixels != encode(was):
                    # An import has changed this tile since the hand saw it: an edit changes its own pixels only.
                    was = decode(before.pixels, height, width, np.uint8)
                    after = np.where(changed, after, was)
                connection.execute(
                    insert(edit_tiles).values(
                        edit_id=edit_id,
                        tile_column=change.key.column,
                        tile_row=change.key.row,
                        pixels=before.pixels,
                        origins=before.origins,
                    )
                )
                _put_tile(connection, picture_id, change.key, _Tile(encode(after), encode(said)))
                gained += np.bincount(after.ravel(), minlength=256)
                gained -= np.bincount(was.ravel(), minlength=256)
            _count(connection, picture_id, gained)
            connection.execute(
                update(pictures)
                .where(pictures.c.id == picture_id, pictures.c.status == Status.NEW.value)
                .values(status=Status.IN_PROGRESS.value)
            )
            return _journal(connection, picture_id)

    def undo(self, picture_id: int) -> Reverted | None:
        """Take the newest edit of a picture back. None when there is none."""
        return self._swap(picture_id, undone=False)

    def redo(self, picture_id: int) -> Reverted | None:
        """Do the edit that was undone last again. None when there is none."""
        return self._swap(picture_id, undone=True)

    def journal(self, picture_id: int) -> Journal:
        """What undo and redo would do next."""
        with self._store.reading() as connection:
            return _journal(connection, picture_id)

    def history(self, picture_id: int) -> list[EditRecord]:
        """All edits of a picture, oldest first, undone ones included."""
        with self._store.reading() as connection:
            rows = connection.execute(
                _edit_rows().where(edits.c.picture_id == picture_id).order_by(edits.c.id)
            )
            return [_edit_record(row) for row in rows]

    def _swap(self, picture_id: int, *, undone: bool) -> Reverted | None:
        """Exchange a tile's content with the other side kept in edit_tiles; undo and redo are the same act."""
        with self._store.writing() as connection:
            row = _next_edit(connection, picture_id, undone=undone)
            if row is None:
                return None
            record = _edit_record(row)
            size = connection.execute(
                select(pictures.c.width, pictures.c.height).where(pictures.c.id == picture_id)
            ).one()
            gained = np.zeros(256, np.int64)
            now_there: dict[TileKey, Values] = {}
            kept = connection.execute(select(edit_tiles).where(edit_tiles.c.edit_id == record.id)).all()
            for _, column, tile_row, pixels, said in kept:
                key = TileKey(column, tile_row)
                place = tile_box(key, size.width, size.height)
                current = _tile(connection, picture_id, key) or _blank(place.height, place.width)
                values = decode(pixels, place.height, place.width, np.uint8)
                gained += np.bincount(values.ravel(), minlength=256)
                gained -= np.bincount(
                    decode(current.pixels, place.height, place.width, np.uint8).ravel(), minlength=256
                )
                _put_tile(connection, picture_id, key, _Tile(pixels, said))
                connection.execute(
                    update(edit_tiles)
                    .where(
                        edit_tiles.c.edit_id == record.id,
                        edit_tiles.c.tile_column == column,
                        edit_tiles.c.tile_row == tile_row,
                    )
                    .values(pixels=current.pixels, origins=current.origins)
                )
                now_there[key] = values
            _count(connection, picture_id, gained)
            connection.execute(update(edits).where(edits.c.id == record.id).values(undone=int(not undone)))
            return Reverted(record, now_there, _journal(connection, picture_id))


def changes_of_edit(picture_id: int) -> Changes:
    """What a commit, undo or redo touches."""
    ids = frozenset([picture_id])
    return Changes(pictures=ids, labels=ids)


def _next_edit(connection: Connection, picture_id: int, *, undone: bool) -> Row[Any] | None:
    query = _edit_rows().where(edits.c.picture_id == picture_id, edits.c.undone == int(undone))
    # Undo takes the newest of those that count, redo the oldest of those taken back.
    return connection.execute(query.order_by(edits.c.id if undone else edits.c.id.desc()).limit(1)).first()


def _journal(connection: Connection, picture_id: int) -> Journal:
    names = [_next_edit(connection, picture_id, undone=undone) for undone in (False, True)]
    return Journal(*(row.name if row else None for row in names))


def _edit_rows() -> Select[Any]:
    return select(edits, origins.c.kind, origins.c.run_id).join(origins, origins.c.id == edits.c.origin_id)


def _edit_record(row: Row[Any]) -> EditRecord:
    return EditRecord(
        row.id,
        row.picture_id,
        row.name,
        row.tool,
        row.class_value,
        Box(row.x0, row.y0, row.x1, row.y1),
        row.pixels,
        row.seconds,
        Origin(row.kind),
        row.run_id,
        row.made_at,
        bool(row.undone),
    )


def _forget_undone(connection: Connection, picture_id: int) -> None:
    connection.execute(delete(edits).where(edits.c.picture_id == picture_id, edits.c.undone == 1))


def _origin_id(connection: Connection, origin: Origin, run_id: int | None) -> int:
    same_run = origins.c.run_id.is_(None) if run_id is None else origins.c.run_id == run_id
    found = connection.execute(select(origins.c.id).where(origins.c.kind == origin.value, same_run)).scalar()
    if found is None:
        statement = insert(origins).values(kind=origin.value, run_id=run_id)
        found = new_id(connection.execute(statement))
    return int(found)


def _tile(connection: Connection, picture_id: int, key: TileKey) -> _Tile | None:
    row = connection.execute(
        select(tiles.c.pixels, tiles.c.origins).where(
            tiles.c.picture_id == picture_id,
            tiles.c.tile_column == key.column,
            tiles.c.tile_row == key.row,
        )
    ).first()
    return _Tile(row.pixels, row.origins) if row else None


def _blank(height: int, width: int) -> _Tile:
    return _Tile(encode(np.zeros((height, width), np.uint8)), encode(np.zeros((height, width), np.uint16)))


def _put_tile(connection: Connection, picture_id: int, key: TileKey, tile: _Tile) -> None:
    statement = insert(tiles).values(
        picture_id=picture_id,
        tile_column=key.column,
        tile_row=key.row,
        pixels=tile.pixels,
        origins=tile.origins,
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["picture_id", "tile_column", "tile_row"],
            set_={"pixels": tile.pixels, "origins": tile.origins},
        )
    )


def _count(connection: Connection, picture_id: int, gained: NDArray[np.int64]) -> None:
    """Keep class_pixels true: add what each class gained (or lost), drop rows that reach nothing."""
    for value in np.flatnonzero(gained[1:]) + 1:
        change = int(gained[value])
        statement = insert(class_pixels).values(picture_id=picture_id, class_value=int(value), pixels=change)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["picture_id", "class_value"], set_={"pixels": class_pixels.c.pixels + change}
            )
        )
    connection.execute(
        delete(class_pixels).where(class_pixels.c.picture_id == picture_id, class_pixels.c.pixels <= 0)
    )
