"""Page of the Data workspace: statistics, findings, near-duplicates, project file and backups, import and export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QPushButton, QVBoxLayout, QWidget

from core.base.number_text import percent_text
from core.base.text import count_of
from core.labels.class_list import ClassList, Colour
from desktop.theme.theme import GRID, Theme
from desktop.widgets.cards import Card, link_button
from desktop.widgets.controls import button, card_page, column, row, set_background, text_label
from desktop.widgets.table import Cell
from desktop.workspaces.data.backups_card import BackupsCard
from desktop.workspaces.data.class_table import ClassTable
from desktop.workspaces.data.integrity_card import IntegrityCard
from desktop.workspaces.data.near_duplicates import NearDuplicatesCard
from desktop.workspaces.data.split_card import SplitCard

WIDTH = 960
MAX_SIZES = 6
"""Image sizes that are listed."""
COUNTS = (
    ("pictures", "all", "Pictures"),
    ("labelled", "labelled", "Labelled"),
    ("done", "done", "Done"),
    ("predicted", "predicted", "Predicted"),
    ("train", "train", "For training"),
    ("val", "val", "For validation"),
    ("test", "test", "For testing"),
)
"""(key, filter of the picture list, title) of each count."""


@dataclass(frozen=True, slots=True)
class ClassCount:
    """Labelled pixels of a class, the number of pictures with it, and that number in train, val and test."""

    value: int
    pixels: int
    pictures: int
    by_split: tuple[int, int, int] = (0, 0, 0)


class ShareBar(QWidget):
    """A stacked bar of the classes by their labelled pixels."""

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
    """Findings about the dataset, one line each; a click shows the pictures."""

    finding_requested = Signal(str)
    tiny_regions_requested = Signal()

    def __init__(self) -> None:
        self.find_tiny = button("Find tiny regions")
        self.find_tiny.setToolTip(
            "Count connected regions of very few pixels in all labels; most are painted by mistake."
        )
        super().__init__("Findings", self.find_tiny)
        self.find_tiny.clicked.connect(self.tiny_regions_requested)
        self.empty_text = text_label("No findings.", "muted")
        self.buttons: dict[str, QPushButton] = {}
        self._list = QVBoxLayout()
        self._list.setSpacing(0)
        self.add(self.empty_text, self._list)

    def set_findings(self, findings: Sequence[tuple[str, str, bool]]) -> None:
        """(key, sentence, whether it lists pictures) of each."""
        wanted = {key: (sentence, has_pictures) for key, sentence, has_pictures in findings}
        for key in [key for key in self.buttons if key not in wanted]:
            self.buttons.pop(key).deleteLater()
        for key, (sentence, has_pictures) in wanted.items():
            if key not in self.buttons:
                line = self.buttons[key] = link_button("", "", "")
                line.clicked.connect(lambda _on=False, key=key: self.finding_requested.emit(key))
                self._list.addWidget(line)
            self.buttons[key].setText(sentence.replace("&", "&&"))
            self.buttons[key].setAccessibleName(sentence)
            self.buttons[key].setToolTip("Show these pictures." if has_pictures else "")
            self.buttons[key].setEnabled(has_pictures)
        self.empty_text.setVisible(not wanted)


class SizesCard(Card):
    """Image sizes, most frequent first; a click shows the pictures of a size."""

    size_requested = Signal(int, int)

    def __init__(self) -> None:
        super().__init__("Image sizes (of pictures opened so far)")
        self.more = text_label("", "muted")
        self.buttons: list[QPushButton] = []
        self._list = QVBoxLayout()
        self._list.setSpacing(0)
        self.add(self._list, self.more)
        self.set_sizes(())

    def set_sizes(self, sizes: Sequence[tuple[tuple[int, int], int]]) -> None:
        """((width, height), number of pictures), most frequent first."""
        for old in self.buttons:
            self._list.removeWidget(old)
            old.hide()
            old.deleteLater()
        self.buttons = []
        for (width, height), count in sizes[:MAX_SIZES]:
            line = link_button(
                f"{width:,} × {height:,}: {count_of(count, 'picture')}",
                f"Show pictures of {width} × {height} pixels",
                "Show these pictures.",
            )
            line.clicked.connect(lambda _on=False, w=width, h=height: self.size_requested.emit(w, h))
            self._list.addWidget(line)
            self.buttons.append(line)
        rest = len(sizes) - MAX_SIZES
        self.more.setText(count_of(rest, "more size") if rest > 0 else "")
        self.more.setVisible(rest > 0)
        self.setVisible(bool(sizes))


class DataPage(QWidget):
    """Shows what its setters are given; buttons emit signals."""

    export_requested = Signal()
    import_requested = Signal()
    show_folder_requested = Signal()
    filter_requested = Signal(str, str)
    """Key and title of a filter of the picture list."""
    class_requested = Signal(int)
    size_requested = Signal(int, int)
    """Width and height of the pictures to show."""
    shown = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        set_background(self, "page")
        self._counts: dict[str, QPushButton] = {}
        self._values: list[int] = []
        self.classes = ClassTable(theme)
        self.classes.row_chosen.connect(lambda y: self.class_requested.emit(self._values[y]))
        self.shares = ShareBar(theme)
        self.empty_text = text_label(
            "No classes yet. Add them in the panel at the right of the Label workspace.", "muted"
        )
        self.splits = SplitCard()
        self.splits.filter_requested.connect(self.filter_requested)
        self.findings = FindingsCard()
        self.near_duplicates = NearDuplicatesCard(theme)
        self.sizes = SizesCard()
        self.sizes.size_requested.connect(self.size_requested)
        self.integrity = IntegrityCard()
        self.backups = BackupsCard(theme)
        self.location = text_label("", "muted", wrap=True)
        self.location.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.show_folder = button("Show folder", "quiet")
        self.show_folder.clicked.connect(self.show_folder_requested)
        self.export = button("Export dataset…", "primary")
        self.export.clicked.connect(self.export_requested)
        self.import_masks = button("Import dataset…")
        self.import_masks.clicked.connect(self.import_requested)
        self._lay_out()
        self.set_classes(ClassList(), ())
        self.findings.set_findings(())

    def set_counts(self, counts: Mapping[str, int]) -> None:
        """Counts by the keys of `COUNTS`; missing ones are 0."""
        for key, label in self._counts.items():
            label.setText(f"{counts.get(key, 0):,}")
            label.setEnabled(counts.get(key, 0) > 0)

    def set_classes(self, classes: ClassList, counts: Sequence[ClassCount]) -> None:
        by_value = {count.value: count for count in counts}
        total = sum(count.pixels for count in counts) or 1
        most = max((count.pixels for count in counts), default=1) or 1
        cells: list[list[Cell]] = []
        bars: list[tuple[Colour, float]] = []
        for each in classes:
            count = by_value.get(each.value, ClassCount(each.value, 0, 0))
            share = percent_text(count.pixels / total, 1) if count.pixels else "–"
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
        self.empty_text.setVisible(not cells)

    def set_location(self, text: str) -> None:
        """A sentence that says where the project is stored."""
        self.location.setText(text)

    def showEvent(self, event: object) -> None:  # noqa: N802
        super().showEvent(event)  # type: ignore[arg-type]
        self.shown.emit()

    def _lay_out(self) -> None:
        where = row(self.location, self.show_folder)
        where.setStretch(0, 1)
        board = Card("Labelled pixels")
        board.add(self.shares, self.empty_text, self.classes)
        cards = column(
            row(text_label("Data", "headline"), None, self.import_masks, self.export),
            self._grid(),
            board,
            self.splits,
            self.findings,
            self.near_duplicates,
            self.sizes,
            self.integrity,
            self.backups,
            where,
            None,
            spacing=2 * GRID,
        )
        self.area = area = card_page(cards, WIDTH)
        self.setLayout(column(area, spacing=0))

    def _grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(2 * GRID)
        grid.setVerticalSpacing(0)
        for at, (key, filter_, title) in enumerate(COUNTS):
            number = self._counts[key] = link_button("0", f"Show pictures: {title}", "Show these pictures.")
            number.setProperty("role", "count")
            number.clicked.connect(lambda _on=False, f=filter_, t=title: self.filter_requested.emit(f, t))
            grid.addWidget(number, 0, at)
            label = text_label(title, "muted")
            label.setContentsMargins(GRID, 0, 0, 0)
            grid.addWidget(label, 1, at)
        grid.setColumnStretch(len(COUNTS), 1)
        return grid
