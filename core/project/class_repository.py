"""The drawer of classes: the list as stored, and changes of it that reach into every label, each one edit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.sqlite import insert

from core.base.changes import Changes
from core.base.errors import UserError
from core.base.geometry import tile_box
from core.labels.class_list import MAX_CLASS_VALUE, UNLABELLED, VOID, ClassList, Colour, LabelClass
from core.labels.codec import decode, encode
from core.project.class_remaps import RemapKind, latest_remap_id, log_remap, remap_since
from core.project.journal import begin_project_edit, save_and_swap_rows, save_and_write_tile
from core.project.row_changes import RowChange, swap_rows
from core.project.schema import class_moves, class_pixels, classes, edits, facts, pictures
from core.project.store import Store
from core.project.stored_tiles import StoredTile, count_values, tiles_of_picture, update_pixel_counts

HIGHEST_VALUE_FACT = "highest_class"
"""The fact that says which class value is the highest ever given."""


@dataclass(frozen=True, slots=True)
class ClassUsage:
    """What a change of a class would touch: said before it is done."""

    pixels: int
    pictures: int


class ClassRepository:
    """Classes of one open project. Lives where its Store lives."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self) -> ClassList:
        """All classes in list order."""
        with self._store.read_transaction() as connection:
            return _read(connection)

    def usage(self, value: int) -> ClassUsage:
        """How many pixels in how many pictures carry this class."""
        query = select(class_pixels.c.pixels).where(class_pixels.c.class_value == value)
        with self._store.read_transaction() as connection:
            found = [int(n) for (n,) in connection.execute(query)]
        return ClassUsage(sum(found), len(found))

    def save(self, listed: ClassList, name: str | None = None) -> Changes:
        """Store the whole list: classes added, renamed, recoloured, put in another order. Pixels stay.

        This is an edit that can be undone, save where it belongs to making a project: without a `name`, and while
        nothing has been edited yet. Raises UserError when a class that pixels carry is not in the list.
        """
        with self._store.write_transaction() as connection:
            rows = _differences(_read(connection), listed)
            if not rows:
                return Changes()
            _check_unused(connection, [int(row.key) for row in rows if row.content is None])
            _note_highest(connection, listed)
            if name is None and connection.execute(select(edits.c.id).limit(1)).first() is None:
                swap_rows(connection, rows)
            else:
                edit_id = begin_project_edit(connection, name or "Change classes", "classes")
                save_and_swap_rows(connection, edit_id, rows)
        return Changes(classes=True)

    def save_without_edit(self, listed: ClassList) -> Changes:
        """Store the whole list as no edit: it cannot be undone, and ends nothing that can be redone."""
        with self._store.write_transaction() as connection:
            swap_rows(connection, _differences(_read(connection), listed))
            _note_highest(connection, listed)
        return Changes(classes=True)

    def merge(self, value: int, into: int) -> Changes:
        """All pixels of a class become another's, and the class goes. Raises UserError for an unknown class."""
        listed = self.read()
        gone, kept = _known(listed, value), _known(listed, into)
        if value == into:
            raise UserError("A class cannot be merged into itself; choose another one.")
        rest = listed.with_classes(c for c in listed if c.value != value)
        return self._relabel(RemapKind.MERGE, f"Merge {gone.name} into {kept.name}", value, into, rest)

    def delete(self, value: int, *, replace_with: int = UNLABELLED) -> Changes:
        """The class goes; its pixels become unlabelled, or void with `leave=VOID`."""
        if replace_with not in (UNLABELLED, VOID):
            raise UserError(
                "Pixels of a deleted class become unlabelled or void; merge it to give them another class."
            )
        listed = self.read()
        gone = _known(listed, value)
        rest = listed.with_classes(c for c in listed if c.value != value)
        return self._relabel(RemapKind.DELETE, f"Delete {gone.name}", value, replace_with, rest)

    def change_value(self, value: int, new_value: int) -> Changes:
        """The class and its pixels get another value. Raises UserError when that is taken or out of range."""
        listed = self.read()
        old = _known(listed, value)
        if not 1 <= new_value <= MAX_CLASS_VALUE or listed.by_value(new_value):
            raise UserError(
                f"The value {new_value} cannot be used: choose a free one from 1 to {MAX_CLASS_VALUE}."
            )
        moved = listed.with_classes(
            LabelClass(new_value, c.name, c.colour, c.position) if c.value == value else c for c in listed
        )
        name = f"Change value of {old.name} to {new_value}"
        return self._relabel(RemapKind.VALUE, name, value, new_value, moved)

    def split_off(
        self, value: int, name: str, picture_ids: Iterable[int], colour: Colour | None = None
    ) -> Changes:
        """In these pictures the pixels of a class become a new class. Raises UserError for a bad name."""
        listed = self.read()
        old = _known(listed, value)
        wider = listed.with_class(name, colour)
        fresh = wider.classes[-1]
        name = f"Split {fresh.name} off {old.name}"
        return self._relabel(RemapKind.SPLIT, name, value, fresh.value, wider, only=set(picture_ids))

    def latest_remap_id(self) -> int:
        """Now, as `mapping_since` understands it."""
        with self._store.read_transaction() as connection:
            return latest_remap_id(connection)

    def mapping_since(self, remap_id: int) -> NDArray[np.uint8]:
        """(256,) uint8: what a pixel value of the time of `moment` (`RunRecord.after_move_id`) is called now.

        A network that was trained then keeps working through it: its output is looked up here. What it knew of a
        class whose making has been undone since is unlabelled.
        """
        with self._store.read_transaction() as connection:
            table = remap_since(connection, remap_id)
            known = [UNLABELLED, VOID, *connection.execute(select(classes.c.value)).scalars()]
        return np.where(np.isin(table, known), table, np.uint8(UNLABELLED))

    def _relabel(
        self,
        kind: RemapKind,
        name: str,
        value: int,
        to: int,
        listed: ClassList,
        *,
        only: set[int] | None = None,
    ) -> Changes:
        with self._store.write_transaction() as connection:
            edit_id = begin_project_edit(connection, name, "classes")
            save_and_swap_rows(connection, edit_id, _differences(_read(connection), listed))
            _note_highest(connection, listed)
            log_remap(connection, edit_id, kind, value, to)
            holders = select(class_pixels.c.picture_id).where(class_pixels.c.class_value == value)
            sizes = select(pictures.c.id, pictures.c.width, pictures.c.height).where(
                pictures.c.id.in_(holders)
            )
            touched: set[int] = set()
            for picture_id, width, height in connection.execute(sizes).all():
                if only is not None and picture_id not in only:
                    continue
                _relabel_picture(connection, edit_id, picture_id, (width, height), lambda v: v == value, to)
                touched.add(picture_id)
        return Changes(pictures=frozenset(touched), labels=frozenset(touched), classes=True)


def _relabel_picture(
    connection: Connection,
    edit_id: int,
    picture_id: int,
    size: tuple[int, int],
    which: Callable[[NDArray[np.uint8]], NDArray[np.bool_]],
    to: int,
) -> None:
    """Who said so stays: a pixel that was painted as one class was painted as its heir. Unlabelled is nobody's."""
    gained = np.zeros(256, np.int64)
    for key, tile in list(tiles_of_picture(connection, picture_id)):
        place = tile_box(key, *size)
        values = decode(tile.pixels, place.height, place.width, np.uint8)
        mask = which(values)
        if not mask.any():
            continue
        after = np.where(mask, np.uint8(to), values)
        said = tile.origins
        if to == UNLABELLED:
            plane = decode(said, place.height, place.width, np.uint16)
            plane[mask] = 0
            said = encode(plane)
        save_and_write_tile(connection, edit_id, picture_id, key, tile, StoredTile(encode(after), said))
        gained += count_values(after) - count_values(values)
    update_pixel_counts(connection, picture_id, gained)


def _known(listed: ClassList, value: int) -> LabelClass:
    found = listed.by_value(value)
    if found is None:
        raise UserError(f"There is no class with the value {value}.")
    return found


def _check_unused(connection: Connection, values: list[int]) -> None:
    query = select(class_pixels.c.class_value).where(class_pixels.c.class_value.in_(values)).limit(1)
    used = connection.execute(query).scalar()
    if used is not None:
        raise UserError(f"Pixels carry the class with the value {used}; delete or merge it instead.")


def _read(connection: Connection) -> ClassList:
    rows = connection.execute(select(classes).order_by(classes.c.position, classes.c.value))
    listed = tuple(LabelClass(v, name, _rgb(colour), p) for v, name, colour, p in rows)
    return ClassList(listed, max(_highest(connection), *(c.value for c in listed), 0))


def _highest(connection: Connection) -> int:
    """The highest value ever given, as far as it is noted: an undone “Add” leaves nothing else behind."""
    noted = connection.execute(select(facts.c.value).where(facts.c.name == HIGHEST_VALUE_FACT)).scalar()
    # Projects of before know only what was moved.
    moved = connection.execute(select(func.max(class_moves.c.old_value))).scalar()
    return max(int(noted or 0), moved or 0)


def _note_highest(connection: Connection, listed: ClassList) -> None:
    highest = str(max(_highest(connection), *listed.values, 0))
    note = insert(facts).values(name=HIGHEST_VALUE_FACT, value=highest)
    connection.execute(note.on_conflict_do_update(index_elements=["name"], set_={"value": highest}))


def _differences(old: ClassList, new: ClassList) -> list[RowChange]:
    """The rows that have to change; the place in the list is the position."""
    then, now = _rows(old), _rows(new)
    return [
        RowChange("classes", str(value), now.get(value))
        for value in sorted(then.keys() | now.keys())
        if then.get(value) != now.get(value)
    ]


def _rows(listed: ClassList) -> dict[int, dict[str, object]]:
    return {
        c.value: {"name": c.name, "colour": "#{:02x}{:02x}{:02x}".format(*c.colour), "position": place}
        for place, c in enumerate(listed)
    }


def _rgb(colour: str) -> Colour:
    number = int(colour.removeprefix("#"), 16)
    return number >> 16, number >> 8 & 255, number & 255
