"""Writes `core/project/schema.sql` from the migrations; run after adding one:

    python -m core.project.migrations.write_schema

A test fails while the file is out of date.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from core.project.schema_script import SCHEMA_FILE, schema_of
from core.project.store import Store


def write_schema() -> None:
    """Create an empty project file with the migrations alone and store its schema."""
    SCHEMA_FILE.write_text(
        "-- none\n", "utf-8"
    )  # of no revision, so that the store falls back to the migrations
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "project.sqlite"
        store = Store(file, writing=True)
        store.upgrade()
        store.close()
        SCHEMA_FILE.write_text(schema_of(file), "utf-8")


if __name__ == "__main__":
    write_schema()
