"""The line below the picture: its name, and what a person says of it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QPushButton, QSizePolicy, QWidget

from core.project.records import PictureRecord, Split, Status
from desktop.actions.catalog import tooltip
from desktop.theme.icons import keep_icon
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import Elided, choice, column, ground, row
from desktop.workspaces.label.panels.tag_row import TagRow

NAME_WIDTH = 18 * GRID
STATUSES = (
    ("", "In progress"),  # or “New” or “Predicted”: no mark of a person
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
SPLIT_HELP = (
    "Train pictures teach the model, validation pictures measure it, test pictures are kept for the end."
)


class NoteSheet(QFrame):
    """A sheet to write on; `written` carries the text when it closes, whatever closes it."""

    written = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("role", "sheet")
        self.text = QPlainTextEdit()
        self.text.setPlaceholderText("What should be known about this picture?")
        self.text.setAccessibleName("Note about this picture")
        self.text.setTabChangesFocus(True)
        self.text.installEventFilter(self)
        self.setLayout(column(self.text, margins=(GRID, GRID, GRID, GRID)))
        self.resize(320, 128)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Esc and Ctrl+Enter close; nothing is lost, because undo brings an older note back."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            with_ctrl = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            if event.key() == Qt.Key.Key_Escape or (enter and with_ctrl):
                self.close()
                return True
        return super().eventFilter(watched, event)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        super().hideEvent(event)
        self.written.emit(self.text.toPlainText().strip())


class NoteButton(QPushButton):
    """The first line of the note, shortened to its room."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setProperty("role", "note")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setIconSize(QSize(16, 16))
        keep_icon(self, "note", theme, 16)
        self.note = ""

    def show_note(self, note: str) -> None:
        self.note = note
        self.setAccessibleName(f"Note: {note}" if note else "Add a note")
        self.setToolTip(note or tooltip("edit_note"))
        self._shorten()

    def resizeEvent(self, event: object) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._shorten()

    def _shorten(self) -> None:
        first = " ".join(self.note.split()) or "Add a note"
        room = max(0, self.width() - 6 * GRID)
        short = self.fontMetrics().elidedText(first, Qt.TextElideMode.ElideRight, room)
        self.setText(short.replace("&", "&&"))


class PictureLine(QWidget):
    """Shows what `set_picture` gives; every signal carries the id of the picture it was meant for."""

    status_chosen = Signal(int, str)
    """The status, or an empty text for none of the marks."""
    split_chosen = Signal(int, str)
    tags_added = Signal(int, list)
    tag_removed = Signal(int, str)
    note_changed = Signal(int, str)
    tags_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        ground(self, "panel")
        self.setFixedHeight(5 * GRID)
        self._picture: int | None = None
        self._note_of: int | None = None
        self.name = Elided("", mode=Qt.TextElideMode.ElideMiddle)
        self.name.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self.name.setFixedWidth(NAME_WIDTH)
        self.status = choice(STATUSES, "Status of this picture", "quiet")
        self.status.setToolTip("How far you are with this picture.")
        self.split = choice(SPLITS, "Split of this picture", "quiet")
        self.split.setToolTip(SPLIT_HELP)
        self.tags = TagRow(theme)
        self.note = NoteButton(theme)
        self.sheet = NoteSheet(self)
        self.status.activated.connect(lambda _n: self._tell(self.status_chosen, self.status.currentData()))
        self.split.activated.connect(lambda _n: self._tell(self.split_chosen, self.split.currentData()))
        self.tags.added.connect(lambda tags: self._tell(self.tags_added, tags))
        self.tags.removed.connect(lambda tag: self._tell(self.tag_removed, tag))
        self.tags.tags_wanted.connect(self.tags_wanted)
        self.note.clicked.connect(self.begin_note)
        self.sheet.written.connect(self._written)
        line = row(
            GRID,
            self.name,
            self.status,
            self.split,
            self.tags,
            self.note,
            margins=(GRID, 0, GRID, 0),
        )
        line.setStretch(4, 2)
        line.setStretch(5, 1)
        self.setLayout(line)
        self.set_picture(None)

    def set_picture(self, record: PictureRecord | None) -> None:
        """The picture on screen as it is now; None while there is none."""
        if record is None or record.id != self._picture:
            self.settle()
        self._picture = record.id if record is not None else None
        for part in (self.status, self.split, self.tags, self.note):
            part.setVisible(record is not None)
        self.name.setText(record.name if record is not None else "")
        self.name.setToolTip(record.path if record is not None else "")
        if record is None:
            return
        begun = record.is_labelled or record.status == Status.IN_PROGRESS
        plain = "In progress" if begun else "Predicted" if record.is_predicted else "New"
        self.status.setItemText(0, plain)
        self.status.setCurrentIndex(max(0, self.status.findData(record.status.value)))
        self.split.setCurrentIndex(self.split.findData(record.split.value if record.split else ""))
        self.tags.set_tags(record.tags)
        self.note.show_note(record.note)

    def offer_tags(self, tags: list[str]) -> None:
        """The tags that the field completes."""
        self.tags.field.known.setStringList(tags)

    def begin_tag(self) -> None:
        if self._picture is not None:
            self.tags.field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def begin_note(self) -> None:
        """Open the sheet above the note."""
        if self._picture is None:
            return
        self._note_of = self._picture
        self.sheet.text.setPlainText(self.note.note)
        corner = self.note.mapToGlobal(QPoint(self.note.width(), -GRID))
        self.sheet.move(corner.x() - self.sheet.width(), corner.y() - self.sheet.height())
        self.sheet.show()
        self.sheet.text.moveCursor(self.sheet.text.textCursor().MoveOperation.End)
        self.sheet.text.setFocus()

    def settle(self) -> None:
        """A tag or a note that is being written is kept for the picture it belongs to."""
        self.tags.settle()
        if self.sheet.isVisible():
            self.sheet.close()

    def _written(self, text: str) -> None:
        meant, self._note_of = self._note_of, None
        if meant is not None and text != self.note.note:
            self.note.show_note(text)
            self.note_changed.emit(meant, text)

    def _tell(self, signal: object, value: object) -> None:
        if self._picture is not None:
            signal.emit(self._picture, value)  # type: ignore[attr-defined]
