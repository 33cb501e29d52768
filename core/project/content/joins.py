"""Joins missing pictures with files of the same content under another name: label, history, split and tags follow.

The missing entry takes the path of the file. An entry that had this path, and nothing of a person's in it, is set
aside: it keeps its row, in no list. So a join changes paths only, whatever is painted before or after it, and can be
undone at any time. It is no step of the journal: a person who undoes a stroke does not mean a file that was renamed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.sqlite import insert

from core.base.changes import Changes
from core.project.content.picture_contents import HAS_WORK
from core.project.records import now
from core.project.row_changes import aside_path, free_path
from core.project.schema import joins, pictures
from core.project.store import Store

MISSING = "{path} is not there any more. Put it back, under any name in this folder; its label is kept."
MISSING_MARK = " is not there any more. Put it back"
"""Stored with a missing picture; by this part of the sentence, which did not change, it is recognized."""


@dataclass(frozen=True, slots=True)
class JoinPair:
    """A missing picture and the relative path of the file that has its content."""

    picture_id: int
    path: str


@dataclass(frozen=True, slots=True)
class JoinRecord:
    """A join that was made. other_id: the entry that had `new_path`, None when the file was in no list."""

    batch: int
    picture_id: int
    other_id: int | None
    old_path: str
    new_path: str


@dataclass(frozen=True, slots=True)
class JoinResult:
    """Joins that were made, undone or redone; problems: sentences about those that could not be."""

    batch: int
    joins: tuple[JoinRecord, ...]
    changes: Changes
    problems: tuple[str, ...] = ()

    def __add__(self, other: JoinResult) -> JoinResult:
        """Both parts of one batch."""
        return JoinResult(
            self.batch,
            self.joins + other.joins,
            self.changes | other.changes,
            self.problems + other.problems,
        )


class PictureJoins:
    """Used on the thread that owns the Store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def join(self, pairs: Sequence[JoinPair], batch: int | None = None) -> JoinResult:
        """Join in one transaction, as a new batch or as more of one. Left out are pairs that a person has undone
        before, and paths of pictures with work."""
        made: list[JoinRecord] = []
        refused = self.refused()
        with self._store.write_transaction() as connection:
            if batch is None:
                newest = select(func.coalesce(func.max(joins.c.batch), 0))
                batch = int(connection.execute(newest).scalar_one()) + 1
            for pair in pairs:
                if (pair.picture_id, pair.path) in refused:
                    continue
                record = self._join(connection, batch, pair)
                if record is not None:
                    made.append(record)
        return JoinResult(batch, tuple(made), _changes(made))

    def steps(self, batch: int, count: int, *, undone: bool) -> list[tuple[int, ...]]:
        """Ids of the joins of a batch that are undone or not, the newest first, in parts of at most `count` for `undo`
        and `redo`."""
        with self._store.read_transaction() as connection:
            ids = [int(row.id) for row in _of_batch(connection, batch, undone=undone)]
        return [tuple(ids[start : start + count]) for start in range(0, len(ids), count)]

    def undo(self, batch: int, part: Sequence[int] | None = None) -> JoinResult:
        """Give the pictures of a batch, or of these joins in it, their old paths, and list the files as pictures of
        their own.

        What was painted since stays with the joined picture. These pairs are never joined again by themselves.
        """
        done: list[JoinRecord] = []
        problems: list[str] = []
        with self._store.write_transaction() as connection:
            for row in _of_batch(connection, batch, part, undone=False):
                path = _path_of(connection, row.picture_id)
                if path != row.new_path:
                    name = path or row.new_path
                    problems.append(f"{name} has got another file since, so it was left as it is.")
                    continue
                other_id = row.other_id
                old_path = free_path(connection, row.old_path)
                _set(connection, row.picture_id, path=old_path, problem=MISSING.format(path=old_path))
                if other_id is None:
                    added = connection.execute(insert(pictures).values(path=row.new_path))
                    key = added.inserted_primary_key
                    assert key is not None
                    other_id = int(key[0])
                else:
                    _set(connection, other_id, path=row.new_path, joined_to=None)
                connection.execute(
                    update(joins).where(joins.c.id == row.id).values(undone=1, other_id=other_id)
                )
                done.append(_record(row, other_id))
        return JoinResult(batch, tuple(done), _changes(done), tuple(problems))

    def redo(self, batch: int, part: Sequence[int] | None = None) -> JoinResult:
        """Join the pictures of an undone batch again, unless the new entries have got work of their own since."""
        done: list[JoinRecord] = []
        problems: list[str] = []
        with self._store.write_transaction() as connection:
            for row in _of_batch(connection, batch, part, undone=True):
                other = _listed_at(connection, row.new_path)
                if other is None or other.has_work or _path_of(connection, row.picture_id) is None:
                    problems.append(
                        f"{row.new_path} has been worked on since, so it stays a picture of its own."
                    )
                    continue
                _take_path(connection, row.picture_id, row.new_path, other.id)
                connection.execute(
                    update(joins).where(joins.c.id == row.id).values(undone=0, other_id=other.id)
                )
                done.append(_record(row, other.id))
        return JoinResult(batch, tuple(done), _changes(done), tuple(problems))

    def latest(self) -> int | None:
        """The newest batch that is not undone."""
        with self._store.read_transaction() as connection:
            found = connection.execute(select(func.max(joins.c.batch)).where(joins.c.undone == 0)).scalar()
        return None if found is None else int(found)

    def refused(self) -> set[tuple[int, str]]:
        """(id of a picture, path) of the joins that a person has undone."""
        query = select(joins.c.picture_id, joins.c.new_path).where(joins.c.undone == 1)
        with self._store.read_transaction() as connection:
            return {(int(i), str(path)) for i, path in connection.execute(query)}

    def successors(self) -> dict[int, int]:
        """By id of each picture that is set aside the id of the one that has its file now."""
        query = select(pictures.c.id, pictures.c.joined_to).where(pictures.c.joined_to.is_not(None))
        with self._store.read_transaction() as connection:
            return {int(i): int(successor) for i, successor in connection.execute(query)}

    def _join(self, connection: Connection, batch: int, pair: JoinPair) -> JoinRecord | None:
        old_path = _path_of(connection, pair.picture_id)
        other = _listed_at(connection, pair.path)
        if old_path is None or (other is not None and other.has_work):
            return None
        other_id = None if other is None else int(other.id)
        _take_path(connection, pair.picture_id, pair.path, other_id)
        connection.execute(
            insert(joins).values(
                batch=batch,
                made_at=now(),
                picture_id=pair.picture_id,
                other_id=other_id,
                old_path=old_path,
                new_path=pair.path,
            )
        )
        return JoinRecord(batch, pair.picture_id, other_id, old_path, pair.path)


def _take_path(connection: Connection, picture_id: int, path: str, other_id: int | None) -> None:
    if other_id is not None:
        _set(connection, other_id, path=aside_path(other_id, path), joined_to=picture_id)
    _set(connection, picture_id, path=path, problem=None)


def _set(connection: Connection, picture_id: int, **values: object) -> None:
    connection.execute(update(pictures).where(pictures.c.id == picture_id).values(**values))


def _listed_at(connection: Connection, path: str) -> Any:
    query = select(pictures.c.id, HAS_WORK.label("has_work")).where(
        pictures.c.path == path, pictures.c.joined_to.is_(None)
    )
    return connection.execute(query).first()


def _path_of(connection: Connection, picture_id: int) -> str | None:
    """None for a picture that is set aside, or does not exist."""
    query = select(pictures.c.path).where(pictures.c.id == picture_id, pictures.c.joined_to.is_(None))
    found = connection.execute(query).scalar()
    return None if found is None else str(found)


def _of_batch(
    connection: Connection, batch: int, part: Sequence[int] | None = None, *, undone: bool
) -> list[Any]:
    query = select(joins).where(joins.c.batch == batch, joins.c.undone == int(undone))
    if part is not None:
        query = query.where(joins.c.id.in_(part))
    return list(connection.execute(query.order_by(joins.c.id.desc())))


def _record(row: Any, other_id: int) -> JoinRecord:
    return JoinRecord(row.batch, row.picture_id, other_id, row.old_path, row.new_path)


def _changes(made: Sequence[JoinRecord]) -> Changes:
    kept = frozenset(each.picture_id for each in made)
    others = frozenset(each.other_id for each in made if each.other_id is not None)
    return (
        Changes(pictures=kept | others, picture_list=bool(made), files=kept | others) if made else Changes()
    )
