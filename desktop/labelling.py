"""The hand's journey: the picture on screen, what is painted on it, and where to go next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QAction, QImage

from core.changes import Changes
from core.errors import MaskloopError, UserError
from core.geometry import Point
from core.labels.classes import UNLABELLED, VOID
from core.labels.labelmap import Edit, LabelMap
from core.labels.prediction import PredictedMask
from core.project.records import Journal, Reverted, Status
from core.session.editing import accept_class, accept_everywhere, accept_region
from core.session.opening import OpenedPicture
from core.session.session import Session
from core.tools.brush import Brush, Eraser
from core.tools.fill import Fill
from core.tools.polygon import Polygon
from desktop.bridge import Bridge
from desktop.label_page import LabelPage
from desktop.panels.status_line import StatusLine
from desktop.picture_list import PASSES, PictureList
from desktop.saving import Saving

THUMB_PIXELS = 208
"""Twice the size in the strip: crisp on a screen of 200 %."""
AHEAD = 2
"""Pictures read before they are asked for, in the direction of travel."""
HOVER_MS = 90


class Labelling(QObject):
    """Brings the Label workspace to life for one session. Lives on the GUI thread.

    `saved` carries state and reason for the saved mark; `message` a sentence for people.
    """

    saved = Signal(str, str)
    message = Signal(str)
    picture_shown = Signal(int)

    def __init__(
        self,
        session: Session,
        bridge: Bridge,
        page: LabelPage,
        status: StatusLine,
        actions: Mapping[str, QAction],
        keep_view: Callable[[], bool],
    ) -> None:
        super().__init__()
        self._session, self._bridge, self._page, self._status = session, bridge, page, status
        self._actions, self._keep_view = actions, keep_view
        self._canvas = page.canvas
        self.pictures = PictureList(session.pictures)
        self._shown: int | None = None
        self._wanted: int | None = None
        self._direction = 1
        self._labels: LabelMap | None = None
        self._prediction: PredictedMask | None = None
        self._reverting: list[Future[Reverted | None]] = []
        self._class = 1
        self._other_class = UNLABELLED
        self._saving = Saving(session.editing, bridge, self)
        self._hover = QTimer(self, singleShot=True, interval=HOVER_MS)
        self._tools = {
            "tool_brush": Brush(),
            "tool_eraser": Eraser(),
            "tool_polygon": Polygon(),
            "tool_fill": Fill(),
        }
        self._connect()
        self.take_tool("tool_brush")
        self.classes_changed()

    # The picture on screen --------------------------------------------------------------------

    @property
    def shown(self) -> int | None:
        return self._shown

    @property
    def labels(self) -> LabelMap | None:
        return self._labels

    @property
    def prediction(self) -> PredictedMask | None:
        return self._prediction

    @property
    def saving(self) -> Saving:
        return self._saving

    def show(self, picture_id: int) -> None:
        """Ask for a picture; the one on screen stays until the new one is there."""
        self._canvas.settle()
        self._wanted = picture_id
        if picture_id == self._shown:
            return  # it is here, with strokes that a fresh reading could miss
        self._page.filmstrip.set_current(picture_id)
        self._bridge.when_done(
            self._session.opening.show(picture_id),
            partial(self._take, picture_id),
            partial(self._cannot_show, picture_id),
        )

    def _take(self, picture_id: int, opened: OpenedPicture) -> None:
        if picture_id != self._wanted or picture_id == self._shown:
            return  # something else is wanted by now
        self._canvas.settle()
        self._shown = picture_id
        self._labels = LabelMap(opened.labels)
        self._prediction = opened.prediction
        self._reverting.clear()
        self._canvas.show_picture(
            opened.pyramid, self._labels, opened.prediction, keep_view=self._keep_view()
        )
        self._after_showing(picture_id)
        self._offer(opened.journal)

    def _cannot_show(self, picture_id: int, problem: MaskloopError) -> None:
        if picture_id != self._wanted:
            return
        self._shown, self._labels, self._prediction = picture_id, None, None
        self._canvas.clear("This picture cannot be shown", str(problem))
        self._after_showing(picture_id)
        self._offer(Journal())

    def _after_showing(self, picture_id: int) -> None:
        self._session.remember("shown", str(picture_id))
        ahead: list[int] = []
        at: int | None = picture_id
        while len(ahead) < AHEAD and (at := self.pictures.neighbour(at, self._direction)) is not None:
            ahead.append(at)
        self._session.opening.prefetch(ahead)
        self._session.retraining.picture_shown(picture_id, ahead)
        self._show_status()
        self.picture_shown.emit(picture_id)

    def go(self, step: int, key: str = "") -> None:
        """To the next (1) or previous (-1) picture; with `key` "open" to the next that is not done."""
        self._direction = step
        wanted = PASSES.get(key, lambda _r: True)
        found = self.pictures.neighbour(self._wanted, step, wanted)
        if found is not None:
            self.show(found)
        elif key:
            self.message.emit("There is no further picture that is not done.")

    def go_uncertain(self) -> None:
        """To the picture that teaches most."""
        found = self.pictures.most_uncertain(besides=self._shown)
        if found is None:
            self.message.emit("There are no predictions yet to order by. Train first; it takes a minute.")
        else:
            self.show(found)

    # Edits -------------------------------------------------------------------------------------

    def _commit(self, edit: Edit | None) -> None:
        if edit is not None and self._shown is not None:
            self._saving.commit(self._shown, edit)

    def _settle_reverts(self) -> None:
        """Before an edit begins: an undo under way must be on screen, or the stroke would start from the past."""
        for future in list(self._reverting):
            try:
                future.result(timeout=5)
            except (MaskloopError, TimeoutError):
                self._reverting.remove(future)
                continue
            self._apply(future)

    def revert(self, act: Callable[[int], Future[Reverted | None]]) -> None:
        """Undo or redo, as `act` says; a corner of a polygon under way is taken back first."""
        if act == self._session.editing.undo and self._canvas.step_back():
            return
        self._canvas.settle()
        if self._shown is None or self._labels is None or self._saving.is_stuck:
            return
        future = act(self._shown)
        self._reverting.append(future)
        self._bridge.when_done(future, lambda _done, future=future: self._apply(future))

    def _apply(self, future: Future[Reverted | None]) -> None:
        if future not in self._reverting:
            return  # done already, or of a picture that is gone
        self._reverting.remove(future)
        reverted = future.result()
        if reverted is None or self._labels is None:
            return
        self._canvas.refresh(self._labels.replace_tiles(reverted.tiles))
        self._offer(reverted.journal)
        self._moved(self._canvas.cursor_point)

    def _offer(self, journal: Journal) -> None:
        self._page.options.set_undo(journal.undo_name or "", journal.redo_name or "")

    def _saved_edit(self, picture_id: int, journal: Journal) -> None:
        if picture_id == self._shown:
            self._offer(journal)

    # Predictions -------------------------------------------------------------------------------

    def accept(self, how: str) -> None:
        """Take the prediction over: "all", "class" (the active one) or "region" (under the cursor)."""
        self._canvas.settle()
        self._settle_reverts()
        labels, prediction = self._labels, self._prediction
        if labels is None or prediction is None:
            self.message.emit("There is no prediction of this picture yet.")
            return
        try:
            edit = self._accepted(how, labels, prediction)
        except UserError as problem:
            self.message.emit(str(problem))
            return
        if edit is None:
            self.message.emit("Nothing to accept here: every pixel of it already carries a label.")
            return
        self._canvas.refresh(edit.box)
        self._commit(edit)

    def _accepted(self, how: str, labels: LabelMap, prediction: PredictedMask) -> Edit | None:
        classes = self._session.editing.classes
        if how == "class":
            return accept_class(labels, prediction, self._class, classes.name_of(self._class))
        if how == "region":
            at = self._canvas.cursor_point
            if at is None:
                raise UserError("Point at a predicted region to accept it.")
            return accept_region(labels, prediction, at, classes)
        return accept_everywhere(labels, prediction)

    def accept_and_next(self) -> None:
        """The gesture of the whole program: take what is right, mark done, go on."""
        if self._labels is None:
            return
        if self._prediction is not None:
            self.accept("all")
        self._set_status(Status.DONE)
        self.go(1, "open")

    def predicted(self, changes: Changes) -> None:
        """News: predictions came in."""
        if self._shown is not None and self._shown in changes.predictions:
            shown = self._shown
            self._bridge.when_done(
                self._session.opening.prediction(shown),
                partial(self._take_prediction, shown),
                lambda _p: None,
            )

    def _take_prediction(self, picture_id: int, prediction: PredictedMask) -> None:
        if picture_id != self._shown or self._labels is None:
            return
        if prediction.values.shape == self._labels.values.shape:
            self._prediction = prediction
            self._canvas.set_prediction(prediction)

    # Classes and tools -------------------------------------------------------------------------

    @property
    def active_class(self) -> int:
        return self._class

    def take_tool(self, key: str) -> None:
        tool = self._tools[key]
        self._canvas.set_tool(tool)
        self._actions[key].setChecked(True)
        radius = tool.radius(self._canvas.options)
        self._page.options.set_tool(tool.title, tool.help_line, None if radius is None else round(2 * radius))

    def choose_class(self, value: int) -> None:
        """Paint with this class from now on; 0 is unlabelled, 255 void."""
        classes = self._session.editing.classes
        known = classes.by_value(value)
        if known is None and value not in (UNLABELLED, VOID):
            return
        if value != self._class:
            self._other_class, self._class = self._class, value
        colour = known.colour if known else (150, 150, 150)
        # Without any class there is nothing to paint with: the canvas asks for one instead.
        self._canvas.set_class(value if classes.classes else None, classes.name_of(value), colour)
        self._page.classes.set_active(value)

    def choose_nth(self, number: int) -> None:
        classes = self._session.editing.classes.classes
        if number <= len(classes):
            self.choose_class(classes[number - 1].value)

    def pick_class(self) -> None:
        """Take the class under the cursor: the label's, else the prediction's."""
        at = self._canvas.cursor_point
        if at is None or self._labels is None:
            return
        value = int(self._labels.values[int(at.y), int(at.x)])
        if value == UNLABELLED and self._prediction is not None:
            value = int(self._prediction.values[int(at.y), int(at.x)])
        self.choose_class(value)

    def classes_changed(self) -> None:
        classes = self._session.editing.classes
        self._page.classes.set_classes(classes)
        self._canvas.set_palette(classes.palette())
        if classes.by_value(self._class) is None and self._class not in (UNLABELLED, VOID):
            self._class = classes.classes[0].value if classes.classes else 1
        if classes.by_value(self._class) is None and self._class == 1:
            self._canvas.set_class(None)
            self._page.classes.set_active(1)
        else:
            self.choose_class(self._class)

    def _change_classes(self, act: Callable[[], Future[None]]) -> None:
        try:
            self._bridge.when_done(act(), lambda _none: None)
        except UserError as problem:
            self._page.classes.show_error(str(problem))
            return
        self._page.classes.show_error("")
        self.classes_changed()

    def _add_classes(self, names: list[str]) -> None:
        had = len(self._session.editing.classes)
        self._change_classes(lambda: self._session.editing.add_classes(names))
        classes = self._session.editing.classes.classes
        if len(classes) > had:
            self.choose_class(classes[had].value)
            self._canvas.setFocus()

    # Status ------------------------------------------------------------------------------------

    def toggle_status(self, status: Status) -> None:
        """Mark the picture, or take the mark back."""
        if self._shown is None:
            return
        record = self._session.pictures.get(self._shown)
        plain = Status.IN_PROGRESS if record.is_labelled else Status.NEW
        self._set_status(plain if record.status == status else status)

    def _set_status(self, status: Status) -> None:
        if self._shown is not None:
            self._bridge.when_done(self._session.editing.set_status(self._shown, status), lambda _none: None)

    def _show_status(self) -> None:
        status = self._session.pictures.get(self._shown).status if self._shown is not None else None
        for key, meant in (
            ("mark_done", Status.DONE),
            ("mark_review", Status.TO_REVIEW),
            ("mark_skipped", Status.SKIPPED),
        ):
            self._actions[key].setChecked(status == meant)

    # News --------------------------------------------------------------------------------------

    def hear(self, changes: Changes) -> None:
        """Something changed: look again at what it touches."""
        if changes.listing:
            self.pictures.refresh()
            if self._wanted is None:
                self._first()
        if changes.listing or changes.pictures:
            self._page.filmstrip.refresh()
            self._page.filmstrip.set_done(self._session.pictures.done, len(self._session.pictures))
            if self._shown in changes.pictures:
                self._show_status()
        if changes.predictions:
            self.predicted(changes)
        if changes.classes:
            self.classes_changed()

    def _first(self) -> None:
        """The picture shown last time, else the first."""
        if len(self._session.pictures) == 0:
            return
        self._wanted = -1
        self._bridge.when_done(self._session.remembered("shown"), self._show_first)

    def _show_first(self, remembered: str | None) -> None:
        if self._wanted != -1:
            return
        known = remembered is not None and remembered.isdigit()
        row = self.pictures.row_of(int(remembered or 0)) if known else 0
        self.show(self.pictures.record(row or 0).id)

    def relist(self, *, filter_: str | None = None, order: str | None = None) -> None:
        """Another filter or order of the filmstrip."""
        self.pictures.filter = filter_ or self.pictures.filter
        self.pictures.order = order or self.pictures.order
        self.pictures.refresh()
        self._page.filmstrip.set_source(self.pictures)
        self._page.filmstrip.set_current(self._shown)

    def begin(self) -> None:
        """Fill the page for a session that has just been opened."""
        self._page.filmstrip.forget_thumbnails()
        self._page.filmstrip.set_source(self.pictures)
        self.hear(Changes(listing=True))
        if self._wanted is None:
            self._canvas.show_loading("Looking for pictures")

    def leave(self) -> None:
        """The session ends: whatever is under the pen becomes an edit first."""
        self._canvas.settle()
        self._saving.leave()
        self._hover.stop()
        self._canvas.clear()
        self._page.filmstrip.set_source(PictureList(type(self._session.pictures)()))

    # Wiring ------------------------------------------------------------------------------------

    def _connect(self) -> None:
        canvas, page = self._canvas, self._page
        canvas.edit_finished.connect(self._commit)
        canvas.before_edit.connect(self._settle_reverts)
        canvas.cursor_moved.connect(self._moved)
        canvas.needs_class.connect(self._ask_for_class)
        canvas.view_changed.connect(self._status.set_zoom)
        canvas.brush_size_changed.connect(lambda radius: page.options.set_size(round(2 * radius)))
        page.options.size_changed.connect(lambda size: canvas.set_radius(size / 2))
        page.classes.class_chosen.connect(self.choose_class)
        page.classes.classes_added.connect(self._add_classes)
        page.classes.class_renamed.connect(
            lambda value, name: self._change_classes(
                lambda: self._session.editing.change_class(value, name=name)
            )
        )
        page.classes.class_recoloured.connect(
            lambda value, colour: self._change_classes(
                lambda: self._session.editing.change_class(value, colour=tuple(colour))
            )
        )
        page.filmstrip.picture_chosen.connect(self.show)
        page.filmstrip.thumbnail_wanted.connect(self._want_thumbnail)
        page.filmstrip.filter_changed.connect(lambda key: self.relist(filter_=key))
        page.filmstrip.order_changed.connect(lambda key: self.relist(order=key))
        page.filmstrip.previous_asked.connect(lambda: self.go(-1))
        page.filmstrip.next_asked.connect(lambda: self.go(1))
        self._saving.saved.connect(self.saved)
        self._saving.stored.connect(self._saved_edit)
        self._hover.timeout.connect(self._ask_origin)

    def _ask_for_class(self) -> None:
        self._page.classes.focus_field()
        self.message.emit("Add a class first: type its name at the right.")

    def _want_thumbnail(self, picture_id: int) -> None:
        self._bridge.when_done(
            self._session.opening.thumbnail(picture_id, THUMB_PIXELS),
            lambda pixels: self._page.filmstrip.set_thumbnail(picture_id, _image(pixels)),
            lambda _problem: None,  # the strip shows its own sign; the reason stands on the canvas
        )

    def _moved(self, at: Point | None) -> None:
        self._say_pixel(at, "")
        self._hover.start()

    def _ask_origin(self) -> None:
        at, labels = self._canvas.cursor_point, self._labels
        if at is None or labels is None or self._shown is None:
            return
        if labels.values[int(at.y), int(at.x)] != UNLABELLED:
            size = (labels.width, labels.height)
            self._bridge.when_done(
                self._session.editing.origin_at(self._shown, int(at.x), int(at.y), size),
                lambda words: self._say_pixel(at, words) if at == self._canvas.cursor_point else None,
                lambda _problem: None,
            )

    def _say_pixel(self, at: Point | None, origin: str) -> None:
        labels, prediction = self._labels, self._prediction
        if at is None or labels is None:
            self._status.set_pixel()
            return
        x, y = int(at.x), int(at.y)
        names = self._session.editing.classes.name_of
        said = names(int(labels.values[y, x]))
        if prediction is None:
            self._status.set_pixel(x, y, said, origin)
        else:
            confidence = float(prediction.confidence[y, x]) / 255
            self._status.set_pixel(x, y, said, origin, names(int(prediction.values[y, x])), confidence)

    # Actions -----------------------------------------------------------------------------------

    def handlers(self) -> dict[str, Callable[[], object]]:
        """What each action of this workspace does."""
        editing, canvas = self._session.editing, self._canvas
        digits = {f"class_{n}": partial(self.choose_nth, n) for n in range(1, 20) if n != 10}
        tools = {key: partial(self.take_tool, key) for key in self._tools}
        return {
            **digits,
            **tools,
            "class_0": partial(self.choose_class, UNLABELLED),
            "class_void": partial(self.choose_class, VOID),
            "swap_classes": lambda: self.choose_class(self._other_class),
            "pick_class": self.pick_class,
            "brush_smaller": lambda: self._resize(1 / 1.15),
            "brush_bigger": lambda: self._resize(1.15),
            "undo": lambda: self.revert(editing.undo),
            "redo": lambda: self.revert(editing.redo),
            "next_picture": lambda: self.go(1),
            "previous_picture": lambda: self.go(-1),
            "next_open": lambda: self.go(1, "open"),
            "previous_open": lambda: self.go(-1, "open"),
            "next_uncertain": self.go_uncertain,
            "mark_done": lambda: self.toggle_status(Status.DONE),
            "mark_review": lambda: self.toggle_status(Status.TO_REVIEW),
            "mark_skipped": lambda: self.toggle_status(Status.SKIPPED),
            "accept_and_next": self.accept_and_next,
            "accept_all": lambda: self.accept("all"),
            "accept_region": lambda: self.accept("region"),
            "accept_class": lambda: self.accept("class"),
            "fit": canvas.fit,
            "actual_size": canvas.actual_size,
            "zoom_in": lambda: canvas.zoom_by(1.25),
            "zoom_out": lambda: canvas.zoom_by(0.8),
        }

    def _resize(self, factor: float) -> None:
        radius = self._canvas.tool.radius(self._canvas.options)
        if radius is not None:
            grown = radius * factor
            # Small brushes step by half a pixel, or a factor would round to nothing.
            self._canvas.set_radius(max(radius + 0.5, grown) if factor > 1 else min(radius - 0.5, grown))


def _image(pixels: object) -> QImage:
    """(h, w, 3) uint8 as an image that owns its bytes."""
    height, width = pixels.shape[:2]  # type: ignore[attr-defined]
    return QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()  # type: ignore[attr-defined]
