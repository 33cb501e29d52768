"""Maps each class of a dataset to a new class, a class of the project, void, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QFocusEvent, QIcon
from PySide6.QtWidgets import QComboBox, QFrame, QLabel, QScrollArea, QWidget

from core.base.number_text import percent_text
from core.base.text import count_of
from core.formats.dataset_types import ClassTarget, DatasetClass
from core.labels.class_list import ClassList
from core.session.transfer.import_plan import ClassChoice
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import ComboBox, ElidedLabel, column, combo_box, row, text_label
from desktop.widgets.table import colour_chip_icon

VISIBLE_ROWS = 6
MAPPING_ROW_HEIGHT = 36
_NAMED = "named "
"""Begins the key of a new class with another name than in the dataset."""


class ClassMapping(QWidget):
    """One line for each class. `changed`: the user has chosen."""

    changed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._fields: dict[str, _TargetBox] = {}
        self._chosen: set[str] = set()
        self._classes: dict[str, DatasetClass] = {}
        self._shares: dict[str, QLabel] = {}
        self.title = text_label("Classes", "heading")
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setAccessibleName("Mapping of classes")
        self.setLayout(column(self.title, self._area, spacing=4))

    def set_classes(self, classes: Sequence[DatasetClass], known: ClassList) -> None:
        """Show the classes of the dataset with the mapping that the format suggests; `known`: those of the project."""
        self._classes = {c.name: c for c in classes}
        self._fields = {c.name: _TargetBox(c, known) for c in classes}
        self._shares, self._chosen = {}, set()
        lines = []
        for c in sorted(classes, key=lambda c: c.target != ClassTarget.CLASS):  # imported classes come first
            chip = QLabel()
            chip.setPixmap(QIcon(colour_chip_icon(c.colour)).pixmap(16, 16))
            name = ElidedLabel(c.name)
            share = self._shares[c.name] = text_label("", "muted")
            share.setMinimumWidth(share.fontMetrics().horizontalAdvance("in no mask"))
            line = row(chip, name, self._shares[c.name], self._fields[c.name], spacing=GRID)
            line.setStretch(1, 1)
            lines.append(line)
            self._fields[c.name].activated.connect(partial(self._on_chosen, c.name))
        inside = QWidget()
        inside.setLayout(column(*lines, None, spacing=4, margins=(0, 0, GRID, 0)))
        self._area.setWidget(inside)
        self._area.setFixedHeight(MAPPING_ROW_HEIGHT * min(VISIBLE_ROWS, max(1, len(lines))))
        self.title.setText(count_of(len(classes), "class", "classes"))

    def field(self, name: str) -> QComboBox:
        """The combo box of a class, by its name in the dataset."""
        return self._fields[name]

    def set_shares(self, shares: Mapping[str, float]) -> None:
        """Show the share of the pixels of each class, 0..1 by name; a class that is missing occurs in no mask."""
        for name, label in self._shares.items():
            label.setText(percent_text(shares[name], 1) if name in shares else "in no mask")

    def share_text(self, name: str) -> str:
        return self._shares[name].text()

    def choose(self, name: str, target: str) -> None:
        """Map a class to “void”, “skip”, or the class of this name."""
        if name in self._fields:
            self._fields[name].choose(target)
            self._chosen.add(name)

    def reset(self) -> None:
        """Map every class as the format suggests."""
        self._chosen.clear()
        for field in self._fields.values():
            field.reset()

    def choices(self) -> dict[str, ClassChoice]:
        return {name: field.choice() for name, field in self._fields.items()}

    def chosen(self) -> dict[str, ClassChoice]:
        """The choices that a person has made, without those that the format suggests."""
        return {name: field.choice() for name, field in self._fields.items() if name in self._chosen}

    def _on_chosen(self, name: str, _index: int) -> None:
        self._chosen.add(name)
        self.changed.emit()


class _TargetBox(ComboBox):
    """Holds one item until it is opened: with 150 classes on both sides, all items together would be 22,500."""

    def __init__(self, foreign: DatasetClass, known: ClassList) -> None:
        super().__init__()
        self._foreign, self._known, self._filled = foreign, known, False
        combo_box((), f"Target of {foreign.name}", box=self)
        self.setFixedWidth(260)
        found = known.by_name(foreign.name)
        self._key = {
            ClassTarget.VOID: "void",
            ClassTarget.SKIP: "skip",
            ClassTarget.CLASS: "known" if found else "new",
        }[foreign.target]
        if self._key == "known" and found:
            self._key = f"class {found.value}"
        self._add(self._key)

    def choose(self, target: str) -> None:
        """Select “void”, “skip”, or the class of this name, which may be new."""
        self._fill()
        found = self._known.by_name(target)
        key = target if target in ("void", "skip") else f"class {found.value}" if found else "new"
        if key == "new" and target != self._foreign.name:
            key = f"{_NAMED}{target}"
        if self.findData(key) < 0:
            self._add(key)
        self.setCurrentIndex(self.findData(key))

    def reset(self) -> None:
        self.setCurrentIndex(max(0, self.findData(self._key)))

    def choice(self) -> ClassChoice:
        key = str(self.currentData())
        if key.startswith(_NAMED):
            return ClassChoice(ClassTarget.CLASS, key.removeprefix(_NAMED))
        if key in ("void", "skip"):
            return ClassChoice(ClassTarget(key))
        if key == "new":
            return ClassChoice(ClassTarget.CLASS, self._foreign.name)
        found = self._known.by_value(int(key.split()[1]))
        return ClassChoice(ClassTarget.CLASS, found.name if found else self._foreign.name)

    def showPopup(self) -> None:  # noqa: N802
        self._fill()
        super().showPopup()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        self._fill()
        super().focusInEvent(event)

    def _fill(self) -> None:
        if self._filled:
            return
        self._filled = True
        keys = ["new", *(f"class {c.value}" for c in self._known), "void", "skip"]
        if self._known.by_name(self._foreign.name):
            keys.remove("new")
        self.clear()
        for key in keys:
            self._add(key)
        self.setCurrentIndex(self.findData(self._key))

    def _add(self, key: str) -> None:
        match key:
            case "void":
                self.addItem("Void: ignored in training and scores", key)
            case "skip":
                self.addItem("Skip: left unlabelled", key)
            case "new":
                self.addItem(colour_chip_icon(self._foreign.colour), "New class of this name", key)
            case _ if key.startswith(_NAMED):
                self.addItem(f"New class “{key.removeprefix(_NAMED)}”", key)
            case _:
                found = self._known.by_value(int(key.split()[1]))
                if found:
                    self.addItem(colour_chip_icon(found.colour), found.name, key)
