"""The doctor looks: whether the file is whole, the labels fit their pictures, and what it speaks of is there."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from core.base.errors import ProjectError
from core.base.geometry import TILE_SIZE, TileKey, tile_box
from core.labels.class_list import MAX_CLASS_VALUE, VOID
from core.labels.codec import decode
from core.project.integrity.findings import FindingKind, IntegrityFinding, ProgressReport
from core.project.integrity.missing_pictures import check_pictures
from core.project.project import Project
from core.project.schema import class_pixels, classes, edit_tiles, edits, pictures, predictions, runs, tiles
from core.project.stored_tiles import StoredTile, count_values

Size = tuple[int, int]
WEIGHTS_FILE = "model.safetensors"
_CHUNK = 64


def check_project(
    project: Project, *, read_pictures: bool = True, progress: ProgressReport | None = None
) -> list[IntegrityFinding]:
    """Look through a whole project; nothing is changed, but digests of pictures not yet known are noted when the
    project is open for writing.

    `read_pictures`: also read every picture's file, to see what has been moved or changed. Raises ProjectError
    only when the file cannot be read at all.
    """
    report = progress or (lambda _done, _of: None)
    found: list[IntegrityFinding] = []
    try:
        with project.store.read_transaction() as connection:
            found += _check_file(connection)
    except ProjectError:
        if not found:  # too damaged even to end the look at it
            raise
    if any(finding.kind == FindingKind.FILE for finding in found):
        return found  # nothing that is read from it can be trusted
    with project.store.read_transaction() as connection:
        found += _check_foreign_keys(connection)
        found += _check_labels(connection, report)
        found += _check_journal(connection, report)
        found += _check_weights(connection, project)
        found += _check_predictions(connection, project)
    return found + list(check_pictures(project, report, read=read_pictures))


def _check_file(connection: Connection) -> Iterator[IntegrityFinding]:
    try:
        said = [str(line) for (line,) in connection.exec_driver_sql("PRAGMA integrity_check(100)")]
    except Exception as problem:  # SQLAlchemy's, or SQLite's own words for a page that cannot be followed
        said = [str(getattr(problem, "orig", problem))]
    said = [" ".join(line.split()) for line in said if line != "ok"]
    if not said:
        return
    more = f" and {len(said) - 1} more" if len(said) > 1 else ""
    if all(re.search(r"\bindex\b", line) for line in said):
        yield IntegrityFinding(
            FindingKind.INDEX,
            f"An index of the project file is damaged ({said[0]}{more}); it can be rebuilt.",
            True,
        )
    else:
        yield IntegrityFinding(
            FindingKind.FILE,
            f"The project file is damaged ({said[0]}{more}). Bring the newest backup back with: maskloop restore",
            False,
        )


def _check_foreign_keys(connection: Connection) -> Iterator[IntegrityFinding]:
    for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check").all():
        sentence = f"Row {row} of the table {table} points to a row of {parent} that is not there."
        yield IntegrityFinding(FindingKind.ORPHAN, sentence, True, row=(str(table), int(row)))


def _check_labels(connection: Connection, report: ProgressReport) -> Iterator[IntegrityFinding]:
    rows = connection.execute(
        select(pictures.c.id, pictures.c.path, pictures.c.width, pictures.c.height).order_by(pictures.c.id)
    ).all()
    noted: dict[int, dict[int, int]] = {}
    for picture_id, value, count in connection.execute(select(class_pixels)):
        noted.setdefault(picture_id, {})[value] = count
    known = {int(value) for (value,) in connection.execute(select(classes.c.value))}
    unknown: dict[int, list[int]] = {}
    labelled = {int(i) for (i,) in connection.execute(select(tiles.c.picture_id).distinct())}
    for done, (picture_id, path, width, height) in enumerate(rows):
        report(done, len(rows))
        there = np.zeros(256, np.int64)
        if picture_id in labelled and (width is None or height is None):
            sentence = f"{path} has a label, but its size is not known. Open it once in the Maskloop window."
            yield IntegrityFinding(FindingKind.SIZE, sentence, False, picture_id)
            continue
        if picture_id in labelled:
            yield from _check_tiles(connection, picture_id, path, (width, height), there)
        counts = {int(v): int(there[v]) for v in np.flatnonzero(there[1:]) + 1}
        if counts != noted.get(picture_id, {}):
            sentence = f"The pixel counts of {path} are not those of its label; they can be counted again."
            yield IntegrityFinding(FindingKind.COUNTS, sentence, True, picture_id)
        for value in counts.keys() - known - {VOID}:
            unknown.setdefault(value, []).append(counts[value])
    for value, found in sorted(unknown.items()):
        sentence = (
            f"{sum(found)} pixels in {len(found)} pictures are labelled {value}, but there is no such class; "
            "it can be added."
        )
        yield IntegrityFinding(
            FindingKind.NO_CLASS, sentence, 1 <= value <= MAX_CLASS_VALUE, class_value=value
        )


def _check_tiles(
    connection: Connection, picture_id: int, path: str, size: Size, there: NDArray[np.int64]
) -> Iterator[IntegrityFinding]:
    query = select(tiles.c.tile_column, tiles.c.tile_row, tiles.c.pixels, tiles.c.origins)
    for column, row, pixels, origins in connection.execute(query.where(tiles.c.picture_id == picture_id)):
        key = TileKey(column, row)
        where = f"at {column * TILE_SIZE}, {row * TILE_SIZE} of {path}"
        if tile_box(key, *size).is_empty:
            # Of a smaller picture than was labelled: of use once the old one is put back, unless it says nothing.
            values = _decode_or_none(pixels, (TILE_SIZE, TILE_SIZE))
            idle = values is not None and not values.any()
            sentence = f"The label {where} lies outside the picture, which is {size[0]} x {size[1]} pixels."
            sentence += "" if idle else " Put the larger picture back to see it again."
            yield IntegrityFinding(FindingKind.OUTSIDE, sentence, idle, picture_id, tile=key)
            continue
        values = read_pixels(pixels, key, size)
        if values is None:
            sentence = (
                f"The label {where} is damaged; what the journal still knows of it can be brought back."
            )
            yield IntegrityFinding(FindingKind.TILE, sentence, True, picture_id, tile=key)
            continue
        there += count_values(values)
        if not are_origins_valid(origins, key, size):
            sentence = f"Who painted the label {where} cannot be read any more; the label itself is whole."
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
    said: set[int] = set()
    for done, row in enumerate(connection.execute(query)):
        report(done, count)
        if row.width is None or row.edit_id in said:
            continue
        key, size = TileKey(row.tile_column, row.tile_row), (row.width, row.height)
        if is_tile_valid(StoredTile(row.pixels, row.origins), key, size):
            continue
        said.add(row.edit_id)
        sentence = (
            f"“{row.name}” (edit {row.edit_id} of {row.path}) cannot be undone or redone any more: "
            "its other side is damaged. Labels as they are now stay."
        )
        yield IntegrityFinding(FindingKind.EDIT, sentence, True, row.id, edit_id=row.edit_id)


def _check_weights(connection: Connection, project: Project) -> Iterator[IntegrityFinding]:
    for (run_id,) in connection.execute(select(runs.c.id).where(runs.c.published > 0)).all():
        if not (project.run_folder(run_id) / WEIGHTS_FILE).is_file():
            sentence = (
                f"The weights of run {run_id} are missing from {project.run_folder(run_id)}. "
                "Put them back, or let it be forgotten that it published any."
            )
            yield IntegrityFinding(FindingKind.WEIGHTS, sentence, True, run_id=run_id)


def _check_predictions(connection: Connection, project: Project) -> Iterator[IntegrityFinding]:
    query = select(predictions.c.picture_id, pictures.c.path)
    query = query.join(pictures, pictures.c.id == predictions.c.picture_id)
    rows = {int(picture_id): str(path) for picture_id, path in connection.execute(query)}
    folder = project.prediction_path(0).parent
    files = {int(p.stem): p for p in folder.glob("*.png") if p.stem.isdecimal()} if folder.is_dir() else {}
    for picture_id in sorted(rows.keys() - files.keys()):
        sentence = f"The prediction of {rows[picture_id]} is missing; it can be made again."
        yield IntegrityFinding(FindingKind.NO_FILE, sentence, True, picture_id)
    for number in sorted(files.keys() - rows.keys()):
        yield IntegrityFinding(
            FindingKind.NO_ROW,
            f"{files[number].name} is a prediction of nothing.",
            True,
            path=str(files[number]),
        )


def is_tile_valid(tile: StoredTile, key: TileKey, size: Size) -> bool:
    """Whether both planes of a stored tile can be read and fit a picture of `size` (width, height)."""
    return read_pixels(tile.pixels, key, size) is not None and are_origins_valid(tile.origins, key, size)


def read_pixels(blob: bytes, key: TileKey, size: Size) -> NDArray[np.uint8] | None:
    """The class values of a tile of a picture of `size` (width, height); None when they cannot be read."""
    place = tile_box(key, *size)
    return None if place.is_empty else _decode_or_none(blob, (place.height, place.width))


def are_origins_valid(blob: bytes, key: TileKey, size: Size) -> bool:
    """Whether it can be read who said so."""
    place = tile_box(key, *size)
    try:
        decode(blob, place.height, place.width, np.uint16)
    except (ProjectError, TypeError):
        return False
    return True


def _decode_or_none(blob: bytes, shape: tuple[int, int]) -> NDArray[np.uint8] | None:
    try:
        return decode(blob, *shape, np.uint8)
    except (ProjectError, TypeError):  # SQLite stores whatever it is given, also a number where bytes belong
        return None
