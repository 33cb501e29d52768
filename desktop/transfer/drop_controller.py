"""Adds pictures that are dropped on the window or pasted: asks, copies with a progress dialog, shows the first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox, QProgressDialog, QWidget

from core.base.text import count_of
from core.session.session import Session
from core.session.transfer.drop import DropPlan
from core.session.transfer.import_service import RecognisedDataset
from desktop.controller import Actions, Controller
from desktop.dispatcher import MainThreadDispatcher
from desktop.image_conversion import to_array
from desktop.transfer.dropped_files import dropped_paths

PROGRESS_DELAY_MS = 600
"""Copying that takes longer shows a progress dialog."""


@dataclass(frozen=True, slots=True)
class _MaskOffer:
    """Masks in a folder; files: their names if not all of its files; are_alone: whether they belong to pictures of the
    project, and not to pictures beside them."""

    folder: Path
    files: list[str]
    are_alone: bool


class DropController(Controller):
    """`picture_added` carries the id of the picture to show, `folder_chosen` a folder to open as a project instead,
    `import_requested` a folder whose masks are to be imported, and the names of its files if not all of them."""

    picture_added = Signal(int)
    folder_chosen = Signal(object)
    import_requested = Signal(object, object)

    def __init__(self, session: Session, dispatcher: MainThreadDispatcher, window: QWidget) -> None:
        super().__init__(window)
        self._session, self._dispatcher, self._window = session, dispatcher, window
        self.question: QMessageBox | None = None
        self._stop = threading.Event()

    def actions(self) -> Actions:
        return {"paste": self.paste}

    def drop(self, paths: Sequence[Path]) -> None:
        """Add files and folders, or show the first of those that are in the project already."""
        if paths:
            plan = self._session.drops.plan(list(paths))
            self._dispatcher.when_done(plan, partial(self._on_plan, list(paths)))

    def paste(self) -> None:
        """Add the files or the image on the clipboard."""
        mime = QGuiApplication.clipboard().mimeData()
        paths = dropped_paths(mime) if mime is not None else []
        if paths:
            self.drop(paths)
            return
        image = QGuiApplication.clipboard().image()
        if image.isNull():
            self.message.emit("There is no picture in the clipboard. Copy one and paste again.")
            return
        future = self._session.drops.paste(to_array(image))
        self._dispatcher.when_done(future, partial(self._on_added, "Pasted as {}.".format))

    def close(self) -> None:
        """Stop copying."""
        super().close()
        self._stop.set()
        if self.question is not None:
            self.question.close()

    def _on_plan(self, paths: list[Path], plan: DropPlan) -> None:
        if self.is_closed:
            return
        folder = paths[0] if len(paths) == 1 and paths[0].is_dir() else None
        files = [] if folder is not None else _files_of_one_folder(paths)
        source = folder or (paths[0].parent if files else None)
        if plan.copies and source is not None:
            # Masks are pictures too: copied like those, they would have to be labelled.
            self._dispatcher.when_done(
                self._session.imports.open(source, files=files),
                lambda found: self._ask_to_copy(plan, folder, self._offer(found, source, files)),
                lambda _not_a_dataset: self._ask_to_copy(plan, folder),
            )
        elif plan.copies:
            self._ask_to_copy(plan, None)
        elif plan.inside:
            future = self._session.folder_sync.add_pictures(plan.inside)
            self._dispatcher.when_done(future, partial(self._on_added, "{} is now in this project.".format))
        else:
            self.message.emit("The dropped files contain no picture. Drop pictures or a folder of pictures.")

    def _ask_to_copy(self, plan: DropPlan, folder: Path | None, masks: _MaskOffer | None = None) -> None:
        """`folder`: it was dropped alone, so that it may be opened as a project instead; `masks`: may be imported
        instead."""
        if self.is_closed:
            return
        count, name = len(plan.copies), plan.copies[0][0].name
        box = QMessageBox(self._window)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("Add pictures")
        box.setText(
            f"Copy {count:,} pictures into this project?"
            if count > 1
            else f"Copy “{name}” into this project?"
        )
        details = [
            f"{_format_size(plan.bytes)} will be copied to {plan.folder}. The originals stay where they are."
        ]
        if plan.inside:
            already = count_of(len(plan.inside), "other picture")
            details.append(f"Already in the project folder: {already}.")
        if plan.others:
            details.append(f"Left out, as not a picture: {count_of(plan.others, 'file')}.")
        if masks is not None:
            details.append(
                "They are masks of pictures in this project; imported as masks, they become labels."
                if masks.are_alone
                else "The folder holds masks; imported as a dataset, they become labels."
            )
        box.setInformativeText(" ".join(details))
        copy = box.addButton("Copy", QMessageBox.ButtonRole.AcceptRole)
        open_ = box.addButton("Open as project", QMessageBox.ButtonRole.ActionRole) if folder else None
        import_ = None
        if masks is not None:
            title = "Import as masks…" if masks.are_alone else "Import as dataset…"
            import_ = box.addButton(title, QMessageBox.ButtonRole.ActionRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(copy if import_ is None else import_)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        chosen: dict[object, Callable[[], object]] = {copy: lambda: self._copy(plan)}
        if open_ is not None:
            chosen[open_] = lambda: self.folder_chosen.emit(folder)
        if import_ is not None and masks is not None:
            chosen[import_] = lambda: self.import_requested.emit(masks.folder, masks.files)
        box.finished.connect(lambda _result: self._on_answer(chosen.get(box.clickedButton())))
        self.question = box
        box.open()

    def _offer(self, found: RecognisedDataset, folder: Path, files: list[str]) -> _MaskOffer | None:
        """None for a dataset without masks."""
        samples = found.dataset.samples
        if all(sample.read_mask is None for sample in samples):
            return None
        own = self._session.folder
        is_inside = folder.is_relative_to(own)
        are_alone = not is_inside and all(sample.picture.is_relative_to(own) for sample in samples)
        return _MaskOffer(folder, files, are_alone)

    def _on_answer(self, act: Callable[[], object] | None) -> None:
        self.question = None
        if not self.is_closed and act is not None:
            act()

    def _copy(self, plan: DropPlan) -> None:
        cancelled = threading.Event()
        count = len(plan.copies)
        dialog = QProgressDialog("Copying pictures", "Cancel", 0, count, self._window)
        dialog.setWindowTitle("Add pictures")
        dialog.setMinimumDuration(PROGRESS_DELAY_MS)
        dialog.setWindowModality(Qt.WindowModality.NonModal)
        dialog.setValue(0)
        dialog.canceled.connect(cancelled.set)
        has_ended = False

        def show_progress(done: int) -> None:
            if not has_ended and not cancelled.is_set():
                dialog.setValue(done)

        def end() -> None:
            nonlocal has_ended
            has_ended = True
            dialog.deleteLater()

        future = self._session.drops.copy(
            plan,
            lambda done, _of: self._dispatcher.post(lambda: show_progress(done)),
            lambda: cancelled.is_set() or self._stop.is_set(),
        )
        future.add_done_callback(lambda _done: self._dispatcher.post(end))
        many = f"{count_of(count, 'picture')} were copied into this project."
        self._dispatcher.when_done(
            future, partial(self._on_added, (lambda _name: many) if count > 1 else "{} was copied.".format)
        )

    def _on_added(self, sentence: Callable[[str], str], ids: list[int]) -> None:
        """`sentence`: makes the message from the name of the first picture."""
        if ids and not self.is_closed:
            self.picture_added.emit(ids[0])
            self.message.emit(sentence(self._session.pictures.get(ids[0]).name))


def _files_of_one_folder(paths: Sequence[Path]) -> list[str]:
    """The names of dropped files; none if they are from several folders or there is a folder among them."""
    if len({path.parent for path in paths}) > 1 or not all(path.is_file() for path in paths):
        return []
    return [path.name for path in paths]


def _format_size(count: int) -> str:
    """Bytes for people; never less than 0.1 MB."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(count, 100_000) / 1e6:.1f} MB"
