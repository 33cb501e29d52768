"""The current schema as one SQL script, which creates an empty project file without running the migrations.

Migrations need Alembic, and importing it takes a third of a second in which the user waits for the first picture.
`python -m core.project.migrations.write_schema` rewrites `schema.sql` after a migration was added; a test compares the
script with what the migrations make.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from core.project.schema import CURRENT_REVISION

SCHEMA_FILE = Path(__file__).parent / "schema.sql"
_END = ";\n\n"


def schema_statements() -> list[str]:
    """The statements that create the current schema; empty while `schema.sql` is of another revision."""
    head, _, text = SCHEMA_FILE.read_text("utf-8").partition("\n")
    if head != f"-- {CURRENT_REVISION}":
        return []
    return [statement for statement in text.strip().split(_END) if statement]


def schema_of(file: Path) -> str:
    """Tables, indexes, views and revision of a project file, in the format of `schema.sql`."""
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
        )
        statements = [str(sql) for (sql,) in rows]
        (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    statements.append(f"INSERT INTO alembic_version (version_num) VALUES ('{version}')")
    return f"-- {version}\n" + "".join(statement + _END for statement in statements).rstrip("\n") + "\n"
