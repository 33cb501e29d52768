"""Hands and eyes of the tour: clicks, keys, drags, waiting and photographs."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication, QEventLoop, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from core.base.geometry import Point
from core.project.records import PictureRecord
from core.session.session import Session
from core.session.training.service import TrainingState
from desktop.canvas.canvas import CanvasView
from desktop.main_window import MainWindow
from desktop.transfer.export_dialog import ExportDialog
from desktop.workspaces.label.controller import Labelling
from desktop.workspaces.label.page import LabelPage

T = TypeVar("T")

PATIENCE = 90.0
"""Seconds that a step waits for what it expects."""
LEFT, PLAIN = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


class StepError(Exception):
    """What a step expected did not come about."""


class Hands:
    """Works one window as a person would."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window

    # What there is to see ----------------------------------------------------------------------

    @property
    def page(self) -> LabelPage:
        return self.window.label_page

    @property
    def canvas(self) -> CanvasView:
        return self.page.canvas

    @property
    def session(self) -> Session:
        return _there(self.window.rooms, "project").session

    @property
    def labelling(self) -> Labelling:
        return _there(self.window.rooms, "project").labelling

    @property
    def dialog(self) -> ExportDialog | None:
        return self.window.rooms.exchange.dialog if self.window.rooms else None

    @property
    def state(self) -> TrainingState:
        return self.session.retraining.state

    @property
    def record(self) -> PictureRecord:
        return self.session.pictures.get(_there(self.labelling.hand.shown, "picture"))

    @property
    def values(self) -> NDArray[np.uint8]:
        """The label on screen, (H, W) uint8."""
        return _there(self.labelling.hand.labels, "label").values

    @property
    def painted(self) -> int:
        """Labelled pixels of the picture on screen."""
        return int(np.count_nonzero(self.values))

    def has_picture(self) -> bool:
        return self.window.rooms is not None and self.labelling.hand.labels is not None

    # What can be done --------------------------------------------------------------------------

    def rest(self, milliseconds: int) -> None:
        """Let the program go on. Between two looks the thread sleeps, so that the others have Python to themselves;
        QTest's waiting would starve them, and an event loop of its own was seen to miss the shot that should end it.
        """
        end = time.monotonic() + milliseconds / 1000
        while True:
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 5)
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, 0.001))

    def until(self, holds: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
        """Wait for `holds`. Raises StepError, naming `what` was waited for."""
        end = time.monotonic() + patience
        while not holds():
            if time.monotonic() > end:
                raise StepError(f"waited {patience:.0f} s in vain for {what}")
            self.rest(15)

    def expect(self, holds: bool, otherwise: str) -> None:
        """Raises StepError."""
        if not holds:
            raise StepError(otherwise)

    def until_saved(self, strokes: int) -> None:
        """Wait until so many edits of this window are durable."""
        saving = self.labelling.saving
        self.until(lambda: saving.strokes >= strokes and saving.pending == 0, "the saved mark")

    def click(self, widget: QWidget) -> None:
        """Raises StepError when a person could not click there."""
        self.expect(
            widget.isVisible() and widget.isEnabled(), f"{widget.accessibleName() or widget} is not there"
        )
        QTest.mouseClick(widget, LEFT, PLAIN, widget.rect().center())
        self.rest(40)

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = PLAIN, on: QWidget | None = None) -> None:
        target = on or self.canvas
        self._wake(target)
        QTest.keyClick(target, key, modifiers)
        self.rest(40)

    def _wake(self, target: QWidget) -> None:
        """Keys that are shortcuts work in the active window only, and a bare X screen has nobody who activates one."""
        top = target.window()
        end = time.monotonic() + 3
        while not top.isActiveWindow() and time.monotonic() < end:
            top.raise_()
            top.activateWindow()
            self.rest(30)

    def at(self, across: float, down: float) -> QPoint:
        """The widget position at these shares of the picture shown."""
        height, width = self.values.shape
        return self.canvas.widget_point(Point(across * width, down * height)).toPoint()

    def drag(self, path: Sequence[tuple[float, float]]) -> None:
        """Press at the first spot, move along, release at the last: shares of the picture."""
        spots = [self.at(*spot) for spot in path]
        QTest.mouseMove(self.canvas, spots[0])
        QTest.mousePress(self.canvas, LEFT, PLAIN, spots[0])
        for start, end in itertools.pairwise(spots):
            for n in range(1, 13):
                QTest.mouseMove(self.canvas, start + (end - start) * n / 12)
                self.rest(8)
        QTest.mouseRelease(self.canvas, LEFT, PLAIN, spots[-1])
        self.rest(40)

    def photograph(self, path: Path) -> None:
        """The whole window as it is now."""
        self.window.grab().save(str(path))


def _there(thing: T | None, what: str) -> T:
    if thing is None:
        raise StepError(f"there is no {what}")
    return thing
