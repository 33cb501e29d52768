"""The card of splits on the Data page: pictures by split and status."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QPushButton

from core.project.records import Split, Status
from desktop.theme.theme import GRID
from desktop.widgets.cards import Card, link_button
from desktop.widgets.controls import button, text_label

SPLIT_ROWS: tuple[tuple[Split | None, str, str], ...] = (
    (Split.TRAIN, "train", "Training"),
    (Split.VAL, "val", "Validation"),
    (Split.TEST, "test", "Test"),
    (None, "no split", "Without a split"),
)
STATUS_COLUMNS = (
    (Status.NEW, "new", "New"),
    (Status.IN_PROGRESS, "in progress", "In progress"),
    (Status.DONE, "done", "Done"),
    (Status.TO_REVIEW, "review", "To review"),
    (Status.SKIPPED, "skipped", "Skipped"),
)


class SplitCard(Card):
    """How many pictures are in which split and how far; every number shows its pictures."""

    filter_requested = Signal(str, str)
    """Key and title of a filter."""
    split_requested = Signal()

    def __init__(self) -> None:
        self.split = button("Split pictures…")
        self.split.setToolTip("Assign the pictures to train, val and test. A preview shows the numbers.")
        super().__init__("Splits", self.split)
        self.split.clicked.connect(self.split_requested)
        self.cells: dict[tuple[Split | None, Status | None], QPushButton] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(GRID)
        grid.setVerticalSpacing(0)
        for x, title in enumerate(("Pictures", *(title for _, _, title in STATUS_COLUMNS)), 1):
            head = text_label(title, "muted")
            head.setContentsMargins(0, 0, GRID, 0)  # as far from the edge as the numbers, which are buttons
            grid.addWidget(head, 0, x, Qt.AlignmentFlag.AlignRight)
            grid.setColumnMinimumWidth(x, 12 * GRID)
        for y, (split, key, title) in enumerate(SPLIT_ROWS, 1):
            grid.addWidget(text_label(title), y, 0)
            grid.addWidget(self._cell(split, None, key, title), y, 1, Qt.AlignmentFlag.AlignRight)
            for x, (status, of_status, name) in enumerate(STATUS_COLUMNS, 2):
                cell = self._cell(split, status, f"{key}+{of_status}", f"{title}, {name}")
                grid.addWidget(cell, y, x, Qt.AlignmentFlag.AlignRight)
        grid.setColumnStretch(0, 1)
        self.add(grid)
        self.set_table({})

    def set_table(self, table: Mapping[tuple[Split | None, Status], int]) -> None:
        """Pictures by split and status; missing ones are 0."""
        for (split, status), cell in self.cells.items():
            known = [n for (of, at), n in table.items() if of == split and status in (None, at)]
            cell.setText(f"{sum(known):,}")
            cell.setEnabled(sum(known) > 0)

    def _cell(self, split: Split | None, status: Status | None, key: str, title: str) -> QPushButton:
        cell = link_button("0", title, f"Show these pictures: {title}.")
        cell.setProperty("role", "number")
        cell.clicked.connect(lambda: self.filter_requested.emit(key, title))
        self.cells[split, status] = cell
        return cell
