"""Runs have a note, a star and tags, know the labels they learned from, and stay listed without their files."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    for name, kind, default in (
        ("note", sa.Text(), ""),
        ("starred", sa.Integer(), "0"),
        ("deleted", sa.Integer(), "0"),
    ):
        op.add_column("runs", sa.Column(name, kind, nullable=False, server_default=default))
    op.create_table(
        "run_tags",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "tag", name="pk_run_tags"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_tags_run_id", ondelete="CASCADE"),
    )
    op.create_table(
        "run_labels",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("train_pictures", sa.Integer(), nullable=False),
        sa.Column("train_pixels", sa.Integer(), nullable=False),
        sa.Column("val_pictures", sa.Integer(), nullable=False),
        sa.Column("val_pixels", sa.Integer(), nullable=False),
        sa.Column("pictures", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_run_labels"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_labels_run_id", ondelete="CASCADE"),
    )
