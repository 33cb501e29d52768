"""View adjustments of the picture: connects the adjustments panel with the canvas and stores them in the project."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtGui import QAction

from core.images.adjustments import Adjustments, Histogram, compute_histogram
from core.images.pyramid import Pyramid
from desktop.controller import Actions
from desktop.dispatcher import MainThreadDispatcher
from desktop.theme.theme import GRID, Theme
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.panels.adjustments_panel import AdjustmentsPanel

if TYPE_CHECKING:
    from core.session.session import Session

PROJECT_KEY = "view_tone"
SAVE_DELAY_MS = 400
"""Adjustments are stored once they stop changing: a slider moves a hundred times a second."""


class ImageAdjustments(QObject):
    """Owns the Adjustments. Lives on the GUI thread, as long as the window.

    `adjusted_changed`: whether the picture is shown with adjustments.
    """

    adjusted_changed = Signal(bool)

    def __init__(self, page: LabelPage, actions: Mapping[str, QAction], theme: Theme) -> None:
        super().__init__()
        self._canvas, self._action = page.canvas, actions["adjust_view"]
        self._session: Session | None = None
        self._histogram: Histogram | None = None
        self.adjustments = Adjustments()
        self.panel = AdjustmentsPanel(theme, page.canvas)
        self.panel.hide()
        self._save_timer = QTimer(self, singleShot=True, interval=SAVE_DELAY_MS)
        self._save_timer.timeout.connect(self._save)
        self._unsaved = False
        self._action.toggled.connect(self._toggled)
        self.panel.adjustments_changed.connect(self.set_adjustments)
        self.panel.stretch_requested.connect(self._stretch)
        self.panel.close_requested.connect(lambda: self._action.setChecked(False))
        page.canvas.picture_changed.connect(self._picture_changed)
        page.canvas.installEventFilter(self)

    def actions(self) -> Actions:
        return {"reset_view_tone": lambda: self.set_adjustments(Adjustments())}

    def start(self, session: Session, dispatcher: MainThreadDispatcher) -> None:
        """A project was opened: restore its adjustments."""
        self._session = session
        dispatcher.when_done(session.fact(PROJECT_KEY), lambda text: self._restore(session, text))

    def close(self) -> None:
        """The project closes; call before its session is closed."""
        self._save()
        self._session = None
        self._action.setChecked(False)
        self._show(Adjustments())

    def set_adjustments(self, adjustments: Adjustments) -> None:
        """Show the picture with these adjustments and store them soon."""
        self._show(adjustments)
        self._unsaved = True
        self._save_timer.start()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.Resize:
            self._move_panel()
        return super().eventFilter(watched, event)

    def _show(self, adjustments: Adjustments) -> None:
        picks_changed = adjustments.picks != self.adjustments.picks
        self.adjustments = adjustments
        self._canvas.set_adjustments(adjustments)
        self.adjusted_changed.emit(not adjustments.is_identity)
        if self.panel.isVisible():
            if picks_changed:
                self._compute_histogram()
            self._update_panel()

    def _toggled(self, shown: bool) -> None:
        if shown:
            self._compute_histogram()
            self._update_panel()
            self._move_panel()
            self.panel.raise_()
        self.panel.setVisible(shown)
        if shown:
            self.panel.sliders["low"].setFocus()
        else:
            self._canvas.setFocus()

    def _picture_changed(self) -> None:
        if self.panel.isVisible():
            self._compute_histogram()
            self._update_panel()

    def _compute_histogram(self) -> None:
        pyramid = self._canvas.pyramid
        self._histogram = compute_histogram(pyramid, self.adjustments) if pyramid is not None else None

    def _update_panel(self) -> None:
        pyramid = self._canvas.pyramid
        deep = pyramid.raw if isinstance(pyramid, Pyramid) else None
        self.panel.set_adjustments(self.adjustments, self._histogram, deep.channels if deep else 3)
        self._move_panel()

    def _move_panel(self) -> None:
        self.panel.move(max(0, self._canvas.width() - self.panel.width() - GRID), GRID)

    def _stretch(self) -> None:
        self._compute_histogram()
        if self._histogram is not None:
            low, high = self._histogram.auto_levels()
            self.set_adjustments(replace(self.adjustments, low=low, high=high))

    def _save(self) -> None:
        self._save_timer.stop()
        if self._unsaved and self._session is not None:
            self._session.set_fact(PROJECT_KEY, json.dumps(self.adjustments.to_json()))
        self._unsaved = False

    def _restore(self, session: Session, text: str | None) -> None:
        if session is not self._session or text is None or self._unsaved:
            return
        try:
            self._show(Adjustments.from_json(json.loads(text)))
        except ValueError:
            return
