"""Classes have a colour, a name and a position that can be shown; the database checks it from now on."""

import json
import re

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_VIEW = "labelled_pixels_by_class"


def upgrade() -> None:
    connection = op.get_bind()
    taken: set[str] = set()
    for value, name, colour, position in connection.execute(
        sa.text("SELECT value, name, colour, position FROM classes ORDER BY value")
    ).all():
        mended = {"value": value, "name": _name(name, value), "colour": _colour(colour, value)}
        if mended["name"].casefold() in taken:
            mended["name"] = f"{mended['name'][:70]} ({value})"
        taken.add(mended["name"].casefold())
        mended["position"] = position if isinstance(position, int) else value
        if tuple(mended.values()) != (value, name, colour, position):
            connection.execute(
                sa.text(
                    "UPDATE classes SET name = :name, colour = :colour, position = :position WHERE value = :value"
                ),
                mended,
            )
    _mend_saved_rows(connection)
    # SQLite checks views when a table is renamed, and this one would refer to a missing table meanwhile.
    op.execute(f"DROP VIEW IF EXISTS {_VIEW}")
    with op.batch_alter_table("classes", recreate="always") as batch:
        batch.create_check_constraint("colour", f"colour GLOB '#{'[0-9a-fA-F]' * 6}'")
        batch.create_check_constraint("name", "typeof(name) = 'text' AND length(name) BETWEEN 1 AND 80")
        batch.create_check_constraint("position", "typeof(position) = 'integer'")
    op.execute(
        f"""CREATE VIEW {_VIEW} AS
        SELECT c.value, c.name, SUM(p.pixels) AS pixels, COUNT(*) AS pictures
        FROM class_pixels p JOIN classes c ON c.value = p.class_value
        GROUP BY c.value ORDER BY pixels DESC"""
    )


def _mend_saved_rows(connection: sa.Connection) -> None:
    """What undo would bring back."""
    rows = connection.execute(
        sa.text(
            "SELECT rowid, row_key, content FROM edit_rows WHERE table_name = 'classes' AND content IS NOT NULL"
        )
    ).all()
    for number, key, content in rows:
        try:
            saved, value = json.loads(content), int(key)
        except (ValueError, TypeError, RecursionError):
            continue  # undo says that it cannot be read
        if not isinstance(saved, dict):
            continue
        mended = saved | {
            "name": _name(saved.get("name"), value),
            "colour": _colour(saved.get("colour"), value),
        }
        if mended != saved:
            connection.execute(
                sa.text("UPDATE edit_rows SET content = :content WHERE rowid = :number"),
                {"content": json.dumps(mended, ensure_ascii=False), "number": number},
            )


def _name(name: object, value: int) -> str:
    text = name if isinstance(name, str) else ""
    shown = "".join(c if c >= " " and not 0x7F <= ord(c) < 0xA0 else " " for c in text)
    return " ".join(shown.split())[:80].strip() or f"class {value}"


def _colour(colour: object, value: int) -> str:
    if isinstance(colour, str) and _COLOUR.fullmatch(colour):
        return colour
    return f"#{value * 67 % 256:02x}{value * 131 % 256:02x}{value * 197 % 256:02x}"
