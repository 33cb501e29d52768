"""Fields for the less common options of an export: picture size, tiles, file names, split lists."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QLineEdit, QSpinBox, QWidget

from core.formats.writers.resize_and_tile import MIN_SIDE, ResizeOptions
from desktop.widgets.controls import column, combo_box, text_label
from desktop.widgets.form_row import form_row
from desktop.widgets.number_field import spin_box

SIZES = (("", "Unchanged"), ("longest", "Longer side resized to"))
SPLIT_STYLES = (("folders", "A folder for each split"), ("lists", "A list of file names for each split"))
MAX_SIDE = 16_384


class ExportOptionFields(QWidget):
    """`changed`: any field has changed."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.size_mode = combo_box(SIZES, "Size of pictures")
        self.longest = _pixel_box(1024, MIN_SIDE, MAX_SIDE, "Longer side")
        self.tiles = QCheckBox("Tiles of")
        self.tile = _pixel_box(512, MIN_SIDE, MAX_SIDE, "Side of a tile")
        self.overlap = _pixel_box(0, 0, MAX_SIDE // 2, "Overlap of tiles")
        self.keep_blank = QCheckBox("Keep blank tiles")
        self.keep_blank.setToolTip("Also write tiles without any label")
        self.pattern = QLineEdit("{name}")
        self.pattern.setAccessibleName("File names")
        self.pattern.setToolTip("{name}, {split} and {index:05} are replaced for each picture")
        self.splits_as = combo_box(SPLIT_STYLES, "How splits are stored")
        layout = column(
            form_row("Pictures", self.size_mode, self.longest, None),
            form_row(
                "", self.tiles, self.tile, text_label("overlap", "muted"), self.overlap, self.keep_blank, None
            ),
            form_row("File names", self.pattern),
            form_row("Splits as", self.splits_as, None),
            spacing=12,
        )
        self.setLayout(layout)
        for number in (self.longest, self.tile, self.overlap):
            number.valueChanged.connect(self._on_edited)
        for box in (self.tiles, self.keep_blank):
            box.toggled.connect(self._on_edited)
        for chosen in (self.size_mode, self.splits_as):
            chosen.activated.connect(self._on_edited)
        self.pattern.textChanged.connect(self._on_edited)
        self._update_enabled()

    def shape(self) -> ResizeOptions:
        tile = self.tile.value() if self.tiles.isChecked() else None
        longest = self.longest.value() if self.size_mode.currentData() else None
        overlap = self.overlap.value() if tile else 0
        return ResizeOptions(longest, tile, overlap, drop_blank=not self.keep_blank.isChecked())

    def writes_lists(self) -> bool:
        return self.splits_as.isEnabled() and self.splits_as.currentData() == "lists"

    def set_lists_available(self, possible: bool) -> None:
        """Whether the format allows to choose how splits are written."""
        self.splits_as.setEnabled(possible)
        self.splits_as.setToolTip("" if possible else "The format stores splits in its own way")

    def _on_edited(self, *_: object) -> None:
        self._update_enabled()
        self.changed.emit()

    def _update_enabled(self) -> None:
        self.longest.setEnabled(bool(self.size_mode.currentData()))
        for part in (self.tile, self.overlap, self.keep_blank):
            part.setEnabled(self.tiles.isChecked())


def _pixel_box(value: int, low: int, high: int, name: str) -> QSpinBox:
    made = spin_box(low, high, name, " px")
    made.setValue(value)
    return made
