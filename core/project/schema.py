"""The tables of project.sqlite for SQLAlchemy; docs/project-file.md describes them for users.

Migrations create and change the tables; this module only describes the current schema. A test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import (
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

CURRENT_REVISION = "0008"
"""The schema revision that this program reads and writes."""

COLOUR_CHECK = f"colour GLOB '#{'[0-9a-fA-F]' * 6}'"


class Blob(LargeBinary):
    """Bytes. What a stranger's file holds in their place reads as none at all, which no codec takes for a tile."""

    def result_processor(self, _dialect: object, _type: object) -> Callable[[object], bytes | None]:
        return lambda value: value if value is None or isinstance(value, bytes) else b""


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _picture_key(*, primary_key: bool = False) -> Column[int]:
    key = ForeignKey("pictures.id", ondelete="CASCADE")
    return Column("picture_id", key, nullable=False, primary_key=primary_key)


def _run_key(name: str, *, nullable: bool = True) -> Column[int]:
    return Column(name, ForeignKey("runs.id"), nullable=nullable)


facts = Table(  # values by name: where the pictures are, when the project was made, state of the window
    "facts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

classes = Table(
    "classes",
    metadata,
    Column("value", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
    Column("colour", Text, nullable=False),  # "#rrggbb"
    Column("position", Integer, nullable=False),
    CheckConstraint("value BETWEEN 1 AND 254", name="value"),
    CheckConstraint(COLOUR_CHECK, name="colour"),
    CheckConstraint("typeof(name) = 'text' AND length(name) BETWEEN 1 AND 80", name="name"),
    CheckConstraint("typeof(position) = 'integer'", name="position"),
)

pictures = Table(
    "pictures",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("path", Text, nullable=False, unique=True),  # relative to the folder of the pictures, with /
    Column("width", Integer),  # upright; known once the picture has been read
    Column("height", Integer),
    Column("status", Text, nullable=False, server_default="new"),
    Column("split", Text),  # train, val, test; never changed by the program once it is set
    Column("problem", Text),  # why it cannot be read
    Column("note", Text, nullable=False, server_default=""),
    Column("digest", Text),  # hash of the content that the label belongs to; finds the file when it was moved
    Column(
        "file_bytes", Integer
    ),  # size and time (ns) of the file when its content was last looked at: a hint
    Column("file_modified", Integer),
    Column("new_digest", Text),  # the content that replaced it, until somebody says whether the label fits
    Column(
        "joined_to", Integer
    ),  # the picture that has its file now: this one is in no list, its label is kept
    CheckConstraint("status IN ('new', 'in progress', 'done', 'to review', 'skipped')", name="status"),
    CheckConstraint("split IN ('train', 'val', 'test')", name="split"),
)

picture_tags = Table(
    "picture_tags",
    metadata,
    _picture_key(primary_key=True),
    Column("tag", Text, primary_key=True, index=True),
)

class_pixels = Table(  # number of pixels of each class in a label; updated by every edit
    "class_pixels",
    metadata,
    _picture_key(primary_key=True),
    Column("class_value", Integer, primary_key=True),
    Column("pixels", Integer, nullable=False),
)

origins = Table(  # where labelled pixels come from; tiles.origins refers to it
    "origins",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    _run_key("run_id"),
    UniqueConstraint("kind", "run_id", name="uq_origins_kind_run_id"),
    CheckConstraint("kind IN ('painted', 'imported', 'accepted')", name="kind"),
)

tiles = Table(  # the labels; a tile without a row is unlabelled
    "tiles",
    metadata,
    _picture_key(primary_key=True),
    Column("tile_column", Integer, primary_key=True),
    Column("tile_row", Integer, primary_key=True),
    Column("pixels", Blob, nullable=False),  # uint8 class values, encoded by core/labels/codec.py
    Column("origins", Blob, nullable=False),  # uint16 ids of the table origins, 0 = unlabelled
)

edits = Table(  # the journal: one row for each edit; picture_id is NULL for an edit of the whole project
    "edits",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("picture_id", ForeignKey("pictures.id", ondelete="CASCADE")),
    Column("name", Text, nullable=False),
    Column("tool", Text, nullable=False),
    Column("class_value", Integer, nullable=False),
    Column("x0", Integer, nullable=False),
    Column("y0", Integer, nullable=False),
    Column("x1", Integer, nullable=False),
    Column("y1", Integer, nullable=False),
    Column("pixels", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("origin_id", ForeignKey("origins.id"), nullable=False),
    Column("made_at", Text, nullable=False),  # UTC, ISO 8601
    Column("undone", Integer, nullable=False, server_default="0"),
    Column(
        "thinned", Integer, nullable=False, server_default="0"
    ),  # its saved tiles are gone: it cannot be undone
    Index("ix_edits_picture_id_undone_id", "picture_id", "undone", "id"),
)

edit_tiles = Table(  # tiles saved with an edit: as they were before it, or, once it is undone, after it
    "edit_tiles",
    metadata,
    Column("edit_id", ForeignKey("edits.id", ondelete="CASCADE"), primary_key=True),
    _picture_key(primary_key=True),
    Column("tile_column", Integer, primary_key=True),
    Column("tile_row", Integer, primary_key=True),
    Column("pixels", Blob, nullable=False),
    Column("origins", Blob, nullable=False),
)

edit_rows = Table(  # rows saved with an edit, likewise: of classes, pictures, picture_tags and kept_labels
    "edit_rows",
    metadata,
    Column("edit_id", ForeignKey("edits.id", ondelete="CASCADE"), primary_key=True),
    Column("table_name", Text, primary_key=True),
    Column("row_key", Text, primary_key=True),
    Column("content", Text),  # columns as JSON; NULL: the row does not exist
)

joins = Table(  # log of missing pictures that were found again by their content, under another name
    "joins",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("batch", Integer, nullable=False),  # joins that were made, and are undone, together
    Column("made_at", Text, nullable=False),
    _picture_key(),
    Column("other_id", ForeignKey("pictures.id", ondelete="SET NULL")),  # the entry that had the file, if any
    Column("old_path", Text, nullable=False),
    Column("new_path", Text, nullable=False),
    Column("undone", Integer, nullable=False, server_default="0"),  # 1: never to be made again by itself
)

class_moves = (
    Table(  # log of class values replaced by others, to map the output of networks that were trained before
        "class_moves",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("edit_id", Integer, nullable=False, index=True),  # the edit may have been discarded since
        Column("kind", Text, nullable=False),
        Column("old_value", Integer, nullable=False),
        Column("new_value", Integer, nullable=False),
        Column("takes_back", ForeignKey("class_moves.id")),  # for an undo: the row that it reverts
        CheckConstraint("kind IN ('merge', 'delete', 'value', 'split')", name="kind"),
    )
)

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("state", Text, nullable=False),  # running, finished, stopped, failed
    Column("started_at", Text, nullable=False),
    Column("ended_at", Text),
    Column("device", Text),
    Column("model", Text, nullable=False),  # ModelSpec as JSON
    Column("recipe", Text, nullable=False),  # Recipe as JSON
    _run_key("base_run_id"),
    Column(
        "after_move_id", Integer, nullable=False, server_default="0"
    ),  # the newest row of class_moves when the run started
    Column("labelled_pictures", Integer, nullable=False),
    Column("best_miou", Float),
    Column("published", Integer, nullable=False, server_default="0"),
    Column("message", Text),
    Column("note", Text, nullable=False, server_default=""),
    Column("starred", Integer, nullable=False, server_default="0"),
    Column("deleted", Integer, nullable=False, server_default="0"),  # 1: a person deleted its files
    CheckConstraint("state IN ('running', 'finished', 'stopped', 'failed')", name="state"),
)

run_tags = Table(
    "run_tags",
    metadata,
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", Text, primary_key=True),
)

run_labels = Table(  # what a run learned from, and was validated on; runs of earlier versions have no row
    "run_labels",
    metadata,
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("train_pictures", Integer, nullable=False),
    Column("train_pixels", Integer, nullable=False),  # labelled ones, of the pictures at their own size
    Column("val_pictures", Integer, nullable=False),
    Column("val_pixels", Integer, nullable=False),
    Column("pictures", Blob, nullable=False),  # each picture, encoded by core/project/run_labels.py
)

measurements = Table(  # the points of the training curves
    "measurements",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", Text, nullable=False),  # loss, miou, iou, pixel_accuracy
    Column("class_value", Integer),  # for iou
    Column("step", Integer, nullable=False),
    Column("seconds", Float, nullable=False),  # of training since the run started
    Column("labelled_pictures", Integer, nullable=False),
    Column("value", Float, nullable=False),
)

predictions = Table(  # the newest prediction of a picture; its pixels are in cache/predictions/<id>.png
    "predictions",
    metadata,
    _picture_key(primary_key=True),
    _run_key("run_id", nullable=False),
    Column("made_at", Text, nullable=False),
    Column("mean_confidence", Float, nullable=False),
)

picture_work = Table(  # what it took to label a picture; a log, which undo does not change
    "picture_work",
    metadata,
    _picture_key(primary_key=True),
    Column("opened_at", Text, nullable=False),  # before the first edit of a picture without a label
    Column("run_id", ForeignKey("runs.id", ondelete="SET NULL")),  # whose prediction was shown
    Column("is_live", Integer, nullable=False, server_default="0"),
    Column("after_move_id", Integer, nullable=False, server_default="0"),  # of class_moves, at that time
    Column("labelled_pictures", Integer),  # others, at that time
    Column("step", Integer, nullable=False, server_default="1"),  # every step-th row and column is kept
    Column("measured_at", Text),  # when the picture was last marked done, or left; NULL: not yet
    Column("measured_move_id", Integer, nullable=False, server_default="0"),
    Column("iou", Float),  # of the prediction with the label, mean over the classes of the label
    Column("class_counts", Text),  # JSON: pixels that agree, of the label, predicted, by class value
    Column("compared_pixels", Integer, nullable=False, server_default="0"),
    Column("corrected_pixels", Integer, nullable=False, server_default="0"),
    Column("edits", Integer, nullable=False, server_default="0"),
    Column("seconds", Float, nullable=False, server_default="0"),  # of active work
    # uint8 class values, encoded by core/labels/codec.py; NULL: none, or too old. Last, because SQLite reads a row up
    # to the column that is asked for. In files of the first days it is not, which no query by name notices.
    Column("prediction", Blob),
)

kept_labels = Table(  # what a person has called right although a network contradicts it
    "kept_labels",
    metadata,
    _picture_key(primary_key=True),
    Column("digest", Text, primary_key=True),  # of all that follows
    Column("class_value", Integer, nullable=False),
    Column("x0", Integer, nullable=False),
    Column("y0", Integer, nullable=False),
    Column("x1", Integer, nullable=False),
    Column("y1", Integer, nullable=False),
    Column("mask", Text, nullable=False),  # of the box, as core/labels/codec.py encodes a tile, in Base64
)

VIEWS = (
    "labelled_pixels_by_class",
    "edits_by_day",
    "pictures_by_status",
    "effort_by_picture",
    "scores_by_run",
)
"""Views for users with a SQLite tool; their SQL is in the migrations."""
