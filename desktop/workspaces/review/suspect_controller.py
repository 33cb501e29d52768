"""Shows the suspects of the label check one after another, and stores what a person says of each."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal

from core.base.changes import Changes
from core.base.errors import DiskError, MaskloopError
from core.base.text import count_of
from core.evaluation.label_errors import ClassPair
from core.evaluation.suspected_components import MAX_COMPONENTS, SuspectedComponent
from core.session.batch_edit import BatchEdit
from core.session.label_check import ComponentPicture, LabelCheck
from core.session.session import Session
from desktop.controller import Controller
from desktop.dispatcher import MainThreadDispatcher
from desktop.theme.theme import Theme
from desktop.workspaces.review.card import render_masked
from desktop.workspaces.review.class_pair import ClassPairText, colour_and_name
from desktop.workspaces.review.page import LAYERS, ReviewPage
from desktop.workspaces.review.suspect_keys import SuspectCommand
from desktop.workspaces.review.suspect_list import SuspectRow

PICTURE_SIDE = 900
LOADED_PICTURES = 12
"""Kept in memory: the one that is shown, the next ones, and some to go back to."""
READ_AHEAD = 2


class SuspectController(Controller):
    """Lives on the GUI thread.

    place_requested: a picture id and a box to show in the Label workspace; edited: a `BatchEdit` that can be undone,
    and the ids of the pictures whose pixels it changed; about_to_change: before a label is changed; settled: all that
    was said so far is stored, or refused
    """

    place_requested = Signal(int, object)
    about_to_change = Signal()
    edited = Signal(object, object)
    undo_requested = Signal()
    settled = Signal()

    def __init__(
        self, session: Session, dispatcher: MainThreadDispatcher, page: ReviewPage, theme: Theme
    ) -> None:
        super().__init__()
        self._session, self._dispatcher, self._page = session, dispatcher, page
        self._list, self._view = page.label_check.suspects, page.suspect_view
        self._layer = LAYERS[0][0]
        self._suspects: tuple[SuspectedComponent, ...] = ()
        self._pair: ClassPair | None = None
        self._verdicts: dict[SuspectedComponent, BatchEdit | None] = {}  # None: not stored yet
        self._verdicts_before_check: frozenset[SuspectedComponent] = frozenset()
        self._loaded: dict[
            SuspectedComponent, ComponentPicture | MaskloopError | None
        ] = {}  # None: under way
        self._values = frozenset(session.editing.classes.values)
        connect = self.connections.connect
        connect(self._list.chosen, self._show)
        connect(self._list.commanded, self._carry_out)
        connect(self._view.commanded, self._carry_out)
        connect(theme.changed, self._refresh_view)
        self._clear()

    @property
    def is_writing(self) -> bool:
        """Whether a verdict is not stored yet."""
        return None in self._verdicts.values()

    def close(self) -> None:
        super().close()
        self._clear()

    def on_changes(self, changes: Changes) -> None:
        values = frozenset(self._session.editing.classes.values)
        if changes.classes and values != self._values:
            self._values = values
            if self._suspects:
                self._clear()
                self.message.emit("The classes have changed. Check labels again for suspects.")
        elif changes.classes:  # names and colours
            self._list.update_rows([self._row(each.suspect) for each in self._list.rows])
            self._refresh_view()
        touched = changes.labels | changes.predictions | changes.files
        for suspect in [each for each in self._loaded if each.picture_id in touched]:
            del self._loaded[suspect]
        current = self._list.current
        if current is not None and current.picture_id in touched:
            self._refresh_view()

    def check_begins(self) -> None:
        """The labels are compared as they are from now on."""
        self._verdicts_before_check = frozenset(
            each for each, edit in self._verdicts.items() if edit is not None
        )

    def show_check(self, check: LabelCheck) -> None:
        """List what a check has found. It may not know what was said while it was under way, so that stays said."""
        self._suspects, self._pair = check.suspects, None
        for suspect in self._verdicts_before_check:
            self._verdicts.pop(suspect, None)
        self._loaded.clear()
        self._list_rows()

    def show_pair(self, pair: ClassPair | None) -> None:
        """List only suspects of a class that are predicted as another; None: all."""
        self._pair = pair
        self._list_rows()

    def show_layer(self, layer: str) -> None:
        """Blend label, prediction, difference or nothing over the second picture."""
        self._layer = layer
        self._refresh_view()

    def restore(self, edit: BatchEdit) -> None:
        """What was said of a suspect has been undone: it is asked about again, and shown."""
        for suspect, said in list(self._verdicts.items()):
            if said is edit:
                self._put_back(suspect)

    # The list ----------------------------------------------------------------------------------------

    def _clear(self) -> None:
        self._suspects, self._pair = (), None
        self._verdicts.clear()
        self._loaded.clear()
        self._list_rows()

    def _is_open(self, suspect: SuspectedComponent) -> bool:
        pair = (suspect.region.class_value, suspect.predicted)
        return suspect not in self._verdicts and self._pair in (None, pair)

    def _list_rows(self) -> None:
        self._list.set_rows([self._row(each) for each in self._suspects if self._is_open(each)])
        self._page.show_suspect(False)
        self._refresh_title()

    def _refresh_title(self) -> None:
        count = len(self._list.rows)
        if not self._suspects:
            title = ""
        elif not count:
            title = "No suspect is left" if self._verdicts else "No suspect"
        elif len(self._suspects) == MAX_COMPONENTS and self._pair is None and not self._verdicts:
            title = f"The {count:,} worst suspects"
        elif self._pair is not None:
            title = count_of(count, "suspect")
        else:
            title = f"{count_of(count, 'suspect')}, worst first"
        self._page.label_check.set_suspects_title(title, is_filtered=self._pair is not None)

    def _row(self, suspect: SuspectedComponent) -> SuspectRow:
        classes, pictures = self._session.editing.classes, self._session.pictures
        name = pictures.get(suspect.picture_id).name if pictures.has(suspect.picture_id) else "gone"
        return SuspectRow(
            suspect,
            ClassPairText(
                colour_and_name(classes, suspect.region.class_value),
                colour_and_name(classes, suspect.predicted),
                f"{suspect.pixels:,} px · {name}",
            ),
        )

    # The view ----------------------------------------------------------------------------------------

    def _show(self, suspect: SuspectedComponent | None) -> None:
        if suspect is None:
            self._page.show_suspect(False)
            return
        self._page.show_suspect(True)
        self._refresh_view()

    def _refresh_view(self) -> None:
        suspect = self._list.current
        if suspect is None or not self._page.shows_suspect:
            return
        view, rows = self._view, self._list.rows
        at = self._list.currentIndex().row()
        pictures = self._session.pictures
        path = pictures.get(suspect.picture_id).path if pictures.has(suspect.picture_id) else ""
        view.describe(path, f"{at + 1:,} of {len(rows):,}", suspect, rows[at].pair)
        self._load(suspect)
        picture = self._loaded[suspect]
        if picture is not None:  # what is asked for last is read first
            for row in reversed(rows[at + 1 : at + 1 + READ_AHEAD]):
                self._load(row.suspect)
        view.masked.setVisible(self._layer != "none")
        if not isinstance(picture, ComponentPicture):
            view.show_text("Loading…" if picture is None else str(picture))
            return
        classes = self._session.editing.classes
        view.picture.show_picture(
            render_masked(picture.pixels, None, None, "none", classes), picture.outlines
        )
        view.masked.show_picture(
            render_masked(picture.pixels, picture.label, picture.prediction, self._layer, classes),
            picture.outlines,
        )

    def _load(self, suspect: SuspectedComponent) -> None:
        if suspect in self._loaded:
            self._loaded[suspect] = self._loaded.pop(suspect)  # the one used last is dropped last
            return
        self._loaded[suspect] = None
        while len(self._loaded) > LOADED_PICTURES:
            self._loaded.pop(next(iter(self._loaded)))
        on_loaded = partial(self._on_loaded, suspect)
        self._dispatcher.when_done(
            self._session.label_check.picture(suspect, PICTURE_SIDE), on_loaded, on_loaded
        )

    def _on_loaded(self, suspect: SuspectedComponent, picture: ComponentPicture | MaskloopError) -> None:
        if self.is_closed or suspect not in self._loaded:
            return  # another project, or the picture has changed meanwhile
        self._loaded[suspect] = picture
        if suspect is self._list.current:
            self._refresh_view()

    # Commands ----------------------------------------------------------------------------------------

    def _carry_out(self, command: SuspectCommand) -> None:
        suspect = self._list.current
        match command:
            case SuspectCommand.NEXT | SuspectCommand.PREVIOUS:
                self._list.step(1 if command == SuspectCommand.NEXT else -1)
            case SuspectCommand.UNDO:
                self.undo_requested.emit()
            case SuspectCommand.CLOSE:
                self._page.show_suspect(False)
            case SuspectCommand.OPEN if suspect is not None and not self._page.shows_suspect:
                self._show(suspect)
            case SuspectCommand.OPEN if suspect is not None:
                self.place_requested.emit(suspect.picture_id, suspect.region.box)
            case SuspectCommand.KEEP | SuspectCommand.FIX if suspect is not None and self._page.shows_suspect:
                if not isinstance(self._loaded.get(suspect), ComponentPicture):
                    return  # nothing is said of what is not seen
                button = self._view.keep if command == SuspectCommand.KEEP else self._view.fix
                if button.isEnabled():
                    self._store_verdict(suspect, command)

    def _store_verdict(self, suspect: SuspectedComponent, command: SuspectCommand) -> None:
        """Store a verdict and go on to the next suspect at once."""
        self.about_to_change.emit()
        self._verdicts[suspect] = None
        self._list.take_current()
        self._refresh_title()
        if not self._list.rows:
            self._page.show_suspect(False)
        check, name_of = self._session.label_check, self._session.editing.classes.name_of
        # To keep a label changes no pixel.
        changed = frozenset((suspect.picture_id,) if command == SuspectCommand.FIX else ())
        future = (
            check.keep(suspect, name_of(suspect.region.class_value))
            if command == SuspectCommand.KEEP
            else check.fix(suspect, name_of(suspect.predicted))
        )
        self._dispatcher.when_done(
            future, partial(self._on_stored, suspect, changed), partial(self._on_refused, suspect)
        )

    def _on_stored(self, suspect: SuspectedComponent, changed: frozenset[int], edit: BatchEdit) -> None:
        if not self.is_closed:
            if suspect in self._verdicts:  # else the list was cleared meanwhile
                self._verdicts[suspect] = edit
            self.edited.emit(edit, changed)
            self._report_settled()

    def _on_refused(self, suspect: SuspectedComponent, problem: MaskloopError) -> None:
        """A full disk may take it later; of a label that has changed nothing can be said any more."""
        self.message.emit(str(problem))
        if self.is_closed:
            return
        if isinstance(problem, DiskError):
            self._put_back(suspect)
        else:
            self._suspects = tuple(each for each in self._suspects if each is not suspect)
            self._verdicts.pop(suspect, None)
        self._report_settled()

    def _report_settled(self) -> None:
        if not self.is_writing:
            self.settled.emit()

    def _put_back(self, suspect: SuspectedComponent) -> None:
        if suspect not in self._verdicts:
            return  # the list was cleared meanwhile
        del self._verdicts[suspect]
        if not self._is_open(suspect):
            return
        rows = self._list.rows
        at = sum(each.suspect.order < suspect.order for each in rows)
        self._list.put_back(at, self._row(suspect))
        self._refresh_title()
        self._show(suspect)
