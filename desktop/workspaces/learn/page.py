"""The Learn workspace: a bench for one operation on one patch, lessons, and the network stage by stage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import column, ground, page_of, words

if TYPE_CHECKING:
    from core.lessons.layer_demo import Setup
    from desktop.workspaces.learn.bench import Bench
    from desktop.workspaces.learn.lesson_cards import LessonCards
    from desktop.workspaces.learn.network_card import NetworkCard

WIDTH = 1200
END = object()


class LearnPage(QWidget):
    """Empty until it is shown for the first time, so that the start of the window does not pay for it.

    `shown`: it came into sight and its cards are there; `door_asked` carries the id of an action.
    """

    shown = Signal()
    door_asked = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        ground(self, "page")
        self._whole = QVBoxLayout(self)
        self._whole.setContentsMargins(0, 0, 0, 0)
        self._steps: Iterator[None] | None = None
        self._done = False
        self.area: QScrollArea
        self.bench: Bench
        self.lessons: LessonCards
        self.network: NetworkCard

    def showEvent(self, event: object) -> None:  # noqa: N802
        super().showEvent(event)  # type: ignore[arg-type]
        # Only once the workspace is on screen: the click that leads here answers at once.
        QTimer.singleShot(0, self, self._come)

    def show_on_bench(self, setup: Setup) -> None:
        """Put something on the bench and bring it into sight."""
        self.bench.set_setup(setup)
        self.area.verticalScrollBar().setValue(0)
        self.bench.outputs[0].setFocus()

    @property
    def is_furnished(self) -> bool:
        """Whether the cards are there."""
        return self._done

    def _come(self) -> None:
        if self._steps is None:
            self._steps = self._furnish()
            self._go_on(self._steps)
        elif self._done and self.isVisible():
            self.shown.emit()

    def _go_on(self, steps: Iterator[None]) -> None:
        """One step at a time, so that the window answers in between."""
        if next(steps, END) is None:
            QTimer.singleShot(0, self, lambda: self._go_on(steps))
            return
        self._done = True
        if self.isVisible():
            self.shown.emit()

    def _furnish(self) -> Iterator[None]:
        cards = column(
            words("Learn", "headline"),
            words("What the network does, on your own picture.", "muted"),
            None,
            spacing=2 * GRID,
        )
        self.area = page_of(cards, WIDTH)
        self._whole.addWidget(self.area)
        yield
        from desktop.workspaces.learn import number_grid

        yield
        from desktop.workspaces.learn.bench import Bench

        yield
        self.bench = Bench(self._theme)
        yield
        cards.insertWidget(cards.count() - 1, self.bench)
        yield
        from desktop.workspaces.learn.lesson_cards import LessonCards

        self.lessons = LessonCards()
        self.lessons.bench_asked.connect(self.show_on_bench)
        self.lessons.door_asked.connect(self.door_asked)
        cards.insertWidget(cards.count() - 1, self.lessons)
        yield
        from desktop.workspaces.learn.network_card import NetworkCard

        yield
        self.network = NetworkCard(self._theme)
        cards.insertWidget(cards.count() - 1, self.network)
        yield
