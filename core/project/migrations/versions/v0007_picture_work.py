"""What it took to label each picture: the prediction with which its work began, its error, edits and active time."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "picture_work",
        sa.Column("picture_id", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Integer()),
        sa.Column("is_live", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("after_move_id", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("labelled_pictures", sa.Integer()),
        sa.Column("step", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("measured_at", sa.Text()),
        sa.Column("measured_move_id", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("iou", sa.Float()),
        sa.Column("class_counts", sa.Text()),
        sa.Column("compared_pixels", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("corrected_pixels", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("edits", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("seconds", sa.Float(), nullable=False, server_default="0"),
        sa.Column(
            "prediction", sa.LargeBinary()
        ),  # last: SQLite reads a row up to the column that is asked for
        sa.PrimaryKeyConstraint("picture_id", name="pk_picture_work"),
        sa.ForeignKeyConstraint(
            ["picture_id"], ["pictures.id"], name="fk_picture_work_picture_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_picture_work_run_id", ondelete="SET NULL"),
    )
