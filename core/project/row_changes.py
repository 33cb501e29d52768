"""Rows that an edit changes beside pixels: classes, marks, notes, tags. Each is swapped with its other side."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from core.project.schema import classes, picture_tags, pictures

BATCH_SIZE = 500
"""Keys in one question."""

RowContent = Mapping[str, Any] | None
"""The columns of a row; None where there is no such row."""


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row as it shall be. `table` is a key of KINDS, `key` its primary key as text."""

    table: str
    key: str
    content: RowContent


@dataclass(frozen=True, slots=True)
class _EditableTable:
    """A table whose rows may be swapped: its key columns, and the only columns that are touched."""

    table: Table
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    keeps_row: bool = False


EDITABLE_TABLES = {
    "classes": _EditableTable(classes, ("value",), ("name", "colour", "position")),
    # A picture's row is never made or dropped by an edit; only what a person says of it changes.
    "pictures": _EditableTable(pictures, ("id",), ("status", "split", "note"), keeps_row=True),
    "picture_tags": _EditableTable(picture_tags, ("picture_id", "tag"), ()),
}


def swap_rows(connection: Connection, changes: list[RowChange]) -> list[RowChange]:
    """Make all rows as wanted. Returns them as they were, ready to be swapped back.

    First all that go, then all that come: two classes may exchange their names.
    """
    there = _read_pictures(connection, changes)
    before = [
        RowChange(
            c.table,
            c.key,
            _touched_columns(there.get(int(c.key)), c) if c.table == "pictures" else _read(connection, c),
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
    return None if content is None else json.dumps(dict(content), ensure_ascii=False)


def content_from_json(text: str | None) -> RowContent:
    return None if text is None else json.loads(text)


def columns_of(text: str | None) -> frozenset[str]:
    """Which columns of a row a kept content speaks of."""
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


def _read_pictures(connection: Connection, wanted: list[RowChange]) -> dict[int, RowContent]:
    """What is said of all pictures among `wanted`: of a hundred thousand in seconds, because many are asked at once."""
    kind = EDITABLE_TABLES["pictures"]
    columns = [pictures.c.id, *(pictures.c[name] for name in kind.columns)]
    ids = [int(change.key) for change in wanted if change.table == "pictures"]
    found: dict[int, RowContent] = {}
    for start in range(0, len(ids), BATCH_SIZE):
        rows = connection.execute(select(*columns).where(pictures.c.id.in_(ids[start : start + BATCH_SIZE])))
        found |= {row[0]: dict(zip(kind.columns, row[1:], strict=True)) for row in rows}
    return found


def _write_pictures(connection: Connection, wanted: list[RowChange]) -> None:
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for change in wanted:
        if change.table == "pictures" and change.content:
            known = {n: v for n, v in change.content.items() if n in EDITABLE_TABLES["pictures"].columns}
            alike.setdefault(tuple(sorted(known)), []).append({"picture": int(change.key), **known})
    for names, rows in alike.items():
        if names:
            connection.execute(update(pictures).where(pictures.c.id == bindparam("picture")), rows)


def _touched_columns(row: RowContent, change: RowChange) -> RowContent:
    """Of a picture only what this edit touches is kept: another mark made meanwhile must not come back."""
    return None if row is None else {n: v for n, v in row.items() if n in (change.content or {})}


def _key_matches(kind: _EditableTable, key: str) -> list[Any]:
    return [kind.table.c[name] == part for name, part in _key_columns(kind, key).items()]


def _key_columns(kind: _EditableTable, key: str) -> dict[str, Any]:
    """The key's parts; the last takes the rest, so that a tag may contain the separator."""
    parts = key.split(":", len(kind.keys) - 1)
    return {
        name: int(part) if kind.table.c[name].type.python_type is int else part
        for name, part in zip(kind.keys, parts, strict=True)
    }
