"""The pictures with pixels in a cell of the confusion matrix, and one of them with those pixels highlighted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from core.base.number_text import percent_text
from core.base.text import count_of
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import button, column, row, text_label
from desktop.widgets.table import DataTable
from desktop.workspaces.train.evaluation.image_view import ImageView

MAX_ROWS = 500
"""More pictures of a cell are not listed; nobody goes through them."""


class CellPictures(QWidget):
    """`picture_chosen` carries the number of a picture to be shown, `picture_opened` of one to open in Label."""

    picture_chosen = Signal(int)
    picture_opened = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._numbers: list[int] = []
        self._can_open = True
        self.title = text_label("", "heading", wrap=True)
        self.count = text_label("", "muted")
        self.table = DataTable(("Picture", "Pixels"), (1,), "Pictures with these pixels")
        self.table.stretch(0)
        self.table.setMinimumHeight(12 * GRID)
        self.table.itemSelectionChanged.connect(self._on_selection)
        self.table.itemActivated.connect(lambda _: self._open())
        self.image = ImageView(theme, "Picture with the pixels of the cell highlighted")
        self.image.opened.connect(self._open)
        self.open = button("Open in Label")
        self.open.clicked.connect(self._open)
        layout = column(self.title, row(self.count, None, self.open), self.table, self.image, spacing=GRID)
        layout.setStretch(2, 2)
        layout.setStretch(3, 3)
        self.setLayout(layout)

    def set_can_open(self, on: bool) -> None:
        """Whether the pictures are those of the project."""
        self._can_open = on
        self.open.setVisible(on)

    def show_cell(self, title: str, pictures: Sequence[tuple[int, int]], paths: Mapping[int, str]) -> None:
        """pictures: (number, pixels), most first. The first one is chosen."""
        self.title.setText(title)
        self._numbers = [number for number, _ in pictures[:MAX_ROWS]]
        more = f"; the first {MAX_ROWS} are listed" if len(pictures) > MAX_ROWS else ""
        self.count.setText(f"In {count_of(len(pictures), 'picture')}{more}" if pictures else "")
        self.table.blockSignals(True)
        self.table.set_cells([[paths[n], f"{pixels:,}"] for n, pixels in pictures[:MAX_ROWS]])
        self.table.clearSelection()
        self.table.blockSignals(False)
        self.open.setEnabled(bool(pictures))
        if pictures:
            self.table.selectRow(0)
        else:
            self.image.show_text("No pixel is in this cell.")

    @property
    def current(self) -> int | None:
        """Number of the picture that is selected."""
        rows = self.table.selectionModel().selectedRows()
        return self._numbers[rows[0].row()] if rows and rows[0].row() < len(self._numbers) else None

    def _on_selection(self) -> None:
        if self.current is not None:
            self.picture_chosen.emit(self.current)

    def _open(self) -> None:
        if self.current is not None and self._can_open:
            self.picture_opened.emit(self.current)


def cell_title(true: str, predicted: str, *, is_right: bool) -> str:
    """What the pixels of a cell are, in words."""
    return f"{true}, predicted right" if is_right else f"{true} predicted as {predicted}"


def cell_text(
    true: str, predicted: str, pixels: int, of_true: int, of_predicted: int, *, is_right: bool
) -> str:
    """The same with numbers. of_true, of_predicted: pixels of the whole row and column."""
    if not pixels:
        return f"{cell_title(true, predicted, is_right=is_right)}: no pixel"
    by_row, by_column = pixels / max(1, of_true), pixels / max(1, of_predicted)
    return (
        f"{cell_title(true, predicted, is_right=is_right)}: {count_of(pixels, 'pixel')}, "
        f"{percent_text(by_row, 1)} of {true}, "
        f"{percent_text(by_column, 1)} of what is predicted as {predicted}"
    )
