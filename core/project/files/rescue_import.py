"""Brings the edits of a rescue file back into a project."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.base.display_text import clean_name, quoted
from core.base.errors import ImageError, ProjectError, UserError
from core.base.geometry import Box
from core.images.image_reader import read_size
from core.labels.class_list import UNLABELLED, VOID, parse_colour
from core.labels.label_map import Edit, Origin, TileChange
from core.project.files.picture_change import PictureChange, store_change
from core.project.files.rescue_file import (
    RescuedChange,
    RescuedClasses,
    RescuedEdit,
    RescuedTile,
    RescueHead,
    read_edits,
    read_head,
    tile_changes,
)
from core.project.project import Project
from core.project.records import PictureRecord, Split, Status

_ALLOWED: dict[str, tuple[str | None, ...]] = {"status": tuple(Status), "split": (*Split, None)}
_LONGEST_NOTE = 100_000
_FACT = "rescued "
"""With the id of a rescue file: the name of the fact that says how many of its edits are stored already."""


@dataclass(frozen=True, slots=True)
class RescueReport:
    """edits: brought back now; already: brought back earlier; problems: a sentence for each that could not be"""

    edits: int
    already: int
    pictures: tuple[PictureRecord, ...]
    problems: tuple[str, ...]


def bring_back(project: Project, path: Path) -> RescueReport:
    """Store the edits of a rescue file, in their order, each as an edit that can be undone.

    Only the pixels that an edit changed are written. Edits that an earlier call has stored are left out, so that a call
    that ended early can be repeated. Raises ProjectError when the file cannot be read or the disk refuses.
    """
    head = read_head(path)
    fact = _FACT + clean_name(head.id)[:64]
    stored = project.fact(fact)
    already = int(stored) if stored is not None and stored.isdecimal() and len(stored) < 10 else 0
    importer = _Importer(project, head)
    problems: list[str] = []
    for number, (edit, tiles) in enumerate(read_edits(path)):
        if number < already:
            continue
        try:
            if isinstance(edit, RescuedChange):
                importer.store_change(edit)
            elif isinstance(edit, RescuedClasses):
                importer.store_classes(edit)
            else:
                importer.store(edit, tiles)
        except _MisfitError as problem:
            problems.append(str(problem))
        project.set_fact(fact, str(number + 1))
    pictures = tuple(project.pictures.get_many(sorted(importer.changed)))
    return RescueReport(importer.stored, already, pictures, tuple(problems))


class _MisfitError(UserError):
    """An edit that has no place in the project; the others have."""


def _is_allowed(item: tuple[str, str | None]) -> bool:
    column, value = item
    if column == "note":
        return value is not None and len(value) <= _LONGEST_NOTE
    return value in _ALLOWED.get(column, ())


def _clean_tags(tags: Iterable[str]) -> frozenset[str]:
    return frozenset(filter(None, (clean_name(tag)[:60] for tag in tags)))


class _Importer:
    """Finds the pictures and classes of rescued edits in the project."""

    def __init__(self, project: Project, head: RescueHead) -> None:
        self._project = project
        self._pictures = {record.path: record for record in project.pictures.all()}
        self._old = {value: (name, colour) for value, name, colour in head.classes}
        self._values: dict[int, int] = {UNLABELLED: UNLABELLED, VOID: VOID}
        self.changed: set[int] = set()
        self.stored = 0

    def store(self, rescued: RescuedEdit, tiles: list[RescuedTile]) -> None:
        """Raises _MisfitError, or ProjectError of the disk."""
        name = clean_name(rescued.name)[:200] or "Rescued edit"
        try:
            picture = self._picture(rescued)
            changes = tile_changes(rescued, tiles)
            origin, box = Origin(rescued.origin), Box(*rescued.box)
        except _MisfitError:
            raise
        except (ProjectError, ValueError) as problem:
            raise _MisfitError(
                f"{quoted(name)} in {quoted(rescued.picture)} is damaged and was left out."
            ) from problem
        table = self._table(changes)
        own = int(table[rescued.class_value]) if 0 <= rescued.class_value <= VOID else UNLABELLED
        mapped = tuple(TileChange(c.key, table[c.before], table[c.after]) for c in changes)
        edit = Edit(
            name, clean_name(rescued.tool)[:40], own, box, rescued.pixels, rescued.seconds, origin, rescued.run_id,
            mapped,
        )  # fmt: skip
        self._project.journal.commit(picture.id, edit)
        self.changed.add(picture.id)
        self.stored += 1

    def store_change(self, rescued: RescuedChange) -> None:
        """Status, split, note and tags. Raises _MisfitError, or ProjectError of the disk."""
        picture = self._pictures.get(rescued.picture)
        if picture is None:
            raise _MisfitError(
                f"{quoted(rescued.picture)} is not in the project, so a change of it was left out."
            )
        if not all(map(_is_allowed, rescued.values.items())):
            raise _MisfitError(f"A change of {quoted(rescued.picture)} is damaged and was left out.")
        added, removed = map(_clean_tags, (rescued.added, rescued.removed))
        name = clean_name(rescued.name)[:200] or "Rescued change"
        store_change(self._project, PictureChange(picture.id, name, rescued.values, added, removed))
        self.changed.add(picture.id)
        self.stored += 1

    def store_classes(self, rescued: RescuedClasses) -> None:
        """Classes that were added, renamed or recoloured. Raises _MisfitError, or ProjectError of the disk."""
        changed = [
            (value, self._old.get(value), (name, colour))
            for value, name, colour in rescued.classes
            if self._old.get(value) != (name, colour)
        ]
        self._old.update({value: after for value, _, after in changed})  # later edits use these names
        for value, before, after in changed:
            if before is None:
                self._values[value] = self._value_in_project(value)
            else:
                self._change_class(before, after)
        self.stored += bool(changed)

    def _change_class(self, before: tuple[str, str], after: tuple[str, str]) -> None:
        """Rename or recolour the class that has the name from before, if the project has it."""
        listed = self._project.classes.read()
        known = listed.by_name(clean_name(before[0]))
        if known is None:
            return
        name = after[0] if after[0] != before[0] else None
        colour = parse_colour(after[1]) if after[1] != before[1] else None
        try:
            changed = listed.with_changes(known.value, name=name, colour=colour)
        except UserError as problem:
            raise _MisfitError(f"The class {quoted(known.name)} could not be changed. {problem}") from problem
        self._project.classes.save(changed, f"Change {known.name}")

    def _picture(self, rescued: RescuedEdit) -> PictureRecord:
        """The picture of the same path and size; a file that the project does not list yet is added."""
        path, size = rescued.picture, (rescued.width, rescued.height)
        record = self._pictures.get(path)
        if record is None:
            with contextlib.suppress(ProjectError, ImageError):
                if read_size(self._project.picture_path(path)) == size:
                    (record,) = self._project.pictures.add([path])
        if record is None:
            raise _MisfitError(f"{quoted(path)} is not in the project, so an edit of it was left out.")
        if record.width is None:
            self._project.pictures.set_size(record.id, *size)
            record = self._project.pictures.get(record.id)
        if (record.width, record.height) != size:
            raise _MisfitError(
                f"{quoted(path)} has another size than when it was edited, so an edit of it was left out."
            )
        self._pictures[path] = record
        return record

    def _table(self, changes: tuple[TileChange, ...]) -> NDArray[np.uint8]:
        """(256,) uint8: the present value of each value in the rescue file. Classes that are missing are added."""
        table = np.arange(256, dtype=np.uint8)
        for value in sorted({int(v) for change in changes for v in np.unique(change.after)}):
            if value not in self._values:
                self._values[value] = self._value_in_project(value)
        for value, new in self._values.items():
            table[value] = new
        return table

    def _value_in_project(self, value: int) -> int:
        listed = self._project.classes.read()
        name, colour = self._old.get(value, (f"class {value}", ""))
        known = listed.by_name(clean_name(name))
        if known is not None:
            return known.value
        free = value if listed.by_value(value) is None else None
        try:
            extended = listed.with_class(name, parse_colour(colour), free)
        except UserError as problem:
            raise _MisfitError(
                f"The class {quoted(name)} could not be added, so an edit was left out. {problem}"
            ) from problem
        added = extended.classes[-1]
        self._project.classes.save(extended, f"Add {added.name}")
        return added.value
