"""What became of class values: a network or a hand that still means the old ones is read through this.

Table `class_moves` is a log: undoing adds a row that takes an earlier one back, redoing adds the move once more.
So it tells for every moment which moves were in force, also for those whose edits have been forgotten since.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, func, insert, select

from core.labels.class_list import UNLABELLED, VOID
from core.labels.label_map import Edit
from core.project.schema import class_moves, classes
from core.project.stored_tiles import count_values

RemapTable = NDArray[np.uint8]
"""(256,) uint8, looked up by pixel value."""


class RemapKind(StrEnum):
    """What happened to a class."""

    MERGE = "merge"
    DELETE = "delete"
    VALUE = "value"
    """The same class under another value."""
    SPLIT = "split"
    """Some of its pixels became a new class; who knew the old one still means it."""


def log_remap(connection: Connection, edit_id: int, kind: RemapKind, old: int, new: int) -> None:
    """An edit of the whole project gave pixels of one value another."""
    connection.execute(
        insert(class_moves).values(edit_id=edit_id, kind=kind.value, old_value=old, new_value=new)
    )


def log_undo_or_redo(connection: Connection, edit_id: int, *, undone: bool) -> None:
    """An edit of the whole project was undone or redone; nothing happens for one that moved no class."""
    own = class_moves.c.edit_id == edit_id
    query = select(class_moves).where(own, class_moves.c.takes_back.is_(None))
    move = connection.execute(query.order_by(class_moves.c.id.desc()).limit(1)).first()
    if move is not None:
        row = {
            "edit_id": edit_id,
            "kind": move.kind,
            "old_value": move.old_value,
            "new_value": move.new_value,
        }
        row["takes_back"] = move.id if undone else None
        connection.execute(insert(class_moves).values(row))


def latest_remap_id(connection: Connection) -> int:
    """The moment now, as `moved_since` understands it: the id of the newest row, 0 while there is none."""
    return int(connection.execute(select(func.coalesce(func.max(class_moves.c.id), 0))).scalar_one())


def remap_since(connection: Connection, remap_id: int) -> RemapTable:
    """What a pixel value of the time of `moment` is called now.

    Moves are undone in the opposite order of how they were made, so what was in force then and what is in force now
    begin alike. The rest of then is taken back, newest first; the rest of now is done.
    """
    log = connection.execute(select(class_moves).order_by(class_moves.c.id)).all()
    then, now = (_active_remaps(log, until) for until in (remap_id, None))
    # An edit that was undone and redone is the one it was.
    pairs = zip(then, now, strict=False)
    shared = sum(1 for _ in takewhile(lambda pair: pair[0].edit_id == pair[1].edit_id, pairs))
    table = np.arange(256, dtype=np.uint8)
    for move in reversed(then[shared:]):
        if move.kind in (
            RemapKind.VALUE,
            RemapKind.SPLIT,
        ):  # a merge cannot be told apart again, a deletion neither
            table[table == move.new_value] = move.old_value
    for move in now[shared:]:
        if move.kind != RemapKind.SPLIT:
            table[table == move.old_value] = move.new_value
    return table


def replacement_values(connection: Connection, edit: Edit) -> RemapTable:
    """What each value of an edit shall be stored as: itself, or, where its class has just gone, what it became.

    A stroke may be on its way while its class is merged or deleted. Nothing is ever stored of a class that is not
    there: without an heir such pixels are unlabelled.
    """
    table = np.arange(256, dtype=np.uint8)
    known = {UNLABELLED, VOID, *connection.execute(select(classes.c.value)).scalars()}
    painted = {int(v) for change in edit.tiles for v in np.flatnonzero(count_values(change.after))}
    for value in painted - known:
        log = connection.execute(select(class_moves).order_by(class_moves.c.id)).all()
        left = [m.id for m in _active_remaps(log, None) if m.old_value == value and m.kind != RemapKind.SPLIT]
        heir = int(remap_since(connection, left[-1] - 1)[value]) if left else UNLABELLED
        table[value] = heir if heir in known else UNLABELLED
    return table


def _active_remaps(log: Sequence[Row[Any]], until: int | None) -> list[Row[Any]]:
    """The moves done and not taken back when row `until` was the newest (None: now), in the order they were made."""
    rows = [row for row in log if until is None or row.id <= until]
    gone = {row.takes_back for row in rows}
    return [row for row in rows if row.takes_back is None and row.id not in gone]
