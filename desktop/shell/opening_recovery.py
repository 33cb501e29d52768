"""What the welcome page offers when a project cannot be opened: to read it, copy it, repair it or restore a backup."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from core.base.errors import (
    Cancelled,
    MaskloopError,
    ProjectError,
    ProjectFolderError,
    ProjectLockedError,
    ProjectTooNewError,
)
from core.base.lane import Lane
from core.base.progress import ProgressCallback
from core.session.access import Access
from desktop.dispatcher import LatestRequest, MainThreadDispatcher
from desktop.shell.welcome_page import WelcomePage

OpenProject = Callable[[Path, Path | None, Access], object]
Target = tuple[Path, Path | None]
"""Folder and home of a project to open."""
Work = Callable[[ProgressCallback], Target]


@dataclass(frozen=True, slots=True)
class Failure:
    """A project that could not be opened."""

    problem: MaskloopError
    folder: Path
    home: Path | None


class OpeningRecovery(QObject):
    """Fills the offers of the welcome page, and carries them out. Lives on the GUI thread."""

    def __init__(
        self,
        page: WelcomePage,
        dispatcher: MainThreadDispatcher,
        lane: Lane,
        open_project: OpenProject,
        window: QWidget,
    ) -> None:
        """lane: copies projects"""
        super().__init__(window)
        self._page, self._dispatcher, self._lane = page, dispatcher, lane
        self._open, self._window = open_project, window
        self._request = LatestRequest(dispatcher)
        self._cancel = threading.Event()
        self._failure: Failure | None = None
        page.offers.chosen.connect(self._carry_out)

    def offer(self, problem: MaskloopError, folder: Path, home: Path | None) -> None:
        """Say why a project could not be opened, and what can be done about it."""
        self._failure = Failure(problem, folder, home)
        offers = offers_for(self._failure)
        self._page.show_message(_without_command(str(problem)) if offers else str(problem))
        self._page.offers.set_offers(offers)

    def forget(self) -> None:
        """Another project is being opened."""
        self._cancel.set()
        self._request.cancel()
        self._failure = None

    def _carry_out(self, key: str) -> None:
        if key == "cancel":
            self._cancel.set()
        failed = self._failure
        if failed is None:
            return
        if key == "read":
            self._open(failed.folder, failed.home, Access.READ)
        elif key == "again":
            self._open(failed.folder, failed.home, Access.WRITE)
        elif key == "take over" and self._confirm(failed.problem):
            self._open(failed.folder, failed.home, Access.TAKE_OVER)
        elif key == "elsewhere":
            self._choose_home(failed.folder)
        elif key in ("copy", "restore"):
            self._work("Copying the project", partial(copy_beside, failed, of_backup=key == "restore"))
        elif key == "repair":
            self._work("Checking and repairing the project", partial(repair_project, failed))

    def _confirm(self, problem: MaskloopError) -> bool:
        question = QMessageBox(
            QMessageBox.Icon.Warning,
            "Continue anyway",
            f"{problem}\n\nHas that program ended? If it is still running, edits that are made there from now on are "
            "refused, and kept in a rescue file.",
            QMessageBox.StandardButton.Cancel,
            self._window,
        )
        gone = question.addButton("It has ended, continue", QMessageBox.ButtonRole.AcceptRole)
        question.setTextFormat(Qt.TextFormat.PlainText)  # the note of the lock may come from anybody
        question.setDefaultButton(QMessageBox.StandardButton.Cancel)
        question.exec()
        return question.clickedButton() is gone

    def _choose_home(self, pictures: Path) -> None:
        chosen = QFileDialog.getExistingDirectory(
            self._window, "A folder for the project; the pictures stay where they are", str(Path.home())
        )
        if chosen:
            self._open(pictures, Path(chosen), Access.WRITE)

    def _work(self, text: str, work: Work) -> None:
        """Do something that takes a while with the project that failed, then open what it returns."""
        failed = self._failure
        assert failed is not None
        self._cancel = cancel = threading.Event()
        is_latest = self._request.renew()
        self._page.show_message(f"{text}…", "muted")
        self._page.offers.set_offers({"cancel": "Cancel"})

        def progress(done: int, of: int) -> None:
            if cancel.is_set():
                raise Cancelled
            percent = f"{text}: {100 * done // max(of, 1)} %"
            self._dispatcher.post(lambda: self._page.show_text(percent, "muted") if is_latest() else None)

        def go_back(problem: MaskloopError | None = None) -> None:
            if is_latest():
                self.offer(failed.problem, failed.folder, failed.home)
                if problem is not None:
                    self._page.show_text(str(problem))

        self._dispatcher.when_done(
            self._lane.submit(work, progress),
            lambda target: self._open(*target, Access.WRITE) if is_latest() else None,
            go_back,
            go_back,
        )


def offers_for(failed: Failure) -> dict[str, str]:
    """Titles by key of what can be done; the first is the best."""
    home = _existing_home(failed)
    reading = {"read": "Open read-only", "copy": "Open a copy"} if home else {}
    match failed.problem:
        case ProjectLockedError(can_take_over=can_take_over):
            again = {"again": "Try again"}
            return {**reading, **again, **({"take over": "Continue anyway…"} if can_take_over else {})}
        case ProjectFolderError():
            return {"elsewhere": "Keep the project in another folder…", **reading}
        case ProjectTooNewError():
            return {}
        case ProjectError() if home and (made := _newest_backup(home)):
            from core.project.backup import backup_time  # imports what only a damaged project needs

            when = backup_time(made)
            of = f" of {when.astimezone():%Y-%m-%d %H:%M}" if when else ""
            return {
                **_repair_offer(failed.problem),
                "restore": f"Open a copy of the backup{of}",
                "again": "Try again",
            }
        case ProjectError() if home:
            return _repair_offer(failed.problem)
    return {}


def copy_beside(failed: Failure, progress: ProgressCallback, *, of_backup: bool) -> Target:
    """On the lane: copy a project, or its newest backup, into a new folder; returns it. Raises ProjectError."""
    from core.project.backup import backup_time
    from core.project.files.project_copy import copy_project, propose_copy_home
    from core.project.project import HOME_FOLDER, PROJECT_FILE, find_home, stored_pictures_folder

    home = _existing_home(failed)
    if home is None:
        home = find_home(failed.folder)  # raises with the reason
    if failed.folder != home:
        pictures = failed.folder
    else:
        pictures = home.parent if home.name == HOME_FOLDER else stored_pictures_folder(home)
    backup = _newest_backup(home) if of_backup else None
    made_at = (backup_time(backup) if backup else None) or datetime.now(UTC)
    target = propose_copy_home(home, pictures, made_at.astimezone(), "backup of" if backup else "copy of")
    if not os.access(target.parent, os.W_OK):
        target = Path.home() / target.name
    copy_project(
        backup or home / PROJECT_FILE,
        home,
        pictures,
        target,
        with_predictions=backup is None,
        progress=progress,
    )
    return target, None


def repair_project(failed: Failure, progress: ProgressCallback) -> Target:
    """On the lane: repair a project that cannot be opened as it is. Raises ProjectError with what is left."""
    from core.project.integrity.repair import check_and_repair
    from core.project.project import Project

    with Project.open(
        failed.folder, failed.home, "a repair in the Maskloop window", to_repair=True
    ) as project:
        check_and_repair(project, progress)
    return failed.folder, failed.home


def _repair_offer(problem: MaskloopError) -> dict[str, str]:
    return {"repair": "Check and repair"} if "check --repair" in str(problem) else {}


def _without_command(text: str) -> str:
    """A sentence without the command that it ends with: buttons do the same here."""
    head, command, _ = text.partition(" with: maskloop ")
    end = head.rfind(". ") + 1
    return head[:end] if command and end else text


def _existing_home(failed: Failure) -> Path | None:
    """Where the project is stored, if there is one; looks at nothing but names."""
    named = (failed.home,) if failed.home else (failed.folder / ".maskloop", failed.folder)
    for home in named:
        if (home / "project.sqlite").is_file() or any((home / "backups").glob("project-*.sqlite")):
            return home
    return None


def _newest_backup(home: Path) -> Path | None:
    from core.project.backup import BACKUP_FOLDER, latest_backup

    return latest_backup(home / BACKUP_FOLDER)
