"""The table of runs: sorted by a click on a heading, filtered by words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from PySide6.QtCore import QEvent, QItemSelection, QItemSelectionModel, QModelIndex, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView

from core.base.text import count_text, duration_text
from core.labels.confusion_scores import METRIC_TITLES
from desktop.widgets.input.key_claim import claim_keys, is_plain_key
from desktop.widgets.table import DataTable, HeadingSort

METRICS = {
    name: {"miou": "mIoU", "mean_accuracy": "Mean accuracy (recall)"}.get(name, title[0].upper() + title[1:])
    for name, title in METRIC_TITLES.items()
}
"""Titles of the scores that the column of results can show."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """One row of the table of runs; unknown numbers are None. metric: which of `scores` is the result, a key of
    METRICS"""

    number: int
    started: str  # for people, local time
    device: str
    pictures: int
    state: str
    architecture: str = ""
    has_weights: bool = False
    in_use: bool = False
    message: str = ""  # what the training said at its end
    pixels: int | None = None  # labelled ones that it learned from and was validated on
    seconds: float | None = None  # of training
    is_starred: bool = False
    tags: tuple[str, ...] = ()
    note: str = ""
    missing: str = ""  # why it has no weights, where it had some
    scores: Mapping[str, float] = field(default_factory=dict)  # on val, of the weights that it kept
    metric: str = "miou"

    @property
    def result(self) -> float | None:
        return self.scores.get(self.metric)


@dataclass(frozen=True, slots=True)
class Column:
    """key: what it is sorted by, None for unknown, which comes last; is_descending: at the first click"""

    title: str
    text: Callable[[RunRow], str]
    key: Callable[[RunRow], float | str | None]
    is_numeric: bool = False
    is_descending: bool = False


COLUMNS = (
    Column("Run", lambda run: str(run.number), lambda run: run.number, is_descending=True),
    Column("In use", lambda run: "✓" if run.in_use else "", lambda run: run.in_use, is_descending=True),
    Column(
        "Star", lambda run: "★" if run.is_starred else "☆", lambda run: run.is_starred, is_descending=True
    ),
    Column("State", lambda run: run.state, lambda run: run.state),
    Column(
        "Result",
        lambda run: "–" if run.result is None else f"{run.result:.3f}",
        lambda run: run.result,
        is_numeric=True,
        is_descending=True,
    ),
    Column("Started", lambda run: run.started, lambda run: run.number, is_descending=True),
    Column("Network", lambda run: run.architecture, lambda run: run.architecture),
    Column("Pictures", lambda run: f"{run.pictures:,}", lambda run: run.pictures, True, True),
    Column(
        "Pixels",
        lambda run: "–" if run.pixels is None else count_text(run.pixels),
        lambda run: run.pixels,
        is_numeric=True,
        is_descending=True,
    ),
    Column(
        "Time",
        lambda run: "–" if run.seconds is None else duration_text(run.seconds),
        lambda run: run.seconds,
        is_numeric=True,
        is_descending=True,
    ),
    Column("Device", lambda run: run.device, lambda run: run.device),
    Column("Tags", lambda run: ", ".join(run.tags), lambda run: ", ".join(run.tags).casefold() or None),
    Column("Note", lambda run: run.note, lambda run: run.note.casefold() or None),
)
TITLES = tuple(column.title for column in COLUMNS)
STAR, RESULT = TITLES.index("Star"), TITLES.index("Result")
KEYS = {
    Qt.Key.Key_S: "star",
    Qt.Key.Key_F2: "note",
    Qt.Key.Key_T: "tags",
    Qt.Key.Key_R: "repeat",
    Qt.Key.Key_C: "compare",
    Qt.Key.Key_Delete: "delete",
}
"""What a key does with the selected runs while the table has the focus."""


class RunsTable(DataTable):
    """A click on a heading sorts by it, a second one the other way round; runs that are selected stay selected.

    `sorted_by` carries the title of a column and whether the order is descending; `asked` one of the values of `KEYS`;
    `star_clicked` the number of a run; `menu_requested` a QPoint on the screen.
    """

    sorted_by = Signal(str, bool)
    asked = Signal(str)
    star_clicked = Signal(int)
    menu_requested = Signal(object)

    def __init__(self) -> None:
        numeric = [at for at, column in enumerate(COLUMNS) if column.is_numeric]
        super().__init__(TITLES, numeric, "Training runs")
        self.all_runs: list[RunRow] = []
        """Newest first."""
        self._shown: list[RunRow] = []
        self.result_metric = "miou"
        self._words = [""]
        self._order = HeadingSort(self, [at for at, column in enumerate(COLUMNS) if column.is_descending])
        self._order.changed.connect(self._fill)
        self._order.chosen.connect(lambda at, descending: self.sorted_by.emit(TITLES[at], descending))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        header = self.horizontalHeader()
        header.setSectionResizeMode(len(COLUMNS) - 1, QHeaderView.ResizeMode.Stretch)
        pixels = self.horizontalHeaderItem(TITLES.index("Pixels"))
        if pixels is not None:
            pixels.setToolTip("Labelled pixels of the train and val pictures of the run.")
        self.clicked.connect(self._on_clicked)
        self.set_metric(self.result_metric)
        self.set_sort("Run", descending=True)

    def set_runs(self, runs: Sequence[RunRow]) -> None:
        """runs: newest first"""
        self.all_runs = [replace(run, metric=self.result_metric) for run in runs]
        self._fill()

    def set_metric(self, metric: str) -> None:
        """Which score is the result of a run, a key of METRICS."""
        self.result_metric = metric
        heading = self.horizontalHeaderItem(RESULT)
        if heading is not None:
            heading.setText(METRICS[metric].removesuffix(" (recall)"))
            heading.setToolTip(f"{METRICS[metric]} on the val pictures, of the weights that the run kept.")
        self.set_runs(self.all_runs)

    def set_filter(self, text: str) -> None:
        """Show the runs in which each word of `text` occurs; “starred” stands for the star."""
        self._words = text.casefold().split()
        self._fill()
        self.itemSelectionChanged.emit()

    def set_sort(self, title: str, *, descending: bool) -> None:
        """title: of a column"""
        self._order.set_order(TITLES.index(title), descending=descending)

    def selected_runs(self) -> list[RunRow]:
        """From top to bottom."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return [self._shown[at] for at in rows if at < len(self._shown)]

    def select_run(self, number: int) -> None:
        """Select a run, unless it is one of several that are."""
        if number in {run.number for run in self.selected_runs()}:
            return
        for y, run in enumerate(self._shown):
            if run.number == number:
                self.selectRow(y)
                self.scrollTo(self.model().index(y, 0))

    def select_runs(self, numbers: Collection[int]) -> None:
        """Select exactly these runs, as far as they are shown."""
        self._select(numbers)
        self.itemSelectionChanged.emit()

    def event(self, event: QEvent) -> bool:
        """The keys of the table are not shortcuts of the window while it has the focus."""
        return claim_keys(event, KEYS) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if is_plain_key(event, KEYS):
            self.asked.emit(KEYS[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802
        if self.selected_runs():
            self.menu_requested.emit(event.globalPos())

    def _on_clicked(self, index: QModelIndex) -> None:
        if index.column() == STAR and index.row() < len(self._shown):
            self.star_clicked.emit(self._shown[index.row()].number)

    def _fill(self) -> None:
        """Selection stays with its runs; nobody is told, because what is selected is the same."""
        selected = {run.number for run in self.selected_runs()}
        found = [run for run in self.all_runs if all(word in _text(run) for word in self._words)]
        self._shown = self._order.sort(found, lambda run, at: COLUMNS[at].key(run))
        self.blockSignals(True)
        self.set_cells([[column.text(run) for column in COLUMNS] for run in self._shown])
        self.blockSignals(False)
        self._select(selected)

    def _select(self, numbers: Collection[int]) -> None:
        """Without telling anybody."""
        chosen = QItemSelection()
        for y, run in enumerate(self._shown):
            if run.number in numbers:
                chosen.select(self.model().index(y, 0), self.model().index(y, len(COLUMNS) - 1))
        self.blockSignals(True)
        self.selectionModel().select(chosen, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self.blockSignals(False)


def _text(run: RunRow) -> str:
    words = [column.text(run) for column in COLUMNS]
    return " ".join([*words, "starred" if run.is_starred else ""]).casefold()
