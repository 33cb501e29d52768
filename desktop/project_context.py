"""All that lives as long as one project is open: its session, and the rooms that bring the window to life for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from core.base.changes import Changes
from core.base.settings import Settings
from core.session.session import Session
from core.session.training.service import TrainingState
from desktop.theme.theme import Theme
from desktop.transfer.drop_controller import DropController
from desktop.transfer.export_controller import ExportController
from desktop.workspaces.data.controller import DataController
from desktop.workspaces.label.controller import LabelController
from desktop.workspaces.learn.controller import LearnController
from desktop.workspaces.review.controller import ReviewController
from desktop.workspaces.train.controller import TrainController

if TYPE_CHECKING:
    from desktop.main_window import MainWindow


class ProjectContext(QObject):
    """Made when a project has been opened, left when it closes. Lives on the GUI thread.

    `message`: a sentence for people; `folder_chosen`: another folder shall be opened instead; `label_asked`: the
    Label workspace shall be in sight.
    """

    message = Signal(str)
    folder_chosen = Signal(object)
    label_workspace_requested = Signal()

    def __init__(self, session: Session, window: MainWindow, settings: Settings, theme: Theme) -> None:
        super().__init__(window)
        self.session, self._toning, self._bridge = session, window.image_adjustments, window.dispatcher
        bridge, page, pages = window.dispatcher, window.label_page, window.workspaces
        actions, status = window.actions_by_id, window.status_bar
        keep_view = lambda: bool(settings.get("keep_view"))  # noqa: E731
        self.label_controller = LabelController(session, bridge, page, status, actions, keep_view)
        self.train_controller = TrainController(
            session, bridge, page, pages.train, pages.data, status, actions, settings, theme
        )
        self.export_controller = ExportController(session, bridge, theme, window)
        self.data_controller = DataController(session, bridge, pages.data, theme, window)
        self.review_controller = ReviewController(session, bridge, pages.review, theme)
        self.drop_controller = DropController(session, bridge, window)
        self.learn_controller = LearnController(session, bridge, pages.learn, page.canvas, settings)
        for room in (
            self.label_controller,
            self.export_controller,
            self.data_controller,
            self.review_controller,
            self.drop_controller,
        ):
            room.message.connect(self.message)
        self.label_controller.save_state_changed.connect(window.top_bar.set_saved)
        self.export_controller.labels_imported.connect(self.label_controller.reload)
        self.data_controller.filter_requested.connect(self._show_pictures)
        self.data_controller.picture_requested.connect(self._show_picture)
        self.review_controller.picture_requested.connect(self._show_picture)
        self.review_controller.about_to_change.connect(self.label_controller.finish_stroke)
        self.review_controller.labels_changed.connect(self.label_controller.reload)
        self.drop_controller.picture_added.connect(self.label_controller.show_picture)
        self.drop_controller.folder_chosen.connect(self.folder_chosen)

    def start(self, *, train: bool) -> None:
        """Fill the pages; `train`: begin to learn at once."""
        self.label_controller.start()
        self.train_controller.start()
        self._toning.start(self.session, self._bridge)
        if train:
            self.session.training.start()

    def close(self) -> None:
        """Whatever is under the pen becomes an edit, and everything ends in order."""
        self.export_controller.close()
        self.drop_controller.close()
        self._toning.close()
        self.label_controller.close()
        self.train_controller.close()
        self.data_controller.close()
        self.review_controller.close()
        self.learn_controller.close()
        self.session.close()
        for room in (
            self.label_controller,
            self.train_controller,
            self.export_controller,
            self.drop_controller,
            self.data_controller,
            self.review_controller,
            self.learn_controller,
            self,
        ):
            room.deleteLater()

    def on_changes(self, changes: Changes) -> None:
        """Something changed."""
        self.label_controller.on_changes(changes)
        self.train_controller.on_changes(changes)
        self.data_controller.on_changes(changes)
        self.review_controller.on_changes(changes)
        self.learn_controller.on_changes(changes)

    def on_training(self, state: TrainingState) -> None:
        self.train_controller.show_state(state)

    def actions(self) -> dict[str, Callable[[], object]]:
        """What each action that needs a project does."""
        retraining = self.session.training
        return {
            **self._toning.actions(),
            **self.drop_controller.actions(),
            **self.label_controller.actions(),
            "export": self.export_controller.show,
            "import_masks": self.export_controller.import_controller.show,
            "export_model": self.train_controller.run_setup.show_export,
            "choose_network": self.train_controller.run_setup.show_form,
            "split_pictures": self.data_controller.split_controller.show,
            "save": self._save,
            "train_now": retraining.start,
            "pause_training": self.train_controller.toggle_pause,
            "stop_training": retraining.stop,
        }

    def _save(self) -> None:
        self.label_controller.finish_stroke()
        if self.label_controller.edit_queue.pending == 0:
            self.message.emit("Everything is saved; Maskloop saves every stroke as you make it.")

    def _show_pictures(self, key: str, title: str, found: frozenset[int]) -> None:
        """Pictures that a number of the Data workspace is about."""
        self.label_controller.filter_pictures(key, title, found)
        self.label_workspace_requested.emit()

    def _show_picture(self, picture_id: int) -> None:
        self.label_controller.show_picture(picture_id)
        self.label_workspace_requested.emit()
