"""Stores every edit that a person makes, with undo and redo."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path

from core.base.changes import Changes
from core.base.errors import DiskError, ProjectError, ProjectFileGoneError, UserError
from core.base.geometry import TileKey
from core.base.lane import Lane
from core.labels.class_list import UNLABELLED, VOID, ClassList, Colour
from core.labels.deferred_edit import EditRequest
from core.labels.label_map import Edit, LabelMap, Values
from core.project.class_repository import ClassUsage
from core.project.files.live_copy import choose_home, save_open_project
from core.project.files.picture_change import PictureChange, store_change
from core.project.files.rescue_file import RescuedClasses, change_line, class_rows
from core.project.journal import changes_of_edit
from core.project.project import Project
from core.project.records import EditRecord, PictureRecord, Split, Status, UndoNames, UndoResult
from core.session.change_writer import ChangeWriter
from core.session.rescue_log import PictureEdit, RescueLog, WaitingChange

log = logging.getLogger(__name__)

_NOT_KEPT = (
    "This was not done, and nothing was changed: it depends on all that is stored. Do it again when the edits before "
    "it are stored, or when the project is saved in another place (“Save the project here…”)."
)


class EditingService:
    """Called from the GUI thread; writes on the document lane, in order of the calls."""

    def __init__(
        self,
        project: Project,
        document: Lane,
        announce: Callable[[Changes], None],
        picture: Callable[[int], PictureRecord] | None = None,
        current_id: Callable[[int], int] = lambda picture_id: picture_id,
    ) -> None:
        """picture: the record of a picture, from memory; current_id: the picture itself, or the one that has its file
        since it was set aside"""
        self._current_id = current_id
        self._project = project
        self._picture = picture or project.pictures.get
        self._rescue = RescueLog(project, self._picture)
        self._document = document
        self._announce = announce
        self._writer = ChangeWriter(document, announce)
        self.classes: ClassList = project.classes.read()
        self._stored_classes = self.classes  # document lane: without the changes that wait
        project.store.write_first = self._store_waiting
        # Document lane: the edit that the disk refused. Once it did, all later ones are refused until this one is
        # stored: stored out of order they would undo wrongly.
        self._refused: tuple[Edit, DiskError] | None = None
        # Document lane: pictures with an edit that can never be stored, until the canvas knows. An undo meanwhile
        # means that edit, and would revert the one before it.
        self._lost: set[int] = set()

    def commit(self, picture_id: int, edit: Edit) -> Future[None]:
        """Store an edit. The future ends when it is durable.

        The future raises DiskError when the disk refuses. Commit the same edit again then: until it is stored, all
        others are refused. It raises another ProjectError, which names the picture, when the edit can never be stored.
        Only this edit is lost; later strokes are stored with their own pixels. Reload the label then, and call
        `acknowledge_loss`.
        """
        return self._document.submit(self._commit, picture_id, edit)

    def apply(self, picture_id: int, make: Callable[[LabelMap], EditRequest]) -> Future[None]:
        """Make an edit in a picture that is not on screen. The future raises ProjectError when it is not stored."""
        return self._document.submit(self._apply, picture_id, make)

    def keep(self, picture_id: int, edit: Edit) -> Future[None]:
        """An edit waits behind one that was refused: write it to the rescue file if the project file is gone."""
        return self._document.submit(self._keep, picture_id, edit)

    def write_rescue_file(self, path: Path, edits: Sequence[PictureEdit]) -> Future[Path]:
        """Write edits that are not stored to a file, which `maskloop rescue` reads. The future raises ProjectError."""
        return self._document.submit(self._write_rescue_file, path, edits)

    def save_project(self, folder: Path, edits: Sequence[PictureEdit]) -> Future[Path]:
        """Write all of the project to a new home in `folder`, with `edits`, which could not be stored, and all other
        changes that wait. Works while the project file is gone. Returns the home; the future raises ProjectError."""
        return self._document.submit(self._save_project, folder, edits)

    @property
    def waiting(self) -> int:
        """Number of changes without pixels that the disk refused. They are stored before anything else is."""
        return len(self._rescue.changes)

    def store_waiting(self) -> Future[None]:
        """Try again to store them. The future raises ProjectError."""
        return self._document.submit(self._project.store.write_waiting)

    def reload_classes(self) -> None:
        """Document lane: read the class list again; changes that wait to be stored stay."""
        with contextlib.suppress(DiskError):  # a drive that was removed: what is in memory stays
            self._stored_classes = self._project.classes.read()
        waiting = self._rescue.classes
        self.classes = self._stored_classes if waiting is None else waiting

    def acknowledge_loss(self, picture_id: int) -> None:
        """The canvas shows the label without the lost edit: allow undo and redo of this picture again."""
        self._document.submit(self._lost.discard, picture_id)

    def undo(self, picture_id: int, *, only_whole: bool = False) -> Future[UndoResult | None]:
        """Undo the newest edit; None when there is none. `only_whole`: only if it is an edit of the whole project."""
        undo = partial(self._project.journal.undo, only_project_edits=only_whole)
        return self._document.submit(self._revert, picture_id, undo)

    def redo(self, picture_id: int, *, only_whole: bool = False) -> Future[UndoResult | None]:
        """Redo the edit undone last; None when there is none. `only_whole` as in `undo`."""
        redo = partial(self._project.journal.redo, only_project_edits=only_whole)
        return self._document.submit(self._revert, picture_id, redo)

    def history(self, picture_id: int) -> Future[list[EditRecord]]:
        """The edits of a picture, oldest first, undone ones included."""
        return self._document.submit(self._project.journal.history, picture_id)

    def label_after(self, picture_id: int, edit_id: int) -> Future[dict[TileKey, Values]]:
        """Tiles of a label as they were after an edit; see `JournalRepository.changed_tiles_at`."""
        return self._document.submit(self._project.journal.changed_tiles_at, picture_id, edit_id)

    def journal(self, picture_id: int) -> Future[UndoNames]:
        """Names of the edits that undo and redo of a picture would revert next."""
        return self._document.submit(self._project.journal.undo_names, picture_id)

    def origin_at(self, picture_id: int, x: int, y: int, size: tuple[int, int]) -> Future[str]:
        """The origin of a pixel, for people: "painted", "imported", "accepted from run 3"; empty when unlabelled.

        size: (width, height) of the picture
        """
        return self._document.submit(self._origin_at, picture_id, x, y, size)

    def classes_in(self, picture_id: int) -> Future[dict[int, int]]:
        """The number of pixels of each class in the label of a picture."""
        return self._document.submit(self._project.pictures.pixels_by_class, picture_id)

    def set_status(self, picture_id: int, status: Status) -> Future[None]:
        return self._change(PictureChange(picture_id, f"Mark as {status}", {"status": status.value}))

    def set_split(self, picture_id: int, split: Split | None) -> Future[None]:
        """Put a picture into a split, or None for none."""
        value = split.value if split else None
        return self._change(PictureChange(picture_id, f"Put into {value or 'no split'}", {"split": value}))

    def add_classes(self, names: list[str]) -> Future[None]:
        """Raises UserError at once, and adds no class, when a name is invalid or taken."""

        def added(classes: ClassList) -> ClassList:
            for name in names:
                classes = classes.with_class(name)
            return classes

        return self._change_list(added, f"Add {', '.join(names)}")

    def change_class(
        self, value: int, *, name: str | None = None, colour: Colour | None = None
    ) -> Future[None]:
        """Rename or recolour. Raises UserError at once when the name is invalid or taken."""
        old = self.classes.name_of(value)
        title = f"Rename {old} to {name}" if name is not None else f"Recolour {old}"
        return self._change_list(lambda classes: classes.with_changes(value, name=name, colour=colour), title)

    def order_classes(self, values: Sequence[int]) -> Future[None]:
        """Reorder the class list; values that are left out come last."""
        position = {value: n for n, value in enumerate(values)}

        def ordered(classes: ClassList) -> ClassList:
            return classes.with_classes(sorted(classes, key=lambda c: position.get(c.value, len(position))))

        return self._change_list(ordered, "Reorder classes")

    def class_usage(self, value: int) -> Future[ClassUsage]:
        """How many pixels in how many pictures have a class, to show before it is merged or deleted."""
        return self._document.submit(self._project.classes.usage, value)

    def merge_class(self, value: int, into: int) -> Future[None]:
        """Give all pixels of a class to another and remove the class. The future raises UserError."""
        return self._document.submit(self._relabel, lambda: self._project.classes.merge(value, into))

    def delete_class(self, value: int, *, leave: int = UNLABELLED) -> Future[None]:
        """Remove a class; its pixels become `leave`, unlabelled or void. The future raises UserError."""
        return self._document.submit(
            self._relabel, lambda: self._project.classes.delete(value, replace_with=leave)
        )

    def change_class_value(self, value: int, new: int) -> Future[None]:
        """Give a class and its pixels another value. The future raises UserError when that is taken."""
        return self._document.submit(self._relabel, lambda: self._project.classes.change_value(value, new))

    def split_class(self, value: int, name: str, picture_ids: Sequence[int]) -> Future[None]:
        """Give the pixels of a class in these pictures to a new class. The future raises UserError."""
        return self._document.submit(
            self._relabel, lambda: self._project.classes.split_off(value, name, picture_ids)
        )

    def set_note(self, picture_id: int, note: str) -> Future[None]:
        """Set the note of a picture."""
        return self._change(PictureChange(picture_id, "Change note", {"note": note}))

    def add_tags(self, picture_id: int, tags: Sequence[str]) -> Future[None]:
        """Add tags to a picture. Raises UserError for a tag that is empty or too long."""
        added = frozenset(map(_validated_tag, tags))
        return self._change(PictureChange(picture_id, "Change tags", added=added))

    def remove_tag(self, picture_id: int, tag: str) -> Future[None]:
        """Remove a tag from a picture."""
        return self._change(PictureChange(picture_id, "Change tags", removed=frozenset([tag])))

    def change_tags(
        self, picture_id: int, name: str, added: frozenset[str], removed: frozenset[str]
    ) -> Future[None]:
        """Add and remove valid tags as one edit of this name."""
        return self._change(PictureChange(picture_id, name, added=added, removed=removed))

    def _change(self, change: PictureChange) -> Future[None]:
        return self._writer.submit(self._store_change, change)

    def _store_change(self, change: PictureChange) -> Changes:
        try:
            self._project.store.write_waiting()  # the tag that is removed may wait itself
            return store_change(self._project, change)
        except DiskError as problem:
            line = change_line(self._picture(change.picture_id), change)

            def store(project: Project) -> Changes:
                return store_change(project, replace(change, picture_id=self._current_id(change.picture_id)))

            raise self._keep_change(WaitingChange(store, line), problem) from problem

    def _keep_change(self, change: WaitingChange, problem: DiskError) -> DiskError:
        """The problem, with a sentence about where the change is kept."""
        is_gone = isinstance(problem, ProjectFileGoneError)
        where = self._rescue.add_change(change, self._stored_classes, is_file_gone=is_gone)
        return type(problem)(f"{problem} {where}")

    def _store_waiting(self) -> None:
        """What the disk refused. Raises DiskError while it still does; storing a change again changes nothing."""
        for change in list(self._rescue.changes):
            try:
                changes = change.store(self._project)
            except DiskError:
                raise
            except UserError as problem:  # stored already, or made impossible
                log.warning("a change that waited was left out: %s", problem)
                changes = Changes(classes=True)
            self._rescue.forget_change(change)
            if change.classes is not None:
                self.reload_classes()
            self._announce(changes)

    def _change_list(self, change: Callable[[ClassList], ClassList], name: str) -> Future[None]:
        """Change the class list in memory at once, and the stored one on the document lane.

        The latter starts from what is stored, so that an older list never reverts a merge that is still under way.
        """
        self.classes = change(self.classes)
        return self._document.submit(self._store_list, change, name)

    def _store_list(self, change: Callable[[ClassList], ClassList], name: str) -> None:
        """A change that the disk refuses is kept: what is painted with an added class must find it."""

        def save(project: Project) -> Changes:
            return project.classes.save(change(project.classes.read()), name)

        try:
            self._project.store.write_waiting()  # the class that is renamed may wait itself
            changes = save(self._project)
        except DiskError as problem:
            waiting = self._rescue.classes
            later = change(self._stored_classes if waiting is None else waiting)
            line = RescuedClasses(name, class_rows(later))
            raise self._keep_change(WaitingChange(save, line, later), problem) from problem
        finally:
            self.reload_classes()
        self._announce(changes)

    def _relabel(self, write: Callable[[], Changes]) -> None:
        try:
            if self._refused is not None:  # its pixels are not among those that would change
                raise self._refused[1]
            self._project.store.write_waiting()  # `write` starts from the list that is stored
            changes = write()
        except DiskError as problem:
            raise type(problem)(f"{problem} {_NOT_KEPT}") from problem
        finally:
            self.reload_classes()
        self._announce(changes)

    def _commit(self, picture_id: int, edit: Edit) -> None:
        # A missing picture may have got the file of this one, of the same content, while the stroke was painted.
        picture_id = self._current_id(picture_id)
        if self._refused is not None and self._refused[0] is not edit:
            self._keep(picture_id, edit)
            raise type(self._refused[1])(str(self._refused[1]))
        try:
            self._project.journal.commit(picture_id, edit)
        except ProjectFileGoneError as gone:
            where = self._rescue.add(picture_id, edit, self._stored_classes)
            problem = type(gone)(f"{gone} {where}")
            self._refused = edit, problem
            raise problem from gone
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
        self._rescue.forget(edit)
        # A new edit is what undo takes next, and leaves nothing to redo.
        changes = replace(changes_of_edit(picture_id), undo_names_known=frozenset([picture_id]))
        if self.classes.by_value(edit.class_value) is None and edit.class_value not in (UNLABELLED, VOID):
            # The class was removed meanwhile: the stroke was stored as the class that replaces it, so reload it.
            changes |= Changes(classes=True)
        self._announce(changes)

    def _apply(self, picture_id: int, make: Callable[[LabelMap], EditRequest]) -> None:
        if self._refused is not None:
            raise ProjectError("An earlier edit is not saved yet. Try again once it is.")
        picture_id = self._current_id(picture_id)
        record = self._project.pictures.get(picture_id)
        if record.width is None or record.height is None or record.is_replaced:
            raise ProjectError(f"{record.path} is not as it was when it was searched; it is left as it is.")
        labels = LabelMap(self._project.labels.read(picture_id, record.width, record.height))
        edit = make(labels).apply(labels)
        if edit is not None:
            self._project.journal.commit(picture_id, edit)
            self._announce(changes_of_edit(picture_id))

    def _keep(self, picture_id: int, edit: Edit) -> None:
        if self._refused is not None and isinstance(self._refused[1], ProjectFileGoneError):
            self._rescue.add(picture_id, edit, self._stored_classes)

    def _write_rescue_file(self, path: Path, edits: Sequence[PictureEdit]) -> Path:
        try:
            return self._rescue.write_to(path, edits, self._stored_classes)
        except OSError as problem:
            raise ProjectError(
                f"{path} cannot be written: {problem.strerror or problem}. Choose another folder."
            ) from problem

    def _save_project(self, folder: Path, edits: Sequence[PictureEdit]) -> Path:
        home = choose_home(self._project, folder)
        # A picture that was set aside is in no list: what was painted on it belongs to the one that has its file.
        edits = [(self._current_id(picture_id), edit) for picture_id, edit in edits]
        save_open_project(self._project, home, edits, [each.store for each in self._rescue.changes])
        self._rescue.clear()
        return home

    def _origin_at(self, picture_id: int, x: int, y: int, size: tuple[int, int]) -> str:
        found = self._project.labels.origin_at(picture_id, x, y, size)
        if found is None:
            return ""
        origin, run_id = found
        return f"{origin} from run {run_id}" if run_id is not None else str(origin)

    def _revert(self, picture_id: int, revert: Callable[[int], UndoResult | None]) -> UndoResult | None:
        if self._refused is not None:
            raise ProjectError("An earlier edit is not saved yet. Undo and redo are possible once it is.")
        if picture_id in self._lost:
            raise ProjectError("The newest edit could not be saved and is lost; nothing else was undone.")
        reverted = revert(picture_id)
        if reverted is not None:
            if reverted.changes.classes:
                self.reload_classes()
            self._announce(replace(reverted.changes, undo_names_known=frozenset([picture_id])))
        return reverted


def _validated_tag(tag: str) -> str:
    tag = " ".join(tag.split())
    if not tag or len(tag) > 60 or not tag.isprintable():
        raise UserError("A tag has 1 to 60 characters.")
    return tag
