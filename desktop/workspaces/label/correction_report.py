"""What a finished picture still took: the window says how much had to be corrected, and how much before."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Signal

from core.labels.prediction import PredictedMask
from core.session.session import Session
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.label.active_picture import ActivePicture


class CorrectionReport(QObject):
    """Counts only pictures that came with a prediction and without a label. Lives on the GUI thread."""

    message = Signal(str)

    def __init__(self, session: Session, bridge: MainThreadDispatcher, picture: ActivePicture) -> None:
        super().__init__()
        self._session, self._bridge, self._picture = session, bridge, picture
        self._measured: tuple[int, PredictedMask] | None = None
        self._previous_share: float | None = None

    def prediction_shown(self) -> None:
        """The prediction of the picture in hand is there, or a newer one: that counts until the label begins."""
        shown, prediction = self._picture.id, self._picture.prediction
        if self._measured is not None and self._measured[0] != shown:
            self._measured = None
        if shown is not None and prediction is not None and not self._session.pictures.get(shown).is_labelled:
            self._measured = shown, prediction

    def picture_done(self, picture_id: int) -> None:
        """A picture is marked done: say what it took, once."""
        told, self._measured = self._measured, None
        if told is not None and told[0] == picture_id:
            share = self._session.corrections.corrected_share(*told)
            self._bridge.when_done(share, partial(self._report, picture_id), lambda _problem: None)

    def _report(self, picture_id: int, share: float) -> None:
        before, self._previous_share = self._previous_share, share
        name = self._session.pictures.get(picture_id).name
        than = f", {percent_text(before)} of the one before" if before is not None else ""
        self.message.emit(f"Corrected {percent_text(share)} of {name}{than}.")


def percent_text(share: float) -> str:
    """A share (0..1) in words: nothing, less than 1 %, 12 %."""
    if share == 0:
        return "nothing"
    return "less than 1 %" if share < 0.01 else f"{100 * share:.0f} %"
