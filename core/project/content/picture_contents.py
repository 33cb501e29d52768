"""Which content the file of each picture has, and what follows when it is another one than before.

A file's size and time are a hint; its digest (`packed_picture.file_digest`) is the proof. `pictures.digest` is of the
content that the label belongs to. When a labelled picture has other content, that is stored in `new_digest`, and the
label is left out of training, scores and exports until a person says what becomes of it
(`core.project.content.decisions`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, or_, select, update

from core.base.errors import ImageError
from core.images.file_age import FileAge, file_age
from core.project.content.file_content import ObservedContent, replaced_sentence
from core.project.packed_picture import file_digest
from core.project.picture_repository import BATCH_SIZE, drop_tiles
from core.project.project import Project
from core.project.records import PictureRecord, Status
from core.project.schema import class_pixels, edits, picture_tags, pictures, predictions
from core.project.store import Store

_LABELLED = exists().where(class_pixels.c.picture_id == pictures.c.id)
HAS_WORK = or_(
    pictures.c.status != Status.NEW.value,
    pictures.c.split.is_not(None),
    pictures.c.note != "",
    _LABELLED,
    exists().where(edits.c.picture_id == pictures.c.id),
    exists().where(picture_tags.c.picture_id == pictures.c.id),
)
"""A picture with something of a person's in it; any other may leave the list without loss."""


UNKNOWN_DIGEST = ""
"""Of a labelled picture that was replaced before its content was ever hashed: equal to no other."""


@dataclass(frozen=True, slots=True)
class KnownContent:
    """What is stored of a picture's content.

    digest: of the content that the label belongs to; new_digest: of the content that replaced it, while nobody has said
    what becomes of the label; age: of the file when it was last looked at, None before; has_work: see HAS_WORK
    """

    id: int
    path: str
    digest: str | None
    new_digest: str | None
    age: FileAge | None
    has_work: bool
    is_labelled: bool
    problem: str | None

    @property
    def current_digest(self) -> str | None:
        """Of the content that the file had when it was last looked at."""
        return self.new_digest or self.digest


@dataclass(frozen=True, slots=True)
class ContentChanges:
    """Ids of pictures whose file has other content than before; of these the labelled ones that wait for a decision
    (`replaced`), those whose earlier content is back (`restored`), and those of which only the time of the file is
    another one, so that they may have changed (`touched`)."""

    changed: frozenset[int] = frozenset()
    replaced: frozenset[int] = frozenset()
    restored: frozenset[int] = frozenset()
    touched: frozenset[int] = frozenset()


class PictureContents:
    """Used on the thread that owns the Store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def known(self, picture_ids: Iterable[int] | None = None) -> list[KnownContent]:
        """Of these pictures, or of all; pictures that were set aside are left out."""
        query = _KNOWN.order_by(pictures.c.id)
        with self._store.read_transaction() as connection:
            if picture_ids is None:
                return [_known(row) for row in connection.execute(query)]
            wanted = list(picture_ids)
            found: list[KnownContent] = []
            for start in range(0, len(wanted), BATCH_SIZE):
                part = query.where(pictures.c.id.in_(wanted[start : start + BATCH_SIZE]))
                found += [_known(row) for row in connection.execute(part)]
        return found

    def ages(self) -> dict[int, FileAge]:
        """The stored age of every picture that has one, by id."""
        query = select(pictures.c.id, pictures.c.file_bytes, pictures.c.file_modified).where(
            pictures.c.joined_to.is_(None), pictures.c.file_modified.is_not(None)
        )
        with self._store.read_transaction() as connection:
            return {int(i): FileAge(size or 0, modified) for i, size, modified in connection.execute(query)}

    def ids_without_digest(self) -> list[int]:
        """Ids of pictures with work whose content was never hashed: those of projects of earlier versions above all."""
        query = select(pictures.c.id).where(
            pictures.c.joined_to.is_(None), pictures.c.digest.is_(None), HAS_WORK
        )
        with self._store.read_transaction() as connection:
            return [int(i) for (i,) in connection.execute(query.order_by(pictures.c.id))]

    def replaced_ids(self) -> frozenset[int]:
        """Ids of the labelled pictures whose content was replaced and that wait for a decision."""
        query = select(pictures.c.id).where(
            pictures.c.joined_to.is_(None), pictures.c.new_digest.is_not(None)
        )
        with self._store.read_transaction() as connection:
            return frozenset(int(i) for (i,) in connection.execute(query))

    def without_work(self, sizes: Iterable[int]) -> list[KnownContent]:
        """Pictures with a file of one of these sizes (bytes) or of a size that was never looked at, without problem and
        without anything of a person's."""
        wanted = sorted(set(sizes))
        found: list[KnownContent] = []
        with self._store.read_transaction() as connection:
            for start in range(0, len(wanted), BATCH_SIZE):
                conditions = [pictures.c.file_bytes.in_(wanted[start : start + BATCH_SIZE])]
                if start == 0:
                    conditions.append(pictures.c.file_bytes.is_(None))
                query = _KNOWN.where(or_(*conditions), pictures.c.problem.is_(None), ~HAS_WORK)
                found += [_known(row) for row in connection.execute(query)]
        return found

    def doubles(self, missing: Mapping[int, str]) -> list[tuple[int, int]]:
        """(id of a missing picture, id of another whose file has the same content), both labelled. missing: digest by
        id."""
        wanted = {
            digest: i for i, digest in sorted(missing.items(), reverse=True) if digest != UNKNOWN_DIGEST
        }
        found: list[tuple[int, int]] = []
        digests = list(wanted)
        with self._store.read_transaction() as connection:
            for start in range(0, len(digests), BATCH_SIZE):
                part = digests[start : start + BATCH_SIZE]
                query = select(pictures.c.id, pictures.c.digest).where(
                    pictures.c.joined_to.is_(None),
                    pictures.c.digest.in_(part),
                    pictures.c.new_digest.is_(None),
                    _LABELLED,
                )
                found += [(wanted[d], int(i)) for i, d in connection.execute(query) if i not in missing]
        return sorted(found)

    def observe(self, observed: Sequence[ObservedContent]) -> ContentChanges:
        """Store what files were found to hold. Predictions of content that is gone are deleted.

        A labelled picture never changes its digest here, and an observation of it without a digest says nothing.
        """
        found: dict[str, set[int]] = defaultdict(set)
        by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
        with self._store.write_transaction(durable=False) as connection:
            rows = {row.id: row for row in _rows_of(connection, [each.picture_id for each in observed])}
            for each in observed:
                row = rows.get(each.picture_id)
                if row is None or (each.digest is None and row.labelled):
                    continue
                values, kind = _outcome(row, each)
                if kind:
                    found[kind].add(row.id)
                    if not row.labelled and each.size is not None:
                        if row.width is not None and (row.width, row.height) != each.size:
                            drop_tiles(connection, row.id)
                        values |= dict(zip(("width", "height"), each.size, strict=True)) | {"problem": None}
                by_columns[tuple(sorted(values))].append({"picture": row.id, **values})
            for columns in by_columns.values():  # one statement each: a stroke may be waiting
                connection.execute(update(pictures).where(pictures.c.id == bindparam("picture")), columns)
            changed = frozenset().union(*found.values())
            _forget_predictions(connection, changed)
        return ContentChanges(
            changed, *(frozenset(found[kind]) for kind in ("replaced", "restored", "touched"))
        )


def check_label_fits_content(project: Project, record: PictureRecord) -> None:
    """Raises ImageError when the file of a labelled picture has other content than its label was made for.

    Reads the whole file, because size and time prove nothing. A picture of which no content is known passes.
    """
    digest = project.pictures.digest(record.id)
    if not record.is_labelled or digest is None:
        return
    try:
        if not record.is_replaced and file_digest(project.picture_path(record.path)) == digest:
            return
    except OSError:
        return  # reading the picture says why
    raise ImageError(replaced_sentence(record.path))


def find_replaced(project: Project) -> list[PictureRecord]:
    """The labelled pictures whose files have other content than their labels were made for. Changes nothing.

    Files whose size and time are those of the last look are not read.
    """
    known = {each.id: each for each in PictureContents(project.store).known()}
    found = []
    for record in project.pictures.labelled():
        content = known[record.id]
        if content.new_digest is None:
            try:
                age = file_age(project.picture_path(record.path))
            except (OSError, ImageError):
                continue  # it is missing, or may not be read
            if content.age is not None and age.is_same(content.age):
                continue
        try:
            check_label_fits_content(project, record)
        except ImageError:
            found.append(record)
    return found


_COLUMNS = (
    pictures.c.id,
    pictures.c.digest,
    pictures.c.new_digest,
    pictures.c.file_bytes,
    pictures.c.file_modified,
)
_KNOWN = select(
    *_COLUMNS, pictures.c.path, pictures.c.problem, HAS_WORK.label("has_work"), _LABELLED.label("labelled")
).where(pictures.c.joined_to.is_(None))


def _known(row: Any) -> KnownContent:
    age = None if row.file_modified is None else FileAge(row.file_bytes or 0, row.file_modified)
    return KnownContent(
        row.id, row.path, row.digest, row.new_digest, age, bool(row.has_work), bool(row.labelled), row.problem
    )


def _rows_of(connection: Connection, picture_ids: Sequence[int]) -> list[Any]:
    query = select(*_COLUMNS, pictures.c.width, pictures.c.height, _LABELLED.label("labelled"))
    rows: list[Any] = []
    for start in range(0, len(picture_ids), BATCH_SIZE):
        part = query.where(pictures.c.id.in_(picture_ids[start : start + BATCH_SIZE]))
        rows += connection.execute(part).all()
    return rows


def _outcome(row: Any, seen: ObservedContent) -> tuple[dict[str, Any], str]:
    """The columns to store, and what happened to the content: "", "changed", "touched", "replaced" or "restored"."""
    values: dict[str, Any] = {"file_bytes": seen.age.bytes, "file_modified": seen.age.modified}
    was_looked_at = row.file_modified is not None
    is_other_age = was_looked_at and (row.file_bytes, row.file_modified) != seen.age[:2]
    unproven = "" if not is_other_age else "touched" if row.file_bytes == seen.age.bytes else "changed"
    if seen.digest is None:
        return values | ({"digest": None} if is_other_age else {}), unproven
    current = row.new_digest or row.digest
    if current == seen.digest:
        return values, ""
    if row.digest is None and is_other_age and row.labelled:
        return values | {"digest": UNKNOWN_DIGEST, "new_digest": seen.digest}, "replaced"
    if row.digest is None:
        return values | {"digest": seen.digest}, unproven
    if row.digest == seen.digest:
        return values | {"new_digest": None}, "restored"
    if row.labelled:
        return values | {"new_digest": seen.digest}, "replaced"
    return values | {"digest": seen.digest, "new_digest": None}, "changed"


def _forget_predictions(connection: Connection, picture_ids: Iterable[int]) -> None:
    wanted = list(picture_ids)
    for start in range(0, len(wanted), BATCH_SIZE):
        part = wanted[start : start + BATCH_SIZE]
        connection.execute(delete(predictions).where(predictions.c.picture_id.in_(part)))
