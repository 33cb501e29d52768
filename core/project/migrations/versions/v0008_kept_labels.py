"""Regions of labels that a person has called right although a network contradicts them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "kept_labels",
        sa.Column("picture_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("class_value", "x0", "y0", "x1", "y1")),
        sa.Column("mask", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("picture_id", "digest", name="pk_kept_labels"),
        sa.ForeignKeyConstraint(
            ["picture_id"], ["pictures.id"], name="fk_kept_labels_picture_id", ondelete="CASCADE"
        ),
    )
