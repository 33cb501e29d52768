"""Journey two: a stroke becomes a durable label, and can be undone for ever."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import cache, partial

from core.base.changes import Changes
from core.base.errors import DiskError, ProjectError, UserError
from core.base.geometry import Box, Point, TileKey
from core.base.lane import Lane
from core.labels.class_list import UNLABELLED, VOID, ClassList, Colour
from core.labels.deferred_edit import EditRequest
from core.labels.label_map import Edit, LabelMap, Mask, Origin, Values
from core.labels.morphology import NEARBY_PIXELS, RegionMask, mask_in_box, nearby_region
from core.labels.prediction import PredictedMask
from core.labels.rasterization import connected_region
from core.project.class_repository import ClassUsage
from core.project.journal import changes_of_edit
from core.project.project import Project
from core.project.records import EditRecord, Split, Status, UndoNames, UndoResult
from core.project.row_changes import RowChange

log = logging.getLogger(__name__)


class EditingService:
    """Everything a person changes. Called from the GUI thread; written on the document lane, in order."""

    def __init__(self, project: Project, document: Lane, announce: Callable[[Changes], None]) -> None:
        self._project = project
        self._document = document
        self._announce = announce
        self.classes: ClassList = project.classes.read()
        # Document lane: the edit that the disk refused. Whatever comes behind it is refused too, or a later
        # edit would be stored before an earlier one and undo would bring back a label that never was.
        self._refused: tuple[Edit, DiskError] | None = None
        # Document lane: pictures of which an edit can never be stored, until the hand has heard of it. Whoever takes
        # something back meanwhile means that edit, and would lose the one before it.
        self._lost: set[int] = set()

    def commit(self, picture_id: int, edit: Edit) -> Future[None]:
        """Store an edit. The future ends when it is durable.

        It raises DiskError when the disk refuses: everything else is refused too until this edit is stored, so try it
        again. It raises another ProjectError, which names the picture, when this edit can never be stored: it is lost,
        and nothing else. Of what was painted on top of it, each stroke is stored with its own pixels. Then look at
        the label anew, and call `hear_of_loss`.
        """
        return self._document.submit(self._commit, picture_id, edit)

    def acknowledge_loss(self, picture_id: int) -> None:
        """The hand knows that an edit of this picture is lost: what is undone or redone from now on is meant so."""
        self._document.submit(self._lost.discard, picture_id)

    def undo(self, picture_id: int, *, only_whole: bool = False) -> Future[UndoResult | None]:
        """Take the newest edit back; None when there is none. `only_whole`: unless it is of this picture alone."""
        act = partial(self._project.journal.undo, only_project_edits=only_whole)
        return self._document.submit(self._revert, picture_id, act)

    def redo(self, picture_id: int, *, only_whole: bool = False) -> Future[UndoResult | None]:
        """Do the edit undone last again; None when there is none. `only_whole` as for `undo`."""
        act = partial(self._project.journal.redo, only_project_edits=only_whole)
        return self._document.submit(self._revert, picture_id, act)

    def history(self, picture_id: int) -> Future[list[EditRecord]]:
        """The journal of a picture, oldest first."""
        return self._document.submit(self._project.journal.history, picture_id)

    def label_after(self, picture_id: int, edit_id: int) -> Future[dict[TileKey, Values]]:
        """Tiles of a label as they were right after an edit; see `JournalRepository.changed_tiles_at`."""
        return self._document.submit(self._project.journal.changed_tiles_at, picture_id, edit_id)

    def journal(self, picture_id: int) -> Future[UndoNames]:
        """What undo and redo of a picture would do next."""
        return self._document.submit(self._project.journal.undo_names, picture_id)

    def origin_at(self, picture_id: int, x: int, y: int, size: tuple[int, int]) -> Future[str]:
        """Who said so at a pixel, for people: "painted", "imported", "accepted from run 3"; empty for nobody."""
        return self._document.submit(self._origin_at, picture_id, x, y, size)

    def set_status(self, picture_id: int, status: Status) -> Future[None]:
        return self._change_rows([picture_id], f"Mark as {status}", {"status": status.value})

    def set_split(self, picture_id: int, split: Split | None) -> Future[None]:
        """Put a picture into a part of the dataset, or take it out of all."""
        value = split.value if split else None
        return self._change_rows([picture_id], f"Put into {value or 'no split'}", {"split": value})

    def add_classes(self, names: list[str]) -> Future[None]:
        """Raises UserError at once, and adds none, when a name is bad or taken."""

        def added(classes: ClassList) -> ClassList:
            for name in names:
                classes = classes.with_class(name)
            return classes

        return self._change_list(added, f"Add {', '.join(names)}")

    def change_class(
        self, value: int, *, name: str | None = None, colour: Colour | None = None
    ) -> Future[None]:
        """Rename or recolour. Raises UserError at once when the name is bad or taken."""
        was = self.classes.name_of(value)
        said = f"Rename {was} to {name}" if name is not None else f"Recolour {was}"
        return self._change_list(lambda classes: classes.with_changes(value, name=name, colour=colour), said)

    def order_classes(self, values: Sequence[int]) -> Future[None]:
        """Put the classes in this order; values that are left out come last."""
        place = {value: n for n, value in enumerate(values)}

        def ordered(classes: ClassList) -> ClassList:
            return classes.with_classes(sorted(classes, key=lambda c: place.get(c.value, len(place))))

        return self._change_list(ordered, "Reorder classes")

    def class_usage(self, value: int) -> Future[ClassUsage]:
        """How many pixels in how many pictures carry a class: to be said before it is merged or deleted."""
        return self._document.submit(self._project.classes.usage, value)

    def merge_class(self, value: int, into: int) -> Future[None]:
        """All pixels of one class become another's, and the class goes. The future raises UserError."""
        return self._document.submit(self._relabel, lambda: self._project.classes.merge(value, into))

    def delete_class(self, value: int, *, leave: int = UNLABELLED) -> Future[None]:
        """The class goes; its pixels become unlabelled, or void. The future raises UserError."""
        return self._document.submit(
            self._relabel, lambda: self._project.classes.delete(value, replace_with=leave)
        )

    def change_class_value(self, value: int, new: int) -> Future[None]:
        """The class and its pixels get another value. The future raises UserError when it is taken."""
        return self._document.submit(self._relabel, lambda: self._project.classes.change_value(value, new))

    def split_class(self, value: int, name: str, picture_ids: Sequence[int]) -> Future[None]:
        """In these pictures the pixels of a class become a new class. The future raises UserError."""
        return self._document.submit(
            self._relabel, lambda: self._project.classes.split_off(value, name, picture_ids)
        )

    def set_note(self, picture_id: int, note: str) -> Future[None]:
        """Say something about a picture."""
        return self._change_rows([picture_id], "Change note", {"note": note})

    def add_tags(self, picture_id: int, tags: Sequence[str]) -> Future[None]:
        """Give a picture more tags. Raises UserError for a tag that is empty or too long."""
        more = {_checked_tag(tag) for tag in tags}
        return self._document.submit(
            self._write_and_announce, lambda: self._write_tags(picture_id, more, set())
        )

    def remove_tag(self, picture_id: int, tag: str) -> Future[None]:
        """Take one tag of a picture away."""
        return self._document.submit(
            self._write_and_announce, lambda: self._write_tags(picture_id, set(), {tag})
        )

    def _change_rows(
        self, picture_ids: Sequence[int], name: str, values: Mapping[str, object]
    ) -> Future[None]:
        def write() -> Changes:
            changes = Changes()
            for picture_id in picture_ids:
                row = RowChange("pictures", str(picture_id), values)
                changes |= self._project.journal.change_rows(picture_id, name, "mark", [row])
            return changes

        return self._document.submit(self._write_and_announce, write)

    def _write_tags(self, picture_id: int, more: set[str], fewer: set[str]) -> Changes:
        # What to add and to take away, never the whole list: a screen that lags behind would take a new tag back.
        had = set(self._project.pictures.get(picture_id).tags)
        rows = [RowChange("picture_tags", f"{picture_id}:{tag}", None) for tag in had & fewer]
        rows += [RowChange("picture_tags", f"{picture_id}:{tag}", {}) for tag in more - had]
        if not rows:
            return Changes()
        return self._project.journal.change_rows(picture_id, "Change tags", "mark", rows)

    def _change_list(self, change: Callable[[ClassList], ClassList], name: str) -> Future[None]:
        """Change the list at once for the screen, and once more on the document lane for the file.

        There it starts from what is stored: a merge still under way must not be taken back by an older list.
        """
        self.classes = change(self.classes)
        write = self._project.classes
        return self._document.submit(self._relabel, lambda: write.save(change(write.read()), name))

    def _relabel(self, act: Callable[[], Changes]) -> None:
        try:
            changes = act()
        finally:
            self.classes = self._project.classes.read()
        self._announce(changes)

    def _commit(self, picture_id: int, edit: Edit) -> None:
        if self._refused is not None and self._refused[0] is not edit:
            raise DiskError(str(self._refused[1]))
        try:
            self._project.journal.commit(picture_id, edit)
        except DiskError as problem:
            self._refused = edit, problem
            raise
        except ProjectError as problem:
            self._refused = None
            self._lost.add(picture_id)
            path = self._project.pictures.get(picture_id).path
            log.warning("an edit of %s is lost: %s", path, problem)
            raise ProjectError(
                f"“{edit.name}” in {path} could not be saved and is lost. {problem}"
            ) from problem
        self._refused = None
        # A new edit is what undo takes next, and leaves nothing to redo.
        changes = replace(changes_of_edit(picture_id), undo_names_known=frozenset([picture_id]))
        if self.classes.by_value(edit.class_value) is None and edit.class_value not in (UNLABELLED, VOID):
            # Its class went while the stroke was on its way: what is stored is its heir, and the screen must see it.
            changes |= Changes(classes=True)
        self._announce(changes)

    def _origin_at(self, picture_id: int, x: int, y: int, size: tuple[int, int]) -> str:
        found = self._project.labels.origin_at(picture_id, x, y, size)
        if found is None:
            return ""
        origin, run_id = found
        return f"{origin} from run {run_id}" if run_id is not None else str(origin)

    def _revert(self, picture_id: int, act: Callable[[int], UndoResult | None]) -> UndoResult | None:
        if self._refused is not None:
            raise ProjectError("An earlier change could not be saved yet; undo and redo wait behind it.")
        if picture_id in self._lost:
            raise ProjectError(
                "The newest change could not be saved and is gone; nothing else was taken back."
            )
        reverted = act(picture_id)
        if reverted is not None:
            if reverted.changes.classes:
                self.classes = self._project.classes.read()
            self._announce(replace(reverted.changes, undo_names_known=frozenset([picture_id])))
        return reverted

    def _write_and_announce(self, act: Callable[[], Changes]) -> None:
        self._announce(act())


def _checked_tag(tag: str) -> str:
    tag = " ".join(tag.split())
    if not tag or len(tag) > 60 or not tag.isprintable():
        raise UserError("A tag has 1 to 60 letters.")
    return tag


def accept_everywhere(labels: LabelMap, prediction: PredictedMask) -> EditRequest:
    """Takes the prediction over wherever nobody has said anything yet."""
    return _accept(labels, prediction, "Accept prediction", 0)


def accept_class(labels: LabelMap, prediction: PredictedMask, value: int, name: str) -> EditRequest:
    """Takes the prediction of one class over wherever nobody has said anything yet."""
    return _accept(
        labels, prediction, f"Accept {name}", value, lambda band: prediction.values[band.slices] == value
    )


def accept_region(labels: LabelMap, prediction: PredictedMask, at: Point, classes: ClassList) -> EditRequest:
    """Takes the connected predicted region under `at` over, where nobody has said anything yet.

    Raises UserError when the point is outside the picture.
    """
    try:
        near = nearby_region(prediction.values, at, NEARBY_PIXELS)
    except IndexError as outside:
        raise UserError("Point at a region inside the picture to accept it.") from outside
    value = int(prediction.values[int(at.y), int(at.x)])

    @cache
    def region() -> RegionMask:
        return near or connected_region(prediction.values, at)

    return _accept(
        labels,
        prediction,
        f"Accept region, {classes.name_of(value)}",
        value,
        lambda band: mask_in_box(region(), band),
        near[0] if near else None,
    )


def _accept(
    labels: LabelMap,
    prediction: PredictedMask,
    name: str,
    value: int,
    wanted: Callable[[Box], Mask] | None = None,
    within: Box | None = None,
) -> EditRequest:
    """A prediction never overwrites what a person or an import said: only unlabelled pixels are filled.

    wanted: which pixels of a band of the box `within` (None: the picture) are taken over; None: all.
    """
    if prediction.values.shape != labels.values.shape:
        raise UserError("The prediction does not have the size of the picture; it will be made again.")
    box = within or Box(0, 0, labels.width, labels.height)

    def paint(labels: LabelMap) -> Box:
        for band in box.bands():
            free = labels.values[band.slices] == UNLABELLED
            if wanted is not None:
                free &= wanted(band)
            labels.put_values(band, prediction.values[band.slices], free)
        return box

    return EditRequest(name, "accept", value, box.area, paint, Origin.ACCEPTED, prediction.run_id or None)
