"""Pictures know size and time of their files, a content that replaced theirs, and the entry that took their file.

`joins` is the log of missing pictures that were found again under another name.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    for name, kind in (
        ("file_bytes", sa.Integer()),
        ("file_modified", sa.Integer()),
        ("new_digest", sa.Text()),
        ("joined_to", sa.Integer()),
    ):
        op.add_column("pictures", sa.Column(name, kind))
    op.create_table(
        "joins",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.Text(), nullable=False),
        sa.Column("picture_id", sa.Integer(), nullable=False),
        sa.Column("other_id", sa.Integer()),
        sa.Column("old_path", sa.Text(), nullable=False),
        sa.Column("new_path", sa.Text(), nullable=False),
        sa.Column("undone", sa.Integer(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("id", name="pk_joins"),
        sa.ForeignKeyConstraint(
            ["picture_id"], ["pictures.id"], name="fk_joins_picture_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["other_id"], ["pictures.id"], name="fk_joins_other_id", ondelete="SET NULL"),
    )
    op.execute("DROP VIEW IF EXISTS pictures_by_status")
    op.execute("DROP VIEW IF EXISTS labelled_pixels_by_class")
    op.execute(
        """CREATE VIEW pictures_by_status AS
        SELECT status, COUNT(*) AS pictures FROM pictures WHERE joined_to IS NULL
        GROUP BY status ORDER BY pictures DESC"""
    )
    op.execute(
        """CREATE VIEW labelled_pixels_by_class AS
        SELECT c.value, c.name, SUM(p.pixels) AS pixels, COUNT(*) AS pictures
        FROM class_pixels p JOIN classes c ON c.value = p.class_value
        JOIN pictures ON pictures.id = p.picture_id AND pictures.joined_to IS NULL
        GROUP BY c.value ORDER BY pixels DESC"""
    )
