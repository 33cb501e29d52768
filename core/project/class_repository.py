"""The class list of a project, and changes of it that also change labels, each as one undoable edit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, func, select, update
from sqlalchemy.dialects.sqlite import insert

from core.base.changes import Changes
from core.base.display_text import clean_name
from core.base.errors import UserError
from core.base.geometry import tile_box
from core.labels.class_list import (
    MAX_CLASS_VALUE,
    MAX_NAME_LETTERS,
    UNLABELLED,
    VOID,
    ClassList,
    Colour,
    LabelClass,
    colour_text,
    default_colour,
    parse_colour,
)
from core.labels.codec import decode, encode
from core.project.class_remaps import RemapKind, latest_remap_id, log_remap, remap_since
from core.project.journal import begin_project_edit, save_and_swap_rows, save_and_write_tile
from core.project.row_changes import RowChange, swap_rows
from core.project.schema import class_moves, class_pixels, classes, edits, facts, pictures
from core.project.store import Store
from core.project.stored_tiles import StoredTile, count_values, tiles_of_picture, update_pixel_counts
from core.project.verdicts.kept_labels import renumbered_rows

HIGHEST_VALUE_FACT = "highest_class"
"""Name of the fact that holds the highest class value ever used."""


@dataclass(frozen=True, slots=True)
class ClassUsage:
    """How many labelled pixels, in how many pictures, a change of a class would affect."""

    pixels: int
    pictures: int


class ClassRepository:
    """The class list of an open project. Used on the thread that owns its Store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self) -> ClassList:
        """All classes in list order."""
        with self._store.read_transaction() as connection:
            return _read(connection)

    def damaged(self) -> list[int]:
        """Values of classes whose name or colour cannot be shown as it is stored; `read` shows another."""
        with self._store.read_transaction() as connection:
            return [row.value for row in connection.execute(select(classes)) if _is_damaged(row)]

    def mend(self, value: int) -> str:
        """Store a damaged class as `read` shows it, outside the journal. Returns its name."""
        with self._store.write_transaction() as connection:
            row = connection.execute(select(classes).where(classes.c.value == value)).one()
            usable = _usable(row)
            others = select(classes.c.name).where(classes.c.value != value)
            taken = {str(name).casefold() for name in connection.execute(others).scalars()}
            name = usable.name
            while name.casefold() in taken:
                name = (
                    f"{usable.name[: MAX_NAME_LETTERS - 10]} ({value})" if name == usable.name else f"{name}'"
                )
            content = {"name": name, "colour": colour_text(usable.colour), "position": usable.position}
            connection.execute(update(classes).where(classes.c.value == value).values(content))
        return name

    def usage(self, value: int) -> ClassUsage:
        """How many pixels in how many pictures are labelled with this class."""
        query = select(class_pixels.c.pixels).where(class_pixels.c.class_value == value)
        with self._store.read_transaction() as connection:
            found = [int(n) for (n,) in connection.execute(query)]
        return ClassUsage(sum(found), len(found))

    def save(self, listed: ClassList, name: str | None = None) -> Changes:
        """Store the whole list: classes added, renamed, recoloured, reordered. Labels stay as they are.

        This is an undoable edit called `name`. Without a name, and before the first edit of the project, it belongs to
        creating the project and is not an edit. Raises UserError when the list lacks a class that pixels have.
        """
        with self._store.write_transaction() as connection:
            rows = _differences(_read(connection), listed)
            if not rows:
                return Changes()
            _check_unused(connection, [int(row.key) for row in rows if row.content is None])
            _store_highest_value(connection, listed)
            if name is None and connection.execute(select(edits.c.id).limit(1)).first() is None:
                swap_rows(connection, rows)
            else:
                edit_id = begin_project_edit(connection, name or "Change classes", "classes")
                save_and_swap_rows(connection, edit_id, rows)
        return Changes(classes=True)

    def save_without_edit(self, listed: ClassList) -> Changes:
        """Store the whole list outside the journal: it cannot be undone, and undone edits can still be redone."""
        with self._store.write_transaction() as connection:
            swap_rows(connection, _differences(_read(connection), listed))
            _store_highest_value(connection, listed)
        return Changes(classes=True)

    def merge(self, value: int, into: int) -> Changes:
        """Give all pixels of a class to another and remove the class. Raises UserError for an unknown class."""
        listed = self.read()
        removed, target = _class_of(listed, value), _class_of(listed, into)
        if value == into:
            raise UserError("A class cannot be merged into itself; choose another one.")
        rest = listed.with_classes(c for c in listed if c.value != value)
        return self._relabel(RemapKind.MERGE, f"Merge {removed.name} into {target.name}", value, into, rest)

    def delete(self, value: int, *, replace_with: int = UNLABELLED) -> Changes:
        """Remove a class. Its pixels become unlabelled, or void with `replace_with=VOID`. Raises UserError."""
        if replace_with not in (UNLABELLED, VOID):
            raise UserError(
                "Pixels of a deleted class become unlabelled or void; merge it to give them another class."
            )
        listed = self.read()
        removed = _class_of(listed, value)
        rest = listed.with_classes(c for c in listed if c.value != value)
        return self._relabel(RemapKind.DELETE, f"Delete {removed.name}", value, replace_with, rest)

    def change_value(self, value: int, new_value: int) -> Changes:
        """Give a class and its pixels another value. Raises UserError when that is taken or out of range."""
        listed = self.read()
        old = _class_of(listed, value)
        if not 1 <= new_value <= MAX_CLASS_VALUE or listed.by_value(new_value):
            raise UserError(
                f"The value {new_value} cannot be used: choose a free one from 1 to {MAX_CLASS_VALUE}."
            )
        renumbered = listed.with_classes(
            LabelClass(new_value, c.name, c.colour, c.position) if c.value == value else c for c in listed
        )
        name = f"Change value of {old.name} to {new_value}"
        return self._relabel(RemapKind.VALUE, name, value, new_value, renumbered)

    def split_off(
        self, value: int, name: str, picture_ids: Iterable[int], colour: Colour | None = None
    ) -> Changes:
        """Give the pixels of a class in these pictures to a new class. Raises UserError for a bad name."""
        listed = self.read()
        old = _class_of(listed, value)
        extended = listed.with_class(name, colour)
        added = extended.classes[-1]
        name = f"Split {added.name} off {old.name}"
        return self._relabel(RemapKind.SPLIT, name, value, added.value, extended, only=set(picture_ids))

    def latest_remap_id(self) -> int:
        """Marks the present for a later `mapping_since`."""
        with self._store.read_transaction() as connection:
            return latest_remap_id(connection)

    def mapping_since(self, remap_id: int) -> NDArray[np.uint8]:
        """(256,) uint8: the present value of each value that was in use at `remap_id` (`RunRecord.after_move_id`).

        Keeps earlier networks usable: their output is mapped through this table. Values of classes that no longer
        exist, because adding them was undone, become unlabelled.
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
        new_value: int,
        listed: ClassList,
        *,
        only: set[int] | None = None,
    ) -> Changes:
        with self._store.write_transaction() as connection:
            edit_id = begin_project_edit(connection, name, "classes")
            save_and_swap_rows(connection, edit_id, _differences(_read(connection), listed))
            _store_highest_value(connection, listed)
            log_remap(connection, edit_id, kind, value, new_value)
            labelled = select(class_pixels.c.picture_id).where(class_pixels.c.class_value == value)
            sizes = select(pictures.c.id, pictures.c.width, pictures.c.height).where(
                pictures.c.id.in_(labelled)
            )
            changed: set[int] = set()
            for picture_id, width, height in connection.execute(sizes).all():
                if only is not None and picture_id not in only:
                    continue
                _replace_value(connection, edit_id, picture_id, (width, height), value, new_value)
                changed.add(picture_id)
            if new_value not in (UNLABELLED, VOID):
                kept = renumbered_rows(connection, changed, value, new_value)
                save_and_swap_rows(connection, edit_id, kept)
        return Changes(pictures=frozenset(changed), labels=frozenset(changed), classes=True)


def _replace_value(
    connection: Connection,
    edit_id: int,
    picture_id: int,
    size: tuple[int, int],
    value: int,
    new_value: int,
) -> None:
    """Replace a value in the label of a picture of `size` (width, height), as part of an edit.

    Pixels keep their origin (painted, imported, accepted), except that unlabelled pixels have none.
    """
    delta = np.zeros(256, np.int64)
    for key, tile in list(tiles_of_picture(connection, picture_id)):
        place = tile_box(key, *size)
        values = decode(tile.pixels, place.height, place.width, np.uint8)
        mask = values == value
        if not mask.any():
            continue
        after = np.where(mask, np.uint8(new_value), values)
        origins = tile.origins
        if new_value == UNLABELLED:
            plane = decode(origins, place.height, place.width, np.uint16)
            plane[mask] = 0
            origins = encode(plane)
        save_and_write_tile(connection, edit_id, picture_id, key, tile, StoredTile(encode(after), origins))
        delta += count_values(after) - count_values(values)
    update_pixel_counts(connection, picture_id, delta)


def _class_of(listed: ClassList, value: int) -> LabelClass:
    found = listed.by_value(value)
    if found is None:
        raise UserError(f"There is no class with the value {value}.")
    return found


def _check_unused(connection: Connection, values: list[int]) -> None:
    query = select(class_pixels.c.class_value).where(class_pixels.c.class_value.in_(values)).limit(1)
    used = connection.execute(query).scalar()
    if used is not None:
        raise UserError(f"There are pixels of the class with the value {used}; delete or merge it instead.")


def _read(connection: Connection) -> ClassList:
    rows = connection.execute(select(classes).order_by(classes.c.position, classes.c.value))
    listed = ClassList(tuple(_usable(row) for row in rows if 1 <= row.value <= MAX_CLASS_VALUE))
    return replace(listed, highest=max(_highest_value(connection), *listed.values, 0))


def _usable(row: Row[Any]) -> LabelClass:
    """A class as it is shown: a file from elsewhere may hold any text, and values of any type, in any column."""
    name = clean_name(row.name)[:MAX_NAME_LETTERS].strip() if isinstance(row.name, str) else ""
    return LabelClass(
        row.value,
        name or f"class {row.value}",
        parse_colour(row.colour) or default_colour(row.value),
        row.position if isinstance(row.position, int) else row.value,
    )


def _highest_value(connection: Connection) -> int:
    """The highest value ever used. Stored as a fact, because undoing “Add class” leaves no other trace of its value."""
    stored = connection.execute(select(facts.c.value).where(facts.c.name == HIGHEST_VALUE_FACT)).scalar()
    # Projects of earlier versions lack the fact; their log has the values that were replaced.
    replaced = connection.execute(select(func.max(class_moves.c.old_value))).scalar()
    known = int(stored) if isinstance(stored, str) and stored.isdecimal() and len(stored) <= 3 else 0
    return max(min(known, MAX_CLASS_VALUE), replaced if isinstance(replaced, int) else 0)


def _store_highest_value(connection: Connection, listed: ClassList) -> None:
    highest = str(max(_highest_value(connection), *listed.values, 0))
    statement = insert(facts).values(name=HIGHEST_VALUE_FACT, value=highest)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": highest}))


def _is_damaged(row: Row[Any]) -> bool:
    usable, colour = _usable(row), parse_colour(row.colour)
    return (row.name, colour, row.position) != (usable.name, usable.colour, usable.position)


def _differences(old: ClassList, new: ClassList) -> list[RowChange]:
    """The rows that differ. The position of a class is its index in the list."""
    before, after = _rows(old), _rows(new)
    return [
        RowChange("classes", str(value), after.get(value))
        for value in sorted(before.keys() | after.keys())
        if before.get(value) != after.get(value)
    ]


def _rows(listed: ClassList) -> dict[int, dict[str, object]]:
    return {
        c.value: {"name": c.name, "colour": colour_text(c.colour), "position": position}
        for position, c in enumerate(listed)
    }
