"""Tiles of labels within a transaction: reading, writing, decoding, and the pixel counts that are kept beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert

from core.base.errors import ProjectError
from core.base.geometry import TileKey
from core.labels.codec import decode, encode
from core.labels.label_map import Origin
from core.project.schema import class_pixels, origins, runs, tiles
from core.project.store import inserted_id

OriginPlane = NDArray[np.uint16]
"""(height, width) ids of the table `origins`; 0 is an unlabelled pixel."""

# Built once: SQLAlchemy takes longer to build a statement than SQLite to execute it.
_SELECT_TILE = select(tiles.c.pixels, tiles.c.origins).where(
    tiles.c.picture_id == bindparam("picture"),
    tiles.c.tile_column == bindparam("column"),
    tiles.c.tile_row == bindparam("row"),
)
_INSERT = insert(tiles)
_UPSERT = _INSERT.on_conflict_do_update(
    index_elements=["picture_id", "tile_column", "tile_row"],
    set_={"pixels": _INSERT.excluded.pixels, "origins": _INSERT.excluded.origins},
)


@dataclass(frozen=True, slots=True)
class StoredTile:
    """Both planes of one tile, encoded: class values (uint8) and origin ids (uint16)."""

    pixels: bytes
    origins: bytes


def blank_tile() -> StoredTile:
    """An unlabelled tile; its encoding stands for a tile of any size."""
    return StoredTile(encode(np.zeros((1, 1), np.uint8)), encode(np.zeros((1, 1), np.uint16)))


def tile_row(picture_id: int, key: TileKey, tile: StoredTile) -> dict[str, Any]:
    """The columns of a tile, in the table `tiles` or saved with an edit in `edit_tiles`."""
    return {
        "picture_id": picture_id,
        "tile_column": key.column,
        "tile_row": key.row,
        "pixels": tile.pixels,
        "origins": tile.origins,
    }


def read_tile(connection: Connection, picture_id: int, key: TileKey) -> StoredTile | None:
    """None where there is no tile, so every pixel is unlabelled."""
    asked = {"picture": picture_id, "column": key.column, "row": key.row}
    row = connection.execute(_SELECT_TILE, asked).first()
    return StoredTile(row.pixels, row.origins) if row else None


def tiles_of_picture(connection: Connection, picture_id: int) -> Iterator[tuple[TileKey, StoredTile]]:
    """All stored tiles of a picture."""
    rows = connection.execute(
        select(tiles.c.tile_column, tiles.c.tile_row, tiles.c.pixels, tiles.c.origins).where(
            tiles.c.picture_id == picture_id
        )
    ).all()
    for column, row, pixels, origin_ids in rows:
        yield TileKey(column, row), StoredTile(pixels, origin_ids)


def write_tile(connection: Connection, picture_id: int, key: TileKey, tile: StoredTile) -> None:
    """Insert or replace one tile."""
    write_tiles(connection, [tile_row(picture_id, key, tile)])


def write_tiles(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert or replace tiles, each given as a `tile_row`."""
    if rows:
        connection.execute(_UPSERT, rows)


def decode_origins_or_clear(tile: StoredTile, height: int, width: int) -> tuple[StoredTile, OriginPlane]:
    """The tile and its decoded origins; when these are damaged, the tile with all origins unknown (0).

    The class values are intact in that case, and the user can go on editing them.
    """
    try:
        return tile, decode(tile.origins, height, width, np.uint16)
    except ProjectError:
        unknown = np.zeros((height, width), np.uint16)
        return StoredTile(tile.pixels, encode(unknown)), unknown


def origin_id(connection: Connection, origin: Origin, run_id: int | None) -> int:
    """The id of an origin in the origin planes; the row is added at its first use.

    The id of a run that does not exist is dropped: cached predictions may be newer than a restored backup.
    """
    run_id = connection.execute(select(runs.c.id).where(runs.c.id == run_id)).scalar()
    same_run = origins.c.run_id.is_(None) if run_id is None else origins.c.run_id == run_id
    found = connection.execute(select(origins.c.id).where(origins.c.kind == origin.value, same_run)).scalar()
    if found is None:
        return inserted_id(connection.execute(insert(origins).values(kind=origin.value, run_id=run_id)))
    return int(found)


def count_values(values: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(256,) int64: how many pixels hold each value."""
    return np.bincount(values.ravel(), minlength=256).astype(np.int64)


def update_pixel_counts(connection: Connection, picture_id: int, delta: NDArray[np.int64]) -> None:
    """Add `delta`, (256,) int64 pixels by class value, to the counts of a picture; counts of 0 are deleted."""
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
