"""The drawer of labels: tiles of class values and of who said so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert

from core.base.errors import ProjectError
from core.base.geometry import TILE_SIZE, TileKey, tile_box
from core.labels.codec import decode, encode
from core.labels.label_map import Origin, Values, blank_values
from core.project.schema import class_pixels, origins, runs, tiles
from core.project.store import Store, inserted_id
from core.project.stored_label import StoredLabel

OriginPlane = NDArray[np.uint16]
OriginKey = tuple[Origin, int | None]
"""Who said so: the kind of origin, and the run for accepted pixels."""


# Made once: to put a question together takes longer than to answer it.
_OF_PICTURE = tiles.c.picture_id == bindparam("picture")
_PIXELS = select(tiles.c.tile_column, tiles.c.tile_row, tiles.c.pixels).where(_OF_PICTURE)
_ORIGINS = select(tiles.c.tile_column, tiles.c.tile_row, tiles.c.origins).where(_OF_PICTURE)
_BOTH_PLANES = (
    select(tiles.c.tile_column, tiles.c.tile_row, tiles.c.pixels, tiles.c.origins)
    .where(_OF_PICTURE)
    .order_by(tiles.c.tile_row, tiles.c.tile_column)
)
_ONE_TILE = select(tiles.c.pixels, tiles.c.origins).where(
    _OF_PICTURE, tiles.c.tile_column == bindparam("column"), tiles.c.tile_row == bindparam("row")
)
_ALL_ORIGINS = select(origins)
_INSERT = insert(tiles)
_UPSERT = _INSERT.on_conflict_do_update(
    index_elements=["picture_id", "tile_column", "tile_row"],
    set_={"pixels": _INSERT.excluded.pixels, "origins": _INSERT.excluded.origins},
)


@dataclass(frozen=True, slots=True)
class StoredTile:
    """Both planes of one tile as stored: class values and who said so."""

    pixels: bytes
    origins: bytes


class LabelRepository:
    """Labels of one open project, to look at; the journal changes them. Lives where its Store lives."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, picture_id: int, width: int, height: int) -> Values:
        """The label of a picture, (height, width) uint8. Raises ProjectError when a tile is damaged."""
        values = blank_values(width, height)
        with self._store.read_transaction() as connection:
            rows = connection.execute(_PIXELS, {"picture": picture_id}).all()
        for column, row, pixels in rows:
            place = tile_box(TileKey(column, row), width, height)
            if not place.is_empty:
                values[place.slices] = decode(pixels, place.height, place.width, np.uint8)
        return values

    def stored_label(self, picture_id: int) -> StoredLabel:
        """The label of a picture as it is stored."""
        with self._store.read_transaction() as connection:
            rows = connection.execute(_BOTH_PLANES, {"picture": picture_id}).all()
        return StoredLabel(tuple((TileKey(column, row), pixels, said) for column, row, pixels, said in rows))

    def origins_by_id(self) -> dict[int, OriginKey]:
        """What the ids of who said so mean."""
        with self._store.read_transaction() as connection:
            return {int(i): (Origin(kind), run) for i, kind, run in connection.execute(_ALL_ORIGINS)}

    def provenance(
        self, picture_id: int, width: int, height: int
    ) -> tuple[OriginPlane, dict[int, OriginKey]]:
        """Who said so, for every pixel: (height, width) uint16 ids, 0 = nobody, and what the ids mean."""
        plane = np.zeros((height, width), np.uint16)
        with self._store.read_transaction() as connection:
            rows = connection.execute(_ORIGINS, {"picture": picture_id}).all()
            meaning = {int(i): (Origin(kind), run) for i, kind, run in connection.execute(_ALL_ORIGINS)}
        for column, row, blob in rows:
            place = tile_box(TileKey(column, row), width, height)
            if not place.is_empty:
                plane[place.slices] = decode(blob, place.height, place.width, np.uint16)
        return plane, meaning

    def origin_at(self, picture_id: int, x: int, y: int, size: tuple[int, int]) -> OriginKey | None:
        """Who said so at one pixel of a picture of `size` (width, height); None for nobody."""
        key = TileKey(x // TILE_SIZE, y // TILE_SIZE)
        place = tile_box(key, *size)
        with self._store.read_transaction() as connection:
            stored = read_tile(connection, picture_id, key)
            if stored is None:
                return None
            plane = decode(stored.origins, place.height, place.width, np.uint16)
            row = connection.execute(
                select(origins.c.kind, origins.c.run_id).where(
                    origins.c.id == int(plane[y - place.y0, x - place.x0])
                )
            ).first()
        return (Origin(row.kind), row.run_id) if row else None


def origin_id(connection: Connection, origin: Origin, run_id: int | None) -> int:
    """The id that stands for this origin in the tiles; made at its first use.

    A run that is not there stands for none: predictions outlive it when an older backup is brought back.
    """
    run_id = connection.execute(select(runs.c.id).where(runs.c.id == run_id)).scalar()
    same_run = origins.c.run_id.is_(None) if run_id is None else origins.c.run_id == run_id
    found = connection.execute(select(origins.c.id).where(origins.c.kind == origin.value, same_run)).scalar()
    if found is None:
        return inserted_id(connection.execute(insert(origins).values(kind=origin.value, run_id=run_id)))
    return int(found)


def read_tile(connection: Connection, picture_id: int, key: TileKey) -> StoredTile | None:
    asked = {"picture": picture_id, "column": key.column, "row": key.row}
    row = connection.execute(_ONE_TILE, asked).first()
    return StoredTile(row.pixels, row.origins) if row else None


def decode_origins_or_clear(tile: StoredTile, height: int, width: int) -> tuple[StoredTile, OriginPlane]:
    """The tile and its decoded plane of who said so; where that cannot be read, both say nobody.

    The label itself is whole then, and must not be closed to the hand for it.
    """
    try:
        return tile, decode(tile.origins, height, width, np.uint16)
    except ProjectError:
        nobody = np.zeros((height, width), np.uint16)
        return StoredTile(tile.pixels, encode(nobody)), nobody


def write_tile(connection: Connection, picture_id: int, key: TileKey, tile: StoredTile) -> None:
    write_tiles(connection, [tile_row(picture_id, key, tile)])


def tile_row(picture_id: int, key: TileKey, tile: StoredTile) -> dict[str, Any]:
    """What identifies and fills a row of tiles, in a label or kept beside an edit."""
    return {
        "picture_id": picture_id,
        "tile_column": key.column,
        "tile_row": key.row,
        "pixels": tile.pixels,
        "origins": tile.origins,
    }


def write_tiles(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put each `tile_row` into its label, whatever was there."""
    if rows:
        connection.execute(_UPSERT, rows)


def blank_tile() -> StoredTile:
    """A tile that nobody has painted on, of any size."""
    return StoredTile(encode(np.zeros((1, 1), np.uint8)), encode(np.zeros((1, 1), np.uint16)))


def tiles_of_picture(connection: Connection, picture_id: int) -> Iterator[tuple[TileKey, StoredTile]]:
    """All stored tiles of a picture."""
    rows = connection.execute(
        select(tiles.c.tile_column, tiles.c.tile_row, tiles.c.pixels, tiles.c.origins).where(
            tiles.c.picture_id == picture_id
        )
    ).all()
    for column, row, pixels, said in rows:
        yield TileKey(column, row), StoredTile(pixels, said)


def update_pixel_counts(connection: Connection, picture_id: int, delta: NDArray[np.int64]) -> None:
    """Keep class_pixels true: add what each value gained (or lost, (256,) int64), drop rows that reach nothing."""
    for value in np.flatnonzero(delta[1:]) + 1:
        change = int(delta[value])
        statement = insert(class_pixels).values(picture_id=picture_id, class_value=int(value), pixels=change)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["picture_id", "class_value"], set_={"pixels": class_pixels.c.pixels + change}
            )
        )
    connection.execute(
        delete(class_pixels).where(class_pixels.c.picture_id == picture_id, class_pixels.c.pixels <= 0)
    )


def count_values(values: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(256,) int64: how many pixels hold each value."""
    return np.bincount(values.ravel(), minlength=256).astype(np.int64)
