"""What became of class values: a network or a hand that still means the old ones is read through this."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from core.labels.classes import UNLABELLED, VOID
from core.labels.labelmap import Edit
from core.project.tables import class_moves, classes, edits
from core.project.tiles import counted

Table = NDArray[np.uint8]
"""(256,) uint8, looked up by pixel value."""


def moved_since(connection: Connection, edit_id: int) -> Table:
    """What a pixel value of the time after edit `edit_id` is called now."""
    table = np.arange(256, dtype=np.uint8)
    query = (
        select(class_moves.c.old_value, class_moves.c.new_value)
        .join(edits, edits.c.id == class_moves.c.edit_id)
        .where(edits.c.undone == 0, edits.c.id > edit_id)
        .order_by(edits.c.id)
    )
    for old, new in connection.execute(query):
        table[table == old] = new
    return table


def heirs_of(connection: Connection, edit: Edit) -> Table:
    """What each value of an edit shall be stored as: itself, or, where its class has just gone, what it became.

    A stroke may be on its way while its class is merged or deleted. Nothing is ever stored of a class that is not
    there: without an heir such pixels are unlabelled.
    """
    table = np.arange(256, dtype=np.uint8)
    known = {UNLABELLED, VOID, *connection.execute(select(classes.c.value)).scalars()}
    painted = {int(v) for change in edit.tiles for v in np.flatnonzero(counted(change.after))}
    for value in painted - known:
        newest = select(func.max(class_moves.c.edit_id)).join(edits, edits.c.id == class_moves.c.edit_id)
        moved = connection.execute(
            newest.where(class_moves.c.old_value == value, edits.c.undone == 0)
        ).scalar()
        heir = UNLABELLED if moved is None else int(moved_since(connection, moved - 1)[value])
        table[value] = heir if heir in known else UNLABELLED
    return table
