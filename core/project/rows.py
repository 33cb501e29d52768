"""Rows that an edit changes beside pixels: classes, marks, notes, tags. Each is swapped with its other side."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from core.project.tables import classes, picture_tags, pictures

Content = Mapping[str, Any] | None
"""The columns of a row; None where there is no such row."""


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row as it shall be. `table` is a key of KINDS, `key` its primary key as text."""

    table: str
    key: str
    content: Content


@dataclass(frozen=True, slots=True)
class _Kind:
    """A table whose rows may be swapped: its key columns, and the only columns that are touched."""

    table: Table
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    keeps_row: bool = False


KINDS = {
    "classes": _Kind(classes, ("value",), ("name", "colour", "position")),
    # A picture's row is never made or dropped by an edit; only what a person says of it changes.
    "pictures": _Kind(pictures, ("id",), ("status", "split", "note"), keeps_row=True),
    "picture_tags": _Kind(picture_tags, ("picture_id", "tag"), ()),
}


def swap_rows(connection: Connection, wanted: list[RowChange]) -> list[RowChange]:
    """Make all rows as wanted. Returns them as they were, ready to be swapped back.

    First all that go, then all that come: two classes may exchange their names.
    """
    before = [RowChange(c.table, c.key, _read(connection, c)) for c in wanted]
    for change in wanted:
        kind = KINDS[change.table]
        if not kind.keeps_row:
            connection.execute(delete(kind.table).where(*_is(kind, change.key)))
    for change in wanted:
        kind = KINDS[change.table]
        if change.content is None:
            continue
        known = {name: change.content[name] for name in kind.columns if name in change.content}
        if kind.keeps_row:
            connection.execute(update(kind.table).where(*_is(kind, change.key)).values(**known))
        else:
            connection.execute(insert(kind.table).values(**_key_columns(kind, change.key), **known))
    return before


def to_text(content: Content) -> str | None:
    return None if content is None else json.dumps(dict(content), ensure_ascii=False)


def from_text(text: str | None) -> Content:
    return None if text is None else json.loads(text)


def _read(connection: Connection, change: RowChange) -> Content:
    kind = KINDS[change.table]
    names = kind.columns or kind.keys
    row = connection.execute(
        select(*(kind.table.c[name] for name in names)).where(*_is(kind, change.key))
    ).first()
    if row is None:
        return None
    whole = dict(row._mapping) if kind.columns else {}
    # Of a picture only what this edit touches is kept: another mark made meanwhile must not come back.
    return {n: v for n, v in whole.items() if n in (change.content or {})} if kind.keeps_row else whole


def _is(kind: _Kind, key: str) -> list[Any]:
    return [kind.table.c[name] == part for name, part in _key_columns(kind, key).items()]


def _key_columns(kind: _Kind, key: str) -> dict[str, Any]:
    """The key's parts; the last takes the rest, so that a tag may contain the separator."""
    parts = key.split(":", len(kind.keys) - 1)
    return {
        name: int(part) if kind.table.c[name].type.python_type is int else part
        for name, part in zip(kind.keys, parts, strict=True)
    }
