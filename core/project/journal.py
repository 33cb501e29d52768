"""The edit journal: every change of labels, classes or picture metadata is one edit, one transaction, and can be
undone.

An edit saves the previous state of all tiles and rows it changes; once it is undone, it holds their later state
instead.
Undo and redo are therefore the same operation: they swap the saved state with the current one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, and_, bindparam, case, delete, exists, func, or_, select, update
from sqlalchemy.dialects.sqlite import insert

from core.base.changes import Changes
from core.base.geometry import Box, TileKey, tile_box
from core.labels.class_list import UNLABELLED
from core.labels.codec import decode, encode
from core.labels.label_map import Edit, Origin, Values
from core.project.class_remaps import log_undo_or_redo, replacement_values
from core.project.records import EditRecord, Status, UndoNames, UndoResult, now
from core.project.row_changes import BATCH_SIZE, RowChange, content_from_json, content_to_json, swap_rows
from core.project.schema import class_pixels, edit_rows, edit_tiles, edits, pictures, tiles
from core.project.store import Store
from core.project.stored_tiles import (
    StoredTile,
    blank_tile,
    count_values,
    decode_origins_or_clear,
    origin_id,
    read_tile,
    tile_row,
    update_pixel_counts,
    write_tile,
    write_tiles,
)
from core.project.undo_order import (
    check_can_swap,
    discard_undone_edits,
    edit_record,
    next_edit,
    select_edits,
    undo_names,
)

KEPT_UNDO_STEPS = 1000
"""The newest edits of each picture that always stay undoable."""
JOURNAL_BYTES_LIMIT = 2 << 30
"""Thinning starts when the saved tiles of all edits take more than this."""

# Built once: SQLAlchemy takes longer to build a statement than SQLite to execute it.
_INSERT_SAVED_TILE = insert(edit_tiles)
_SAVE_TILE = _INSERT_SAVED_TILE.on_conflict_do_update(
    index_elements=["edit_id", "picture_id", "tile_column", "tile_row"],
    set_={"pixels": _INSERT_SAVED_TILE.excluded.pixels, "origins": _INSERT_SAVED_TILE.excluded.origins},
)
_SAME_TILE = and_(
    tiles.c.picture_id == edit_tiles.c.picture_id,
    tiles.c.tile_column == edit_tiles.c.tile_column,
    tiles.c.tile_row == edit_tiles.c.tile_row,
)
_SAVED_AND_CURRENT = (
    select(
        edit_tiles,
        pictures.c.width,
        pictures.c.height,
        tiles.c.pixels.label("current_pixels"),
        tiles.c.origins.label("current_origins"),
    )
    .join(pictures, pictures.c.id == edit_tiles.c.picture_id)
    .outerjoin(tiles, _SAME_TILE)
    .where(edit_tiles.c.edit_id == bindparam("edit"))
)


@dataclass(frozen=True, slots=True)
class ThinningResult:
    """Number of edits that can no longer be undone, and the bytes freed."""

    edits: int
    bytes: int


class JournalRepository:
    """Commits, undoes and lists the edits of an open project. Used on the thread that owns its Store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def commit(self, picture_id: int, edit: Edit, rows: Sequence[RowChange] = ()) -> None:
        """Store an edit of pixels, with `rows` of the picture that belong to it. A new picture becomes in progress.

        Discards the edits that were undone before it. Pixels of a class that was merged or deleted while the user was
        painting are stored as the class that replaced it. Raises DiskError when the disk refuses, ProjectError when the
        edit does not fit what is stored; nothing is stored in either case.
        """
        with self._store.write_transaction() as connection:
            edit_origin = origin_id(connection, edit.origin, edit.run_id)
            edit_id = _insert_edit(connection, picture_id, edit, edit_origin)
            replacements = replacement_values(connection, edit)
            delta = np.zeros(256, np.int64)
            saved, written = [], []
            for change in edit.tiles:
                height, width = change.after.shape
                stored = read_tile(connection, picture_id, change.key) or blank_tile()
                before, origin_plane = decode_origins_or_clear(stored, height, width)
                values_before = decode(before.pixels, height, width, np.uint8)
                # An import may have changed this tile since the canvas read it, so only the pixels that the edit itself
                # changed are written.
                changed = change.before != change.after
                after = np.where(changed, replacements[change.after], values_before)
                origin_plane[changed] = np.where(after[changed] == UNLABELLED, 0, edit_origin)
                saved.append({"edit_id": edit_id, **tile_row(picture_id, change.key, before)})
                tile = StoredTile(encode(after), encode(origin_plane))
                written.append(tile_row(picture_id, change.key, tile))
                delta += count_values(after) - count_values(values_before)
            _save_tiles(connection, saved)
            write_tiles(connection, written)
            update_pixel_counts(connection, picture_id, delta)
            save_and_swap_rows(connection, edit_id, rows)
            connection.execute(
                update(pictures)
                .where(pictures.c.id == picture_id, pictures.c.status == Status.NEW.value)
                .values(status=Status.IN_PROGRESS.value)
            )

    def change_rows(self, picture_id: int | None, name: str, tool: str, rows: Sequence[RowChange]) -> Changes:
        """Store an edit of rows: status, split, note and tags of a picture, or (None) an edit of the whole project."""
        with self._store.write_transaction() as connection:
            edit_id = _insert_edit(
                connection,
                picture_id,
                _edit_without_pixels(name, tool),
                origin_id(connection, Origin.PAINTED, None),
            )
            _save_rows(connection, edit_id, swap_rows(connection, list(rows)))
        return _changes_of(rows, ())

    def undo(self, picture_id: int, *, only_project_edits: bool = False) -> UndoResult | None:
        """Undo the newest edit of a picture or of the whole project, whichever is newer. None when there is none.

        `only_project_edits`: also None when that edit is one of the picture alone. Raises ProjectError when an edit of
        the whole project cannot be undone because a picture that it changed has been edited since.
        """
        return self._swap(picture_id, undone=False, only_project_edits=only_project_edits)

    def redo(self, picture_id: int, *, only_project_edits: bool = False) -> UndoResult | None:
        """Redo the edit that was undone last; None when there is none, as with `undo`."""
        return self._swap(picture_id, undone=True, only_project_edits=only_project_edits)

    def undo_names(self, picture_id: int) -> UndoNames:
        """The names of the edits that undo and redo would take next."""
        with self._store.read_transaction() as connection:
            return undo_names(connection, picture_id)

    def history(self, picture_id: int) -> list[EditRecord]:
        """All edits of a picture and of the whole project, undone ones included, oldest first."""
        with self._store.read_transaction() as connection:
            rows = connection.execute(select_edits().where(_affects(picture_id)).order_by(edits.c.id))
            return [edit_record(row) for row in rows]

    def changed_tiles_at(
        self, picture_id: int, edit_id: int
    ) -> dict[TileKey, np.ndarray[Any, np.dtype[np.uint8]]]:
        """Tiles of a label as they were right after an edit (or would be after redoing it), each (h, w) uint8.

        Only tiles that may differ from the current label are returned; nothing is changed. Tiles whose saved state was
        thinned are missing.
        """
        with self._store.read_transaction() as connection:
            undone = connection.execute(select(edits.c.undone).where(edits.c.id == edit_id)).scalar()
            if undone is None:
                return {}
            # Undoing (or redoing) edit by edit towards that one, the last edit that changed a tile holds its state.
            between = edits.c.id <= edit_id if undone else edits.c.id > edit_id
            steps = (
                select(edit_tiles, pictures.c.width, pictures.c.height)
                .join(edits, edits.c.id == edit_tiles.c.edit_id)
                .join(pictures, pictures.c.id == edit_tiles.c.picture_id)
                .where(_affects(picture_id), edit_tiles.c.picture_id == picture_id)
                .where(between, edits.c.undone == undone)
                .order_by(edits.c.id if undone else edits.c.id.desc())
            )
            last = {TileKey(row.tile_column, row.tile_row): row for row in connection.execute(steps)}
        found = {}
        for key, row in last.items():
            place = tile_box(key, row.width, row.height)
            found[key] = decode(row.pixels, place.height, place.width, np.uint8)
        return found

    def latest_edit_time(self) -> str | None:
        """When the newest edit was made, as it is stored; None without any edit."""
        with self._store.read_transaction() as connection:
            found = connection.execute(select(func.max(edits.c.made_at))).scalar()
        return None if found is None else str(found)

    def thin(
        self, kept_steps: int = KEPT_UNDO_STEPS, kept_bytes: int = JOURNAL_BYTES_LIMIT
    ) -> ThinningResult:
        """Delete the saved tiles of old edits once those of all edits take more than `kept_bytes` together.

        The newest `kept_steps` edits of each picture stay undoable whatever they take; of the others the oldest are
        thinned first, until the rest fits. Edits of the whole project are kept, because no older edit could be undone
        past such a gap, and so are undone edits. The rows of the journal stay, marked as thinned. The caller reports
        the result to the user.
        """
        with self._store.write_transaction() as connection:
            size = func.sum(func.length(edit_tiles.c.pixels) + func.length(edit_tiles.c.origins))
            total = connection.execute(select(size)).scalar() or 0
            if total <= kept_bytes:
                return ThinningResult(0, 0)
            rank = func.row_number().over(partition_by=edits.c.picture_id, order_by=edits.c.id.desc())
            candidates = (edits.c.thinned == 0, edits.c.undone == 0, edits.c.picture_id.is_not(None))
            ranked = select(edits.c.id, rank.label("rank")).where(*candidates).subquery()
            old = connection.execute(
                select(ranked.c.id, size)
                .join(edit_tiles, edit_tiles.c.edit_id == ranked.c.id)
                .where(ranked.c.rank > kept_steps)
                .group_by(ranked.c.id)
                .order_by(ranked.c.id)
            ).all()
            thinned, freed = [], 0
            for edit_id, edit_size in old:
                if total - freed <= kept_bytes:
                    break
                thinned.append(edit_id)
                freed += edit_size
            for start in range(0, len(thinned), BATCH_SIZE):
                batch = thinned[start : start + BATCH_SIZE]
                connection.execute(delete(edit_tiles).where(edit_tiles.c.edit_id.in_(batch)))
                connection.execute(update(edits).where(edits.c.id.in_(batch)).values(thinned=1))
        return ThinningResult(len(thinned), freed)

    def _swap(self, picture_id: int, *, undone: bool, only_project_edits: bool) -> UndoResult | None:
        with self._store.write_transaction() as connection:
            record = next_edit(connection, picture_id, undone=undone)
            if record is None or (only_project_edits and record.picture_id is not None):
                return None
            check_can_swap(connection, record)
            rows = _swap_saved_rows(connection, record.id)
            changed, shown = _swap_saved_tiles(connection, record.id, picture_id)
            connection.execute(update(edits).where(edits.c.id == record.id).values(undone=int(not undone)))
            _update_progress(connection, changed | {picture_id})
            if record.picture_id is None:
                log_undo_or_redo(connection, record.id, undone=not undone)
            return UndoResult(
                record, shown, undo_names(connection, picture_id), _changes_of(rows, changed | {picture_id})
            )


def _update_progress(connection: Connection, picture_ids: Iterable[int]) -> None:
    """A picture in progress of which everything was undone is new again; one that is redone is in progress."""
    is_labelled = exists().where(class_pixels.c.picture_id == pictures.c.id)
    is_edited = exists().where(
        edits.c.picture_id == pictures.c.id, edits.c.undone == 0, edit_tiles.c.edit_id == edits.c.id
    )
    started, fresh = Status.IN_PROGRESS.value, Status.NEW.value
    is_untouched = and_(pictures.c.status == started, ~is_labelled, ~is_edited)
    connection.execute(
        update(pictures)
        .where(pictures.c.id == bindparam("picture"))
        .where(or_(is_untouched, and_(pictures.c.status == fresh, is_edited)))
        .values(status=case((pictures.c.status == fresh, started), else_=fresh)),
        [{"picture": picture_id} for picture_id in sorted(picture_ids)],
    )


def begin_project_edit(connection: Connection, name: str, tool: str) -> int:
    """Insert an edit of the whole project within a transaction of the caller. Returns its id."""
    return _insert_edit(
        connection, None, _edit_without_pixels(name, tool), origin_id(connection, Origin.PAINTED, None)
    )


def begin_picture_edit(connection: Connection, picture_id: int, edit: Edit) -> int:
    """Insert an edit of one picture, without the tiles in it, within a transaction of the caller. Returns its id."""
    return _insert_edit(connection, picture_id, edit, origin_id(connection, edit.origin, edit.run_id))


def save_and_write_tile(
    connection: Connection, edit_id: int, picture_id: int, key: TileKey, old: StoredTile, new: StoredTile
) -> None:
    """Write one tile and save its `old` state with an edit that `begin_project_edit` or `begin_picture_edit`
    inserted."""
    _save_tiles(connection, [{"edit_id": edit_id, **tile_row(picture_id, key, old)}])
    write_tile(connection, picture_id, key, new)


def save_and_swap_rows(connection: Connection, edit_id: int, rows: Sequence[RowChange]) -> None:
    """Change rows and save their previous content with an edit."""
    _save_rows(connection, edit_id, swap_rows(connection, list(rows)))


def _edit_without_pixels(name: str, tool: str) -> Edit:
    return Edit(name, tool, 0, Box.empty(), 0, 0.0, Origin.PAINTED, None, ())


def _insert_edit(connection: Connection, picture_id: int | None, edit: Edit, edit_origin: int) -> int:
    edit_id = discard_undone_edits(connection, picture_id)
    connection.execute(
        insert(edits).values(
            id=edit_id,
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
            origin_id=edit_origin,
            made_at=now(),
        )
    )
    return edit_id


def _save_tiles(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(_SAVE_TILE, rows)


def _save_rows(connection: Connection, edit_id: int, before: list[RowChange]) -> None:
    rows = [
        {"edit_id": edit_id, "table_name": c.table, "row_key": c.key, "content": content_to_json(c.content)}
        for c in before
    ]
    if rows:
        connection.execute(insert(edit_rows), rows)


def _swap_saved_rows(connection: Connection, edit_id: int) -> list[RowChange]:
    saved = connection.execute(select(edit_rows).where(edit_rows.c.edit_id == edit_id)).all()
    changes = [RowChange(row.table_name, row.row_key, content_from_json(row.content)) for row in saved]
    connection.execute(delete(edit_rows).where(edit_rows.c.edit_id == edit_id))
    _save_rows(connection, edit_id, swap_rows(connection, changes))
    return changes


def _swap_saved_tiles(
    connection: Connection, edit_id: int, shown_id: int
) -> tuple[set[int], dict[TileKey, Values]]:
    """Swap the saved tiles of an edit with the current ones. Returns the ids of the pictures changed, and the new tiles
    of the picture `shown_id`.

    Uses one statement a table, not one a tile: a stroke over a large picture changes hundreds of tiles.
    """
    written, saved = [], []
    shown: dict[TileKey, Values] = {}
    deltas: dict[int, NDArray[np.int64]] = defaultdict(lambda: np.zeros(256, np.int64))
    blank = blank_tile()
    for row in connection.execute(_SAVED_AND_CURRENT, {"edit": edit_id}).all():
        key = TileKey(row.tile_column, row.tile_row)
        place = tile_box(key, row.width, row.height)
        restored = StoredTile(row.pixels, row.origins)
        current = blank if row.current_pixels is None else StoredTile(row.current_pixels, row.current_origins)
        values = decode(restored.pixels, place.height, place.width, np.uint8)
        values_before = decode(current.pixels, place.height, place.width, np.uint8)
        deltas[row.picture_id] += count_values(values) - count_values(values_before)
        written.append(tile_row(row.picture_id, key, restored))
        saved.append({"edit_id": edit_id, **tile_row(row.picture_id, key, current)})
        if row.picture_id == shown_id:
            shown[key] = values
    write_tiles(connection, written)
    _save_tiles(connection, saved)
    for picture_id, delta in deltas.items():
        update_pixel_counts(connection, picture_id, delta)
    return set(deltas), shown


def _affects(picture_id: int) -> Any:
    return or_(edits.c.picture_id == picture_id, edits.c.picture_id.is_(None))


def _changes_of(rows: Sequence[RowChange], labels: set[int] | tuple[()]) -> Changes:
    with_rows = {int(r.key.split(":")[0]) for r in rows if r.table != "classes"}
    moved = {int(r.key) for r in rows if r.table == "pictures" and "path" in (r.content or ())}
    return Changes(
        pictures=frozenset(with_rows | set(labels)),
        labels=frozenset(labels),
        picture_list=bool(moved),
        classes=any(r.table == "classes" for r in rows),
        files=frozenset(moved),
    )


def changes_of_edit(picture_id: int) -> Changes:
    """What a committed edit of pixels changes."""
    ids = frozenset([picture_id])
    return Changes(pictures=ids, labels=ids)
