"""The order of edits: what undo and redo take next, what a new edit lets go, and which edits must wait for others.

Every picture has a journal of its own; edits of the whole project belong to all of them. Three rules keep the label
whole: undo goes backwards and redo forwards in the order in which edits were made; what was undone and cannot be
redone any more takes everything with it that was made after it; and an edit of the whole project is swapped only
while no other edit could bring pixels back that do not fit the classes then.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, or_, select

from core.base.errors import ProjectError
from core.base.geometry import Box
from core.labels.codec import contains_value
from core.labels.label_map import Origin
from core.project.records import EditRecord, UndoNames
from core.project.row_changes import columns_of
from core.project.schema import class_pixels, edit_rows, edit_tiles, edits, origins, pictures


def next_edit(connection: Connection, picture_id: int, *, undone: bool) -> EditRecord | None:
    """What undo takes (the newest of those that count) or redo (the oldest of those taken back)."""
    # Two look-ups by index: a single one with OR would read the journal of every picture.
    order = edits.c.id if undone else edits.c.id.desc()
    found = [
        connection.execute(
            select_edits()
            .where(whose, edits.c.undone == int(undone), edits.c.thinned == 0)
            .order_by(order)
            .limit(1)
        ).first()
        for whose in (edits.c.picture_id == picture_id, edits.c.picture_id.is_(None))
    ]
    there = [edit_record(row) for row in found if row is not None]
    if not there:
        return None
    return (min if undone else max)(there, key=lambda record: record.id)


def undo_names(connection: Connection, picture_id: int) -> UndoNames:
    """What undo and redo would do next."""
    found = [next_edit(connection, picture_id, undone=undone) for undone in (False, True)]
    return UndoNames(*(record.name if record else None for record in found))


def discard_undone_edits(connection: Connection, picture_id: int | None) -> int:
    """Let go what a new edit makes impossible to redo. Returns the id of the new edit, larger than any before it.

    What was undone in this picture goes, and what was undone of the whole project; with the oldest of those goes
    every undone edit that was made after it, in any picture, because it may hold a class that will never be there.
    A new edit of the whole project ends the future of every picture.
    """
    newest = connection.execute(select(func.coalesce(func.max(edits.c.id), 0))).scalar_one()
    undone = edits.c.undone == 1
    gone = delete(edits).where(undone)
    if picture_id is not None:
        oldest = connection.execute(
            select(func.min(edits.c.id)).where(edits.c.picture_id.is_(None), undone)
        ).scalar()
        mine = edits.c.picture_id == picture_id
        gone = gone.where(mine if oldest is None else or_(mine, edits.c.id >= oldest))
    connection.execute(gone)
    # Not left to SQLite, which gives the ids of deleted rows again: the log of class moves still names them.
    return int(newest) + 1


def check_can_swap(connection: Connection, record: EditRecord) -> None:
    """Whether an edit of the whole project may be swapped now. Raises ProjectError, naming the picture to see first.

    Not while a picture that it touched has been edited since (or, before redoing, has something older to redo): its
    pixels, or the same mark of it. And not while a class would go that pixels carry or that undo (redo) elsewhere would
    bring back.
    """
    if record.picture_id is not None:
        return
    act, done, do = (
        ("redone", "undone before it", "Redo") if record.undone else ("undone", "edited since", "Undo")
    )
    # These can be swapped without this edit being swapped first, so they must fit the classes without it too.
    free = edits.c.id < record.id if record.undone else edits.c.id > record.id
    others = (free, edits.c.undone == int(record.undone), edits.c.picture_id.is_not(None))
    touched = select(edit_tiles.c.picture_id).where(edit_tiles.c.edit_id == record.id)
    in_the_way = select(pictures.c.path).join(edits, edits.c.picture_id == pictures.c.id).where(*others)
    path = connection.execute(in_the_way.where(edits.c.picture_id.in_(touched)).limit(1)).scalar()
    path = path or _picture_with_conflicting_row(connection, record, others)
    if path is not None:
        raise ProjectError(f"“{record.name}” cannot be {act}: {path} has been {done}. {do} there first.")
    going = select(edit_rows.c.row_key).where(
        edit_rows.c.edit_id == record.id, edit_rows.c.table_name == "classes", edit_rows.c.content.is_(None)
    )
    for value in [int(key) for (key,) in connection.execute(going)]:
        holder = connection.execute(
            select(pictures.c.path)
            .join(class_pixels, class_pixels.c.picture_id == pictures.c.id)
            .where(class_pixels.c.class_value == value, pictures.c.id.not_in(touched))
            .limit(1)
        ).scalar()
        if holder is not None:
            raise ProjectError(
                f"“{record.name}” cannot be {act}: {holder} carries that class by now. "
                "Delete the class to take it away."
            )
        kept = select(pictures.c.path, edit_tiles.c.pixels).join_from(edit_tiles, edits).join(pictures)
        for path, pixels in connection.execute(kept.where(*others).order_by(edits.c.id.desc())):
            if contains_value(pixels, value):
                raise ProjectError(
                    f"“{record.name}” cannot be {act}: the history of {path} holds that class. {do} there first."
                )


def _picture_with_conflicting_row(
    connection: Connection, record: EditRecord, others: tuple[ColumnElement[bool], ...]
) -> str | None:
    """Path of a picture of which one of the `others` changed the same column as this edit; None: there is none."""
    mine = edit_rows.alias()
    same = select(pictures.c.path, edit_rows.c.content, mine.c.content).select_from(
        edits.join(edit_rows, edit_rows.c.edit_id == edits.c.id)
        .join(mine, (mine.c.table_name == edit_rows.c.table_name) & (mine.c.row_key == edit_rows.c.row_key))
        .join(pictures, pictures.c.id == edits.c.picture_id)
    )
    rows = connection.execute(
        same.where(*others, mine.c.edit_id == record.id, mine.c.table_name == "pictures")
    )
    return next((str(path) for path, one, two in rows if columns_of(one) & columns_of(two)), None)


def select_edits() -> Select[Any]:
    return select(edits, origins.c.kind, origins.c.run_id).join(origins, origins.c.id == edits.c.origin_id)


def edit_record(row: Row[Any]) -> EditRecord:
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
        bool(row.thinned),
    )
