"""An open project in the window: its session and the controllers that connect it to the widgets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget

from core.base.settings import Settings
from core.session.session import Session
from core.session.training.training_state import TrainingState
from desktop.controller import Actions, ControllerGroup
from desktop.dispatcher import MainThreadDispatcher
from desktop.shell.place_opener import PlaceOpener
from desktop.shell.read_only_bar import ReadOnlyBar
from desktop.shell.read_only_mode import ReadOnlyMode
from desktop.shell.top_bar import TopBar
from desktop.shell.workspace_stack import WorkspaceStack
from desktop.theme.theme import Theme
from desktop.transfer.drop_controller import DropController
from desktop.transfer.export_controller import ExportController
from desktop.transfer.import_controller import ImportController
from desktop.widgets.status_bar import StatusBar
from desktop.workspaces.data.controller import DataController
from desktop.workspaces.label.controller import LabelController
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.training_panel_controller import TrainingPanelController
from desktop.workspaces.label.view.image_adjustments import ImageAdjustments
from desktop.workspaces.learn.controller import LearnController
from desktop.workspaces.review.controller import ReviewController
from desktop.workspaces.train.controller import TrainController
from desktop.workspaces.train.presentation_pause import PresentationPause


@dataclass(frozen=True, slots=True)
class WindowParts:
    """What the controllers of a project use of the window; all of it outlives the project."""

    window: QWidget
    dispatcher: MainThreadDispatcher
    actions: Mapping[str, QAction]
    top_bar: TopBar
    status_bar: StatusBar
    label_page: LabelPage
    workspaces: WorkspaceStack
    image_adjustments: ImageAdjustments
    read_only_bar: ReadOnlyBar


class ProjectContext(ControllerGroup):
    """Made when a project has been opened, closed with it. Lives on the GUI thread.

    folder_chosen: another folder is to be opened instead; label_workspace_requested: show the Label workspace.
    """

    folder_chosen = Signal(object)
    label_workspace_requested = Signal()

    def __init__(self, session: Session, parts: WindowParts, settings: Settings, theme: Theme) -> None:
        super().__init__(parts.window)
        self.session, self._parts = session, parts
        dispatcher, window, actions = parts.dispatcher, parts.window, parts.actions
        pages, label_page, status_bar = parts.workspaces, parts.label_page, parts.status_bar
        self.export_controller = ExportController(session, dispatcher, theme, window)
        self.import_controller = ImportController(session, dispatcher, theme, window)
        self.drop_controller = DropController(session, dispatcher, window)
        self.label_controller = LabelController(
            session, dispatcher, label_page, status_bar, actions, settings
        )
        self.training_panel_controller = TrainingPanelController(session, label_page, settings)
        self.train_controller = TrainController(
            session, dispatcher, pages.train, status_bar, actions, settings, theme
        )
        self.presentation_pause = PresentationPause(session, settings)
        self.data_controller = DataController(session, dispatcher, pages.data, theme, window)
        self.review_controller = ReviewController(session, dispatcher, pages.review, theme)
        self._place_opener = PlaceOpener(dispatcher, label_page.canvas, self.label_controller.picture)
        self.learn_controller = LearnController(session, dispatcher, pages.learn, label_page.canvas, settings)
        self.read_only_mode = ReadOnlyMode(
            session.read_only_reason, parts.read_only_bar, actions, self.label_controller, label_page, pages
        )
        self.set_members(
            (
                self.export_controller,
                self.import_controller,
                self.drop_controller,
                self.label_controller,
                self.training_panel_controller,
                self.train_controller,
                self.presentation_pause,
                self.data_controller,
                self.review_controller,
                self._place_opener,
                self.learn_controller,
                self.read_only_mode,  # after all that enable what it disables
            )
        )
        self._connect_members()

    def _connect_members(self) -> None:
        label = self.label_controller
        label.save_state_changed.connect(self._parts.top_bar.set_saved)
        self.import_controller.labels_imported.connect(label.reload)
        self.drop_controller.picture_added.connect(label.show_picture)
        self.drop_controller.folder_chosen.connect(self.folder_chosen)
        self.drop_controller.import_requested.connect(self.import_controller.show)
        self.training_panel_controller.settings_changed.connect(self.settings_changed)
        self.train_controller.curves_loaded.connect(self.training_panel_controller.show_curves)
        self.train_controller.counts_loaded.connect(self.training_panel_controller.show_counts)
        self.train_controller.counts_loaded.connect(self.data_controller.show_counts)
        self.train_controller.picture_requested.connect(self._open_picture)
        self.data_controller.filter_requested.connect(self._filter_pictures)
        self.data_controller.picture_requested.connect(self._open_picture)
        self.data_controller.project_file_controller.repaired.connect(label.reload)
        self.data_controller.project_file_controller.open_requested.connect(self.folder_chosen)
        self.review_controller.picture_requested.connect(self._open_picture)
        self.review_controller.place_requested.connect(self._place_opener.open)
        self._place_opener.picture_requested.connect(self._open_picture)
        self.review_controller.about_to_change.connect(label.finish_stroke)
        self.review_controller.labels_changed.connect(label.reload_pictures)

    def start(self, *, train: bool = False) -> None:
        """Fill the pages; `train`: start training at once."""
        super().start()
        self._parts.image_adjustments.start(self.session, self._parts.dispatcher)
        if train:
            self.session.training.start()

    def close(self) -> None:
        """End whatever is under way: a stroke in progress becomes an edit, and the session is closed last."""
        self._parts.image_adjustments.close()
        super().close()
        self.session.close()
        for controller in (*self.members, self):
            controller.deleteLater()

    def on_training(self, state: TrainingState) -> None:
        """The training has changed its state."""
        self.train_controller.show_state(state)
        self.training_panel_controller.show_state(state)
        self.presentation_pause.show_state(state)

    def settings_changed(self) -> None:
        """A setting that concerns the project was changed."""
        self.label_controller.settings_changed()
        self.training_panel_controller.show_settings()
        self.train_controller.settings_changed()

    def actions(self) -> Actions:
        """What each action that needs a project does."""
        return {
            **super().actions(),
            **self._parts.image_adjustments.actions(),
            "save": self._save,
        }

    def _save(self) -> None:
        self.label_controller.finish_stroke()
        if self.label_controller.edit_queue.pending == 0:
            self.message.emit("Everything is saved; Maskloop saves every stroke as you make it.")

    def _filter_pictures(self, key: str, title: str, ids: frozenset[int]) -> None:
        """Show these pictures alone in the Label workspace."""
        self.label_controller.filter_pictures(key, title, ids)
        self.label_workspace_requested.emit()

    def _open_picture(self, picture_id: int) -> None:
        self.label_controller.show_picture(picture_id)
        self.label_workspace_requested.emit()
