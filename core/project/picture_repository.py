"""The pictures of a project: paths, sizes, status, splits, and counts of labelled pixels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from core.base.changes import Changes
from core.project.records import PictureRecord, ProjectCounts, Split, Status
from core.project.schema import (
    class_pixels,
    edit_tiles,
    edits,
    joins,
    picture_tags,
    pictures,
    predictions,
    tiles,
)
from core.project.splits.auto_split import GROUP_TAG, assign_splits, sequence_groups
from core.project.store import Store

TAG_SEPARATOR = "\x1f"
"""Separates several tags in one text; no tag contains it."""
BATCH_SIZE = 500
"""Rows in one statement; SQLite limits the number of parameters."""
SEQUENCE_WARNING = (
    "By their names, training and validation pictures are frames of the same sequence, so the validation score may be "
    "too high. Label another sequence, or name groups with tags such as “group:garden”."
)

# Correlated subqueries: with GROUP BY, a query for one picture would first sum up the pixels of all.
_PIXELS = select(func.sum(class_pixels.c.pixels)).where(class_pixels.c.picture_id == pictures.c.id)
_TAGS = select(func.group_concat(picture_tags.c.tag, TAG_SEPARATOR)).where(
    picture_tags.c.picture_id == pictures.c.id
)
_RECORDS: Select[Any] = select(
    pictures.c.id,
    pictures.c.path,
    pictures.c.width,
    pictures.c.height,
    pictures.c.status,
    pictures.c.split,
    pictures.c.problem,
    _PIXELS.scalar_subquery(),
    predictions.c.mean_confidence,
    pictures.c.note,
    _TAGS.scalar_subquery(),
    pictures.c.new_digest.is_not(None),
).outerjoin(predictions, predictions.c.picture_id == pictures.c.id)

_PATHS_CHANGED = select(func.count() + func.total(joins.c.undone)).select_from(joins).scalar_subquery()
_IS_LISTED = pictures.c.joined_to.is_(None)
"""Pictures that were set aside, because another entry has their file, are in no list and no count."""
_LISTED_IDS = select(pictures.c.id).where(_IS_LISTED)
_LABELLED_SPLITS = select(pictures.c.id, pictures.c.split).where(
    _IS_LISTED, pictures.c.id.in_(select(class_pixels.c.picture_id).distinct())
)


class PictureRepository:
    """The pictures of an open project. Used on the thread that owns its Store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._grouped: tuple[tuple[Any, ...], dict[int, str]] | None = None

    def all(self) -> list[PictureRecord]:
        """Every picture, in the order in which they were added."""
        with self._store.read_transaction() as connection:
            return [
                _record(row) for row in connection.execute(_RECORDS.where(_IS_LISTED).order_by(pictures.c.id))
            ]

    def paths(self) -> frozenset[str]:
        """The paths of the listed pictures."""
        with self._store.read_transaction() as connection:
            return frozenset(connection.execute(select(pictures.c.path).where(_IS_LISTED)).scalars())

    def get(self, picture_id: int) -> PictureRecord:
        """The picture with this id. Raises KeyError when there is none."""
        with self._store.read_transaction() as connection:
            row = connection.execute(_RECORDS.where(pictures.c.id == picture_id)).first()
        if row is None:
            raise KeyError(picture_id)
        return _record(row)

    def get_many(self, picture_ids: Iterable[int]) -> list[PictureRecord]:
        """Those of these pictures that are in the list, in no order. Reads the rows of no other picture."""
        wanted = list(picture_ids)
        found: list[PictureRecord] = []
        with self._store.read_transaction() as connection:
            for start in range(0, len(wanted), BATCH_SIZE):
                part = _RECORDS.where(_IS_LISTED, pictures.c.id.in_(wanted[start : start + BATCH_SIZE]))
                found += [_record(row) for row in connection.execute(part)]
        return found

    def by_path(self, path: str) -> PictureRecord:
        """The picture at a relative path. Raises KeyError when there is none."""
        with self._store.read_transaction() as connection:
            row = connection.execute(_RECORDS.where(pictures.c.path == path)).first()
        if row is None:
            raise KeyError(path)
        return _record(row)

    def add(self, paths: Iterable[str]) -> list[PictureRecord]:
        """Add pictures by relative path; existing ones stay as they are. Returns the new ones."""
        wanted = list(paths)
        if not wanted:
            return []
        with self._store.write_transaction() as connection:
            fresh: list[PictureRecord] = []
            for start in range(0, len(wanted), BATCH_SIZE):
                rows = [{"path": path} for path in wanted[start : start + BATCH_SIZE]]
                statement = insert(pictures).on_conflict_do_nothing(index_elements=["path"])
                added = connection.execute(statement.returning(pictures.c.id, pictures.c.path), rows)
                fresh += [PictureRecord(int(i), str(p)) for i, p in added]
        return sorted(fresh, key=lambda record: record.id)

    def set_size(self, picture_id: int, width: int, height: int) -> Changes:
        """Store the upright size of a picture that has been read, and clear its problem.

        If an unlabelled picture had another size before, its earlier edits can no longer be undone or redone, because
        their tiles do not fit any more. The journal keeps these edits, marked as thinned.
        """
        with self._store.write_transaction(durable=False) as connection:
            this = pictures.c.id == picture_id
            known = connection.execute(select(pictures.c.width, pictures.c.height).where(this)).one()
            if known.width is not None and tuple(known) != (width, height):
                drop_tiles(connection, picture_id)
            connection.execute(update(pictures).where(this).values(width=width, height=height, problem=None))
        return Changes(pictures=frozenset([picture_id]))

    def set_problem(self, picture_id: int, sentence: str) -> Changes:
        """Store why a picture cannot be read."""
        return self._set([picture_id], durable=False, problem=sentence)

    def set_problems(self, problems: Mapping[int, str | None]) -> Changes:
        """Store for many pictures why they cannot be read; None where they can be read again."""
        rows = [{"id_": picture_id, "problem_": sentence} for picture_id, sentence in problems.items()]
        statement = update(pictures).where(pictures.c.id == bindparam("id_"))
        with self._store.write_transaction() as connection:
            connection.execute(statement.values(problem=bindparam("problem_")), rows)
        return Changes(pictures=frozenset(problems))

    def digests(self) -> dict[int, str]:
        """Digests of the pictures' files when they were last read, by picture id; unknown ones are missing."""
        query = select(pictures.c.id, pictures.c.digest).where(pictures.c.digest.is_not(None))
        with self._store.read_transaction() as connection:
            return {int(picture_id): str(digest) for picture_id, digest in connection.execute(query)}

    def digest(self, picture_id: int) -> str | None:
        """The digest of one picture's file when it was last read; None while it is not known."""
        with self._store.read_transaction() as connection:
            return connection.execute(select(pictures.c.digest).where(pictures.c.id == picture_id)).scalar()

    def set_digests(self, digests: Mapping[int, str]) -> None:
        """Store digests of files (`packed_picture.file_digest`) by picture id."""
        with self._store.write_transaction(durable=False) as connection:
            for picture_id, digest in digests.items():
                connection.execute(update(pictures).where(pictures.c.id == picture_id).values(digest=digest))

    def set_status(self, picture_ids: Sequence[int], status: Status) -> Changes:
        return self._set(picture_ids, status=status.value)

    def set_split(self, picture_ids: Sequence[int], split: Split | None) -> Changes:
        return self._set(picture_ids, split=split.value if split else None)

    def assign_missing_splits(self) -> Changes:
        """Give every labelled picture without a split one, for good: about every fifth to val, the others to train,
        frames of one sequence to the same side (`core.project.splits.auto_split`).

        The third labelled picture is the first in val, so that training can start with three. Splits that the user or
        an import has set count, but are never changed.
        """
        waiting = _LABELLED_SPLITS.where(pictures.c.split.is_(None)).limit(1)
        with self._store.read_transaction() as connection:
            if connection.execute(waiting).first() is None:
                return Changes()  # nearly always: this is called for every new label
        found = assign_splits(self._labelled_splits(), self._groups())
        given = [{"id_": picture_id, "split_": split.value} for picture_id, split in found.items()]
        statement = update(pictures).where(pictures.c.id == bindparam("id_"))
        with self._store.write_transaction() as connection:
            connection.execute(statement.values(split=bindparam("split_")), given)
        return Changes(pictures=frozenset(found))

    def split_warning(self) -> str:
        """SEQUENCE_WARNING when a sequence has labelled pictures in train and in val, else ""."""
        groups = self._groups()
        sides: dict[str, set[Split | None]] = {}
        for picture_id, split in self._labelled_splits():
            sides.setdefault(groups[picture_id], set()).add(split)
        return SEQUENCE_WARNING if any({Split.TRAIN, Split.VAL} <= on for on in sides.values()) else ""

    def _labelled_splits(self) -> list[tuple[int, Split | None]]:
        with self._store.read_transaction() as connection:
            rows = connection.execute(_LABELLED_SPLITS.order_by(pictures.c.id))
            return [(int(i), _SPLIT[split]) for i, split in rows]

    def _groups(self) -> dict[int, str]:
        """The group of every picture by id. The names are analysed again only when pictures were added: with 100,000
        pictures that takes a third of a second."""
        named = select(picture_tags.c.picture_id, picture_tags.c.tag).where(
            picture_tags.c.tag.startswith(GROUP_TAG, autoescape=True)
        )
        with self._store.read_transaction() as connection:
            tags = {int(i): str(tag) for i, tag in connection.execute(named)}
            size = connection.execute(select(func.count(), func.max(pictures.c.id), _PATHS_CHANGED)).one()
            if self._grouped is None or self._grouped[0] != tuple(size):
                rows = connection.execute(select(pictures.c.id, pictures.c.path))
                self._grouped = tuple(size), sequence_groups({int(i): str(path) for i, path in rows})
        return {**self._grouped[1], **tags}

    def labelled(self, split: Split | None = None) -> list[PictureRecord]:
        """Pictures with at least one labelled pixel, of one split if given."""
        labelled = pictures.c.id.in_(select(class_pixels.c.picture_id))
        query = _RECORDS.where(_IS_LISTED, labelled).order_by(pictures.c.id)
        if split is not None:
            query = query.where(pictures.c.split == split.value)
        with self._store.read_transaction() as connection:
            return [_record(row) for row in connection.execute(query)]

    def pixels_by_class(self, picture_id: int) -> dict[int, int]:
        """Number of labelled pixels of one picture by class value."""
        query = select(class_pixels.c.class_value, class_pixels.c.pixels)
        with self._store.read_transaction() as connection:
            rows = connection.execute(query.where(class_pixels.c.picture_id == picture_id))
            return {int(value): int(count) for value, count in rows}

    def total_pixels_by_class(self, picture_ids: Sequence[int]) -> dict[int, int]:
        """Number of labelled pixels of these pictures together, by class value."""
        found: Counter[int] = Counter()
        query = select(class_pixels.c.class_value, func.sum(class_pixels.c.pixels))
        with self._store.read_transaction() as connection:
            for start in range(0, len(picture_ids), BATCH_SIZE):
                part = picture_ids[start : start + BATCH_SIZE]
                rows = connection.execute(
                    query.where(class_pixels.c.picture_id.in_(part)).group_by(class_pixels.c.class_value)
                )
                found.update({int(value): int(pixels) for value, pixels in rows})
        return dict(found)

    def pixels_by_picture(self) -> dict[int, dict[int, int]]:
        """Number of labelled pixels of every labelled picture, by picture id and class value."""
        query = select(class_pixels.c.picture_id, class_pixels.c.class_value, class_pixels.c.pixels)
        query = query.where(class_pixels.c.picture_id.in_(_LISTED_IDS))
        found: dict[int, dict[int, int]] = {}
        with self._store.read_transaction() as connection:
            for picture_id, value, count in connection.execute(query):
                found.setdefault(int(picture_id), {})[int(value)] = int(count)
        return found

    def ids_with_class(self, value: int) -> frozenset[int]:
        """Ids of the pictures whose label contains a class."""
        query = select(class_pixels.c.picture_id).where(
            class_pixels.c.class_value == value, class_pixels.c.picture_id.in_(_LISTED_IDS)
        )
        with self._store.read_transaction() as connection:
            return frozenset(int(picture_id) for (picture_id,) in connection.execute(query))

    def counts(self) -> ProjectCounts:
        """Counts over the whole project."""
        with self._store.read_transaction() as connection:
            total = select(func.count()).select_from(pictures).where(_IS_LISTED)
            split_rows = connection.execute(
                select(pictures.c.split, func.count())
                .where(_IS_LISTED, pictures.c.split.is_not(None))
                .group_by(pictures.c.split)
            )
            by_split = {str(split): int(count) for split, count in split_rows}
            class_rows = connection.execute(
                select(class_pixels.c.class_value, func.sum(class_pixels.c.pixels), func.count())
                .where(class_pixels.c.picture_id.in_(_LISTED_IDS))
                .group_by(class_pixels.c.class_value)
            ).all()
            return ProjectCounts(
                pictures=connection.execute(total).scalar_one(),
                labelled=connection.execute(
                    select(func.count(class_pixels.c.picture_id.distinct())).where(
                        class_pixels.c.picture_id.in_(_LISTED_IDS)
                    )
                ).scalar_one(),
                done=connection.execute(total.where(pictures.c.status == Status.DONE.value)).scalar_one(),
                predicted=connection.execute(
                    select(func.count())
                    .select_from(predictions)
                    .where(predictions.c.picture_id.in_(_LISTED_IDS))
                ).scalar_one(),
                unreadable=connection.execute(total.where(pictures.c.problem.is_not(None))).scalar_one(),
                by_split=by_split,
                class_pixels={int(value): int(pixels) for value, pixels, _ in class_rows},
                class_pictures={int(value): int(count) for value, _, count in class_rows},
                edits=connection.execute(select(func.count()).select_from(edits)).scalar_one(),
            )

    def _set(self, picture_ids: Sequence[int], *, durable: bool = True, **values: object) -> Changes:
        with self._store.write_transaction(durable=durable) as connection:
            connection.execute(update(pictures).where(pictures.c.id.in_(list(picture_ids))).values(**values))
        return Changes(pictures=frozenset(picture_ids))


def drop_tiles(connection: Connection, picture_id: int) -> None:
    """Delete all tiles of a picture, and those saved with edits of it, unless it has labelled pixels."""
    labelled = select(class_pixels.c.class_value).where(class_pixels.c.picture_id == picture_id)
    if connection.execute(labelled.limit(1)).first() is not None:
        return
    mine = edit_tiles.c.picture_id == picture_id
    painted = and_(edits.c.picture_id == picture_id, edits.c.id.in_(select(edit_tiles.c.edit_id).where(mine)))
    connection.execute(update(edits).where(painted).values(thinned=1))
    connection.execute(delete(edit_tiles).where(mine))
    connection.execute(delete(tiles).where(tiles.c.picture_id == picture_id))


_STATUS = {str(status): status for status in Status}
_SPLIT: dict[str | None, Split | None] = {None: None} | {str(split): split for split in Split}


def _record(row: Row[Any]) -> PictureRecord:
    # By position and by dict: with 100,000 pictures, attributes and enum calls would take as long as the query.
    picture_id, path, width, height, status, split, problem, pixels, confidence, note, tags, replaced = tuple(
        row
    )
    return PictureRecord(
        picture_id,
        path,
        width,
        height,
        _STATUS[status],
        _SPLIT[split],
        problem,
        pixels or 0,
        confidence,
        note,
        tuple(sorted(tags.split(TAG_SEPARATOR))) if tags else (),
        bool(replaced),
    )
