"""The finer choices of an export: size, tiles, names, lists. Most people leave them as they are."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QLineEdit, QSpinBox, QWidget

from core.formats.writers.resize_and_tile import SMALLEST, Shape
from desktop.widgets.controls import choice, column, indent_number, row, words

SIZES = (("", "As they are"), ("longest", "Longer side brought to"))
FOLDERS = (("folders", "A folder for each"), ("lists", "Lists of names"))
LARGEST = 16_384
NAME_WIDTH = 112
"""Pixels for the words before a line."""


class ExportChoices(QWidget):
    """`changed` with every choice."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.size = choice(SIZES, "Size of pictures")
        self.longest = _number(1024, SMALLEST, LARGEST, "Longer side")
        self.cut = QCheckBox("Tiles of")
        self.tile = _number(512, SMALLEST, LARGEST, "Side of a tile")
        self.overlap = _number(0, 0, LARGEST // 2, "Pixels that tiles share")
        self.blank = QCheckBox("blank ones too")
        self.blank.setToolTip("Without this, tiles that carry no label are left out")
        self.pattern = QLineEdit("{name}")
        self.pattern.setAccessibleName("Names of files")
        self.pattern.setToolTip("{name}, {split} and {index:05} stand for what each picture has of its own")
        self.splits_as = choice(FOLDERS, "How splits are said")
        self._splits_line = line("Splits as", self.splits_as, None)
        layout = column(
            line("Pictures", self.size, self.longest, None),
            line("", self.cut, self.tile, words("overlap", "muted"), self.overlap, self.blank, None),
            line("File names", self.pattern),
            self._splits_line,
            spacing=12,
        )
        self.setLayout(layout)
        for number in (self.longest, self.tile, self.overlap):
            number.valueChanged.connect(self._said)
        for box in (self.cut, self.blank):
            box.toggled.connect(self._said)
        for chosen in (self.size, self.splits_as):
            chosen.activated.connect(self._said)
        self.pattern.textChanged.connect(self._said)
        self._follow()

    def shape(self) -> Shape:
        tile = self.tile.value() if self.cut.isChecked() else None
        longest = self.longest.value() if self.size.currentData() else None
        overlap = self.overlap.value() if tile else 0
        return Shape(longest, tile, overlap, drop_blank=not self.blank.isChecked())

    def lists(self) -> bool:
        return self.splits_as.isEnabled() and self.splits_as.currentData() == "lists"

    def set_lists(self, possible: bool) -> None:
        """Whether the format leaves it open how splits are said."""
        self.splits_as.setEnabled(possible)
        self.splits_as.setToolTip("" if possible else "The format has its own way to say splits")

    def _said(self, *_: object) -> None:
        self._follow()
        self.changed.emit()

    def _follow(self) -> None:
        self.longest.setEnabled(bool(self.size.currentData()))
        for part in (self.tile, self.overlap, self.blank):
            part.setEnabled(self.cut.isChecked())


def line(title: str, *fields: QWidget | None) -> QWidget:
    """A name and what belongs to it; None takes the space that is left."""
    name = words(title, "muted")
    name.setFixedWidth(NAME_WIDTH)
    made = QWidget()
    made.setLayout(row(name, *fields))
    if None not in fields:
        made.layout().setStretch(1, 1)  # type: ignore[union-attr]
    return made


def _number(value: int, low: int, high: int, name: str) -> QSpinBox:
    made = QSpinBox()
    made.setRange(low, high)
    made.setValue(value)
    made.setSuffix(" px")
    made.setAccessibleName(name)
    made.setKeyboardTracking(False)
    indent_number(made)
    return made
