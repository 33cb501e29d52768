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
from desktop.transfer.drop_controller import TakingIn
from desktop.transfer.export_controller import Exchange
from desktop.workspaces.data.controller import Caring
from desktop.workspaces.label.controller import Labelling
from desktop.workspaces.learn.controller import Teaching
from desktop.workspaces.review.controller import Reviewing
from desktop.workspaces.train.controller import Learning

if TYPE_CHECKING:
    from desktop.main_window import MainWindow


class Rooms(QObject):
    """Made when a project has been opened, left when it closes. Lives on the GUI thread.

    `message`: a sentence for people; `folder_chosen`: another folder shall be opened instead; `label_asked`: the
    Label workspace shall be in sight.
    """

    message = Signal(str)
    folder_chosen = Signal(object)
    label_asked = Signal()

    def __init__(self, session: Session, window: MainWindow, settings: Settings, theme: Theme) -> None:
        super().__init__(window)
        self.session, self._toning, self._bridge = session, window.toning, window.bridge
        bridge, page, pages = window.bridge, window.label_page, window.workspaces
        actions, status = window.actions_by_id, window.status
        keep_view = lambda: bool(settings.get("keep_view"))  # noqa: E731
        self.labelling = Labelling(session, bridge, page, status, actions, keep_view)
        self.learning = Learning(
            session, bridge, page, pages.train, pages.data, status, actions, settings, theme
        )
        self.exchange = Exchange(session, bridge, theme, window)
        self.caring = Caring(session, bridge, pages.data, theme, window)
        self.reviewing = Reviewing(session, bridge, pages.review, theme)
        self.taking_in = TakingIn(session, bridge, window)
        self.teaching = Teaching(session, bridge, pages.learn, page.canvas, settings)
        for room in (self.labelling, self.exchange, self.caring, self.reviewing, self.taking_in):
            room.message.connect(self.message)
        self.labelling.saved.connect(window.top.set_saved)
        self.exchange.labels_imported.connect(self.labelling.reload)
        self.caring.pictures_asked.connect(self._show_pictures)
        self.caring.picture_asked.connect(self._show_picture)
        self.reviewing.picture_asked.connect(self._show_picture)
        self.reviewing.about_to_change.connect(self.labelling.settle)
        self.reviewing.labels_changed.connect(self.labelling.reload)
        self.taking_in.arrived.connect(self.labelling.show)
        self.taking_in.folder_chosen.connect(self.folder_chosen)

    def begin(self, *, train: bool) -> None:
        """Fill the pages; `train`: begin to learn at once."""
        self.labelling.begin()
        self.learning.begin()
        self._toning.begin(self.session, self._bridge)
        if train:
            self.session.retraining.start()

    def leave(self) -> None:
        """Whatever is under the pen becomes an edit, and everything ends in order."""
        self.exchange.close()
        self.taking_in.leave()
        self._toning.leave()
        self.labelling.leave()
        self.learning.leave()
        self.caring.leave()
        self.reviewing.leave()
        self.teaching.leave()
        self.session.close()
        for room in (
            self.labelling,
            self.learning,
            self.exchange,
            self.taking_in,
            self.caring,
            self.reviewing,
            self.teaching,
            self,
        ):
            room.deleteLater()

    def hear(self, changes: Changes) -> None:
        """Something changed."""
        self.labelling.hear(changes)
        self.learning.hear(changes)
        self.caring.hear(changes)
        self.reviewing.hear(changes)
        self.teaching.hear(changes)

    def hear_training(self, state: TrainingState) -> None:
        self.learning.show_state(state)

    def handlers(self) -> dict[str, Callable[[], object]]:
        """What each action that needs a project does."""
        retraining = self.session.retraining
        return {
            **self._toning.handlers(),
            **self.taking_in.handlers(),
            **self.labelling.handlers(),
            "export": self.exchange.show_export,
            "import_masks": self.exchange.taking.show,
            "export_model": self.learning.planning.show_export,
            "choose_network": self.learning.planning.show_form,
            "split_pictures": self.caring.splitting.show,
            "save": self._save,
            "train_now": retraining.start,
            "pause_training": self.learning.toggle_pause,
            "stop_training": retraining.stop,
        }

    def _save(self) -> None:
        self.labelling.settle()
        if self.labelling.saving.pending == 0:
            self.message.emit("Everything is saved; Maskloop saves every stroke as you make it.")

    def _show_pictures(self, key: str, title: str, found: frozenset[int]) -> None:
        """Pictures that a number of the Data workspace is about."""
        self.labelling.show_only(key, title, found)
        self.label_asked.emit()

    def _show_picture(self, picture_id: int) -> None:
        self.labelling.show(picture_id)
        self.label_asked.emit()
