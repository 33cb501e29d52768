"""Says above the canvas what happened to the file of the picture, and carries out what a person decides."""

from __future__ import annotations

import threading
from functools import partial

from core.base.changes import Changes, Notice
from core.base.display_text import quoted
from core.base.errors import MaskloopError
from core.base.text import count_of
from core.project.content.decisions import LabelDecision, MergeChoice
from core.project.content.joins import JoinResult
from core.project.records import PictureRecord
from core.session.content.double_preview import DoublePreview
from core.session.content.service import DecisionResult, LabelDouble
from core.session.session import Session
from desktop.controller import Actions, Controller
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.label.active_picture import ActivePicture
from desktop.workspaces.label.files.merge_dialog import PREVIEW_SIDE, MergeDialog
from desktop.workspaces.label.files.notice_bar import FileNotice
from desktop.workspaces.label.page import LabelPage

UNDO, REDO, MERGE, CANCEL = "undo", "redo", "merge", "cancel"
_KEEP = (
    (LabelDecision.KEEP, "Keep the label", "The label fits the new picture. Undo takes this back."),
    (LabelDecision.CHECK, "Keep and check", "Keep the label, and mark the picture to review."),
)
_ASIDE = (
    LabelDecision.ASIDE,
    "Set aside",
    "Begin with an empty label. The old one is kept with its history; undo brings it back.",
)
_SCALE = (
    LabelDecision.SCALE,
    "Scale the label",
    "Scale the label to the size of the new picture, and mark it to review. Undo takes this back.",
)
_DONE = {
    LabelDecision.KEEP: "The label was kept",
    LabelDecision.CHECK: "The label was kept, to be checked",
    LabelDecision.ASIDE: "The label was set aside",
    LabelDecision.SCALE: "The label was scaled",
}


class FileController(Controller):
    """Lives on the GUI thread."""

    def __init__(
        self, session: Session, dispatcher: MainThreadDispatcher, page: LabelPage, picture: ActivePicture
    ) -> None:
        super().__init__()
        self._session, self._dispatcher, self._page, self._picture = session, dispatcher, page, picture
        self._bar = page.file_notice
        self._joined: tuple[int, FileNotice] | None = None
        self._dismissed: set[int] = set()  # ids of pictures whose notice was closed
        self._progress: FileNotice | None = None  # of a decision about several pictures
        self._cancelled = threading.Event()
        self.dialog: MergeDialog | None = None
        connect = self.connections.connect
        connect(self._bar.chosen, self._choose)
        connect(self._bar.dismissed, self._dismiss)
        connect(dispatcher.joined, self._show_joined)

    def close(self) -> None:
        super().close()
        self._cancelled.set()
        self._bar.show_notice(None)
        if self.dialog is not None:
            self.dialog.close()

    def on_changes(self, changes: Changes) -> None:
        self._dismissed -= changes.files
        if changes.picture_list or self._picture.id in changes.pictures:
            self.refresh()

    def actions(self) -> Actions:
        return {"undo_joins": self._undo_latest}

    def refresh(self) -> None:
        """Show what is to be said about the active picture, else about joined pictures."""
        if not self.is_closed:
            shown = self._progress or self._notice_of_picture()
            self._bar.show_notice(shown or (self._joined[1] if self._joined else None))

    # What is said -----------------------------------------------------------------------------------

    def _notice_of_picture(self) -> FileNotice | None:
        picture_id = self._picture.id
        if picture_id is None or picture_id in self._dismissed or self._session.read_only_reason:
            return None
        record = self._session.pictures.get(picture_id)
        if not self._session.pictures.has(picture_id):
            return None
        if record.is_replaced:
            return self._replaced_notice(record)
        double = self._session.contents.double_of(picture_id)
        return None if double is None else self._double_notice(double)

    def _replaced_notice(self, record: PictureRecord) -> FileNotice:
        others = len(self._session.contents.replaced_ids()) - 1
        size, label_size = self._session.contents.file_size(record.id), (record.width, record.height)
        if size is None or size == label_size:
            text = f"{quoted(record.name)} has been replaced since it was labelled. Does its label fit the new picture?"
            return FileNotice(text, (*_KEEP, _ASIDE), others)
        text = (
            f"{quoted(record.name)} has been replaced: it is {size[0]} × {size[1]} pixels now, and its label is for "
            f"{label_size[0]} × {label_size[1]}. Put the old picture back, or decide about the label."
        )
        return FileNotice(text, (_SCALE, _ASIDE), others)

    def _double_notice(self, double: LabelDouble) -> FileNotice:
        missing, present = (self._session.pictures.get(i) for i in (double.missing_id, double.present_id))
        text = (
            f"{quoted(present.path)} has the content of {quoted(missing.path)}, which is not there any more, and both "
            "are labelled."
        )
        return FileNotice(text, ((MERGE, "Compare and merge…", "Choose which label counts."),))

    def _show_joined(self, notice: Notice) -> None:
        if notice.joins is not None and not self.is_closed:
            self._offer(notice.joins, notice.message, UNDO, "Undo")

    def _offer(self, batch: int, text: str, key: str, title: str) -> None:
        self._joined = batch, FileNotice(text, ((key, title, ""),), is_question=False)
        self.refresh()

    def _dismiss(self) -> None:
        if self._progress is None and self._notice_of_picture() is not None and self._picture.id is not None:
            self._dismissed.add(self._picture.id)
        elif self._progress is None:
            self._joined = None
        self.refresh()

    # What is done -----------------------------------------------------------------------------------

    def _choose(self, key: str, for_all: bool) -> None:
        picture_id = self._picture.id
        if key in (UNDO, REDO) and self._joined is not None:
            contents, batch = self._session.contents, self._joined[0]
            future = contents.undo_joins(batch) if key == UNDO else contents.redo_joins(batch)
            self._dispatcher.when_done(future, partial(self._reverted, key))
        elif key == MERGE:
            self._open_merge()
        elif key == CANCEL:
            self._cancelled.set()
        elif picture_id is not None:
            self._page.canvas.finish_edit()
            ids = self._session.contents.replaced_ids() if for_all else [picture_id]
            self._decide(ids, LabelDecision(key))

    def _decide(self, ids: list[int], decision: LabelDecision) -> None:
        self._cancelled = cancelled = threading.Event()
        if len(ids) > 1:
            self._show_progress(0, len(ids))
        future = self._session.contents.decide(
            ids,
            decision,
            lambda done, of: self._dispatcher.post(partial(self._show_progress, done, of)),
            cancelled.is_set,
        )
        self._dispatcher.when_done(
            future, partial(self._decided, decision), self._not_decided, self._end_progress
        )

    def _show_progress(self, done: int, of: int) -> None:
        """Once it has ended, a report that comes late shows nothing."""
        if of > 1 and (done == 0 or self._progress is not None):
            text = f"Deciding about the labels of replaced pictures: {done:,} of {of:,}."
            stop = (CANCEL, "Cancel", "The other pictures go on waiting for a decision.")
            self._progress = FileNotice(text, (stop,), is_question=False)
            self.refresh()

    def _end_progress(self) -> None:
        self._progress = None
        self.refresh()

    def _not_decided(self, problem: MaskloopError) -> None:
        self._end_progress()
        self._refused(problem)

    def _decided(self, decision: LabelDecision, result: DecisionResult) -> None:
        self._progress = None
        if self.is_closed:
            return
        done = f"{_DONE[decision]} ({count_of(len(result.done), 'picture')})." if result.done else ""
        more = f" {len(result.problems) - 1:,} more are alike." if len(result.problems) > 1 else ""
        problem = f"{result.problems[0]}{more}" if result.problems else ""
        left = "Cancelled; the others go on waiting." if self._cancelled.is_set() else ""
        self.message.emit(" ".join(filter(None, (done, problem, left))))
        self.refresh()

    def _undo_latest(self) -> None:
        def undone(result: JoinResult | None) -> None:
            if result is None:
                self.message.emit("No pictures have been joined with renamed files.")
            else:
                self._reverted(UNDO, result)

        self._dispatcher.when_done(self._session.contents.undo_latest_joins(), undone)

    def _reverted(self, key: str, result: JoinResult) -> None:
        if self.is_closed:
            return
        pictures = count_of(len(result.joins), "picture")
        done = (
            f"{pictures} and the new files are apart again." if key == UNDO else f"{pictures} joined again."
        )
        sentence = " ".join(filter(None, (done if result.joins else "", *result.problems[:1])))
        self.message.emit(sentence)
        if result.joins:
            other = (REDO, "Join again") if key == UNDO else (UNDO, "Undo")
            self._offer(result.batch, sentence, *other)

    def _open_merge(self) -> None:
        double = self._session.contents.double_of(self._picture.id)
        if double is not None:
            self._dispatcher.when_done(
                self._session.contents.preview_double(double, PREVIEW_SIDE), partial(self._show_merge, double)
            )

    def _show_merge(self, double: LabelDouble, preview: DoublePreview) -> None:
        is_shown = self._session.contents.double_of(self._picture.id) == double
        if self.is_closed or self.dialog is not None or not is_shown:
            return
        self.dialog = MergeDialog(preview, self._session.editing.classes, self._page.window())
        self.dialog.merge_requested.connect(partial(self._merge, double))
        self.dialog.finished.connect(self._forget_dialog)
        self.dialog.open()

    def _forget_dialog(self) -> None:
        self.dialog = None  # it deletes itself

    def _merge(self, double: LabelDouble, choice: MergeChoice) -> None:
        self._page.canvas.finish_edit()
        merged = self._session.contents.merge(double, choice)
        self._dispatcher.when_done(merged, lambda _none: self._merged(double), self._refused)

    def _merged(self, double: LabelDouble) -> None:
        if not self.is_closed:
            name = self._session.pictures.get(double.missing_id).path
            self.message.emit(f"The labels of {quoted(name)} are one now. Undo takes this back.")
            self.refresh()

    def _refused(self, problem: MaskloopError) -> None:
        self.message.emit(str(problem))
