"""Checks a project: is the file undamaged, do labels fit their pictures, do the files exist that it refers to."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from core.base.errors import ProjectError
from core.base.geometry import TILE_SIZE, TileKey, tile_box
from core.base.text import count_of
from core.labels.class_list import MAX_CLASS_VALUE, VOID
from core.labels.codec import decode
from core.project.backup import damage_in
from core.project.files.home_check import is_file
from core.project.integrity.findings import FindingKind, IntegrityFinding, ProgressReport
from core.project.integrity.missing_pictures import check_pictures
from core.project.integrity.row_types import wrong_values
from core.project.project import Project
from core.project.schema import class_pixels, classes, edit_tiles, edits, pictures, predictions, runs, tiles
from core.project.stored_tiles import StoredTile, count_values

Size = tuple[int, int]
WEIGHTS_FILE = "model.safetensors"
_CHUNK = 64


def check_project(
    project: Project, *, read_pictures: bool = True, progress: ProgressReport | None = None
) -> list[IntegrityFinding]:
    """Check a whole project. Changes nothing, except that missing digests of pictures are stored when the project is
    open for writing.

    `read_pictures`: also read every picture's file, to see what has been moved or changed. Raises ProjectError
    only when the file cannot be read at all.
    """
    report = progress or (lambda _done, _of: None)
    found: list[IntegrityFinding] = []
    try:
        with project.store.read_transaction(seconds=None) as connection:
            found += _check_file(connection)
    except ProjectError:
        if not found:  # too damaged even to end the transaction
            raise
    if any(finding.kind == FindingKind.FILE for finding in found):
        return found  # nothing that is read from a damaged file can be trusted
    with project.store.read_transaction(seconds=None) as connection:
        found += _check_values(connection)
    if found:
        return found  # what is checked next reads these values
    found += _check_classes(project)
    with project.store.read_transaction(seconds=None) as connection:
        found += _check_foreign_keys(connection)
        found += _check_labels(connection, report)
        found += _check_journal(connection, report)
        found += _check_weights(connection, project)
        found += _check_predictions(connection, project)
    return found + list(check_pictures(project, report, read=read_pictures))


def _check_file(connection: Connection) -> Iterator[IntegrityFinding]:
    try:
        lines = [str(line) for (line,) in connection.exec_driver_sql("PRAGMA integrity_check(100)")]
    except Exception as problem:  # of SQLAlchemy or sqlite3, for a page that cannot be read
        lines = [str(getattr(problem, "orig", problem))]
    lines = damage_in(lines)
    if not lines:
        return
    reason = lines[0] if len(lines) == 1 else f"{lines[0]} and {len(lines) - 1} more"
    if all(re.search(r"\bindex\b", line) for line in lines):
        sentence = f"An index of the project file is damaged ({reason}); it can be rebuilt."
        yield IntegrityFinding(FindingKind.INDEX, sentence, True)
    else:
        sentence = (
            f"The project file is damaged ({reason}). Bring the newest backup back with: maskloop restore"
        )
        yield IntegrityFinding(FindingKind.FILE, sentence, False)


def _check_values(connection: Connection) -> Iterator[IntegrityFinding]:
    for table, column, row in wrong_values(connection):
        sentence = f"The {column} of row {row} of the table {table} is of a kind that cannot be read."
        yield IntegrityFinding(FindingKind.VALUE, sentence, True, row=(table, row), column=column)


def _check_classes(project: Project) -> Iterator[IntegrityFinding]:
    for value in project.classes.damaged():
        sentence = (
            f"The class with the value {value} has a name, a colour or a position that cannot be shown."
        )
        yield IntegrityFinding(FindingKind.CLASS, sentence, True, class_value=value)


def _check_foreign_keys(connection: Connection) -> Iterator[IntegrityFinding]:
    for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check").all():
        sentence = f"Row {row} of the table {table} refers to a row of {parent} that does not exist."
        yield IntegrityFinding(FindingKind.ORPHAN, sentence, True, row=(str(table), int(row)))


def _check_labels(connection: Connection, report: ProgressReport) -> Iterator[IntegrityFinding]:
    rows = connection.execute(
        select(pictures.c.id, pictures.c.path, pictures.c.width, pictures.c.height).order_by(pictures.c.id)
    ).all()
    stored_counts: dict[int, dict[int, int]] = {}
    for picture_id, value, count in connection.execute(select(class_pixels)):
        stored_counts.setdefault(picture_id, {})[value] = count
    known = {int(value) for (value,) in connection.execute(select(classes.c.value))}
    unknown: dict[int, list[int]] = {}
    labelled = {int(i) for (i,) in connection.execute(select(tiles.c.picture_id).distinct())}
    for done, (picture_id, path, width, height) in enumerate(rows):
        report(done, len(rows))
        pixels = np.zeros(256, np.int64)
        if picture_id in labelled and (width is None or height is None):
            sentence = f"{path} is labelled, but its size is not known. Open it once in the Maskloop window."
            yield IntegrityFinding(FindingKind.SIZE, sentence, False, picture_id)
            continue
        if picture_id in labelled:
            yield from _check_tiles(connection, picture_id, path, (width, height), pixels)
        counts = {int(v): int(pixels[v]) for v in np.flatnonzero(pixels[1:]) + 1}
        if counts != stored_counts.get(picture_id, {}):
            sentence = f"The stored pixel counts of {path} differ from its label; they can be counted again."
            yield IntegrityFinding(FindingKind.COUNTS, sentence, True, picture_id)
        for value in counts.keys() - known - {VOID}:
            unknown.setdefault(value, []).append(counts[value])
    for value, found in sorted(unknown.items()):
        sentence = (
            f"{count_of(sum(found), 'pixel')} in {count_of(len(found), 'picture')} have the class value {value}, "
            "but there is no such class; it can be added."
        )
        yield IntegrityFinding(
            FindingKind.NO_CLASS, sentence, 1 <= value <= MAX_CLASS_VALUE, class_value=value
        )


def _check_tiles(
    connection: Connection, picture_id: int, path: str, size: Size, counts: NDArray[np.int64]
) -> Iterator[IntegrityFinding]:
    """Check the tiles of a picture of `size` (width, height), and add their pixels to `counts`, (256,) by value."""
    query = select(tiles.c.tile_column, tiles.c.tile_row, tiles.c.pixels, tiles.c.origins)
    for column, row, pixels, origins in connection.execute(query.where(tiles.c.picture_id == picture_id)):
        key = TileKey(column, row)
        x, y = column * TILE_SIZE, row * TILE_SIZE
        if tile_box(key, *size).is_empty:
            # The picture was replaced by a smaller one. A labelled tile is kept in case the larger one comes back.
            values = _decode_or_none(pixels, (TILE_SIZE, TILE_SIZE))
            is_blank = values is not None and not values.any()
            sentence = (
                f"The label at {x}, {y} of {path} is outside the picture, which is {size[0]} x {size[1]} pixels."
                if is_blank
                else f"The label at {x}, {y} of {path} is outside the picture, which is {size[0]} x {size[1]} pixels. "
                "Put the larger picture back to see it again."
            )
            yield IntegrityFinding(FindingKind.OUTSIDE, sentence, is_blank, picture_id, tile=key)
            continue
        values = read_pixels(pixels, key, size)
        if values is None:
            sentence = (
                f"The label at {x}, {y} of {path} is damaged; "
                "an earlier state of it may be restored from the journal."
            )
            yield IntegrityFinding(FindingKind.TILE, sentence, True, picture_id, tile=key)
            continue
        counts += count_values(values)
        if not are_origins_valid(origins, key, size):
            sentence = f"The origin of the label at {x}, {y} of {path} cannot be read; the label itself is undamaged."
            yield IntegrityFinding(FindingKind.ORIGINS, sentence, True, picture_id, tile=key)


def _check_journal(connection: Connection, report: ProgressReport) -> Iterator[IntegrityFinding]:
    query = (
        select(
            edit_tiles.c.edit_id,
            edit_tiles.c.tile_column,
            edit_tiles.c.tile_row,
            edit_tiles.c.pixels,
            edit_tiles.c.origins,
            pictures.c.id,
            pictures.c.path,
            pictures.c.width,
            pictures.c.height,
            edits.c.name,
        )
        .join(edits, edits.c.id == edit_tiles.c.edit_id)
        .join(pictures, pictures.c.id == edit_tiles.c.picture_id)
        .where(edits.c.thinned == 0)
        .order_by(edit_tiles.c.edit_id)
        .execution_options(yield_per=_CHUNK)
    )
    count = connection.execute(select(func.count()).select_from(edit_tiles)).scalar_one()
    reported: set[int] = set()
    for done, row in enumerate(connection.execute(query)):
        report(done, count)
        if row.width is None or row.edit_id in reported:
            continue
        key, size = TileKey(row.tile_column, row.tile_row), (row.width, row.height)
        if is_tile_valid(StoredTile(row.pixels, row.origins), key, size):
            continue
        reported.add(row.edit_id)
        sentence = (
            f"“{row.name}” (edit {row.edit_id} of {row.path}) cannot be undone or redone: "
            "a tile saved with it is damaged. The current labels are not affected."
        )
        yield IntegrityFinding(FindingKind.EDIT, sentence, True, row.id, edit_id=row.edit_id)


def _check_weights(connection: Connection, project: Project) -> Iterator[IntegrityFinding]:
    for (run_id,) in connection.execute(select(runs.c.id).where(runs.c.published > 0)).all():
        if not is_file(project.run_folder(run_id) / WEIGHTS_FILE):
            sentence = (
                f"The weights of run {run_id} are missing from {project.run_folder(run_id)}. "
                "Put them back, or let the repair mark the run as unpublished."
            )
            yield IntegrityFinding(FindingKind.WEIGHTS, sentence, True, run_id=run_id)


def _check_predictions(connection: Connection, project: Project) -> Iterator[IntegrityFinding]:
    query = select(predictions.c.picture_id, pictures.c.path)
    query = query.join(pictures, pictures.c.id == predictions.c.picture_id)
    rows = {int(picture_id): str(path) for picture_id, path in connection.execute(query)}
    folder = project.prediction_path(0).parent
    files = {int(p.stem): p for p in folder.glob("*.png") if p.stem.isdecimal()} if folder.is_dir() else {}
    for picture_id in sorted(rows.keys() - files.keys()):
        sentence = f"The prediction of {rows[picture_id]} is missing; it can be computed again."
        yield IntegrityFinding(FindingKind.NO_FILE, sentence, True, picture_id)
    for number in sorted(files.keys() - rows.keys()):
        yield IntegrityFinding(
            FindingKind.NO_ROW,
            f"{files[number].name} is a prediction that belongs to no picture.",
            True,
            path=str(files[number]),
        )


def is_tile_valid(tile: StoredTile, key: TileKey, size: Size) -> bool:
    """Whether both planes of a stored tile can be decoded and fit a picture of `size` (width, height)."""
    return read_pixels(tile.pixels, key, size) is not None and are_origins_valid(tile.origins, key, size)


def read_pixels(blob: bytes, key: TileKey, size: Size) -> NDArray[np.uint8] | None:
    """The class values of a tile of a picture of `size` (width, height), (h, w) uint8; None when damaged."""
    place = tile_box(key, *size)
    return None if place.is_empty else _decode_or_none(blob, (place.height, place.width))


def are_origins_valid(blob: bytes, key: TileKey, size: Size) -> bool:
    """Whether the origin plane of a tile can be decoded and fits a picture of `size` (width, height)."""
    place = tile_box(key, *size)
    try:
        decode(blob, place.height, place.width, np.uint16)
    except (ProjectError, TypeError):
        return False
    return True


def _decode_or_none(blob: bytes, shape: tuple[int, int]) -> NDArray[np.uint8] | None:
    try:
        return decode(blob, *shape, np.uint8)
    except (
        ProjectError,
        TypeError,
    ):  # TypeError: SQLite columns accept values of any type, also a number for a BLOB
        return None
