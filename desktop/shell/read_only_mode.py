"""A project that is open read-only: a bar says so, and everything that would change it is disabled."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtGui import QAction

from desktop.actions.catalog import ACTIONS, action_spec
from desktop.controller import Controller
from desktop.shell.read_only_bar import ReadOnlyBar
from desktop.shell.workspace_stack import WorkspaceStack
from desktop.widgets.read_only_lock import ReadOnlyLock
from desktop.workspaces.label.controller import LabelController
from desktop.workspaces.label.page import LabelPage

EDITING_GROUPS = frozenset(("Tools", "Classes", "Regions", "Predictions", "Training"))
"""Groups of the action catalog that change the project, but for READING."""
READING = frozenset(
    (
        *("history", "pick_class", "hide_class", "solo_class", "show_all_classes", "copy_region"),
        "live_prediction",
    )
)
EDITING = frozenset(
    (
        *("import_masks", "bring_back_edits", "undo_joins", "paste", "split_pictures", "save"),
        *("mark_done", "mark_review", "mark_skipped", "add_tag", "edit_note"),
        *("pin_picture", "skip_for_now"),
    )
)
"""Actions of other groups that change the project."""


def changes_project(action_id: str, group: str) -> bool:
    """Whether an action needs a project that is open for writing."""
    return action_id in EDITING or (group in EDITING_GROUPS and action_id not in READING)


class ReadOnlyMode(Controller):
    """Does nothing for a project that is open for writing. Last of the controllers, so that no other enables again."""

    def __init__(
        self,
        reason: str,
        bar: ReadOnlyBar,
        actions: Mapping[str, QAction],
        label: LabelController,
        page: LabelPage,
        workspaces: WorkspaceStack,
    ) -> None:
        """reason: "" when the project is open for writing"""
        super().__init__()
        self._reason, self._bar, self._actions = reason, bar, actions
        self._label, self._page, self._workspaces = label, page, workspaces
        self._lock = ReadOnlyLock(reason)

    def refuses(self, action_id: str) -> bool:
        """Whether an action would change the project, which is open read-only."""
        return bool(self._reason) and changes_project(action_id, action_spec(action_id).group)

    def start(self) -> None:
        if not self._reason:
            return
        page, review, train, data = (
            self._page,
            self._workspaces.review,
            self._workspaces.train,
            self._workspaces.data,
        )
        self._label.set_view_only(self._reason)
        self._lock.lock(self._actions[spec.id] for spec in ACTIONS if changes_project(spec.id, spec.group))
        training = page.training
        page.classes.set_read_only(True)
        self._lock.lock((page.metadata_bar, page.classes.name_field, page.draft_offer))
        self._lock.lock((training.train_button, training.pause_button, training.resume_button))
        self._lock.lock((training.stop_button, training.auto_start))
        self._lock.lock((review.mark, review.accept, review.accept_done, review.undo))
        self._lock.lock((review.suspect_view.keep, review.suspect_view.fix))
        self._lock.lock((train.train_now, train.use, train.choose_network))
        for offer in (train.offer, train.size_offer):
            self._lock.lock((offer.accept, offer.decline))
        self._lock.lock((data.import_masks, data.splits.split, data.near_duplicates.find_button))
        self._bar.text.setText(
            f"{self._reason} A label that another program stores appears when its picture is opened."
        )
        self._bar.show()

    def close(self) -> None:
        super().close()
        self._lock.release()
        self._page.classes.set_read_only(False)
        self._bar.hide()
