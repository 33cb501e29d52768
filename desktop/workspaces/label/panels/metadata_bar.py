"""The bar below the canvas: name, status, split, tags and note of the picture."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QSize, Qt, Signal, SignalInstance
from PySide6.QtGui import QHideEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QPushButton, QSizePolicy, QWidget

from core.project.records import PictureRecord, Split, Status
from desktop.actions.catalog import tooltip
from desktop.theme.icons import set_themed_icon
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import ElidedLabel, column, combo_box, row, set_background
from desktop.widgets.plain_text import plain_tooltip
from desktop.workspaces.label.panels.tag_row import TagRow

NAME_WIDTH = 18 * GRID
STATUSES = (
    ("", "In progress"),  # or “New” or “Predicted”: the user has not marked it
    (Status.DONE.value, "Done"),
    (Status.TO_REVIEW.value, "To review"),
    (Status.SKIPPED.value, "Skipped"),
)
SPLITS = (
    ("", "No split"),
    (Split.TRAIN.value, "Train"),
    (Split.VAL.value, "Validation"),
    (Split.TEST.value, "Test"),
)
SPLIT_TOOLTIP = (
    "The network is trained on train, evaluated on validation during training, and on test only at the end."
)
_SHORTEST_NOTE = 9 * GRID
"""Logical pixels; a shorter note is not shown in the bar, only in the tooltip."""


class NotePopup(QFrame):
    """A popup with a text field; `edited` carries the text when it closes, whatever closes it."""

    edited = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("role", "sheet")
        self.text = QPlainTextEdit()
        self.text.setPlaceholderText("Note about this picture")
        self.text.setAccessibleName("Note about this picture")
        self.text.setTabChangesFocus(True)
        self.text.installEventFilter(self)
        self.setLayout(column(self.text, margins=(GRID, GRID, GRID, GRID)))
        self.resize(320, 128)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Esc and Ctrl+Enter close and keep the text; undo brings an older note back."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            with_ctrl = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            if event.key() == Qt.Key.Key_Escape or (enter and with_ctrl):
                self.close()
                return True
        return super().eventFilter(watched, event)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        super().hideEvent(event)
        self.edited.emit(self.text.toPlainText().strip())


class NoteButton(QPushButton):
    """Shows the note in one line, elided."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setProperty("role", "note")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setIconSize(QSize(16, 16))
        set_themed_icon(self, "note", theme, 16)
        self.note = ""

    def set_note(self, note: str) -> None:
        self.note = note
        self.setAccessibleName(f"Note: {note}" if note else "Add a note")
        self.setToolTip(plain_tooltip(note) or tooltip("edit_note"))
        self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        text = " ".join(self.note.split()) or "Add a note"
        width = max(0, self.width() - 6 * GRID)
        elided = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, width)
        if elided != text and width < _SHORTEST_NOTE:
            elided = ""  # the icon says as much as three letters
        self.setText(elided.replace("&", "&&"))


class MetadataBar(QWidget):
    """Shows the record that `set_picture` is given; every signal carries the id of the picture it is about."""

    status_chosen = Signal(int, str)
    """Picture id and status; an empty status removes the mark."""
    split_chosen = Signal(int, str)
    tags_added = Signal(int, list)
    tag_removed = Signal(int, str)
    note_changed = Signal(int, str)
    tags_requested = Signal()
    editing_finished = Signal()
    """A tag or a note is entered or cancelled: the keys belong to the picture again."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_background(self, "panel")
        self.setFixedHeight(5 * GRID)
        self._picture: int | None = None
        self._noted_picture: int | None = None
        self.name = ElidedLabel("", mode=Qt.TextElideMode.ElideMiddle)
        self.name.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self.name.setFixedWidth(NAME_WIDTH)
        self.status = combo_box(STATUSES, "Status of this picture", "quiet")
        self.status.setToolTip("How far the labelling of this picture is.")
        self.split = combo_box(SPLITS, "Split of this picture", "quiet")
        self.split.setToolTip(SPLIT_TOOLTIP)
        self.tag_row = TagRow(theme)
        self.note_button = NoteButton(theme)
        self.note_popup = NotePopup(self)
        self.status.activated.connect(lambda _n: self._emit(self.status_chosen, self.status.currentData()))
        self.split.activated.connect(lambda _n: self._emit(self.split_chosen, self.split.currentData()))
        self.tag_row.added.connect(lambda tags: self._emit(self.tags_added, tags))
        self.tag_row.removed.connect(lambda tag: self._emit(self.tag_removed, tag))
        self.tag_row.tags_requested.connect(self.tags_requested)
        self.tag_row.finished.connect(self.editing_finished)
        self.note_button.clicked.connect(self.open_note)
        self.note_popup.edited.connect(self._note_edited)
        layout = row(
            GRID,
            self.name,
            self.status,
            self.split,
            self.tag_row,
            self.note_button,
            margins=(GRID, 0, GRID, 0),
        )
        layout.setStretch(4, 2)
        layout.setStretch(5, 1)
        self.setLayout(layout)
        self.set_picture(None)

    def set_picture(self, record: PictureRecord | None) -> None:
        """Show the metadata of a picture; None while no picture is shown."""
        if record is None or record.id != self._picture:
            self.commit_edits()
        self._picture = record.id if record is not None else None
        for part in (self.status, self.split, self.tag_row, self.note_button):
            part.setVisible(record is not None)
        self.name.setText(record.name if record is not None else "")
        self.name.setToolTip(plain_tooltip(record.path) if record is not None else "")
        if record is None:
            return
        is_started = record.is_labelled or record.status == Status.IN_PROGRESS
        unmarked = "In progress" if is_started else "Predicted" if record.is_predicted else "New"
        self.status.setItemText(0, unmarked)
        self.status.setCurrentIndex(max(0, self.status.findData(record.status.value)))
        self.split.setCurrentIndex(self.split.findData(record.split.value if record.split else ""))
        self.tag_row.set_tags(record.tags)
        self.note_button.set_note(record.note)

    def set_known_tags(self, tags: list[str]) -> None:
        """Set the tags that the field completes."""
        self.tag_row.field.completions.setStringList(tags)

    def focus_tag_field(self) -> None:
        if self._picture is not None:
            self.tag_row.field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def open_note(self) -> None:
        """Open the popup above the note button."""
        if self._picture is None:
            return
        self._noted_picture = self._picture
        self.note_popup.text.setPlainText(self.note_button.note)
        corner = self.note_button.mapToGlobal(QPoint(self.note_button.width(), -GRID))
        self.note_popup.move(corner.x() - self.note_popup.width(), corner.y() - self.note_popup.height())
        self.note_popup.show()
        self.note_popup.text.moveCursor(self.note_popup.text.textCursor().MoveOperation.End)
        self.note_popup.text.setFocus()

    def commit_edits(self) -> None:
        """Emit a tag or a note that is still being typed, for the picture that it is about."""
        self.tag_row.commit()
        if self.note_popup.isVisible():
            self.note_popup.close()

    def _note_edited(self, text: str) -> None:
        self.editing_finished.emit()
        picture_id, self._noted_picture = self._noted_picture, None
        if picture_id is not None and text != self.note_button.note:
            self.note_button.set_note(text)
            self.note_changed.emit(picture_id, text)

    def _emit(self, signal: SignalInstance, value: object) -> None:
        if self._picture is not None:
            signal.emit(self._picture, value)
