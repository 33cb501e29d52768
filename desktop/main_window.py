"""The main window: welcome page or workspaces; runs actions and passes events on to the open project."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
from PySide6.QtCore import QByteArray, QEvent, Qt, QTimer, QUrl
from PySide6.QtGui import QCloseEvent, QDesktopServices, QDragEnterEvent, QDropEvent, QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.base.changes import Changes
from core.base.errors import MaskloopError
from core.base.gc_freeze import collect_closed, prepare_collection
from core.base.lane import Lane
from core.base.settings import Settings
from core.project.project_files import HOME_FOLDER
from core.session.access import Access
from core.session.loading.first_picture import FirstPicture
from desktop.actions.catalog import build_actions
from desktop.actions.keymap import KeyMap
from desktop.actions.layout_fallback import LayoutFallback
from desktop.canvas.input.wheel import Scrolling
from desktop.command_palette.search import PaletteSearch
from desktop.controller import Actions
from desktop.dispatcher import MainThreadDispatcher
from desktop.project_loader import ProjectLoader
from desktop.shell.auxiliary_windows import AuxiliaryWindows
from desktop.shell.opening_recovery import OpeningRecovery
from desktop.shell.read_only_bar import ReadOnlyBar
from desktop.shell.top_bar import WORKSPACE_ACTIONS, TopBar
from desktop.shell.welcome_page import WelcomePage
from desktop.shell.workspace_stack import WorkspaceStack
from desktop.theme.icons import app_icon
from desktop.theme.theme import Theme
from desktop.transfer.dropped_files import dropped_folder, dropped_paths
from desktop.widgets.status_bar import StatusBar
from desktop.workspaces.label.canvas_action_guard import UNGUARDED
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.tool_state import load_options, save_options
from desktop.workspaces.label.view.image_adjustments import ImageAdjustments
from desktop.workspaces.label.view.layer_controller import LayerController

if TYPE_CHECKING:
    from core.session.session import Session
    from core.session.training.training_state import TrainingState
    from desktop.project_context import ProjectContext

MAX_RECENT = 8
"""Recent projects that are stored."""
MESSAGE_MS = 6000


class MainWindow(QMainWindow):
    """Owns the widgets, and at most one open project (`context`)."""

    def __init__(
        self, theme: Theme, settings: Settings, on_unexpected_error: Callable[[BaseException], None]
    ) -> None:
        """on_unexpected_error: gets exceptions that are a fault of the program; called on any thread."""
        super().__init__()
        self._theme, self._settings = theme, settings
        self.sample_folder = platformdirs.user_data_path("maskloop", appauthor=False) / "sample"
        self.dispatcher = MainThreadDispatcher(self)
        self._loading_lane = Lane("opening", on_unexpected_error=on_unexpected_error)
        self.context: ProjectContext | None = None
        """The open project; None on the welcome page and while a project is being opened."""

        self.actions_by_id = build_actions(self, theme)
        self.keymap = KeyMap(self.actions_by_id, settings, self)
        self.layout_fallback = LayoutFallback(self, self.actions_by_id, self.keymap)
        self.palette_search = PaletteSearch(
            self.actions_by_id, self._is_available, self.dispatcher, self._loading_lane
        )
        self._auxiliary_windows = AuxiliaryWindows(
            self, theme, settings, self.keymap, self._setting_changed, self.palette_search
        )
        self.top_bar = TopBar(self.actions_by_id, theme)
        self.welcome_page = WelcomePage(theme)
        self.label_page = LabelPage(self.actions_by_id, theme)
        self.workspaces = WorkspaceStack(
            theme,
            self.label_page,
            lambda record: self.context.review_controller.caption(record) if self.context else "",
        )
        self.status_bar = StatusBar(theme)
        self._project_loader = ProjectLoader(
            self.label_page.canvas, self.dispatcher, self._loading_lane, settings, on_unexpected_error
        )
        self._recovery = OpeningRecovery(
            self.welcome_page,
            self.dispatcher,
            self._loading_lane,
            lambda folder, home, access: self.open_project(folder, home, access=access),
            self,
        )
        self.read_only_bar = ReadOnlyBar(theme)
        self.layer_controller = LayerController(self.label_page, self.actions_by_id, settings)
        self.image_adjustments = ImageAdjustments(self.label_page, self.actions_by_id, theme)
        self.image_adjustments.adjusted_changed.connect(self.status_bar.adjusted.setVisible)
        self._message_timer = QTimer(self, singleShot=True, interval=MESSAGE_MS)
        self._lay_out()
        self._connect()
        self._restore()
        self._set_project(None)
        self.welcome_page.open.setFocus()

    # Opening and closing a project --------------------------------------------------------------

    def open_project(
        self,
        folder: Path,
        home: Path | None = None,
        *,
        train: bool = False,
        first_picture: Future[FirstPicture | None] | None = None,
        access: Access = Access.WRITE,
    ) -> None:
        """Close the open project and open a folder as one. `train`: start training at once.

        `home`: where the project is stored, None for its usual place; `first_picture`: is being read already.
        """
        if not self.close_project():
            return
        self._recovery.forget()
        self.welcome_page.show_message("")
        self._show_opening(f"Opening {folder.name}")
        self._project_loader.load(
            folder,
            home,
            first_picture,
            lambda session: self._opened(session, train=train),
            lambda problem: self._cannot_open(problem, folder, home),
            access,
        )

    def open_sample(self, folder: Path) -> None:
        """Open the sample project and start training; it is created on first use."""
        if not self.close_project():
            return
        self._show_opening("Creating the sample pictures")
        self._project_loader.create_sample(
            folder,
            lambda: self.open_project(folder, train=True),
            lambda problem: self._cannot_open(problem, folder),
        )

    def close_project(self) -> bool:
        """Go back to the welcome page. False: edits are not saved, and the user cancelled."""
        if self.context is None:
            return True
        label = self.context.label_controller
        if not label.can_close() and not label.rescue.confirm_discard(self):
            return False
        context, self.context = self.context, None
        prepare_collection()
        try:
            context.close()
        finally:
            QTimer.singleShot(0, collect_closed)  # when nothing refers to the project any more
        self.palette_search.set_project(None)
        self._set_project(None)
        return True

    def _cancel_opening(self) -> None:
        """Go back to the welcome page while a project is still being opened."""
        self._project_loader.cancel()
        self._set_project(None)

    def _opened(self, session: Session, *, train: bool) -> None:
        from desktop.project_context import ProjectContext, WindowParts

        parts = WindowParts(
            self,
            self.dispatcher,
            self.actions_by_id,
            self.top_bar,
            self.status_bar,
            self.label_page,
            self.workspaces,
            self.image_adjustments,
            self.read_only_bar,
        )
        self.context = context = ProjectContext(session, parts, self._settings, self._theme)
        context.message.connect(self.show_message)
        context.folder_chosen.connect(self.open_project)
        context.label_controller.rescue.project_saved.connect(self.open_project)
        context.label_workspace_requested.connect(self.actions_by_id["workspace_label"].trigger)
        self._remember_recent(session)
        label = context.label_controller
        self.palette_search.set_project(session, label.choose_class, label.show_picture)
        self._set_project(session.name)
        self.top_bar.set_saved("saved")
        context.presentation_pause.set_full_screen(self.isFullScreen())
        context.start(train=train)
        self.label_page.canvas.setFocus()

    def _cannot_open(self, problem: MaskloopError, folder: Path, home: Path | None = None) -> None:
        self._set_project(None)
        self._recovery.offer(problem, folder, home)

    def _open_for_writing(self) -> None:
        if self.context is not None:
            session = self.context.session
            self.open_project(session.folder, session.home)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        self._settings.set_state("geometry", bytes(self.saveGeometry().toBase64().data()).decode())
        self.layer_controller.save()
        save_options(self._settings, self.label_page.canvas.tools.options)
        if self.context is None or self.context.label_controller.can_close():
            self.hide()  # stopping the training takes a moment
        if not self.close_project():
            event.ignore()
            return
        self._project_loader.cancel()
        self._loading_lane.shutdown()
        self._auxiliary_windows.close()
        event.accept()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange:  # by our action, or by the window manager
            self.actions_by_id["full_screen"].setChecked(self.isFullScreen())
            if self.context:
                self.context.presentation_pause.set_full_screen(self.isFullScreen())

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        self.layer_controller.key_released(event)
        super().keyReleaseEvent(event)

    # Events --------------------------------------------------------------------------------------

    def _on_changes(self, changes: Changes) -> None:
        if self.context:
            self.context.on_changes(changes)

    def _on_training(self, state: TrainingState) -> None:
        if self.context:
            self.context.on_training(state)

    def show_message(self, sentence: str) -> None:
        """Show a sentence in the status bar for some seconds; also on the welcome page, where the bar is hidden."""
        self.status_bar.show_message(sentence)
        self._message_timer.start()
        if self.stack.currentWidget() is self.welcome_page:
            self.welcome_page.show_message(sentence)

    # Layout and connections ----------------------------------------------------------------------

    def _lay_out(self) -> None:
        self.setWindowIcon(app_icon())
        self.setAcceptDrops(True)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.welcome_page)
        self.stack.addWidget(self.workspaces)
        central = QWidget()
        layout = QVBoxLayout(central)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.top_bar)
        layout.addWidget(self.read_only_bar)
        layout.addWidget(self.stack, 1)
        layout.addWidget(self.status_bar)
        self.setCentralWidget(central)
        self.setMinimumSize(960, 560)

    def _connect(self) -> None:
        self.layout_fallback.hint.connect(self.show_message)
        self.keymap.changed.connect(self.top_bar.update_shortcuts)
        self.layer_controller.patterns_changed.connect(self.workspaces.set_patterns)
        self.keymap.changed.connect(self.label_page.classes.list_view.class_model.notify_changed)
        self.dispatcher.changed.connect(self._on_changes)
        self.dispatcher.training_changed.connect(self._on_training)
        self.dispatcher.noticed.connect(self.show_message)
        self.dispatcher.failed.connect(lambda problem: self.show_message(str(problem)))
        self.workspaces.currentChanged.connect(
            lambda place: self.status_bar.set_picture_visible(visible=place == 0)
        )
        self._message_timer.timeout.connect(lambda: self.status_bar.show_message(""))
        self.top_bar.recent_chosen.connect(lambda path: self.open_project(Path(path)))
        self.read_only_bar.write_requested.connect(self._open_for_writing)
        self.welcome_page.open_requested.connect(self._ask_folder)
        self.welcome_page.sample_requested.connect(lambda: self.open_sample(self.sample_folder))
        self.welcome_page.folder_chosen.connect(self.open_project)
        self.welcome_page.recent_removed.connect(self._forget_recent)
        self.workspaces.export_requested.connect(lambda: self._run_action("export"))
        self.workspaces.import_requested.connect(lambda: self._run_action("import_masks"))
        self.workspaces.show_folder_requested.connect(self._show_project_folder)
        self.workspaces.action_requested.connect(lambda key: self.actions_by_id[key].trigger())
        for key, action in self.actions_by_id.items():
            action.triggered.connect(lambda _checked=False, key=key: self._run_action(key))

    def _run_action(self, key: str) -> None:
        """Run an action; those of a project do nothing without one."""
        act = self._actions().get(key)
        if act is not None and self._is_available(key):
            act()

    def _actions(self) -> Actions:
        always: Actions = {
            "open_folder": self._ask_folder,
            **self._auxiliary_windows.actions(),
            "past_messages": self.status_bar.show_log,
            "quit": self.close,
            "theme_light": lambda: self._choose_theme("light"),
            "theme_dark": lambda: self._choose_theme("dark"),
            "theme_system": lambda: self._choose_theme("system"),
            "full_screen": self._toggle_full_screen,
        }
        if self.context is None:
            is_opening = self.stack.currentWidget() is self.workspaces
            return {**always, "close_project": self._cancel_opening} if is_opening else always
        return {
            **always,
            **self.layer_controller.actions(),
            **self.context.actions(),
            "close_project": self.close_project,
            **{name: self._workspace_switch(place) for place, name in enumerate(WORKSPACE_ACTIONS)},
        }

    def _is_available(self, key: str) -> bool:
        """Whether an action does anything now. With a project all do: some act by their `toggled` signal alone."""
        if self.context is None:
            return key in self._actions()
        return not self.context.read_only_mode.refuses(key)

    def _update_actions(self) -> None:
        """Enable the actions that do something now; undo and redo are enabled by the Label workspace."""
        for key, action in self.actions_by_id.items():
            if key not in UNGUARDED:
                action.setEnabled(self._is_available(key))
        self.label_page.option_bar.set_undo_names()

    def _workspace_switch(self, place: int) -> Callable[[], object]:
        return lambda: self.workspaces.setCurrentIndex(place)

    def _choose_theme(self, choice: str) -> None:
        self._settings.set("theme", choice)
        self._theme.switch(choice)
        self.actions_by_id[f"theme_{choice}"].setChecked(True)

    def _setting_changed(self, name: str, value: object) -> None:
        if name == "theme":
            self._choose_theme(str(value))
        elif name == "scrolling":
            self.label_page.canvas.set_scrolling(Scrolling(str(value)))
        elif self.context:
            self.context.settings_changed()

    def _toggle_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def _ask_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Open a folder of pictures", str(Path.home()))
        if chosen:
            self.open_project(Path(chosen))

    def _show_project_folder(self) -> None:
        if self.context:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.context.session.home)))

    def _show_opening(self, text: str) -> None:
        """While a project opens, show the Label workspace; its canvas says what is under way."""
        self.stack.setCurrentWidget(self.workspaces)
        self.workspaces.setCurrentWidget(self.label_page)
        self.status_bar.show()  # now, so that the canvas is not resized when the project is open
        self.label_page.classes.show_loading()
        self.label_page.filmstrip.set_empty_text(f"{text} …")
        self.label_page.canvas.clear()
        self.label_page.canvas.show_loading(text)
        self._update_actions()

    def _set_project(self, name: str | None) -> None:
        self.setWindowTitle(f"{name} – Maskloop" if name else "Maskloop")
        self.top_bar.set_project(name)
        self.stack.setCurrentWidget(self.workspaces if name else self.welcome_page)
        self.status_bar.setVisible(name is not None)
        self._update_actions()
        self.actions_by_id["workspace_label"].setChecked(True)
        self.workspaces.setCurrentWidget(self.label_page)
        self._show_recent()

    def _remember_recent(self, session: Session) -> None:
        is_own = session.home == session.folder / HOME_FOLDER
        entry = [session.name, str(session.folder if is_own else session.home)]
        older = [e for e in self._settings.get_state("recent", []) if e != entry]
        self._settings.set_state("recent", [entry, *older][:MAX_RECENT])

    def _forget_recent(self, folder: str) -> None:
        older = self._settings.get_state("recent", [])
        self._settings.set_state("recent", [entry for entry in older if entry[1:] != [folder]])
        self._show_recent()

    def _show_recent(self) -> None:
        entries = [tuple(e) for e in self._settings.get_state("recent", []) if len(e) == 2]
        self.welcome_page.set_recent(entries)
        self.top_bar.set_recent([folder for _name, folder in entries])

    def _restore(self) -> None:
        stored = self._settings.get_state("geometry")
        if not isinstance(stored, str) or not self.restoreGeometry(QByteArray.fromBase64(stored.encode())):
            screen = QApplication.primaryScreen().availableGeometry()
            self.resize(min(1440, screen.width()), min(900, screen.height()))
        self._choose_theme(str(self._settings.get("theme")))
        self._setting_changed("scrolling", self._settings.get("scrolling"))
        self.layer_controller.load()
        load_options(self._settings, self.label_page.canvas.tools.options)

    # Drag and drop ------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        if dropped_paths(event.mimeData()):  # URLs of the web are no local files
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        folder = dropped_folder(event)
        if folder is None:
            return
        event.acceptProposedAction()
        if self.context is not None and self.context.session.read_only_reason:
            self.show_message(self.context.session.read_only_reason)
        elif self.context is not None:
            self.context.drop_controller.drop(dropped_paths(event.mimeData()))
        else:
            self.open_project(folder)
