"""The log of class values that were replaced by others, and the lookup tables made from it.

Networks that were trained before, and strokes that are being stored meanwhile, still use the old values. The table
`class_moves` only grows: undoing a replacement adds a row that reverts it, redoing adds the replacement again. So the
replacements in effect at any earlier time are known, even when their edits were discarded from the journal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
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
"""(256,) uint8: the new value of each old value."""


class RemapKind(StrEnum):
    """Why a value was replaced."""

    MERGE = "merge"
    DELETE = "delete"
    VALUE = "value"
    """The class got another value."""
    SPLIT = "split"
    """Some of its pixels became a new class; the old value still stands for the old class."""


def log_remap(connection: Connection, edit_id: int, kind: RemapKind, old: int, new: int) -> None:
    """Log that an edit of the whole project replaced the value `old` by `new` in labels."""
    connection.execute(
        insert(class_moves).values(edit_id=edit_id, kind=kind.value, old_value=old, new_value=new)
    )


def log_undo_or_redo(connection: Connection, edit_id: int, *, undone: bool) -> None:
    """Log that an edit of the whole project was undone or redone; does nothing for one that replaced no value."""
    own = class_moves.c.edit_id == edit_id
    query = select(class_moves).where(own, class_moves.c.takes_back.is_(None))
    remap = connection.execute(query.order_by(class_moves.c.id.desc()).limit(1)).first()
    if remap is not None:
        row = {
            "edit_id": edit_id,
            "kind": remap.kind,
            "old_value": remap.old_value,
            "new_value": remap.new_value,
        }
        row["takes_back"] = remap.id if undone else None
        connection.execute(insert(class_moves).values(row))


def latest_remap_id(connection: Connection) -> int:
    """The id of the newest row of the log, 0 while it is empty; marks the present for a later `remap_since`."""
    return int(connection.execute(select(func.coalesce(func.max(class_moves.c.id), 0))).scalar_one())


def remap_since(connection: Connection, remap_id: int) -> RemapTable:
    """What the values in use when `remap_id` was the newest row have become.

    Edits are undone in the reverse order of their making, so the replacements in effect then and now start with the
    same rows. Those of then that follow are reverted, newest first, and those of now that follow are applied.
    """
    log = connection.execute(select(class_moves).order_by(class_moves.c.id)).all()
    then, now = (_active_remaps(log, until) for until in (remap_id, None))
    # Compared by edit: one that was undone and redone has a new row, but replaces the same value.
    pairs = zip(then, now, strict=False)
    shared = sum(1 for _ in takewhile(lambda pair: pair[0].edit_id == pair[1].edit_id, pairs))
    table = np.arange(256, dtype=np.uint8)
    for remap in reversed(then[shared:]):
        # A merge or deletion cannot be reverted: which of the pixels had the old value is not known.
        if remap.kind in (RemapKind.VALUE, RemapKind.SPLIT):
            table[table == remap.new_value] = remap.old_value
    for remap in now[shared:]:
        if remap.kind != RemapKind.SPLIT:
            table[table == remap.old_value] = remap.new_value
    return table


def surviving_values(table: RemapTable, values: Collection[int]) -> dict[int, int]:
    """The new value of each of `values` whose score is still that of a class: those of classes that are gone are left
    out, and those of several that were merged, because the score of a part is not that of the whole."""
    found = {value: int(table[value]) for value in values if 0 < value < len(table)}
    counts = Counter(found.values())
    return {value: new for value, new in found.items() if new not in (UNLABELLED, VOID) and counts[new] == 1}


def replacement_values(connection: Connection, edit: Edit) -> RemapTable:
    """The value to store for each value of an edit: itself, or the one that has just replaced it.

    A class may be merged or deleted while a stroke of it waits to be stored. Values of classes that do not exist are
    never stored: without a replacement such pixels become unlabelled.
    """
    table = np.arange(256, dtype=np.uint8)
    known = {UNLABELLED, VOID, *connection.execute(select(classes.c.value)).scalars()}
    painted = {int(v) for change in edit.tiles for v in np.flatnonzero(count_values(change.after))}
    for value in painted - known:
        log = connection.execute(select(class_moves).order_by(class_moves.c.id)).all()
        replaced = [
            remap.id
            for remap in _active_remaps(log, None)
            if remap.old_value == value and remap.kind != RemapKind.SPLIT
        ]
        new_value = int(remap_since(connection, replaced[-1] - 1)[value]) if replaced else UNLABELLED
        table[value] = new_value if new_value in known else UNLABELLED
    return table


def _active_remaps(log: Sequence[Row[Any]], until: int | None) -> list[Row[Any]]:
    """The replacements in effect when row `until` was the newest (None: now), oldest first."""
    rows = [row for row in log if until is None or row.id <= until]
    reverted = {row.takes_back for row in rows}
    return [row for row in rows if row.takes_back is None and row.id not in reverted]
