"""Edits that could not be stored: says so, saves them to a rescue file, and brings such files back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from core.base.errors import DiskError, MaskloopError, ProjectFileGoneError, ProjectTakenOverError
from core.base.text import count_of
from core.labels.label_map import Edit
from core.project.files.rescue_file import SUFFIX
from core.project.files.rescue_import import RescueReport
from core.project.project import HOME_FOLDER
from core.session.session import Session
from desktop.controller import Actions, Controller
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.label.edit_queue import RETRY_MS, EditQueue

_FILTER = f"Rescued edits (*{SUFFIX})"
SAVE_SECONDS = 30.0


class RescueController(Controller):
    """Lives on the GUI thread, as long as the project is open.

    Changes without pixels that the disk refused are tried again here; `EditQueue` does so for edits of pixels.
    state_changed: state and reason, as of `EditQueue`.
    project_saved: the project was saved in another place, with this folder of pictures and this home; open it there.
    """

    project_saved = Signal(object, object)
    state_changed = Signal(str, str)

    def __init__(
        self, session: Session, dispatcher: MainThreadDispatcher, edit_queue: EditQueue, parent: QWidget
    ) -> None:
        super().__init__()
        self._session, self._dispatcher, self._edit_queue = session, dispatcher, edit_queue
        self._parent = parent
        self._question: QMessageBox | None = None
        self._is_gone = False
        self._retry_timer = QTimer(self, singleShot=True, interval=RETRY_MS)
        self._retry_timer.timeout.connect(self._try_again)
        self.connections.connect(dispatcher.disk_refused, self._disk_refused)
        self.connections.connect(edit_queue.stored, self._file_is_back)

    def actions(self) -> Actions:
        return {"bring_back_edits": self._choose_file, "save_project_here": self.choose_folder}

    def save_project(self, folder: Path) -> None:
        """Write all of the project to `folder`, with the edits that wait, and open it there."""
        self.message.emit(f"Saving the project in {folder}…")
        edits = self._edit_queue.refused_edits
        saving = self._session.editing.save_project(folder, edits)
        self._dispatcher.when_done(saving, lambda home: self._saved(home, edits))

    def choose_folder(self) -> None:
        """Ask where to save the project: by default where it was."""
        start = next(path for path in (self._session.folder, *self._session.folder.parents) if path.is_dir())
        chosen = QFileDialog.getExistingDirectory(self._parent, "Save the project here", str(start))
        if chosen:
            self.save_project(Path(chosen))

    def close(self) -> None:
        super().close()
        self._retry_timer.stop()
        self._session.editing.store_waiting()  # once more
        self._file_is_back()

    @property
    def waiting(self) -> int:
        """Number of edits and other changes that are not stored."""
        return self._edit_queue.pending + self._session.editing.waiting

    def bring_back(self, path: Path) -> None:
        """Store the edits of a rescue file in this project."""
        self._dispatcher.when_done(self._session.bring_back_edits(path), self._show_report)

    def confirm_discard(self, window: QWidget) -> bool:
        """Ask whether to close although edits are not stored; they can be saved to a file first."""
        pending = count_of(self.waiting, "edit")
        answer = QMessageBox.warning(
            window,
            "Not saved",
            f"{pending} could not be saved yet. Save them to a file, which “Bring back rescued edits” reads, or close "
            "anyway and lose them?",
            QMessageBox.StandardButton.Save
            | QMessageBox.StandardButton.Discard
            | QMessageBox.StandardButton.Cancel,
            QMessageBox.StandardButton.Save,
        )
        if answer == QMessageBox.StandardButton.Save:
            return self.save_as(window)
        return answer == QMessageBox.StandardButton.Discard

    def save_as(self, window: QWidget) -> bool:
        """Write what is not stored to a file that the user chooses. False when there is none."""
        start = str(Path.home() / f"{self._session.name}{SUFFIX}")
        never_replaced = QFileDialog.Option.DontConfirmOverwrite  # the file gets a number instead
        chosen, _ = QFileDialog.getSaveFileName(
            window, "Save the edits that are not stored", start, _FILTER, options=never_replaced
        )
        return bool(chosen) and self.write(Path(chosen))

    def write(self, path: Path) -> bool:
        """Write what is not stored to `path`; the window waits for it. False, with a message, when it fails."""
        try:
            written = self._session.editing.write_rescue_file(path, self._edit_queue.refused_edits)
            where = written.result(SAVE_SECONDS)
        except (MaskloopError, TimeoutError) as problem:
            self.message.emit(str(problem) or f"{path} could not be written in time.")
            return False
        self.message.emit(f"The edits are in {where}.")
        return True

    def _disk_refused(self, problem: DiskError) -> None:
        if self._session.editing.waiting:
            self.state_changed.emit("failed", str(problem))
            self._retry_timer.start()
        if isinstance(problem, ProjectFileGoneError) and not self._is_gone:
            self._is_gone = True
            self._say_gone(problem)

    def _try_again(self) -> None:
        self._dispatcher.when_done(
            self._session.editing.store_waiting(), self._waiting_stored, lambda _problem: None
        )

    def _waiting_stored(self, _none: None) -> None:
        self._file_is_back()
        if not self._edit_queue.pending and not self.is_closed:
            self.state_changed.emit("saved", "")

    def _say_gone(self, problem: ProjectFileGoneError) -> None:
        self.message.emit(str(problem))
        is_taken = isinstance(problem, ProjectTakenOverError)
        what = "Another program has taken over the project." if is_taken else "The project file is gone."
        why = (
            "Nothing more is stored from here. Close the project"
            if is_taken
            else "It was deleted, moved or replaced, or its drive was removed. Put it back"
        )
        self._question = box = QMessageBox(self._parent)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setWindowTitle(what.rstrip("."))
        box.setText(what)
        box.setInformativeText(
            f"{why}, or save the project in a folder that you choose: everything is still open here, with the labels "
            "from before and your edits since then."
        )
        save = box.addButton("Save the project here…", QMessageBox.ButtonRole.AcceptRole)
        box.addButton("Not now", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(save)
        save.clicked.connect(self.choose_folder)
        box.finished.connect(self._close_question)
        box.setWindowModality(Qt.WindowModality.NonModal)  # one can go on painting
        box.show()

    def _file_is_back(self, *_: object) -> None:
        """Or the project is closed."""
        self._is_gone = False
        self._close_question()

    def _close_question(self, *_: object) -> None:
        question, self._question = self._question, None
        if question is not None:
            question.setParent(None)  # hides it, too
            question.deleteLater()

    def _saved(self, home: Path, edits: Sequence[tuple[int, Edit]]) -> None:
        self._edit_queue.forget(edits)
        folder = home.parent if home.name == HOME_FOLDER else self._session.folder
        if not folder.is_dir():
            self.message.emit(
                f"The project is saved in {home}. Put the pictures back in {folder}, then open the folder {home}."
            )
            return
        self.project_saved.emit(folder, home)

    def _choose_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self._parent, "Bring back rescued edits", str(self._session.folder), _FILTER
        )
        if chosen:
            self.bring_back(Path(chosen))

    def _show_report(self, report: RescueReport) -> None:
        sentence = f"{count_of(report.edits, 'edit')} of {count_of(len(report.pictures), 'picture')} were brought back."
        if report.problems:
            sentence += f" {len(report.problems)} could not be: {report.problems[0]}"
        elif not report.edits and report.already:
            sentence = "The edits of this file had been brought back before."
        self.message.emit(sentence)
