"""How the picture on screen is looked at: the sheet of sliders, the canvas, and what the project remembers of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtGui import QAction

from core.images.adjustments import Histogram, Tone, histogram_of
from core.images.pyramid import Pyramid
from desktop.dispatcher import Bridge
from desktop.theme.theme import GRID, Theme
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.panels.adjustments_panel import ToneSheet

if TYPE_CHECKING:
    from core.session.session import Session

FACT = "view_tone"
REST_MS = 400
"""A tone is remembered once the hand rests: a slider moves a hundred times a second."""


class Toning(QObject):
    """Owns the Tone; lives as long as the window, on the GUI thread. `adjusted`: whether it changes anything."""

    adjusted = Signal(bool)

    def __init__(self, page: LabelPage, actions: Mapping[str, QAction], theme: Theme) -> None:
        super().__init__()
        self._canvas, self._action = page.canvas, actions["adjust_view"]
        self._session: Session | None = None
        self._histogram: Histogram | None = None
        self.tone = Tone()
        self.sheet = ToneSheet(theme, page.canvas)
        self.sheet.hide()
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._remember)
        self._unsaved = False
        self._action.toggled.connect(self._toggled)
        self.sheet.tone_changed.connect(self.set_tone)
        self.sheet.auto_asked.connect(self._stretch)
        self.sheet.closed.connect(lambda: self._action.setChecked(False))
        page.canvas.picture_changed.connect(self._picture_changed)
        page.canvas.installEventFilter(self)

    def handlers(self) -> dict[str, Callable[[], object]]:
        return {"reset_view_tone": lambda: self.set_tone(Tone())}

    def begin(self, session: Session, bridge: Bridge) -> None:
        """A project is open: look at it as it was looked at last time."""
        self._session = session
        bridge.when_done(session.remembered(FACT), lambda text: self._recall(session, text))

    def leave(self) -> None:
        """Before the session is closed."""
        self._remember()
        self._session = None
        self._action.setChecked(False)
        self._show(Tone())

    def set_tone(self, tone: Tone) -> None:
        self._show(tone)
        self._unsaved = True
        self._rest.start()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)

    def _show(self, tone: Tone) -> None:
        picks_changed = tone.picks != self.tone.picks
        self.tone = tone
        self._canvas.set_tone(tone)
        self.adjusted.emit(not tone.is_plain)
        if self.sheet.isVisible():
            if picks_changed:
                self._look()
            self._fill()

    def _toggled(self, shown: bool) -> None:
        if shown:
            self._look()
            self._fill()
            self._place()
            self.sheet.raise_()
        self.sheet.setVisible(shown)
        if shown:
            self.sheet.sliders["low"].setFocus()
        else:
            self._canvas.setFocus()

    def _picture_changed(self) -> None:
        if self.sheet.isVisible():
            self._look()
            self._fill()

    def _look(self) -> None:
        pyramid = self._canvas.pyramid
        self._histogram = histogram_of(pyramid, self.tone) if pyramid is not None else None

    def _fill(self) -> None:
        pyramid = self._canvas.pyramid
        deep = pyramid.deep if isinstance(pyramid, Pyramid) else None
        self.sheet.set_tone(self.tone, self._histogram, deep.channels if deep else 3)
        self._place()

    def _place(self) -> None:
        self.sheet.move(max(0, self._canvas.width() - self.sheet.width() - GRID), GRID)

    def _stretch(self) -> None:
        self._look()
        if self._histogram is not None:
            low, high = self._histogram.stretched()
            self.set_tone(replace(self.tone, low=low, high=high))

    def _remember(self) -> None:
        self._rest.stop()
        if self._unsaved and self._session is not None:
            self._session.remember(FACT, json.dumps(self.tone.to_json()))
        self._unsaved = False

    def _recall(self, session: Session, text: str | None) -> None:
        if session is not self._session or text is None or self._unsaved:
            return
        try:
            self._show(Tone.from_json(json.loads(text)))
        except ValueError:
            return
