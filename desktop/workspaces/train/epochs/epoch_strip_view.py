"""What runs predicted in a few pictures, checkpoint by checkpoint, with a slider through the training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QMenu, QStackedWidget, QWidget

from core.base.text import duration_text
from core.session.models.epoch_strips import LABEL, StripHistory
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import (
    LevelSlider,
    button,
    column,
    combo_box,
    row,
    set_background,
    text_label,
)
from desktop.widgets.plain_text import menu_text
from desktop.workspaces.train.epochs.strip_moments import checkpoint_at, moments
from desktop.workspaces.train.epochs.strip_tile import StripTile
from desktop.workspaces.train.offer_bar import MARGIN

NOTHING = -1
"""Key of “nothing” in the choice of what is beside the run."""
MAX_PICTURES, DEFAULT_PICTURES = 8, 6
SWIPE_STEPS = 100
NO_STRIP = (
    "Nothing is stored of this run. The predictions of a few val pictures are stored with each checkpoint that a "
    "training publishes; runs of earlier versions have none."
)


class EpochStripView(QWidget):
    """`changed`: another run, picture or moment is to be shown; `pictures_chosen` carries ids chosen by hand."""

    closed = Signal()
    run_changed = Signal()
    changed = Signal()
    pictures_chosen = Signal(list)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_background(self, "page")
        self._theme = theme
        self._histories: list[StripHistory] = []
        self._moments: list[float] = []
        self.tiles: dict[int, StripTile] = {}
        self.back = button("← Training", "quiet")
        self.back.clicked.connect(self.closed)
        self.run = combo_box([], "Run")
        self.beside = combo_box([], "Beside it")
        for box in (self.run, self.beside):
            box.setMinimumWidth(26 * GRID)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            box.setMaximumWidth(44 * GRID)
            box.activated.connect(self.run_changed)
        self.choose = button("Pictures…")
        self.choose.clicked.connect(self._show_menu)
        self.menu = QMenu(self)
        self.time = LevelSlider(0, 0, "Moment of the training")
        self.time.valueChanged.connect(self._on_time)
        self.swipe = LevelSlider(0, SWIPE_STEPS, "Where the right side begins")
        self.swipe.setMaximumWidth(30 * GRID)
        self.swipe.setValue(SWIPE_STEPS // 2)
        self.swipe.valueChanged.connect(self._on_swipe)
        self.when = text_label("", "heading")
        self.scores = text_label("", "muted", wrap=True)
        self.message = text_label(NO_STRIP, "muted", wrap=True)
        self.message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._swipe_title = text_label("Swipe", "muted")
        top = row(self.back, self.run, text_label("beside", "muted"), self.beside, None)
        for widget in (self._swipe_title, self.swipe, self.choose):
            top.addWidget(widget)
        self._grid = QGridLayout()
        self._grid.setSpacing(2 * GRID)
        tiles, shown, empty = QWidget(), QWidget(), QWidget()
        tiles.setLayout(self._grid)
        shown_layout = column(tiles, self.time, row(self.when, None), self.scores, spacing=GRID)
        shown_layout.setStretch(0, 1)
        shown.setLayout(shown_layout)
        empty.setLayout(column(None, self.message, None))
        self._pages = QStackedWidget()
        for page in (empty, shown):
            self._pages.addWidget(page)
        self.setLayout(
            column(top, self._pages, spacing=2 * GRID, margins=(MARGIN, 2 * GRID, MARGIN, 2 * GRID))
        )
        self.setFocusProxy(self.time)

    def set_runs(self, runs: Sequence[tuple[int, str]], left_out: str = "") -> None:
        """runs: (number, title) of those with a strip; left_out: which others there are. The choice stays if it can."""
        rows: list[tuple[int, str]] = [(NOTHING, "nothing"), (LABEL, "the label"), *runs]
        for box, listed in ((self.run, list(runs)), (self.beside, rows)):
            box.setToolTip(left_out)
            before = box.currentData()
            box.clear()
            for number, title in listed:
                box.addItem(title, number)
            box.setCurrentIndex(max(0, box.findData(before)))

    def choose_run(self, number: int) -> None:
        self.run.setCurrentIndex(max(0, self.run.findData(number)))

    @property
    def sides(self) -> tuple[int, int]:
        """Run at the left, and at the right: NOTHING, LABEL, or a run. NOTHING at the left without any run."""
        run = self.run.currentData()
        beside = self.beside.currentData()
        return (NOTHING if run is None else int(run)), (NOTHING if beside is None else int(beside))

    @property
    def seconds(self) -> float:
        """Of training, at the moment that the slider is at."""
        return self._moments[min(self.time.value(), len(self._moments) - 1)] if self._moments else 0.0

    def set_histories(self, histories: Sequence[StripHistory], chosen: Sequence[int]) -> None:
        """histories: of the run, and of that beside it if there is one; chosen: ids of the pictures to show.

        A slider at the end stays there: a training that goes on is followed.
        """
        follows = self.time.value() == self.time.maximum()
        self._histories = list(histories)
        self._moments = moments(histories)
        last = max(0, len(self._moments) - 1)
        self.time.blockSignals(True)
        self.time.setRange(0, last)
        self.time.setValue(last if follows else min(self.time.value(), last))
        self.time.blockSignals(False)
        paths = histories[0].pictures if histories else {}
        if list(self.tiles) != list(chosen):
            self._make_tiles(chosen, paths)
        self._fill_menu(paths, chosen)
        self._pages.setCurrentIndex(1 if self._moments and chosen else 0)
        has_two = self.sides[1] != NOTHING
        for widget in (self.swipe, self._swipe_title):
            widget.setVisible(has_two)
        self._on_swipe()
        self._on_time()

    def _make_tiles(self, chosen: Sequence[int], paths: Mapping[int, str]) -> None:
        for tile in self.tiles.values():
            self._grid.removeWidget(tile)
            tile.hide()
            tile.deleteLater()
        self.tiles = {}
        columns = max(1, -(-len(chosen) // 2))
        for at, number in enumerate(chosen):
            tile = self.tiles[number] = StripTile(self._theme, number, paths.get(number, ""))
            tile.divider_moved.connect(lambda share: self.swipe.setValue(round(share * SWIPE_STEPS)))
            self._grid.addWidget(tile, at // columns, at % columns)

    def _fill_menu(self, paths: Mapping[int, str], chosen: Sequence[int]) -> None:
        self.menu.clear()
        for number, path in paths.items():
            action = self.menu.addAction(menu_text(path))
            action.setCheckable(True)
            action.setChecked(number in chosen)
            action.setData(number)
            action.setEnabled(number in chosen or len(chosen) < MAX_PICTURES)
            action.triggered.connect(self._on_chosen)
        self.choose.setEnabled(len(paths) > 1)

    def _show_menu(self) -> None:
        self.menu.popup(self.choose.mapToGlobal(QPoint(0, self.choose.height())))

    def _on_chosen(self) -> None:
        chosen = [action.data() for action in self.menu.actions() if action.isChecked()]
        if chosen:
            self.pictures_chosen.emit(chosen)
        else:  # one always stays
            self.pictures_chosen.emit(list(self.tiles)[:1])

    def _on_swipe(self) -> None:
        has_two = self.sides[1] != NOTHING
        for tile in self.tiles.values():
            tile.set_divider(self.swipe.value() / SWIPE_STEPS, has_two=has_two)

    def _on_time(self) -> None:
        texts = []
        for history in self._histories:
            found = checkpoint_at(history, self.seconds)
            if found is None:
                continue
            at, checkpoint = found
            score = "not judged" if math.isnan(checkpoint.miou) else f"mIoU {checkpoint.miou:.3f}"
            texts.append(
                f"Run {history.run_id}: checkpoint {at + 1} of {len(history.checkpoints)}, step "
                f"{checkpoint.step:,}, epoch {checkpoint.epoch:.1f}, {score}"
            )
        self.when.setText(f"After {duration_text(self.seconds)} of training")
        self.scores.setText(".  ".join(texts))
        self.changed.emit()
