"""Changes of rows as part of an edit: classes, tags, labels called right, and pictures: status, split, note, and which
file they are of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from core.project.schema import classes, kept_labels, picture_tags, pictures

BATCH_SIZE = 500
"""Rows in one statement; SQLite limits the number of parameters."""

RowContent = Mapping[str, Any] | None
"""The columns of a row by name; None for a row that does not exist."""


@dataclass(frozen=True, slots=True)
class RowChange:
    """The new content of a row. `table` is a key of EDITABLE_TABLES, `key` the primary key as text, with ":" between
    columns."""

    table: str
    key: str
    content: RowContent


@dataclass(frozen=True, slots=True)
class _EditableTable:
    """A table that edits may change: its primary key, and the columns that edits may write.

    keeps_row: edits change rows, but never insert or delete any.
    """

    table: Table
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    keeps_row: bool = False


EDITABLE_TABLES = {
    "classes": _EditableTable(classes, ("value",), ("name", "colour", "position")),
    "pictures": _EditableTable(
        pictures,
        ("id",),
        ("status", "split", "note", "path", "problem", "digest", "new_digest", "joined_to"),
        keeps_row=True,
    ),
    "picture_tags": _EditableTable(picture_tags, ("picture_id", "tag"), ()),
    "kept_labels": _EditableTable(
        kept_labels, ("picture_id", "digest"), ("class_value", "x0", "y0", "x1", "y1", "mask")
    ),
}


def swap_rows(connection: Connection, changes: list[RowChange]) -> list[RowChange]:
    """Apply `changes`. Returns the changes that restore the previous content.

    All rows are deleted before any is inserted, so that two classes can exchange their unique names.
    """
    current = _read_pictures(connection, changes)
    before = [
        RowChange(
            c.table,
            c.key,
            _touched_columns(current.get(int(c.key)), c) if c.table == "pictures" else _read(connection, c),
        )
        for c in changes
    ]
    for change in changes:
        kind = EDITABLE_TABLES[change.table]
        if not kind.keeps_row:
            connection.execute(delete(kind.table).where(*_key_matches(kind, change.key)))
    _write_pictures(connection, changes)
    for change in changes:
        kind = EDITABLE_TABLES[change.table]
        if change.content is not None and not kind.keeps_row:
            known = {name: change.content[name] for name in kind.columns if name in change.content}
            connection.execute(insert(kind.table).values(**_key_columns(kind, change.key), **known))
    return before


def content_to_json(content: RowContent) -> str | None:
    """The content as it is saved with an edit; None for a row that does not exist."""
    return None if content is None else json.dumps(dict(content), ensure_ascii=False)


def content_from_json(text: str | None) -> RowContent:
    """The content that `content_to_json` wrote."""
    return None if text is None else json.loads(text)


def columns_of(text: str | None) -> frozenset[str]:
    """The columns of a row that a saved content contains."""
    return frozenset(content_from_json(text) or ())


def _read(connection: Connection, change: RowChange) -> RowContent:
    kind = EDITABLE_TABLES[change.table]
    names = kind.columns or kind.keys
    row = connection.execute(
        select(*(kind.table.c[name] for name in names)).where(*_key_matches(kind, change.key))
    ).first()
    if row is None:
        return None
    return dict(row._mapping) if kind.columns else {}


def _read_pictures(connection: Connection, changes: list[RowChange]) -> dict[int, RowContent]:
    """The editable columns of all pictures among `changes`, by id. Batches of rows: 100,000 pictures take seconds."""
    kind = EDITABLE_TABLES["pictures"]
    columns = [pictures.c.id, *(pictures.c[name] for name in kind.columns)]
    ids = [int(change.key) for change in changes if change.table == "pictures"]
    found: dict[int, RowContent] = {}
    for start in range(0, len(ids), BATCH_SIZE):
        rows = connection.execute(select(*columns).where(pictures.c.id.in_(ids[start : start + BATCH_SIZE])))
        found |= {row[0]: dict(zip(kind.columns, row[1:], strict=True)) for row in rows}
    return found


def _write_pictures(connection: Connection, changes: list[RowChange]) -> None:
    by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}  # one statement for each set of columns
    with_paths = [c for c in changes if c.table == "pictures" and c.content and "path" in c.content]
    for change in with_paths:  # two pictures may exchange their unique paths
        this = pictures.c.id == int(change.key)
        connection.execute(update(pictures).where(this).values(path=aside_path(int(change.key), "")))
    for change in changes:
        if change.table == "pictures" and change.content:
            known = {n: v for n, v in change.content.items() if n in EDITABLE_TABLES["pictures"].columns}
            if "path" in known:
                known["path"] = free_path(connection, str(known["path"]))
            by_columns.setdefault(tuple(sorted(known)), []).append({"picture": int(change.key), **known})
    for names, rows in by_columns.items():
        if names:
            connection.execute(update(pictures).where(pictures.c.id == bindparam("picture")), rows)


def aside_path(picture_id: int, path: str) -> str:
    """The path of a picture that is set aside: unique, and in a hidden folder, so that no file ever has it."""
    return f".aside/{picture_id}/{path}"


def free_path(connection: Connection, path: str) -> str:
    """A path, with a number where another picture has it. A missing picture that gets its path back may find it taken
    by a file that came since; then only its name is another one."""
    stem, dot, ending = path.rpartition(".")
    number, free = 2, path
    while connection.execute(select(pictures.c.id).where(pictures.c.path == free)).first() is not None:
        free = f"{stem} ({number}){dot}{ending}" if dot and "/" not in ending else f"{path} ({number})"
        number += 1
    return free


def _touched_columns(row: RowContent, change: RowChange) -> RowContent:
    """The columns of a picture that the edit changes. Undoing it must not reset a column that a later edit changed."""
    return None if row is None else {n: v for n, v in row.items() if n in (change.content or {})}


def _key_matches(kind: _EditableTable, key: str) -> list[Any]:
    return [kind.table.c[name] == part for name, part in _key_columns(kind, key).items()]


def _key_columns(kind: _EditableTable, key: str) -> dict[str, Any]:
    """The primary key by column. The last column takes the rest of the text, because a tag may contain a colon."""
    parts = key.split(":", len(kind.keys) - 1)
    return {
        name: int(part) if kind.table.c[name].type.python_type is int else part
        for name, part in zip(kind.keys, parts, strict=True)
    }
