"""The Data workspace: what the project holds in numbers, and the doors in and out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from core.labels.classes import ClassList, Colour
from desktop.panels.parts import button, column, ground, row, words
from desktop.panels.table import Table
from desktop.theme import GRID, Theme

EDGE = 3 * GRID
WIDTH = 960
COUNTS = (
    ("pictures", "Pictures"),
    ("labelled", "Labelled"),
    ("done", "Done"),
    ("predicted", "Predicted"),
    ("train", "For training"),
    ("val", "For validation"),
    ("test", "For testing"),
)


@dataclass(frozen=True, slots=True)
class ClassCount:
    """Labelled pixels of a class, and in how many pictures they are."""

    value: int
    pixels: int
    pictures: int


class ShareBar(QWidget):
    """One bar, divided among the classes by their labelled pixels."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._parts: list[tuple[Colour, int]] = []
        self.setFixedHeight(GRID + 4)
        theme.changed.connect(self.update)

    def set_parts(self, parts: Sequence[tuple[Colour, int]]) -> None:
        self._parts = [part for part in parts if part[1]]
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(0, 0, self.width(), GRID)
        shape = QPainterPath()
        shape.addRoundedRect(frame, GRID / 2, GRID / 2)
        painter.setClipPath(shape)
        painter.fillRect(frame, self._theme.colour("pressed"))
        total, left = sum(pixels for _, pixels in self._parts), 0.0
        for colour, pixels in self._parts:
            width = self.width() * pixels / total
            painter.fillRect(QRectF(left, 0, max(1.0, width - 1), GRID), QColor(*colour))
            left += width
        painter.end()


class DataPage(QWidget):
    """Setters only; the buttons only ask."""

    export_asked = Signal()
    import_asked = Signal()
    show_folder_asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        ground(self, "page")
        self._counts: dict[str, QLabel] = {}
        self.classes = Table(
            ("Class", "Pixels", "Share", "Pictures"), (1, 2, 3), "Classes with their labelled pixels"
        )
        self.classes.stretch(0)
        self.shares = ShareBar(theme)
        self.none = words(
            "No classes yet. Add them in the panel at the right of the Label workspace.", "muted"
        )
        self.where = words("", "muted", wrap=True)
        self.where.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.show_folder = button("Show folder", "quiet")
        self.show_folder.clicked.connect(self.show_folder_asked)
        self.export = button("Export dataset…", "primary")
        self.export.clicked.connect(self.export_asked)
        self.import_masks = button("Import dataset…")
        self.import_masks.clicked.connect(self.import_asked)
        where = row(self.where, self.show_folder)
        where.setStretch(0, 1)
        middle = QWidget()
        middle.setMaximumWidth(WIDTH)
        middle.setLayout(
            column(
                row(words("Data", "headline"), None, self.import_masks, self.export),
                2 * GRID,
                self._grid(),
                2 * GRID,
                words("Labelled pixels", "heading"),
                self.shares,
                self.none,
                self.classes,
                where,
            )
        )
        line = row(None, middle, None, margins=(EDGE, EDGE, EDGE, EDGE))
        line.setStretch(1, 1000)
        self.setLayout(line)
        self.set_classes(ClassList(), ())

    def set_counts(self, counts: Mapping[str, int]) -> None:
        """Numbers by the keys of COUNTS; missing ones are 0."""
        for key, label in self._counts.items():
            label.setText(f"{counts.get(key, 0):,}")

    def set_classes(self, classes: ClassList, counts: Sequence[ClassCount]) -> None:
        by_value = {count.value: count for count in counts}
        total = sum(count.pixels for count in counts) or 1
        cells = []
        for each in classes:
            count = by_value.get(each.value, ClassCount(each.value, 0, 0))
            share = f"{100 * count.pixels / total:.1f} %" if count.pixels else "–"
            cells.append([(each.colour, each.name), f"{count.pixels:,}", share, f"{count.pictures:,}"])
        self.classes.set_cells(cells)
        self.shares.set_parts(
            [(each.colour, by_value[each.value].pixels) for each in classes if each.value in by_value]
        )
        self.classes.setVisible(bool(cells))
        self.none.setVisible(not cells)

    def set_place(self, text: str) -> None:
        """A sentence that says where the project and its labels live."""
        self.where.setText(text)

    def _grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(4 * GRID)
        for at, (key, title) in enumerate(COUNTS):
            self._counts[key] = words("0", "headline")
            grid.addWidget(self._counts[key], 0, at)
            grid.addWidget(words(title, "muted"), 1, at)
        grid.setColumnStretch(len(COUNTS), 1)
        return grid
