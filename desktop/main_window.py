"""The one window: welcome page or workspaces, and who hears which action and which news."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
from PySide6.QtCore import QByteArray, Qt, QTimer, QUrl
from PySide6.QtGui import QCloseEvent, QDesktopServices, QDragEnterEvent, QDropEvent, QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QMainWindow,
    QMessageBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.base.changes import Changes
from core.base.errors import MaskloopError
from core.base.gc_freeze import let_go, made_to_stay
from core.base.lane import Lane
from core.base.settings import Settings
from core.session.loading.first_picture import Glimpse
from desktop.actions.catalog import build_actions
from desktop.actions.keymap import KeyMap
from desktop.dispatcher import Bridge
from desktop.palette.search import Searching
from desktop.project_loader import Arriving
from desktop.shell.auxiliary_windows import Beside
from desktop.shell.top_bar import WORKSPACES, TopBar
from desktop.shell.welcome_page import WelcomePage, dropped_folder, dropped_paths
from desktop.shell.workspace_stack import Pages
from desktop.theme.icons import app_icon
from desktop.theme.theme import Theme
from desktop.widgets.status_bar import StatusLine
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.saved_tool_options import remember_options, restore_options
from desktop.workspaces.label.view.image_adjustments import Toning
from desktop.workspaces.label.view.layer_controller import Viewing
from desktop.workspaces.label.visibility_guard import TURNS

if TYPE_CHECKING:
    from core.session.session import Session
    from core.session.training.service import TrainingState
    from desktop.project_context import Rooms

RECENT = 8
MESSAGE_MS = 6000


class MainWindow(QMainWindow):
    """Owns the widgets for its whole life, and one session at a time."""

    def __init__(self, theme: Theme, settings: Settings, on_mistake: Callable[[BaseException], None]) -> None:
        super().__init__()
        self._theme, self._settings, self._on_mistake = theme, settings, on_mistake
        self.sample_folder = platformdirs.user_data_path("maskloop", appauthor=False) / "sample"
        self.bridge = Bridge(self)
        self._opening = Lane("opening", on_mistake=on_mistake)
        self.rooms: Rooms | None = None
        """What belongs to the open project; None on the welcome page."""

        self.actions_by_id = build_actions(self, theme)
        self.keymap = KeyMap(self.actions_by_id, settings, self)
        self.searching = Searching(self.actions_by_id, self._is_able, self.bridge, self._opening)
        self._beside = Beside(self, theme, settings, self.keymap, self._setting_changed, self.searching)
        self.top = TopBar(self.actions_by_id, theme)
        self.welcome = WelcomePage(theme)
        self.label_page = LabelPage(self.actions_by_id, theme)
        self.workspaces = Pages(
            theme, self.label_page, lambda record: self.rooms.reviewing.caption(record) if self.rooms else ""
        )
        self.status = StatusLine(theme)
        self._arriving = Arriving(self.label_page.canvas, self.bridge, self._opening, settings, on_mistake)
        self.viewing = Viewing(self.label_page, self.actions_by_id, settings)
        self.toning = Toning(self.label_page, self.actions_by_id, theme)
        self.toning.adjusted.connect(self.status.adjusted.setVisible)
        self._message_over = QTimer(self, singleShot=True, interval=MESSAGE_MS)
        self._lay_out()
        self._connect()
        self._restore()
        self._set_project(None)
        self.welcome.open.setFocus()

    # Opening and closing a project --------------------------------------------------------------

    def open(
        self,
        folder: Path,
        home: Path | None = None,
        *,
        train: bool = False,
        glimpse: Future[Glimpse | None] | None = None,
    ) -> None:
        """Open a folder as the project of this window; the old one is closed first. `train`: begin at once.

        `glimpse`: its first picture is being read already.
        """
        if not self.close_project():
            return
        self.welcome.show_message("")
        self._settle_page(f"Opening {folder.name}")
        self._arriving.begin(
            folder, home, glimpse, lambda session: self._opened(session, train=train), self._cannot_open
        )

    def open_sample(self, folder: Path) -> None:
        """Make the sample project if need be, open it and begin to train."""
        if not self.close_project():
            return
        self._settle_page("Drawing the sample pictures")
        self._arriving.draw_sample(folder, lambda: self.open(folder, train=True), self._cannot_open)

    def close_project(self) -> bool:
        """Back to the welcome page. False when the user would rather stay, because something is not saved."""
        if self.rooms is None:
            return True
        labelling = self.rooms.labelling
        if not labelling.is_safe() and not self._lose(labelling.saving.pending):
            return False
        rooms, self.rooms = self.rooms, None
        rooms.leave()
        QTimer.singleShot(0, let_go)  # once it is no longer in use
        self.searching.take(None, None)
        self._set_project(None)
        return True

    def _give_up(self) -> None:
        """Back to the welcome page while a project is still on its way."""
        self._arriving.leave()
        self._set_project(None)

    def _opened(self, session: Session, *, train: bool) -> None:
        from desktop.project_context import Rooms

        with made_to_stay():
            self.rooms = rooms = Rooms(session, self, self._settings, self._theme)
        rooms.message.connect(self.say)
        rooms.folder_chosen.connect(self.open)
        rooms.label_asked.connect(self.actions_by_id["workspace_label"].trigger)
        self._remember_recent(session)
        self.searching.take(session, rooms.labelling)
        self._set_project(session.name)
        self.top.set_saved("saved")
        rooms.begin(train=train)
        self.label_page.canvas.setFocus()

    def _cannot_open(self, problem: MaskloopError) -> None:
        self._set_project(None)
        self.welcome.show_message(str(problem))

    def _lose(self, pending: int) -> bool:
        answer = QMessageBox.warning(
            self,
            "Not saved",
            f"{pending} changes could not be saved yet. Close all the same and lose them?",
            QMessageBox.StandardButton.Discard | QMessageBox.StandardButton.Cancel,
            QMessageBox.StandardButton.Cancel,
        )
        return answer == QMessageBox.StandardButton.Discard

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        self._settings.remember("geometry", bytes(self.saveGeometry().toBase64().data()).decode())
        self.viewing.remember()
        remember_options(self._settings, self.label_page.canvas.options)
        if self.rooms is None or self.rooms.labelling.is_safe():
            self.hide()  # ending the training takes a moment; nobody needs to watch
        if not self.close_project():
            event.ignore()
            return
        self._arriving.leave()
        self._opening.close()
        self._beside.close()
        event.accept()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        self.viewing.key_released(event)
        super().keyReleaseEvent(event)

    # News ----------------------------------------------------------------------------------------

    def _hear(self, changes: Changes) -> None:
        if self.rooms:
            self.rooms.hear(changes)

    def _hear_training(self, state: TrainingState) -> None:
        if self.rooms:
            self.rooms.hear_training(state)

    def say(self, sentence: str) -> None:
        """A sentence in the status line, for a while; on the welcome page, which has none, below its buttons."""
        self.status.set_note(sentence)
        self._message_over.start()
        if self.pages.currentWidget() is self.welcome:
            self.welcome.show_message(sentence)

    # Laying out and wiring -----------------------------------------------------------------------

    def _lay_out(self) -> None:
        self.setWindowIcon(app_icon())
        self.setAcceptDrops(True)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.welcome)
        self.pages.addWidget(self.workspaces)
        whole = QWidget()
        stack = QVBoxLayout(whole)
        stack.setContentsMargins(0, 0, 0, 0)
        stack.setSpacing(0)
        stack.addWidget(self.top)
        stack.addWidget(self.pages, 1)
        stack.addWidget(self.status)
        self.setCentralWidget(whole)
        self.setMinimumSize(960, 640)

    def _connect(self) -> None:
        self.keymap.changed.connect(self.top.show_keys)
        self.viewing.patterns_changed.connect(self.workspaces.set_patterns)
        self.keymap.changed.connect(self.label_page.classes.rows.classes_model.touch)
        self.bridge.changed.connect(self._hear)
        self.bridge.training.connect(self._hear_training)
        self.bridge.noticed.connect(self.say)
        self.bridge.failed.connect(lambda problem: self.say(str(problem)))
        self.workspaces.currentChanged.connect(lambda place: self.status.set_place(picture=place == 0))
        self._message_over.timeout.connect(lambda: self.status.set_note(""))
        self.top.recent_chosen.connect(lambda path: self.open(Path(path)))
        self.label_page.learning.start_by_itself_changed.connect(
            lambda on: self._beside.follow("train_automatically", on)
        )
        self.welcome.open_asked.connect(self._ask_folder)
        self.welcome.sample_asked.connect(lambda: self.open_sample(self.sample_folder))
        self.welcome.folder_chosen.connect(self.open)
        self.workspaces.export_asked.connect(lambda: self._act("export"))
        self.workspaces.import_asked.connect(lambda: self._act("import_masks"))
        self.workspaces.show_folder_asked.connect(self._show_home)
        self.workspaces.action_asked.connect(lambda key: self.actions_by_id[key].trigger())
        for key, action in self.actions_by_id.items():
            action.triggered.connect(lambda _checked=False, key=key: self._act(key))

    def _act(self, key: str) -> None:
        """Do what an action says; those of a project do nothing without one."""
        act = self._handlers().get(key)
        if act is not None:
            act()

    def _handlers(self) -> dict[str, Callable[[], object]]:
        always: dict[str, Callable[[], object]] = {
            "open_folder": self._ask_folder,
            **self._beside.handlers(),
            "quit": self.close,
            "theme_light": lambda: self._choose_theme("light"),
            "theme_dark": lambda: self._choose_theme("dark"),
            "theme_system": lambda: self._choose_theme("system"),
            "full_screen": self._toggle_full_screen,
        }
        if self.rooms is None:
            is_opening = self.pages.currentWidget() is self.workspaces
            return {**always, "close_project": self._give_up} if is_opening else always
        return {
            **always,
            **self.viewing.handlers(),
            **self.rooms.handlers(),
            "close_project": self.close_project,
            **{name: self._to_workspace(place) for place, name in enumerate(WORKSPACES)},
        }

    def _is_able(self, key: str) -> bool:
        """Whether an action does anything now; not all that a project needs have a handler: some are heard of."""
        return self.rooms is not None or key in self._handlers()

    def _offer_actions(self) -> None:
        """Switch actions on that can do something now; undo and redo know for themselves, once there is a picture."""
        for key, action in self.actions_by_id.items():
            if key not in TURNS:
                action.setEnabled(self._is_able(key))
        self.label_page.options.set_undo()

    def _to_workspace(self, place: int) -> Callable[[], object]:
        return lambda: self.workspaces.setCurrentIndex(place)

    def _choose_theme(self, choice: str) -> None:
        self._settings.set("theme", choice)
        self._beside.follow("theme", choice)
        self._theme.choose(choice)
        self.actions_by_id[f"theme_{choice}"].setChecked(True)

    def _setting_changed(self, name: str, value: object) -> None:
        if name == "theme":
            self._choose_theme(str(value))
        elif self.rooms:
            self.rooms.learning.settings_changed()

    def _toggle_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)
        self.actions_by_id["full_screen"].setChecked(self.isFullScreen())

    def _ask_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Open a folder of pictures", str(Path.home()))
        if chosen:
            self.open(Path(chosen))

    def _show_home(self) -> None:
        if self.rooms:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.rooms.session.home)))

    def _settle_page(self, words: str) -> None:
        """While a project opens: the workspace stands already, its canvas says what is going on."""
        self.pages.setCurrentWidget(self.workspaces)
        self.workspaces.setCurrentWidget(self.label_page)
        self.status.show()  # now, so that the canvas keeps its size when the project is there
        self.label_page.classes.wait()
        self.label_page.filmstrip.set_empty_text(f"{words} …")
        self.label_page.canvas.clear()
        self.label_page.canvas.show_loading(words)
        self._offer_actions()

    def _set_project(self, name: str | None) -> None:
        self.setWindowTitle(f"{name} – Maskloop" if name else "Maskloop")
        self.top.set_project(name)
        self.pages.setCurrentWidget(self.workspaces if name else self.welcome)
        self.status.setVisible(name is not None)
        self._offer_actions()
        self.actions_by_id["workspace_label"].setChecked(True)
        self.workspaces.setCurrentWidget(self.label_page)
        self._show_recent()

    def _remember_recent(self, session: Session) -> None:
        entry = [session.name, str(session.folder)]
        older = [e for e in self._settings.remembered("recent", []) if e != entry]
        self._settings.remember("recent", [entry, *older][:RECENT])

    def _show_recent(self) -> None:
        entries = [tuple(e) for e in self._settings.remembered("recent", []) if len(e) == 2]
        self.welcome.set_recent(entries)
        self.top.set_recent([folder for _name, folder in entries])

    def _restore(self) -> None:
        stored = self._settings.remembered("geometry")
        if not isinstance(stored, str) or not self.restoreGeometry(QByteArray.fromBase64(stored.encode())):
            room = QApplication.primaryScreen().availableGeometry()
            self.resize(min(1440, room.width()), min(900, room.height()))
        self._choose_theme(str(self._settings.get("theme")))
        self.viewing.restore()
        restore_options(self._settings, self.label_page.canvas.options)

    # Dropping folders and pictures ------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        if dropped_paths(event.mimeData()):  # what lies in the web only is no file yet
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        folder = dropped_folder(event)
        if folder is None:
            return
        event.acceptProposedAction()
        if self.rooms is not None:
            self.rooms.taking_in.drop(dropped_paths(event.mimeData()))
        else:
            self.open(folder)
