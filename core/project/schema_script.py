"""The newest form of the project file in one piece: what all migrations together make of an empty file.

Running them needs Alembic, which takes a third of a second to import, and the person waits for the first picture.
`python -m core.project.schema_script` writes `newest.sql` again after a migration was added; a test compares the two.
"""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from core.project.schema import CURRENT_REVISION

SCHEMA_FILE = Path(__file__).parent / "newest.sql"
_END = ";\n\n"


def schema_statements() -> list[str]:
    """The statements that make a file of the newest form; none when the text here is of an older one."""
    head, _, text = SCHEMA_FILE.read_text("utf-8").partition("\n")
    if head != f"-- {CURRENT_REVISION}":
        return []
    return [statement for statement in text.strip().split(_END) if statement]


def schema_of(file: Path) -> str:
    """The tables, indices and views of a project file as the text of `newest.sql`."""
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
        )
        statements = [str(sql) for (sql,) in rows]
        (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    statements.append(f"INSERT INTO alembic_version (version_num) VALUES ('{version}')")
    return f"-- {version}\n" + "".join(statement + _END for statement in statements).rstrip("\n") + "\n"


def _write() -> None:
    from core.project.store import Store

    SCHEMA_FILE.write_text("-- none\n", "utf-8")
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "project.sqlite"
        store = Store(file, writing=True)
        store.upgrade()
        store.close()
        SCHEMA_FILE.write_text(schema_of(file), "utf-8")


if __name__ == "__main__":
    _write()
