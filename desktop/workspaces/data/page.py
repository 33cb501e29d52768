"""The Data workspace: what the project holds in numbers, what looks odd, and the doors in and out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QPushButton, QVBoxLayout, QWidget

from core.labels.class_list import ClassList, Colour
from core.session.dataset.split_edits import pictures
from desktop.theme.theme import GRID, Theme
from desktop.widgets.cards import Card, ClassTable, SplitCard, link
from desktop.widgets.controls import button, column, ground, page_of, row, words
from desktop.workspaces.data.near_duplicates import NearCopiesCard

WIDTH = 960
SIZES = 6
"""Lines of the card of sizes."""
COUNTS = (
    ("pictures", "all", "Pictures"),
    ("labelled", "labelled", "Labelled"),
    ("done", "done", "Done"),
    ("predicted", "predicted", "Predicted"),
    ("train", "train", "For training"),
    ("val", "val", "For validation"),
    ("test", "test", "For testing"),
)
"""Of each number its key, the filter that shows its pictures, and its name."""


@dataclass(frozen=True, slots=True)
class ClassCount:
    """Labelled pixels of a class, in how many pictures they are, and in how many of train, val and test."""

    value: int
    pixels: int
    pictures: int
    by_split: tuple[int, int, int] = (0, 0, 0)


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


class FindingsCard(Card):
    """What looks odd, one line each; a click shows the pictures."""

    finding_asked = Signal(str)
    tiny_asked = Signal()

    def __init__(self) -> None:
        self.tiny = button("Look for tiny regions")
        self.tiny.setToolTip(
            "Count connected regions of very few pixels in all labels; most are slips of the hand."
        )
        super().__init__("Worth a look", self.tiny)
        self.tiny.clicked.connect(self.tiny_asked)
        self.none = words("Nothing looks odd.", "muted")
        self.lines: dict[str, QPushButton] = {}
        self._list = QVBoxLayout()
        self._list.setSpacing(0)
        self.fill(self.none, self._list)

    def set_findings(self, findings: Sequence[tuple[str, str, bool]]) -> None:
        """Key and sentence of each, and whether it leads to pictures."""
        wanted = {key: (sentence, leads) for key, sentence, leads in findings}
        for key in [key for key in self.lines if key not in wanted]:
            self.lines.pop(key).deleteLater()
        for key, (sentence, leads) in wanted.items():
            if key not in self.lines:
                line = self.lines[key] = link("", "", "")
                line.clicked.connect(lambda _on=False, key=key: self.finding_asked.emit(key))
                self._list.addWidget(line)
            self.lines[key].setText(sentence.replace("&", "&&"))
            self.lines[key].setAccessibleName(sentence)
            self.lines[key].setToolTip("Show these pictures." if leads else "")
            self.lines[key].setEnabled(leads)
        self.none.setVisible(not wanted)


class SizesCard(Card):
    """How large the pictures are, a line for each size; a click shows those of that size."""

    size_asked = Signal(int, int)

    def __init__(self) -> None:
        super().__init__("Sizes of the pictures opened so far")
        self.more = words("", "muted")
        self.lines: list[QPushButton] = []
        self._list = QVBoxLayout()
        self._list.setSpacing(0)
        self.fill(self._list, self.more)
        self.set_sizes(())

    def set_sizes(self, sizes: Sequence[tuple[tuple[int, int], int]]) -> None:
        """Width, height and how many pictures, the most frequent first."""
        for old in self.lines:
            self._list.removeWidget(old)
            old.hide()
            old.deleteLater()
        self.lines = []
        for (width, height), count in sizes[:SIZES]:
            line = link(
                f"{width:,} × {height:,}: {pictures(count)}",
                f"Show pictures of {width} × {height} pixels",
                "Show these pictures.",
            )
            line.clicked.connect(lambda _on=False, w=width, h=height: self.size_asked.emit(w, h))
            self._list.addWidget(line)
            self.lines.append(line)
        rest = len(sizes) - SIZES
        self.more.setText(f"and {rest:,} more sizes" if rest > 0 else "")
        self.more.setVisible(rest > 0)
        self.setVisible(bool(sizes))


class DataPage(QWidget):
    """Setters only; the buttons only ask."""

    export_asked = Signal()
    import_asked = Signal()
    show_folder_asked = Signal()
    filter_asked = Signal(str, str)
    """Key and title of a filter of the filmstrip."""
    class_asked = Signal(int)
    size_asked = Signal(int, int)
    """Width and height of the pictures to show."""
    shown = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        ground(self, "page")
        self._counts: dict[str, QPushButton] = {}
        self._values: list[int] = []
        self.classes = ClassTable(theme)
        self.classes.row_chosen.connect(lambda y: self.class_asked.emit(self._values[y]))
        self.shares = ShareBar(theme)
        self.none = words(
            "No classes yet. Add them in the panel at the right of the Label workspace.", "muted"
        )
        self.splits = SplitCard()
        self.splits.filter_asked.connect(self.filter_asked)
        self.findings = FindingsCard()
        self.copies = NearCopiesCard(theme)
        self.sizes = SizesCard()
        self.sizes.size_asked.connect(self.size_asked)
        self.where = words("", "muted", wrap=True)
        self.where.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.show_folder = button("Show folder", "quiet")
        self.show_folder.clicked.connect(self.show_folder_asked)
        self.export = button("Export dataset…", "primary")
        self.export.clicked.connect(self.export_asked)
        self.import_masks = button("Import dataset…")
        self.import_masks.clicked.connect(self.import_asked)
        self._lay_out()
        self.set_classes(ClassList(), ())
        self.findings.set_findings(())

    def set_counts(self, counts: Mapping[str, int]) -> None:
        """Numbers by the keys of COUNTS; missing ones are 0."""
        for key, label in self._counts.items():
            label.setText(f"{counts.get(key, 0):,}")
            label.setEnabled(counts.get(key, 0) > 0)

    def set_classes(self, classes: ClassList, counts: Sequence[ClassCount]) -> None:
        by_value = {count.value: count for count in counts}
        total = sum(count.pixels for count in counts) or 1
        most = max((count.pixels for count in counts), default=1) or 1
        cells, bars = [], []
        for each in classes:
            count = by_value.get(each.value, ClassCount(each.value, 0, 0))
            share = f"{100 * count.pixels / total:.1f} %" if count.pixels else "–"
            numbers = (count.pixels, count.pictures, *count.by_split)
            cells.append([(each.colour, each.name), "", share, *(f"{n:,}" for n in numbers)])
            bars.append((each.colour, count.pixels / most))
        self._values = [each.value for each in classes]
        self.classes.set_cells(cells)
        self.classes.set_bars(bars)
        self.shares.set_parts(
            [(each.colour, by_value[each.value].pixels) for each in classes if each.value in by_value]
        )
        self.classes.setVisible(bool(cells))
        self.none.setVisible(not cells)

    def set_place(self, text: str) -> None:
        """A sentence that says where the project and its labels live."""
        self.where.setText(text)

    def showEvent(self, event: object) -> None:  # noqa: N802
        super().showEvent(event)  # type: ignore[arg-type]
        self.shown.emit()

    def _lay_out(self) -> None:
        where = row(self.where, self.show_folder)
        where.setStretch(0, 1)
        board = Card("Labelled pixels")
        board.fill(self.shares, self.none, self.classes)
        cards = column(
            row(words("Data", "headline"), None, self.import_masks, self.export),
            self._grid(),
            board,
            self.splits,
            self.findings,
            self.copies,
            self.sizes,
            where,
            None,
            spacing=2 * GRID,
        )
        self.area = area = page_of(cards, WIDTH)
        self.setLayout(column(area, spacing=0))

    def _grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(2 * GRID)
        grid.setVerticalSpacing(0)
        for at, (key, filter_, title) in enumerate(COUNTS):
            number = self._counts[key] = link("0", f"Show pictures: {title.lower()}", "Show these pictures.")
            number.setProperty("role", "count")
            number.clicked.connect(lambda _on=False, f=filter_, t=title: self.filter_asked.emit(f, t))
            grid.addWidget(number, 0, at)
            label = words(title, "muted")
            label.setContentsMargins(GRID, 0, 0, 0)
            grid.addWidget(label, 1, at)
        grid.setColumnStretch(len(COUNTS), 1)
        return grid
