"""Drives a window in tests and in the tour: clicks, keys, drags, waiting and screenshots."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from core.base.geometry import Point
from core.project.records import PictureRecord
from core.session.session import Session
from core.session.training.training_state import TrainingState
from desktop.canvas.canvas import Canvas
from desktop.main_window import MainWindow
from desktop.transfer.export_dialog import ExportDialog
from desktop.workspaces.label.controller import LabelController
from desktop.workspaces.label.page import LabelPage

T = TypeVar("T")

TIMEOUT_SECONDS = 90.0
"""Seconds that a step waits for its condition."""
LEFT_BUTTON, NO_MODIFIER = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


class StepError(Exception):
    """The condition of a step did not become true."""


class WindowDriver:
    """Operates one window as a user would."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window

    # State ----------------------------------------------------------------------

    @property
    def page(self) -> LabelPage:
        return self.window.label_page

    @property
    def canvas(self) -> Canvas:
        return self.page.canvas

    @property
    def session(self) -> Session:
        return _require(self.window.context, "project").session

    @property
    def labelling(self) -> LabelController:
        return _require(self.window.context, "project").label_controller

    @property
    def dialog(self) -> ExportDialog | None:
        return self.window.context.export_controller.dialog if self.window.context else None

    @property
    def state(self) -> TrainingState:
        return self.session.training.state

    @property
    def record(self) -> PictureRecord:
        return self.session.pictures.get(_require(self.labelling.picture.id, "picture"))

    @property
    def label_values(self) -> NDArray[np.uint8]:
        """Label of the picture shown, (H, W) uint8."""
        return _require(self.labelling.picture.labels, "label").values

    @property
    def labelled_pixels(self) -> int:
        """Number of labelled pixels of the picture shown."""
        return int(np.count_nonzero(self.label_values))

    def has_picture(self) -> bool:
        return self.window.context is not None and self.labelling.picture.labels is not None

    # Actions --------------------------------------------------------------------------

    def wait(self, milliseconds: int) -> None:
        """Process events for this long. The thread sleeps in between, so that other threads get the interpreter lock:
        QTest.qWait would starve them, and a nested event loop with a timer sometimes missed the timeout.
        """
        end = time.monotonic() + milliseconds / 1000
        while True:
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 5)
            # The event loop of the program does this by itself.
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, 0.001))

    def wait_until(self, condition: Callable[[], bool], what: str, timeout: float = TIMEOUT_SECONDS) -> None:
        """Wait until `condition` holds. Raises StepError, which names `what` was waited for."""
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                raise StepError(f"waited {timeout:.0f} s in vain for {what}")
            self.wait(15)

    def expect(self, condition: bool, message: str) -> None:
        """Raises StepError with `message` unless the condition holds."""
        if not condition:
            raise StepError(message)

    def comes_true(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Handle events until `condition()` is true, at most `timeout` seconds. Returns whether it is."""
        with contextlib.suppress(StepError):
            self.wait_until(condition, "a condition", timeout)
        return condition()

    @staticmethod
    def unused_path(wanted: Path) -> Path:
        """`wanted`, or the first of wanted-2, wanted-3 .. where there is nothing, so that nothing is replaced."""
        paths = itertools.chain(
            (wanted,), (wanted.with_name(f"{wanted.name}-{n}") for n in itertools.count(2))
        )
        return next(path for path in paths if not os.path.lexists(path))

    def wait_until_saved(self, strokes: int) -> None:
        """Wait until this many edits of this window are stored."""
        saving = self.labelling.edit_queue
        self.wait_until(lambda: saving.stored_count >= strokes and saving.pending == 0, "the saved mark")

    def click(self, widget: QWidget) -> None:
        """Raises StepError when the widget is hidden or disabled."""
        self.expect(
            widget.isVisible() and widget.isEnabled(), f"{widget.accessibleName() or widget} is not there"
        )
        QTest.mouseClick(widget, LEFT_BUTTON, NO_MODIFIER, widget.rect().center())
        self.wait(40)

    def key(
        self, key: Qt.Key, modifiers: Qt.KeyboardModifier = NO_MODIFIER, on: QWidget | None = None
    ) -> None:
        target = on or self.canvas
        self._activate(target)
        QTest.keyClick(target, key, modifiers)
        self.wait(40)

    def _activate(self, target: QWidget) -> None:
        """Shortcuts work in the active window only, and without a window manager nobody activates it."""
        top = target.window()
        end = time.monotonic() + 3
        while not top.isActiveWindow() and time.monotonic() < end:
            top.raise_()
            top.activateWindow()
            self.wait(30)

    def position_of(self, across: float, down: float) -> QPoint:
        """The widget position at these shares 0..1 of width and height of the picture."""
        height, width = self.label_values.shape
        return self.canvas.widget_point(Point(across * width, down * height)).toPoint()

    def drag(self, path: Sequence[tuple[float, float]]) -> None:
        """Press at the first position, move along the path, release at the last; in shares of the picture."""
        positions = [self.position_of(*point) for point in path]
        QTest.mouseMove(self.canvas, positions[0])
        QTest.mousePress(self.canvas, LEFT_BUTTON, NO_MODIFIER, positions[0])
        for start, end in itertools.pairwise(positions):
            for n in range(1, 13):
                QTest.mouseMove(self.canvas, start + (end - start) * n / 12)
                self.wait(8)
        QTest.mouseRelease(self.canvas, LEFT_BUTTON, NO_MODIFIER, positions[-1])
        self.wait(40)

    def save_screenshot(self, path: Path) -> None:
        """Save an image of the whole window."""
        self.window.grab().save(str(path))


def _require(thing: T | None, what: str) -> T:
    if thing is None:
        raise StepError(f"there is no {what}")
    return thing
