"""Finds values of the wrong type: SQLite stores any type in any column, and a file from elsewhere may hold any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Column, Connection, Float, Integer, Table
from sqlalchemy.exc import IntegrityError

from core.project.records import Split, Status
from core.project.schema import (
    Blob,
    class_pixels,
    facts,
    metadata,
    origins,
    picture_tags,
    picture_work,
    pictures,
    predictions,
    run_labels,
    run_tags,
    runs,
)

READ_WHEN_OPENED = (
    facts,
    pictures,
    picture_tags,
    class_pixels,
    predictions,
    runs,
    run_tags,
    run_labels,
    origins,
    picture_work,
)
"""Tables that are read as soon as a project is open, so their values are checked before."""
_ONE_OF = {
    "pictures.status": tuple(status.value for status in Status),
    "pictures.split": tuple(split.value for split in Split),
    "runs.state": ("running", "finished", "stopped", "failed"),
    "origins.kind": ("painted", "imported", "accepted"),
    "class_moves.kind": ("merge", "delete", "value", "split"),
}
"""Columns with few values. A file that Maskloop made has CHECK constraints for them."""
_LEAST = {"pictures.width": 1, "pictures.height": 1}

Place = tuple[str, str, int]
"""Table, column and rowid of a value."""


def wrong_values(connection: Connection, tables: Sequence[Table] | None = None) -> Iterator[Place]:
    """The values that have a wrong type, at most a hundred in each table; of all tables but the classes by default."""
    for table in tables or [t for t in metadata.sorted_tables if t.name != "classes"]:
        # Tiles are decoded by the check itself, which knows what an undamaged one is.
        conditions = [(c, _is_wrong(table, c)) for c in table.columns if not _is_blob(c)]
        every = " OR ".join(condition for _, condition in conditions)
        rows = connection.exec_driver_sql(f"SELECT rowid FROM {table.name} WHERE {every} LIMIT 100").all()
        for (row,) in rows:
            for column, condition in conditions:
                query = f"SELECT 1 FROM {table.name} WHERE rowid = ? AND ({condition})"
                if connection.exec_driver_sql(query, (row,)).first():
                    yield table.name, str(column.name), int(row)


def mend_value(connection: Connection, place: Place) -> str:
    """Replace a value by one that means “unknown”, or delete its row where there is none. Returns what was done."""
    name, column_name, row = place
    table = metadata.tables[name]
    column = table.columns[column_name]
    if (name, column_name) == ("pictures", "path"):
        value: object = f"unknown path of picture {row}"
    elif column.nullable:
        value = None
    elif f"{name}.{column_name}" in _ONE_OF:
        value = _ONE_OF[f"{name}.{column_name}"][-1 if name == "runs" else 0]
    else:
        value = 0 if isinstance(column.type, Integer | Float) else ""
    try:
        with connection.begin_nested():
            connection.exec_driver_sql(f"UPDATE {name} SET {column_name} = ? WHERE rowid = ?", (value, row))
            if column_name in ("width", "height"):  # one without the other says nothing
                connection.exec_driver_sql(
                    f"UPDATE {name} SET width = NULL, height = NULL WHERE rowid = ?", (row,)
                )
    except IntegrityError:
        connection.exec_driver_sql(f"DELETE FROM {name} WHERE rowid = ?", (row,))
        return f"Row {row} of the table {name} was deleted: its {column_name} could not be read."
    return f"The {column_name} of row {row} of the table {name} could not be read and is now unknown."


def _is_wrong(table: Table, column: Column[object]) -> str:
    """SQL that is true for a value that does not belong in the column. Names are those of our schema."""
    if isinstance(column.type, Integer):
        kinds = "'integer'"
    elif isinstance(column.type, Float):
        kinds = "'real', 'integer'"
    else:
        kinds = "'text'"
    nullable = ", 'null'" if column.nullable else ""
    found = f"typeof({column.name}) NOT IN ({kinds}{nullable})"
    name = f"{table.name}.{column.name}"
    if name in _ONE_OF:
        values = ", ".join(f"'{value}'" for value in _ONE_OF[name])
        found += f" OR {column.name} NOT IN ({values})"
    if name in _LEAST:
        found += f" OR {column.name} < {_LEAST[name]}"
    return found


def _is_blob(column: Column[object]) -> bool:
    return isinstance(column.type, Blob)
