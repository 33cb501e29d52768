"""Changes of status, notes, tags and classes become edits of the journal; adds views for users."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("pictures", sa.Column("note", sa.Text(), nullable=False, server_default=""))
    op.add_column("pictures", sa.Column("digest", sa.Text()))
    op.add_column("runs", sa.Column("after_edit_id", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "picture_tags",
        sa.Column("picture_id", sa.Integer(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("picture_id", "tag", name="pk_picture_tags"),
        sa.ForeignKeyConstraint(
            ["picture_id"], ["pictures.id"], name="fk_picture_tags_picture_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_picture_tags_tag", "picture_tags", ["tag"])

    # SQLite cannot drop a NOT NULL or change a primary key, so the tables are rebuilt. Foreign keys are off meanwhile
    # (core/project/store.py): dropping the old table would otherwise cascade to the rows that refer to it.
    with op.batch_alter_table("edits", recreate="always") as batch:
        batch.alter_column("picture_id", existing_type=sa.Integer(), nullable=True)
        batch.add_column(sa.Column("thinned", sa.Integer(), nullable=False, server_default="0"))
    op.rename_table("edit_tiles", "old_edit_tiles")
    op.create_table(
        "edit_tiles",
        sa.Column("edit_id", sa.Integer(), nullable=False),
        sa.Column("picture_id", sa.Integer(), nullable=False),
        sa.Column("tile_column", sa.Integer(), nullable=False),
        sa.Column("tile_row", sa.Integer(), nullable=False),
        sa.Column("pixels", sa.LargeBinary(), nullable=False),
        sa.Column("origins", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("edit_id", "picture_id", "tile_column", "tile_row", name="pk_edit_tiles"),
        sa.ForeignKeyConstraint(["edit_id"], ["edits.id"], name="fk_edit_tiles_edit_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["picture_id"], ["pictures.id"], name="fk_edit_tiles_picture_id", ondelete="CASCADE"
        ),
    )
    op.execute(
        "INSERT INTO edit_tiles SELECT o.edit_id, e.picture_id, o.tile_column, o.tile_row, o.pixels, o.origins "
        "FROM old_edit_tiles o JOIN edits e ON e.id = o.edit_id"
    )
    op.drop_table("old_edit_tiles")

    op.create_table(
        "edit_rows",
        sa.Column("edit_id", sa.Integer(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("row_key", sa.Text(), nullable=False),
        sa.Column("content", sa.Text()),
        sa.PrimaryKeyConstraint("edit_id", "table_name", "row_key", name="pk_edit_rows"),
        sa.ForeignKeyConstraint(["edit_id"], ["edits.id"], name="fk_edit_rows_edit_id", ondelete="CASCADE"),
    )
    op.create_table(
        "class_moves",
        sa.Column("edit_id", sa.Integer(), nullable=False),
        sa.Column("old_value", sa.Integer(), nullable=False),
        sa.Column("new_value", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("edit_id", name="pk_class_moves"),
        sa.ForeignKeyConstraint(["edit_id"], ["edits.id"], name="fk_class_moves_edit_id", ondelete="CASCADE"),
    )
    for name, query in _VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {query}")


# Written out here: a migration must not depend on the present schema.
_VIEWS = {
    "labelled_pixels_by_class": """
        SELECT c.value, c.name, SUM(p.pixels) AS pixels, COUNT(*) AS pictures
        FROM class_pixels p JOIN classes c ON c.value = p.class_value
        GROUP BY c.value ORDER BY pixels DESC""",
    "edits_by_day": """
        SELECT date(made_at) AS day, COUNT(*) AS edits, SUM(pixels) AS pixels, ROUND(SUM(seconds), 1) AS seconds
        FROM edits WHERE undone = 0 GROUP BY day ORDER BY day""",
    "pictures_by_status": """
        SELECT status, COUNT(*) AS pictures FROM pictures GROUP BY status ORDER BY pictures DESC""",
    "effort_by_picture": """
        SELECT p.path, COUNT(*) AS edits, SUM(e.pixels) AS pixels, ROUND(SUM(e.seconds), 1) AS seconds
        FROM edits e JOIN pictures p ON p.id = e.picture_id WHERE e.undone = 0
        GROUP BY p.id ORDER BY seconds DESC""",
    "scores_by_run": """
        SELECT r.id AS run, r.state, r.labelled_pictures, ROUND(r.best_miou, 4) AS best_miou,
               ROUND(MAX(m.seconds), 1) AS seconds
        FROM runs r LEFT JOIN measurements m ON m.run_id = r.id GROUP BY r.id ORDER BY r.id""",
}
