"""Pictures come in by drag and drop or from the clipboard: what they mean, a question, progress, and then they show."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QMessageBox, QProgressDialog, QWidget

from core.session.session import Session
from core.session.transfer.drop import DropPlan
from desktop.dispatcher import MainThreadDispatcher
from desktop.shell.welcome_page import dropped_paths

PROGRESS_DELAY_MS = 600
"""Copying that takes longer shows how far it is."""


class DropController(QObject):
    """For one session, on the GUI thread. `arrived` carries the id of the picture to show."""

    picture_added = Signal(int)
    folder_chosen = Signal(object)
    message = Signal(str)

    def __init__(self, session: Session, bridge: MainThreadDispatcher, window: QWidget) -> None:
        super().__init__(window)
        self._session, self._bridge, self._window = session, bridge, window
        self.question: QMessageBox | None = None
        self._stop = threading.Event()

    def actions(self) -> dict[str, Callable[[], object]]:
        return {"paste": self.paste}

    def drop(self, paths: Sequence[Path]) -> None:
        """Files and folders from elsewhere, or pictures that are here already."""
        if paths:
            self._bridge.when_done(self._session.plan_drop(list(paths)), partial(self._planned, list(paths)))

    def paste(self) -> None:
        """What the clipboard holds: files, or a picture."""
        held = QGuiApplication.clipboard().mimeData()
        paths = dropped_paths(held) if held is not None else []
        if paths:
            self.drop(paths)
            return
        image = QGuiApplication.clipboard().image()
        if image.isNull():
            self.message.emit("There is no picture in the clipboard. Copy one and paste again.")
            return
        future = self._session.add_pasted(image_to_array(image))
        self._bridge.when_done(future, partial(self._on_added, "Pasted as {name}."))

    def close(self) -> None:
        """The session ends: what is being copied is given up."""
        self._stop.set()
        if self.question is not None:
            self.question.close()

    def _planned(self, paths: list[Path], intake: DropPlan) -> None:
        if self._stop.is_set():
            return
        if not intake.copies:
            if intake.inside:
                self._bridge.when_done(
                    self._session.loader.add_pictures(intake.inside),
                    partial(self._on_added, "{name} is in this project."),
                )
            else:
                self.message.emit(
                    "There is no picture in what was dropped. Drop pictures or a folder of pictures."
                )
            return
        folder = paths[0] if len(paths) == 1 and paths[0].is_dir() else None
        self._ask_to_copy(intake, folder)

    def _ask_to_copy(self, intake: DropPlan, folder: Path | None) -> None:
        count = len(intake.copies)
        pictures = f"{count:,} pictures" if count > 1 else f"“{intake.copies[0][0].name}”"
        box = QMessageBox(self._window)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("Take pictures in")
        box.setText(f"Copy {pictures} into this project?")
        told = [
            f"{_size(intake.bytes)} will be copied to {intake.folder}. The originals stay where they are."
        ]
        if intake.inside:
            told.append(f"{len(intake.inside):,} more are there already.")
        if intake.others:
            told.append(f"{intake.others:,} files are no pictures and are left out.")
        box.setInformativeText(" ".join(told))
        copy = box.addButton("Copy", QMessageBox.ButtonRole.AcceptRole)
        other = box.addButton("Open as project", QMessageBox.ButtonRole.ActionRole) if folder else None
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(copy)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.finished.connect(lambda _result: self._answered(box.clickedButton(), copy, other, intake, folder))
        self.question = box
        box.open()

    def _answered(
        self, clicked: object, copy: object, other: object, intake: DropPlan, folder: Path | None
    ) -> None:
        self.question = None
        if self._stop.is_set():
            return
        if clicked is copy:
            self._copy(intake)
        elif other is not None and clicked is other:
            self.folder_chosen.emit(folder)

    def _copy(self, intake: DropPlan) -> None:
        cancelled = threading.Event()
        dialog = QProgressDialog("Copying pictures", "Cancel", 0, len(intake.copies), self._window)
        dialog.setWindowTitle("Take pictures in")
        dialog.setMinimumDuration(PROGRESS_DELAY_MS)
        dialog.setWindowModality(Qt.WindowModality.NonModal)
        dialog.setValue(0)
        dialog.canceled.connect(cancelled.set)

        def progress(done: int, _of: int) -> None:
            self._bridge.post(lambda: None if cancelled.is_set() or ended else dialog.setValue(done))

        ended: list[bool] = []

        def end() -> None:
            if not ended:
                ended.append(True)
                dialog.deleteLater()

        future = self._session.add_dropped(
            intake, progress, lambda: cancelled.is_set() or self._stop.is_set()
        )
        future.add_done_callback(lambda _done: self._bridge.post(end))
        count = len(intake.copies)
        words = f"{count:,} pictures were copied into this project." if count > 1 else "{name} was copied."
        self._bridge.when_done(future, partial(self._on_added, words))

    def _on_added(self, words: str, ids: list[int]) -> None:
        if ids and not self._stop.is_set():
            self.picture_added.emit(ids[0])
            self.message.emit(words.format(name=self._session.pictures.get(ids[0]).name))


def image_to_array(image: QImage) -> NDArray[np.uint8]:
    """(h, w, 3) uint8 RGB of an image, or (h, w, 4) where it is transparent in places."""
    clear = image.hasAlphaChannel()
    form, channels = (QImage.Format.Format_RGBA8888, 4) if clear else (QImage.Format.Format_RGB888, 3)
    plain = image.convertToFormat(form)
    rows = np.frombuffer(plain.constBits(), np.uint8).reshape(plain.height(), plain.bytesPerLine())
    pixels = rows[:, : plain.width() * channels].reshape(plain.height(), plain.width(), channels).copy()
    return pixels[:, :, :3].copy() if clear and bool((pixels[:, :, 3] == 255).all()) else pixels


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(count, 100_000) / 1e6:.1f} MB"
