"""Reads labels: class values and origins of a picture's pixels. Only the journal changes them."""

from __future__ import annotations

import numpy as np
from sqlalchemy import bindparam, select

from core.base.geometry import TILE_SIZE, TileKey, tile_box
from core.labels.codec import decode
from core.labels.label_map import Origin, Values, blank_values
from core.project.schema import origins, tiles
from core.project.store import Store
from core.project.stored_label import StoredLabel
from core.project.stored_tiles import OriginPlane, read_tile

OriginKey = tuple[Origin, int | None]
"""Where the value of a pixel comes from: the kind of origin, and the run whose prediction was accepted."""

# Built once: SQLAlchemy takes longer to build a statement than SQLite to execute it.
_OF_PICTURE = tiles.c.picture_id == bindparam("picture")
_PIXELS = select(tiles.c.tile_column, tiles.c.tile_row, tiles.c.pixels).where(_OF_PICTURE)
_ORIGINS = select(tiles.c.tile_column, tiles.c.tile_row, tiles.c.origins).where(_OF_PICTURE)
_BOTH_PLANES = (
    select(tiles.c.tile_column, tiles.c.tile_row, tiles.c.pixels, tiles.c.origins)
    .where(_OF_PICTURE)
    .order_by(tiles.c.tile_row, tiles.c.tile_column)
)
_ALL_ORIGINS = select(origins)


class LabelRepository:
    """Read access to the labels of an open project. Used on the thread that owns its Store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, picture_id: int, width: int, height: int, step: int = 1) -> Values:
        """The label of a picture, (height, width) uint8. Raises ProjectError when a tile is damaged.

        step: only every `step`-th row and column; a power of two, at most TILE_SIZE
        """
        values = blank_values(-(-width // step), -(-height // step))
        with self._store.read_transaction() as connection:
            rows = connection.execute(_PIXELS, {"picture": picture_id}).all()
        for column, row, pixels in rows:
            place = tile_box(TileKey(column, row), width, height)
            if not place.is_empty:
                tile = decode(pixels, place.height, place.width, np.uint8)[::step, ::step]
                x, y = place.x0 // step, place.y0 // step
                values[y : y + tile.shape[0], x : x + tile.shape[1]] = tile
        return values

    def stored_label(self, picture_id: int) -> StoredLabel:
        """The label of a picture, still encoded."""
        with self._store.read_transaction() as connection:
            rows = connection.execute(_BOTH_PLANES, {"picture": picture_id}).all()
        return StoredLabel(tuple((TileKey(c, r), pixels, origin_ids) for c, r, pixels, origin_ids in rows))

    def origins_by_id(self) -> dict[int, OriginKey]:
        """What the ids in the origin planes stand for."""
        with self._store.read_transaction() as connection:
            return {int(i): (Origin(kind), run) for i, kind, run in connection.execute(_ALL_ORIGINS)}

    def provenance(
        self, picture_id: int, width: int, height: int
    ) -> tuple[OriginPlane, dict[int, OriginKey]]:
        """The origin of every pixel: (height, width) uint16 ids, 0 = unlabelled, and what the ids stand for."""
        plane = np.zeros((height, width), np.uint16)
        with self._store.read_transaction() as connection:
            rows = connection.execute(_ORIGINS, {"picture": picture_id}).all()
            by_id = {int(i): (Origin(kind), run) for i, kind, run in connection.execute(_ALL_ORIGINS)}
        for column, row, blob in rows:
            place = tile_box(TileKey(column, row), width, height)
            if not place.is_empty:
                plane[place.slices] = decode(blob, place.height, place.width, np.uint16)
        return plane, by_id

    def origin_at(self, picture_id: int, x: int, y: int, size: tuple[int, int]) -> OriginKey | None:
        """The origin of one pixel of a picture of `size` (width, height); None where it is unlabelled."""
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
