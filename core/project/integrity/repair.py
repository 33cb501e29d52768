"""Repairs the findings of an integrity check, each in a transaction of its own, after a backup of the project file.

Whatever a repair deletes is still in that backup, which is never deleted automatically.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, delete, select, update

from core.base.errors import ProjectError
from core.base.geometry import TILE_SIZE, TileKey, tile_box
from core.base.text import count_of
from core.labels.codec import encode
from core.labels.label_map import Origin
from core.project.backup import BACKUP_FOLDER, make_backup
from core.project.content.decisions import keep_label
from core.project.content.file_content import observe_file
from core.project.content.joins import JoinPair, PictureJoins
from core.project.content.picture_contents import PictureContents
from core.project.integrity.check import Size, check_project, is_tile_valid, read_pixels
from core.project.integrity.findings import FindingKind, IntegrityFinding, ProgressReport
from core.project.integrity.row_types import mend_value
from core.project.project import Project
from core.project.schema import class_pixels, edit_tiles, edits, metadata, pictures, predictions, runs, tiles
from core.project.stored_tiles import (
    StoredTile,
    blank_tile,
    count_values,
    origin_id,
    read_tile,
    tiles_of_picture,
    update_pixel_counts,
    write_tile,
)

_MAX_ROUNDS = 3
"""A repair can reveal more: a restored tile may have a class that was deleted."""
REPAIR_LABEL = "before-repair"
"""Part of the name of the backup that is made before a repair."""


def repair_project(project: Project, findings: Sequence[IntegrityFinding]) -> list[str]:
    """Repair what can be repaired. Returns a sentence for the user about the backup and about each repair.

    Raises ProjectError when the backup cannot be made or the disk refuses; repairs made before that stay.
    """
    todo = in_repair_order(findings)
    if not todo:
        return []
    copy = make_backup(project.store.path, project.home / BACKUP_FOLDER, label=REPAIR_LABEL)
    return [f"The backup from before the repair is {copy}.", *(repair_finding(project, f) for f in todo)]


def check_and_repair(project: Project, progress: ProgressReport) -> tuple[list[str], list[IntegrityFinding]]:
    """Check a project and repair what can be. Returns what was done, and what is left. Raises ProjectError."""
    done: list[str] = []
    found = check_project(project, progress=progress)
    for _ in range(_MAX_ROUNDS):
        if not any(finding.repairable for finding in found):
            break
        done += repair_project(project, found)
        found = check_project(project, progress=progress)
    return done, found


def in_repair_order(findings: Sequence[IntegrityFinding]) -> list[IntegrityFinding]:
    """Those that can be repaired, in the order in which they have to be."""
    return sorted((f for f in findings if f.repairable), key=lambda f: _ORDER.index(f.kind))


def repair_finding(project: Project, finding: IntegrityFinding) -> str:
    """Repair one finding, without a backup; returns a sentence for the user. Raises ProjectError."""
    return _REPAIRS[finding.kind](project, finding)


def _rebuild_indexes(project: Project, _finding: IntegrityFinding) -> str:
    with project.store.write_transaction() as connection:
        connection.exec_driver_sql("REINDEX")
    return "The indexes were rebuilt."


def _mend_value(project: Project, finding: IntegrityFinding) -> str:
    assert finding.row is not None and finding.column is not None
    with project.store.write_transaction() as connection:
        return mend_value(connection, (finding.row[0], finding.column, finding.row[1]))


def _mend_class(project: Project, finding: IntegrityFinding) -> str:
    assert finding.class_value is not None
    name = project.classes.mend(finding.class_value)
    return f"The class with the value {finding.class_value} is now called “{name}”; rename and recolour it as you like."


def _repair_orphan(project: Project, finding: IntegrityFinding) -> str:
    """Set a nullable column to NULL and a missing origin to "painted"; delete a row that is useless alone."""
    assert finding.row is not None
    name, row = finding.row
    table = metadata.tables[name]
    with project.store.write_transaction() as connection:
        for _, where, parent, number in connection.exec_driver_sql(f"PRAGMA foreign_key_check({name})").all():
            if where != row:
                continue
            links = connection.exec_driver_sql(f"PRAGMA foreign_key_list({name})").all()
            column = table.c[next(str(link[3]) for link in links if link[0] == number)]
            if column.nullable and column is not edits.c.picture_id:
                value: int | None = None
            elif parent == "origins":
                value = origin_id(connection, Origin.PAINTED, None)
            else:
                connection.exec_driver_sql(f"DELETE FROM {name} WHERE rowid = ?", (row,))
                return f"Row {row} of the table {name}, which referred to a missing row, was deleted."
            connection.exec_driver_sql(
                f"UPDATE {name} SET {column.name} = ? WHERE rowid = ?",
                (value, row),
            )
    return f"Row {row} of the table {name} no longer refers to a missing row."


def _restore_tile(project: Project, finding: IntegrityFinding) -> str:
    """Restore the newest undamaged state of the tile that is saved with an edit, else make the tile unlabelled."""
    picture_id, key = _picture_and_tile(finding)
    assert key is not None
    with project.store.write_transaction() as connection:
        path, size = _path_and_size(connection, picture_id)
        saved = connection.execute(
            select(edit_tiles.c.pixels, edit_tiles.c.origins, edits.c.name, edits.c.undone)
            .join(edits, edits.c.id == edit_tiles.c.edit_id)
            .where(
                edit_tiles.c.picture_id == picture_id,
                edit_tiles.c.tile_column == key.column,
                edit_tiles.c.tile_row == key.row,
            )
            .order_by(edits.c.id.desc())
        ).all()
        x, y = key.column * TILE_SIZE, key.row * TILE_SIZE
        for pixels, origins, name, undone in saved:
            tile = StoredTile(pixels, origins)
            if is_tile_valid(tile, key, size):
                write_tile(connection, picture_id, key, tile)
                sentence = (
                    f"The label at {x}, {y} of {path} was restored to its state after “{name}”, which had been undone. "
                    "Check it: later changes of it are lost."
                    if undone
                    else f"The label at {x}, {y} of {path} was restored to its state before “{name}”. "
                    "Check it: later changes of it are lost."
                )
                break
        else:
            write_tile(connection, picture_id, key, blank_tile())
            sentence = (
                f"The label at {x}, {y} of {path} could not be restored and is now unlabelled. "
                "A backup may still have it."
            )
        _store_pixel_counts(connection, picture_id, size)
    return sentence


def _clear_origins(project: Project, finding: IntegrityFinding) -> str:
    picture_id, key = _picture_and_tile(finding)
    assert key is not None
    with project.store.write_transaction() as connection:
        path, size = _path_and_size(connection, picture_id)
        stored, place = read_tile(connection, picture_id, key), tile_box(key, *size)
        if stored is not None:
            unknown = encode(np.zeros((place.height, place.width), np.uint16))
            write_tile(connection, picture_id, key, StoredTile(stored.pixels, unknown))
    return f"The origin of the label at {key.column * TILE_SIZE}, {key.row * TILE_SIZE} of {path} is now unknown."


def _drop_outside_tile(project: Project, finding: IntegrityFinding) -> str:
    picture_id, key = _picture_and_tile(finding)
    assert key is not None
    with project.store.write_transaction() as connection:
        path, _ = _path_and_size(connection, picture_id)
        connection.execute(
            delete(tiles).where(
                tiles.c.picture_id == picture_id,
                tiles.c.tile_column == key.column,
                tiles.c.tile_row == key.row,
            )
        )
    return f"An unlabelled tile outside of {path} was deleted."


def _recount_pixels(project: Project, finding: IntegrityFinding) -> str:
    picture_id, _ = _picture_and_tile(finding)
    with project.store.write_transaction() as connection:
        path, size = _path_and_size(connection, picture_id)
        _store_pixel_counts(connection, picture_id, size)
    return f"The labelled pixels of {path} were counted again."


def _add_missing_class(project: Project, finding: IntegrityFinding) -> str:
    assert finding.class_value is not None
    project.store.write_waiting()  # it may be a class that waits
    listed = project.classes.read()
    if listed.by_value(finding.class_value) is not None:
        return f"The class {finding.class_value} exists already."
    name = f"class {finding.class_value}"
    while listed.by_name(name) is not None:
        name += " found"
    # Not an edit: it would discard the undone edits of every picture.
    project.classes.save_without_edit(listed.with_class(name, value=finding.class_value))
    return f"The class “{name}” was added for pixels without a class; rename it as you like."


def _close_undo_gap(project: Project, finding: IntegrityFinding) -> str:
    """Mark a damaged edit and all older ones of the same pictures as thinned: undone past the gap, they would restore
    a label that never existed."""
    with project.store.write_transaction() as connection:
        row = connection.execute(select(edits.c.undone).where(edits.c.id == finding.edit_id)).one()
        pictures_of: dict[int, set[int]] = {}
        for edit_id, picture_id in connection.execute(
            select(edit_tiles.c.edit_id, edit_tiles.c.picture_id).distinct()
        ):
            pictures_of.setdefault(edit_id, set()).add(picture_id)
        # Undo goes from new to old, redo from old to new: edits beyond the gap in that direction are unreachable.
        direction = edits.c.id.asc() if row.undone else edits.c.id.desc()
        steps = connection.execute(
            select(edits.c.id, edits.c.picture_id)
            .where(edits.c.undone == row.undone, edits.c.thinned == 0)
            .order_by(direction)
        ).all()
        affected: set[int] = set()
        unreachable: list[int] = []
        for edit_id, picture_id in steps:
            own = pictures_of.get(edit_id, set()) | ({picture_id} if picture_id is not None else set())
            if edit_id == finding.edit_id or own & affected:
                affected |= own
                unreachable.append(edit_id)
        for start in range(0, len(unreachable), 500):
            batch = unreachable[start : start + 500]
            connection.execute(update(edits).where(edits.c.id.in_(batch)).values(thinned=1))
    count = count_of(len(unreachable), "step")
    return (
        f"{count} can no longer be redone; the labels stay as they are."
        if row.undone
        else f"{count} can no longer be undone; the labels stay as they are."
    )


def _forget_prediction(project: Project, finding: IntegrityFinding) -> str:
    picture_id, _ = _picture_and_tile(finding)
    with project.store.write_transaction() as connection:
        path, _ = _path_and_size(connection, picture_id)
        if project.prediction_path(picture_id).exists():
            return f"The prediction of {path} has been computed again meanwhile."
        connection.execute(delete(predictions).where(predictions.c.picture_id == picture_id))
    return f"The row of the missing prediction of {path} was deleted."


def _delete_stray_prediction(project: Project, finding: IntegrityFinding) -> str:
    assert finding.path is not None
    path = Path(finding.path)
    of_file = select(predictions.c.picture_id).where(predictions.c.picture_id == int(path.stem))
    with project.store.read_transaction() as connection:
        if connection.execute(of_file).first() is not None:
            return f"{path.name} belongs to a picture meanwhile."
    try:
        path.unlink(missing_ok=True)
    except OSError as problem:
        raise ProjectError(
            f"{path} cannot be deleted: {problem.strerror or problem}. Delete it by hand."
        ) from problem
    return f"{path.name}, a prediction that belongs to no picture, was deleted."


def _forget_weights(project: Project, finding: IntegrityFinding) -> str:
    assert finding.run_id is not None
    message = "Its weights were missing when the project was repaired."
    with project.store.write_transaction() as connection:
        connection.execute(
            update(runs).where(runs.c.id == finding.run_id).values(published=0, message=message)
        )
    return f"Run {finding.run_id} is no longer marked as published."


def _update_path(project: Project, finding: IntegrityFinding) -> str:
    picture_id, _ = _picture_and_tile(finding)
    assert finding.path is not None
    made = PictureJoins(project.store).join([JoinPair(picture_id, finding.path)]).joins
    if not made:
        raise ProjectError(f"{finding.path} has been labelled or marked since the check; check again.")
    return (
        f"{made[0].old_path} was found as {finding.path} and keeps its label, status, split, note and tags."
    )


def _accept_changed_picture(project: Project, finding: IntegrityFinding) -> str:
    picture_id, _ = _picture_and_tile(finding)
    record = project.pictures.get(picture_id)
    seen = observe_file(picture_id, project.picture_path(record.path))
    if seen is None:
        raise ProjectError(f"{record.path} cannot be read; check again.")
    PictureContents(project.store).observe([seen])
    keep_label(project, picture_id, check=True)
    return f"{record.path} was accepted with its new content, keeps its label, and was marked to review."


def _picture_and_tile(finding: IntegrityFinding) -> tuple[int, TileKey | None]:
    assert finding.picture_id is not None
    return finding.picture_id, finding.tile


def _path_and_size(connection: Connection, picture_id: int) -> tuple[str, Size]:
    row = connection.execute(
        select(pictures.c.path, pictures.c.width, pictures.c.height).where(pictures.c.id == picture_id)
    ).one()
    return str(row.path), (row.width or 0, row.height or 0)


def _store_pixel_counts(connection: Connection, picture_id: int, size: Size) -> None:
    gained = np.zeros(256, np.int64)
    for key, tile in tiles_of_picture(connection, picture_id):
        values = read_pixels(tile.pixels, key, size)
        if values is not None:
            gained += count_values(values)
    connection.execute(delete(class_pixels).where(class_pixels.c.picture_id == picture_id))
    update_pixel_counts(connection, picture_id, gained)


_REPAIRS: dict[FindingKind, Callable[[Project, IntegrityFinding], str]] = {
    FindingKind.INDEX: _rebuild_indexes,
    FindingKind.VALUE: _mend_value,
    FindingKind.CLASS: _mend_class,
    FindingKind.ORPHAN: _repair_orphan,
    FindingKind.MOVED: _update_path,
    FindingKind.OUTSIDE: _drop_outside_tile,
    FindingKind.TILE: _restore_tile,
    FindingKind.ORIGINS: _clear_origins,
    FindingKind.EDIT: _close_undo_gap,
    FindingKind.COUNTS: _recount_pixels,
    FindingKind.NO_CLASS: _add_missing_class,
    FindingKind.NO_FILE: _forget_prediction,
    FindingKind.NO_ROW: _delete_stray_prediction,
    FindingKind.WEIGHTS: _forget_weights,
    FindingKind.CHANGED: _accept_changed_picture,
}
"""The repair of each kind of finding, in this order: rows, then labels, then counts, which depend on both."""
_ORDER = list(_REPAIRS)
