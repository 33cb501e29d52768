"""class_moves becomes a log, so that the output of a network that was trained before an undo is mapped correctly."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.rename_table("class_moves", "old_class_moves")
    op.create_table(
        "class_moves",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("edit_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("old_value", sa.Integer(), nullable=False),
        sa.Column("new_value", sa.Integer(), nullable=False),
        sa.Column("takes_back", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_class_moves"),
        sa.ForeignKeyConstraint(["takes_back"], ["class_moves.id"], name="fk_class_moves_takes_back"),
        sa.CheckConstraint("kind IN ('merge', 'delete', 'value', 'split')", name="ck_class_moves_kind"),
    )
    op.create_index("ix_class_moves_edit_id", "class_moves", ["edit_id"])
    op.execute(
        """
        INSERT INTO class_moves (edit_id, kind, old_value, new_value)
        SELECT o.edit_id,
               CASE WHEN o.new_value IN (0, 255) THEN 'delete'
                    WHEN e.name LIKE 'Change value of %' THEN 'value' ELSE 'merge' END,
               o.old_value, o.new_value
        FROM old_class_moves o JOIN edits e ON e.id = o.edit_id ORDER BY o.edit_id"""
    )
    # A run knew the rows up to the edit before it. Edits that are undone now are reverted after all of these.
    op.add_column("runs", sa.Column("after_move_id", sa.Integer(), nullable=False, server_default="0"))
    op.execute(
        """
        UPDATE runs SET after_move_id = (
            SELECT COALESCE(MAX(m.id), 0) FROM class_moves m WHERE m.edit_id <= runs.after_edit_id)"""
    )
    op.execute(
        """
        INSERT INTO class_moves (edit_id, kind, old_value, new_value, takes_back)
        SELECT m.edit_id, m.kind, m.old_value, m.new_value, m.id
        FROM class_moves m JOIN edits e ON e.id = m.edit_id WHERE e.undone = 1 ORDER BY m.id DESC"""
    )
    op.drop_column("runs", "after_edit_id")
    op.drop_table("old_class_moves")
