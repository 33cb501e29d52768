"""Asks for a live prediction after each stroke, and decides whether it or that of the trained network is shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QAction

from core.base.changes import Changes
from core.base.settings import Settings
from core.labels.label_map import Edit
from core.labels.prediction import PredictedMask
from core.session.live.live_answer import LiveAnswer
from core.session.live.picture_part import PicturePart, PictureParts
from core.session.live.similar_places import SimilarPlaces
from core.session.live.teaching_pictures import MAX_LEARNT
from core.session.session import Session
from desktop.canvas.canvas import Canvas
from desktop.controller import Controller
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.label.active_picture import ActivePicture

SHOWN_DELAY_MS = 200
"""A picture is predicted once it stays on screen: nobody waits for those that are skipped through."""
COMPARE_DELAY_MS = 5000
"""Head and network are compared when no new weights were published for so long."""


class LiveController(Controller):
    """Lives on the GUI thread. `prediction_changed`: another prediction of the active picture is shown.

    A live prediction is shown where no network was trained yet, where the head is better than the network on the
    validation pictures, and where strokes of the picture correct the network's.
    The setting `live_prediction` forces it, or switches it off.
    """

    prediction_changed = Signal()
    places_found = Signal(object)
    """SimilarPlaces: what one more picture has of the places like a correction."""

    def __init__(
        self,
        session: Session,
        dispatcher: MainThreadDispatcher,
        canvas: Canvas,
        picture: ActivePicture,
        settings: Settings,
        switch: QAction,
    ) -> None:
        super().__init__()
        self._session, self._dispatcher, self._canvas = session, dispatcher, canvas
        self._picture, self._settings, self._switch = picture, settings, switch
        self.confine: Callable[[PredictedMask], PredictedMask] = lambda newest: newest
        """What may be shown of the newest prediction."""
        self._answer: LiveAnswer | None = None
        self._shown: int | None = None
        self._asked_network: PredictedMask | None = None
        self._parts = PictureParts()
        self._asked_part: PicturePart | None = None
        self._changed = False
        self._told = ""
        self._running = False
        self._values: frozenset[int] = frozenset()
        self._delay = QTimer(self, singleShot=True, interval=SHOWN_DELAY_MS)
        self._delay.timeout.connect(self._request)
        self._compare_delay = QTimer(self, singleShot=True, interval=COMPARE_DELAY_MS)
        self._compare_delay.timeout.connect(session.live.compare)
        self.connections.connect(switch.toggled, self._switched)
        self.connections.connect(canvas.view_changed, self._view_changed)

    def start(self) -> None:
        self._values = frozenset(self._session.editing.classes.values)
        self.settings_changed()

    def close(self) -> None:
        super().close()
        self._delay.stop()
        self._compare_delay.stop()
        self._picture.live_prediction = None

    def on_changes(self, changes: Changes) -> None:
        values = frozenset(self._session.editing.classes.values)
        has_other_classes = changes.classes and (values != self._values or bool(changes.labels))
        self._values = values
        others = (changes.labels | changes.files) - {self._picture.id}
        if has_other_classes or len(others) > MAX_LEARNT:
            self._session.live.forget()
            self._forget_answer()
            self._request()
        elif others:
            self._session.live.learn(sorted(others))
        if has_other_classes or changes.runs or changes.predictions:
            self._compare_delay.start()

    def picture_changed(self) -> None:
        """Another picture is active: learn from the one before, and predict this one."""
        if self._changed and self._shown is not None and self._shown != self._picture.id:
            self._session.live.learn([self._shown])
        self._shown, self._changed = self._picture.id, False
        self._session.live.cancel()
        self._answer = self._picture.live_prediction = self._asked_part = None
        self._parts.clear()
        self._delay.start()

    def edit_finished(self, edit: Edit) -> None:
        """The active picture was edited: a correction where it was predicted as another class."""
        shown = self._picture.prediction
        self._changed = True
        self._delay.stop()
        self._request((edit, shown) if shown is not None else None)

    def label_changed(self) -> None:
        """The label of the active picture is another one: undone, redone or read again."""
        self._changed = True
        self._delay.stop()
        self._request()

    def network_prediction_shown(self) -> None:
        """The prediction of the network was read again, and is on the canvas: the live one corrects the newest."""
        self._show()
        if self._running and self._picture.network_prediction is not self._asked_network:
            self._delay.start()

    def show_again(self) -> None:
        """Something else of the newest prediction may be shown now."""
        if not self.is_closed:
            self._show()

    @property
    def _mode(self) -> str:
        return str(self._settings.get("live_prediction"))

    @property
    def _prefers_live(self) -> bool:
        if self._mode != "auto":
            return self._mode == "always"
        # One that corrects the network is as good as that where nothing was painted, and better elsewhere.
        corrects_it = self._answer is not None and self._answer.has_network
        return corrects_it or not self._session.training.has_weights or self._is_better_without_network

    @property
    def _is_better_without_network(self) -> bool:
        """Whether that was measured on the validation pictures."""
        comparison = self._session.live.comparison
        return comparison is not None and comparison.is_live_better

    def _switched(self, is_on: bool) -> None:
        if is_on != (self._mode != "off"):
            self._settings.set("live_prediction", "auto" if is_on else "off")
            self.settings_changed()

    def settings_changed(self) -> None:
        """Follow the setting, whoever has changed it."""
        is_on = self._mode != "off"
        self._switch.setChecked(is_on)
        if is_on == self._running:
            self._show()
            return
        self._running = is_on
        if is_on:
            self._session.live.start(self._on_answer, self._on_places)
            self._request()
        else:
            self._session.live.stop()
            self._forget_answer()

    def _request(self, edited: tuple[Edit, PredictedMask] | None = None) -> None:
        labels = self._picture.labels
        if not self._running or self._picture.id is None or labels is None:
            return
        self._asked_network = self._picture.network_prediction
        self._asked_part = self._visible_part()
        network = None if self._is_better_without_network else self._picture.network_prediction
        self._session.live.predict(self._picture.id, labels.snapshot(), network, edited, self._asked_part)

    def _visible_part(self) -> PicturePart | None:
        """None for a picture that is predicted whole."""
        pyramid = self._canvas.pyramid
        if pyramid is None or self._picture.id is None:
            return None
        return self._parts.part_for(self._picture.id, pyramid, self._canvas.viewport.visible_part())

    def _view_changed(self, _scale: float) -> None:
        """Panned or zoomed: another part of a large picture is predicted once the view rests."""
        if self._running and self._visible_part() is not self._asked_part:
            self._delay.start()

    def _on_answer(self, answer: LiveAnswer) -> None:
        """A thread of the service."""
        self._dispatcher.post(partial(self._answered, answer))

    def _on_places(self, found: SimilarPlaces) -> None:
        """A thread of the service."""
        self._dispatcher.post(partial(self.places_found.emit, found))

    def _answered(self, answer: LiveAnswer) -> None:
        if self.is_closed or not self._session.live.is_newest(answer):
            return
        if answer.picture_id != self._picture.id or self._mode == "off":
            return
        if not set(answer.classes) <= set(self._session.editing.classes.values):
            return  # a class is gone; its change, which comes next, asks again
        if not answer.is_preparing:
            self._answer = answer
        if answer.problem != self._told and self._prefers_live:
            # Once: every stroke would say it again. Empty when the reason is gone.
            self.message.emit(answer.problem)
        self._told = answer.problem
        self._show()

    def _show(self) -> None:
        """Put the preferred prediction on the canvas, if it is not there already."""
        before = self._picture.live_prediction
        mask = self._fitting_mask() if self._prefers_live else None
        self._picture.live_prediction = mask
        self._picture.corrected_run = self._corrected_run if mask is not None else None
        self._picture.live_box = self._answer.box if mask is not None and self._answer else None
        if mask is not None or before is not None:
            self._canvas.set_prediction(self._picture.prediction)
            self.prediction_changed.emit()

    @property
    def _corrected_run(self) -> int | None:
        """The run whose prediction the newest answer corrects."""
        corrects_it = self._answer is not None and self._answer.has_network
        return self._asked_network.run_id if corrects_it and self._asked_network else None

    def _fitting_mask(self) -> PredictedMask | None:
        """Of the newest answer, unless the label has another size."""
        labels, mask = self._picture.labels, self._answer.mask if self._answer else None
        if labels is None or mask is None or mask.values.shape != labels.values.shape:
            return None
        return self.confine(mask)

    def _forget_answer(self) -> None:
        self._answer = None
        self._show()
