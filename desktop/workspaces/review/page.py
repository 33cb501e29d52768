"""Page of the Review workspace: filters, a grid of pictures, actions for the selected ones, and the label check, which
shows one suspect at a time in place of the grid."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QMenu, QProgressBar, QStackedWidget, QWidget

from core.base.text import count_of
from core.project.records import Status
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import (
    ElidedLabel,
    LevelSlider,
    button,
    column,
    combo_box,
    hairline,
    row,
    segmented_control,
    set_background,
)
from desktop.widgets.filter_box import FilterBox
from desktop.workspaces.review.grid import Caption, ReviewGrid
from desktop.workspaces.review.label_check import LabelCheckPanel
from desktop.workspaces.review.suspect_view import SuspectView

LAYERS = (
    ("label", "Label", "Labels, painted or imported."),
    ("prediction", "Prediction", "Predictions of the network."),
    ("difference", "Difference", "Pixels where prediction and label differ."),
    ("none", "Picture", "Pictures without masks."),
)
ORDERS = (("name", "By name"), ("uncertainty", "By uncertainty"), ("doubt", "By suspect pixels"))
MARKS = (
    (Status.DONE, "Done"),
    (Status.TO_REVIEW, "To review"),
    (Status.IN_PROGRESS, "In progress"),
    (Status.SKIPPED, "Skipped"),
)
CELL_WIDTHS = (120, 420)
LABEL_CHECK_WIDTH = 31 * GRID
MIN_WIDTH_FOR_SLIDER = 98 * GRID


class ReviewPage(QWidget):
    """Shows what its setters are given; buttons emit signals."""

    shown = Signal()
    filter_changed = Signal(str)
    order_changed = Signal(str)
    layer_changed = Signal(str)
    accept_requested = Signal(bool)
    """Carries whether to mark the pictures as done too."""
    mark_requested = Signal(object)
    undo_requested = Signal()
    stop_requested = Signal()

    def __init__(self, theme: Theme, caption: Caption, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_background(self, "page")
        self._theme = theme
        self.grid = ReviewGrid(theme, caption)
        self.label_check = LabelCheckPanel(theme)
        self.suspect_view = SuspectView(theme)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.grid)
        self._stack.addWidget(self.suspect_view)
        self.filter = FilterBox(theme)
        self.order = combo_box(ORDERS, "Order of the pictures", "quiet")
        self.order.setToolTip(
            "Uncertainty: mean uncertainty of the prediction.\n"
            "Suspect pixels: share of the label that a confident prediction contradicts."
        )
        self.size_slider = LevelSlider(*CELL_WIDTHS, "Size of the pictures")
        self.size_slider.setValue(200)
        self.size_slider.setFixedWidth(9 * GRID)
        self.size_slider.setToolTip("Size of the pictures (Ctrl and the wheel)")
        self.selection_text = ElidedLabel("", "muted")
        self.select_all = button("Select all", "quiet")
        self.mark = button("Mark as", "quiet")
        self.mark.setMenu(self._marks())
        self.accept = button("Accept predictions")
        self.accept.setToolTip("Copy the predictions to all pixels that have no label.")
        self.accept_done = button("Accept and mark done", "primary")
        self.undo = button("Undo", "quiet")
        self.stop = button("Stop", "quiet")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(12 * GRID)
        self.bar.setAccessibleName("Progress")
        self._selected, self._running = 0, False
        self._connect()
        self._lay_out()
        self.set_selection(0, 0)
        self.set_running(None)
        self.set_undo("")

    def set_selection(self, selected: int, total: int) -> None:
        """How many of how many pictures are selected."""
        self._selected = selected
        if not selected:
            pictures = count_of(total, "picture")
            self.selection_text.setText(f"{pictures}. Select some to edit them." if total else "")
        else:
            self.selection_text.setText(f"{selected:,} of {total:,} selected")
        self.select_all.setEnabled(selected < total)
        self._update_buttons()

    def set_running(self, done: tuple[int, int] | None) -> None:
        """How many of how many pictures are done; None: nothing is under way."""
        self._running = done is not None
        for part in (self.bar, self.stop):
            part.setVisible(self._running)
        if done is not None:
            self.bar.setRange(0, max(1, done[1]))
            self.bar.setValue(done[0])
        self._update_buttons()

    def set_undo(self, name: str) -> None:
        """Name of the edit that can be undone; empty: none."""
        self.undo.setVisible(bool(name))
        self.undo.setToolTip(f"Undo “{name}”." if name else "")

    @property
    def shows_suspect(self) -> bool:
        """Whether a suspect of the label check is shown in place of the pictures."""
        return self._stack.currentWidget() is self.suspect_view

    def show_suspect(self, on: bool) -> None:
        """Show the view of a suspect, or (False) the pictures."""
        if on == self.shows_suspect:
            return
        self._stack.setCurrentWidget(self.suspect_view if on else self.grid)
        of_pictures = (self.selection_text, self.select_all, self.mark, self.accept, self.accept_done)
        for part in of_pictures:
            part.setVisible(not on)
        for chosen in (self.filter, self.order, self.size_slider):
            chosen.setEnabled(not on)
        (self.label_check.suspects if on else self.grid).setFocus()

    def showEvent(self, event: object) -> None:  # noqa: N802
        super().showEvent(event)  # type: ignore[arg-type]
        self.shown.emit()
        (self.label_check.suspects if self.shows_suspect else self.grid).setFocus()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        # A narrow window has no room for the slider; Ctrl and the wheel do the same.
        self.size_slider.setVisible(event.size().width() - LABEL_CHECK_WIDTH >= MIN_WIDTH_FOR_SLIDER)
        super().resizeEvent(event)

    def _update_buttons(self) -> None:
        for part in (self.mark, self.accept, self.accept_done):
            part.setEnabled(self._selected > 0 and not self._running)
        self.undo.setEnabled(not self._running)

    def _connect(self) -> None:
        self.filter.activated.connect(lambda _at: self.filter_changed.emit(self.filter.currentData()))
        self.order.activated.connect(lambda _at: self.order_changed.emit(self.order.currentData()))
        self.size_slider.valueChanged.connect(self.grid.set_card_width)
        self.grid.resize_requested.connect(
            lambda steps: self.size_slider.setValue(self.size_slider.value() + 20 * steps)
        )
        self.select_all.clicked.connect(self.grid.select_all)
        self.accept.clicked.connect(lambda: self.accept_requested.emit(False))
        self.accept_done.clicked.connect(lambda: self.accept_requested.emit(True))
        self.undo.clicked.connect(self.undo_requested)
        self.stop.clicked.connect(self.stop_requested)

    def _marks(self) -> QMenu:
        menu = QMenu(self)
        for status, title in MARKS:
            menu.addAction(title).triggered.connect(lambda _on=False, s=status: self.mark_requested.emit(s))
        return menu

    def _layers(self) -> QFrame:
        titles = {key: title for key, title, _ in LAYERS}
        frame, self.layer_buttons = segmented_control(titles, self._theme)
        self.layer_buttons[LAYERS[0][0]].setChecked(True)
        for key, _, help_ in LAYERS:
            self.layer_buttons[key].setToolTip(help_)
            self.layer_buttons[key].clicked.connect(lambda _on=False, k=key: self.layer_changed.emit(k))
        return frame

    def _lay_out(self) -> None:
        margin = 2 * GRID
        head = row(
            self.filter,
            self.order,
            None,
            self._layers(),
            GRID,
            self.size_slider,
            margins=(margin, GRID, margin, 0),
        )
        actions = QWidget()
        set_background(actions, "panel")
        line = row(
            self.selection_text, None, self.select_all, self.bar, self.stop, self.undo, self.mark, self.accept,
            self.accept_done, margins=(margin, GRID, margin, GRID),
        )  # fmt: skip
        line.setStretch(0, 1000)  # the stretch after it is for when it is hidden
        actions.setLayout(line)
        actions.setFixedHeight(line.sizeHint().height())  # whatever of it is shown
        left = column(head, self._stack, hairline(), actions, spacing=GRID)
        left.setStretch(1, 1)
        self.label_check.setFixedWidth(LABEL_CHECK_WIDTH)
        whole = row(left, hairline(vertical=True), self.label_check, spacing=0)
        whole.setStretch(0, 1)
        self.setLayout(whole)


def join_problems(texts: Sequence[str], most: int = 3) -> str:
    """Sentences about problems as one line: the first `most`, and how many more."""
    sentences = list(texts[:most])
    if len(texts) > most:
        sentences.append(f"Further problems: {len(texts) - most:,}.")
    return " ".join(sentences)
