"""Card of the Data page: the backups of the project, what is in each, and restoring one as a project beside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QPixmap
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from core.base.number_text import percent_text
from core.base.text import count_of
from core.labels.class_list import UNLABELLED, VOID, ClassList
from core.project.files.backup_preview import BackupPreview, BackupSummary, LabelThumbnail
from desktop.image_conversion import to_qimage
from desktop.theme.theme import GRID, Theme
from desktop.widgets.cards import Card
from desktop.widgets.controls import ElidedLabel, button, column, hairline, row, set_role, text_label
from desktop.widgets.plain_text import plain_tooltip
from desktop.widgets.table import DataTable
from desktop.workspaces.data.integrity_card import TaskProgress

PAGE_SIZE = 6
"""Backups listed at first; “Show all” lists the rest."""
THUMBNAIL_PIXELS = 96
MAX_CLASSES = 8
"""Classes whose pixels a preview lists, most pixels first."""
UNKNOWN_COLOUR = (128, 128, 128)
"""Of a value that is no class of the backup."""
READING = "Reading the list of backups…"
EMPTY = "No backups yet. One is made every half hour while you work."
_REASONS = {"before-repair": "before a repair", "replaced": "replaced by an earlier restore"}


def reason_text(reason: str) -> str:
    """Why a backup was made, in words; "" for one that was made by time."""
    if reason.startswith("before-") and reason not in _REASONS:
        return "before an upgrade"
    return _REASONS.get(reason, reason)


def size_text(size: int) -> str:
    """Bytes as kB or MB."""
    return f"{size / 2**20:,.1f} MB" if size >= 100_000 else f"{size / 2**10:,.0f} kB"


def time_text(moment: datetime) -> str:
    """Local date and time."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


class BackupPreviewPanel(QWidget):
    """Some labels of a backup in the colours of its classes, and the pixels of each class."""

    def __init__(self, preview: BackupPreview, theme: Theme) -> None:
        super().__init__()
        self.thumbnails = [self._thumbnail(each, preview.classes, theme) for each in preview.thumbnails]
        pictures = count_of(preview.pictures, "picture")
        self.counts = text_label(
            f"{pictures}: {preview.labelled:,} labelled, {preview.done:,} done.", "muted"
        )
        most = sorted(preview.pixels, key=lambda value: -preview.pixels[value])[:MAX_CLASSES]
        total = sum(preview.pixels.values()) or 1
        self.classes = DataTable(("Class", "Labelled pixels", "Share"), (1, 2), "Classes in this backup")
        self.classes.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.classes.setSelectionMode(DataTable.SelectionMode.NoSelection)
        self.classes.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.classes.set_cells(
            [
                (
                    (_colour(preview.classes, value), preview.classes.name_of(value)),
                    f"{preview.pixels[value]:,}",
                    percent_text(preview.pixels[value] / total, 1),
                )
                for value in most
            ]
        )
        self.classes.setFixedHeight((len(most) + 1) * 32 + 4)
        self.classes.setVisible(bool(most))
        strip = row(*self.thumbnails, None)
        more = len(preview.pixels) - len(most)
        rest = text_label(f"and {count_of(more, 'more class', 'more classes')}" if more > 0 else "", "muted")
        rest.setVisible(more > 0)
        self.setLayout(column(self.counts, strip, self.classes, rest, margins=(0, 0, 0, GRID)))

    def _thumbnail(self, each: LabelThumbnail, classes: ClassList, theme: Theme) -> QLabel:
        table = np.full((256, 3), UNKNOWN_COLOUR, np.uint8)
        table[UNLABELLED] = _rgb(theme.colour("pressed"))
        for known in classes:
            table[known.value] = known.colour
        table[VOID] = _rgb(theme.colour("muted"))
        image = QPixmap.fromImage(to_qimage(table[each.values]))
        made = QLabel()
        size = QSize(THUMBNAIL_PIXELS, THUMBNAIL_PIXELS)
        made.setPixmap(image.scaled(size, Qt.AspectRatioMode.KeepAspectRatio))
        made.setToolTip(plain_tooltip(each.path))
        made.setAccessibleName(f"Label of {each.path}")
        return made


class BackupRow(QWidget):
    """Date, size and labelled pictures of a backup, with its buttons and, when asked for, its preview."""

    def __init__(self, backup: BackupSummary) -> None:
        super().__init__()
        self.backup = backup
        when = time_text(backup.made_at)
        labelled = "cannot be read" if backup.labelled is None else f"{backup.labelled:,} labelled"
        self.date, self.file_size = text_label(when), text_label(size_text(backup.size), "muted")
        self.labelled = text_label(labelled, "danger" if backup.labelled is None else "")
        self.reason = ElidedLabel(reason_text(backup.reason), "muted")
        self.date.setMinimumWidth(16 * GRID)
        for cell in (self.file_size, self.labelled):
            cell.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.file_size.setMinimumWidth(10 * GRID)
        self.labelled.setMinimumWidth(14 * GRID)
        self.preview, self.restore = button("Preview", "quiet"), button("Restore beside…")
        self.preview.setCheckable(True)
        self.preview.setAccessibleName(f"Preview of the backup of {when}")
        self.restore.setAccessibleName(f"Restore the backup of {when} as a new project")
        self.restore.setToolTip("Make a new project from this backup; the present one stays as it is.")
        for each in (self.preview, self.restore):
            each.setVisible(backup.labelled is not None)
        line = row(self.date, self.file_size, self.labelled, GRID, self.reason, self.preview, self.restore)
        line.setStretch(4, 1)
        self._column = column(line, spacing=4, margins=(0, 4, 0, 4))
        self.setLayout(self._column)
        self.panel: QWidget | None = None

    def set_panel(self, panel: QWidget | None) -> None:
        """Show a preview, or a sentence, below the line; None: nothing."""
        if self.panel is not None:
            self._column.removeWidget(self.panel)
            self.panel.hide()
            self.panel.deleteLater()
        self.panel = panel
        if panel is not None:
            self._column.addWidget(panel)
        self.preview.setChecked(panel is not None)
        self.preview.setText("Hide" if panel is not None else "Preview")


class BackupsCard(Card):
    """`preview_requested` and `restore_requested` carry a `BackupSummary`, `open_requested` the Path of a project."""

    backup_requested = Signal()
    preview_requested = Signal(object)
    restore_requested = Signal(object)
    open_requested = Signal(object)

    def __init__(self, theme: Theme) -> None:
        self.back_up = button("Back up now")
        super().__init__("Backups", self.back_up)
        self._theme = theme
        self._backups: tuple[BackupSummary, ...] = ()
        self._shows_all = False
        self._is_enabled = True
        self._restored: Path | None = None
        self.rows: list[BackupRow] = []
        self.summary = text_label(READING, "muted", wrap=True)
        self.progress = TaskProgress("Progress of the backup")
        self.open_restored = button("Open it")
        self.open_restored.clicked.connect(lambda: self.open_requested.emit(self._restored))
        self.more = button("Show all", "quiet")
        self.more.clicked.connect(self._show_all)
        self._list = QVBoxLayout()
        self._list.setSpacing(0)
        head = row(self.summary, self.open_restored)
        head.setStretch(0, 1)
        self.add(head, self.progress, self._list, row(self.more, None))
        self.back_up.clicked.connect(self.backup_requested)
        self.set_waiting()

    def set_waiting(self) -> None:
        """The list is not known yet."""
        self._backups = ()
        self._lay_out()
        self.set_summary(READING)

    def set_backups(self, backups: Sequence[BackupSummary]) -> None:
        """List these, newest first; an unchanged list keeps its previews."""
        if tuple(backups) != self._backups or not backups:
            self._backups = tuple(backups)
            self._lay_out()
            if not backups:
                self.set_summary(EMPTY)
            elif self.summary.text() in (EMPTY, READING):
                self.set_summary("")

    def set_summary(self, text: str, role: str = "muted", restored: Path | None = None) -> None:
        """A sentence above the list; `restored`: the new project that “Open it” opens."""
        self._restored = restored
        self.summary.setText(text)
        set_role(self.summary, role)
        self.summary.setVisible(bool(text))
        self.open_restored.setVisible(restored is not None)

    def set_preview(self, backup: BackupSummary, preview: BackupPreview) -> None:
        self._set_panel(backup, BackupPreviewPanel(preview, self._theme))

    def set_preview_problem(self, backup: BackupSummary, sentence: str) -> None:
        self._set_panel(backup, text_label(sentence, "muted", wrap=True))

    def set_enabled(self, enabled: bool, reason: str = "") -> None:
        """Whether something can be started now; `reason` why no backup can be made."""
        self._is_enabled = enabled
        self.back_up.setEnabled(enabled and not reason)
        self.back_up.setToolTip(reason)
        for line in self.rows:
            line.restore.setEnabled(enabled)

    def _set_panel(self, backup: BackupSummary, panel: QWidget) -> None:
        line = next((line for line in self.rows if line.backup == backup and line.preview.isChecked()), None)
        if line is not None:
            line.set_panel(panel)
        else:
            panel.deleteLater()

    def _toggle_preview(self, line: BackupRow) -> None:
        if line.preview.isChecked():
            line.set_panel(text_label("Reading the backup…", "muted"))
            self.preview_requested.emit(line.backup)
        else:
            line.set_panel(None)

    def _show_all(self) -> None:
        self._shows_all = True
        self._lay_out()

    def _lay_out(self) -> None:
        while (item := self._list.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        self.rows = []
        shown = self._backups if self._shows_all else self._backups[:PAGE_SIZE]
        for backup in shown:
            line = BackupRow(backup)
            line.preview.clicked.connect(lambda _on=False, line=line: self._toggle_preview(line))
            line.restore.clicked.connect(lambda _on=False, b=backup: self.restore_requested.emit(b))
            line.restore.setEnabled(self._is_enabled)
            self._list.addWidget(hairline())
            self._list.addWidget(line)
            self.rows.append(line)
        self.more.setVisible(len(shown) < len(self._backups))


def _colour(classes: ClassList, value: int) -> tuple[int, int, int]:
    known = classes.by_value(value)
    return known.colour if known is not None else UNKNOWN_COLOUR


def _rgb(colour: QColor) -> tuple[int, int, int]:
    return colour.red(), colour.green(), colour.blue()
