"""What a finished picture still took: the window says how much had to be corrected, and how much before."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Signal

from core.labels.prediction import PredictedMask
from core.session.session import Session
from desktop.dispatcher import Bridge
from desktop.workspaces.label.active_picture import Hand


class Correcting(QObject):
    """Counts only pictures that came with a prediction and without a label. Lives on the GUI thread."""

    message = Signal(str)

    def __init__(self, session: Session, bridge: Bridge, hand: Hand) -> None:
        super().__init__()
        self._session, self._bridge, self._hand = session, bridge, hand
        self._told: tuple[int, PredictedMask] | None = None
        self._before: float | None = None

    def prediction_shown(self) -> None:
        """The prediction of the picture in hand is there, or a newer one: that counts until the label begins."""
        shown, prediction = self._hand.shown, self._hand.prediction
        if self._told is not None and self._told[0] != shown:
            self._told = None
        if shown is not None and prediction is not None and not self._session.pictures.get(shown).is_labelled:
            self._told = shown, prediction

    def finished(self, picture_id: int) -> None:
        """A picture is marked done: say what it took, once."""
        told, self._told = self._told, None
        if told is not None and told[0] == picture_id:
            share = self._session.correcting.share(*told)
            self._bridge.when_done(share, partial(self._say, picture_id), lambda _problem: None)

    def _say(self, picture_id: int, share: float) -> None:
        before, self._before = self._before, share
        name = self._session.pictures.get(picture_id).name
        than = f", {percent(before)} of the one before" if before is not None else ""
        self.message.emit(f"Corrected {percent(share)} of {name}{than}.")


def percent(share: float) -> str:
    """A share (0..1) in words: nothing, less than 1 %, 12 %."""
    if share == 0:
        return "nothing"
    return "less than 1 %" if share < 0.01 else f"{100 * share:.0f} %"
