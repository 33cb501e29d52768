"""The order of undo and redo: which edit is next, which undone edits a new one discards, and which edits block others.

Every picture has an undo history of its own; edits of the whole project belong to the history of every picture. Three
rules keep labels consistent: edits are undone in the reverse order of their making and redone in the order of their
making; an undone edit that is discarded takes every later undone edit with it; and an edit of the whole project is
undone or redone only while no other edit could then restore pixels of a class that does not exist.
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
    """The edit that undo takes (the newest that is not undone) or redo (the oldest that is undone); None without
    any."""
    # Two index searches: a single query with OR would read the edits of every picture.
    order = edits.c.id if undone else edits.c.id.desc()
    found = [
        connection.execute(
            select_edits()
            .where(scope, edits.c.undone == int(undone), edits.c.thinned == 0)
            .order_by(order)
            .limit(1)
        ).first()
        for scope in (edits.c.picture_id == picture_id, edits.c.picture_id.is_(None))
    ]
    records = [edit_record(row) for row in found if row is not None]
    if not records:
        return None
    return (min if undone else max)(records, key=lambda record: record.id)


def undo_names(connection: Connection, picture_id: int) -> UndoNames:
    """The names of the edits that undo and redo would take next."""
    found = [next_edit(connection, picture_id, undone=undone) for undone in (False, True)]
    return UndoNames(*(record.name if record else None for record in found))


def discard_undone_edits(connection: Connection, picture_id: int | None) -> int:
    """Delete the undone edits that a new edit makes impossible to redo. Returns the id for the new edit, larger than
    that of any edit before it.

    An edit of a picture discards the undone edits of that picture and of the whole project, and every undone edit of
    any
    picture that is later than the oldest of these: it may hold pixels of a class that can no longer come back. An edit
    of the whole project (`picture_id` None) discards all undone edits.
    """
    newest = connection.execute(select(func.coalesce(func.max(edits.c.id), 0))).scalar_one()
    undone = edits.c.undone == 1
    discard = delete(edits).where(undone)
    if picture_id is not None:
        oldest = connection.execute(
            select(func.min(edits.c.id)).where(edits.c.picture_id.is_(None), undone)
        ).scalar()
        of_picture = edits.c.picture_id == picture_id
        discard = discard.where(of_picture if oldest is None else or_(of_picture, edits.c.id >= oldest))
    connection.execute(discard)
    # SQLite would reuse the ids of deleted rows, but the table class_moves still refers to those edits.
    return int(newest) + 1


def check_can_swap(connection: Connection, record: EditRecord) -> None:
    """Raises ProjectError, naming the picture in question, unless the edit may be undone or redone now.

    Edits of one picture always may. An edit of the whole project may not while a picture that it changed has been
    edited since (or, before a redo, has an older edit to redo): its pixels, or the same column of its row. Nor may it
    while the swap would remove a class that pixels still have, or that an undo or redo in another picture would
    restore.
    """
    if record.picture_id is not None:
        return
    # These edits can be undone (redone) before this one, so they must also fit the classes without it.
    later = edits.c.id < record.id if record.undone else edits.c.id > record.id
    others = (later, edits.c.undone == int(record.undone), edits.c.picture_id.is_not(None))
    changed = select(edit_tiles.c.picture_id).where(edit_tiles.c.edit_id == record.id)
    blocking = select(pictures.c.path).join(edits, edits.c.picture_id == pictures.c.id).where(*others)
    path = connection.execute(blocking.where(edits.c.picture_id.in_(changed)).limit(1)).scalar()
    path = path or _picture_with_conflicting_row(connection, record, others)
    if path is not None:
        raise ProjectError(
            f"“{record.name}” cannot be redone: {path} has been undone before it. Redo there first."
            if record.undone
            else f"“{record.name}” cannot be undone: {path} has been edited since. Undo there first."
        )
    removed = select(edit_rows.c.row_key).where(
        edit_rows.c.edit_id == record.id, edit_rows.c.table_name == "classes", edit_rows.c.content.is_(None)
    )
    for value in [int(key) for (key,) in connection.execute(removed)]:
        labelled = connection.execute(
            select(pictures.c.path)
            .join(class_pixels, class_pixels.c.picture_id == pictures.c.id)
            .where(class_pixels.c.class_value == value, pictures.c.id.not_in(changed))
            .limit(1)
        ).scalar()
        if labelled is not None:
            raise ProjectError(
                f"“{record.name}” cannot be redone: {labelled} has pixels of a class that it removes. "
                "Delete the class instead."
                if record.undone
                else f"“{record.name}” cannot be undone: {labelled} has pixels of the class that it added. "
                "Delete the class instead."
            )
        saved = select(pictures.c.path, edit_tiles.c.pixels).join_from(edit_tiles, edits).join(pictures)
        for path, pixels in connection.execute(saved.where(*others).order_by(edits.c.id.desc())):
            if contains_value(pixels, value):
                raise ProjectError(
                    f"“{record.name}” cannot be redone: the history of {path} contains a class that it removes. "
                    "Redo there first."
                    if record.undone
                    else f"“{record.name}” cannot be undone: the history of {path} contains the class that it added. "
                    "Undo there first."
                )


def _picture_with_conflicting_row(
    connection: Connection, record: EditRecord, others: tuple[ColumnElement[bool], ...]
) -> str | None:
    """Path of a picture of which one of the `others` changed the same column as this edit; None without any."""
    own = edit_rows.alias()
    same_row = select(pictures.c.path, edit_rows.c.content, own.c.content).select_from(
        edits.join(edit_rows, edit_rows.c.edit_id == edits.c.id)
        .join(own, (own.c.table_name == edit_rows.c.table_name) & (own.c.row_key == edit_rows.c.row_key))
        .join(pictures, pictures.c.id == edits.c.picture_id)
    )
    rows = connection.execute(
        same_row.where(*others, own.c.edit_id == record.id, own.c.table_name == "pictures")
    )
    return next((str(path) for path, one, two in rows if columns_of(one) & columns_of(two)), None)


def select_edits() -> Select[Any]:
    """Edits with the kind and run of their origin, as `edit_record` needs them."""
    return select(edits, origins.c.kind, origins.c.run_id).join(origins, origins.c.id == edits.c.origin_id)


def edit_record(row: Row[Any]) -> EditRecord:
    """A row of `select_edits` as a record."""
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
