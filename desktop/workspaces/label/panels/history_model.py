"""What the history lists: changes of a picture with the words about each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, Qt

from core.project.records import EditRecord

TOOLS_WITHOUT_PIXELS = frozenset(("mark", "classes"))
"""Tools whose changes are of words and lists: nobody painted them."""


class HistoryModel(QAbstractListModel):
    """Entries newest first, undone ones included."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: tuple[EditRecord, ...] = ()
        self.current_row: int | None = None
        """Where the picture is: the newest change that is not undone."""

    def set_entries(self, entries: Sequence[EditRecord]) -> None:
        self.beginResetModel()
        self.entries = tuple(entries)
        self.current_row = next((n for n, entry in enumerate(self.entries) if not entry.undone), None)
        self.endResetModel()

    def row_of(self, edit_id: int) -> int | None:
        return next((n for n, entry in enumerate(self.entries) if entry.id == edit_id), None)

    def steps_to(self, target: EditRecord) -> int:
        """How many steps lead to the picture as it was right after `aim`; 0 when it is there or no way leads back."""
        if target.undone:
            return sum(entry.undone and entry.id <= target.id for entry in self.entries)
        if self.is_blocked(target):
            return 0
        return sum(not entry.undone and entry.id > target.id for entry in self.entries)

    def is_blocked(self, target: EditRecord) -> bool:
        """Whether a later change stays, because it can no longer be undone."""
        return any(entry.thinned and entry.id > target.id for entry in self.entries)

    def rowCount(self, parent: Any = QModelIndex()) -> int:  # noqa: N802, B008
        return 0 if parent.isValid() else len(self.entries)

    def data(self, index: Any, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        entry = self.entries[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.name
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleDescriptionRole):
            when = datetime.fromisoformat(entry.made_at).astimezone().strftime("%Y-%m-%d %H:%M")
            return f"{entry.name}\n{when}\n{self.details(entry)}"
        return None

    def details(self, entry: EditRecord) -> str:
        """When, how much and by whom, in one line."""
        parts = [age_text(entry.made_at)]
        if entry.undone:
            parts.append("undone")
        if entry.thinned:
            parts.append("kept, cannot be undone")
        if entry.picture_id is None:
            parts.append("all pictures")
        elif entry.tool not in TOOLS_WITHOUT_PIXELS:
            parts.append("1 pixel" if entry.pixels == 1 else f"{entry.pixels:,} pixels")
            parts.append(f"{entry.origin} from run {entry.run_id}" if entry.run_id else str(entry.origin))
        return " · ".join(parts)


def age_text(made_at: str, now: datetime | None = None) -> str:
    """How long ago a moment of the document (UTC, ISO 8601) was, in few words."""
    then = datetime.fromisoformat(made_at)
    seconds = ((now or datetime.now(UTC)) - then).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min ago"
    if seconds < 24 * 3600:
        return f"{seconds // 3600:.0f} h ago"
    days = int(seconds // (24 * 3600))
    if days < 14:
        return "yesterday" if days == 1 else f"{days} days ago"
    return then.astimezone().strftime("%Y-%m-%d")
