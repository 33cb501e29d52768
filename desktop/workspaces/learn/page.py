"""Page of the Learn workspace: a card for one operation on one patch, lessons, and the network stage by stage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import card_page, column, set_background, text_label

if TYPE_CHECKING:
    from core.lessons.layer_demo import DemoSetup
    from desktop.workspaces.learn.layer_card import LayerCard
    from desktop.workspaces.learn.lesson_cards import LessonCards
    from desktop.workspaces.learn.network_card import NetworkCard

WIDTH = 1200
END = object()


class LearnPage(QWidget):
    """Builds its cards when first shown, so that the window starts faster.

    `shown`: it is visible and its cards exist; `action_requested` carries the id of an action.
    """

    shown = Signal()
    action_requested = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        set_background(self, "page")
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._steps: Iterator[None] | None = None
        self._ready = False
        self.area: QScrollArea
        self.layer_card: LayerCard
        self.lessons: LessonCards
        self.network: NetworkCard

    def showEvent(self, event: object) -> None:  # noqa: N802
        super().showEvent(event)  # type: ignore[arg-type]
        # Only once the workspace is painted, so that the click reacts at once.
        QTimer.singleShot(0, self, self._on_shown)

    def show_setup(self, setup: DemoSetup) -> None:
        """Set up the layer card and scroll to it."""
        self.layer_card.set_setup(setup)
        self.area.verticalScrollBar().setValue(0)
        self.layer_card.outputs[0].setFocus()

    @property
    def is_ready(self) -> bool:
        """Whether the cards exist."""
        return self._ready

    def _on_shown(self) -> None:
        if self._steps is None:
            self._steps = self._build_cards()
            self._continue(self._steps)
        elif self._ready and self.isVisible():
            self.shown.emit()

    def _continue(self, steps: Iterator[None]) -> None:
        """One step for each turn of the event loop, so that the window stays responsive."""
        if next(steps, END) is None:
            QTimer.singleShot(0, self, lambda: self._continue(steps))
            return
        self._ready = True
        if self.isVisible():
            self.shown.emit()

    def _build_cards(self) -> Iterator[None]:
        cards = column(
            text_label("Learn", "headline"),
            text_label("What a network computes, shown on your own picture.", "muted"),
            None,
            spacing=2 * GRID,
        )
        self.area = card_page(cards, WIDTH)
        self._layout.addWidget(self.area)
        yield

        yield
        from desktop.workspaces.learn.layer_card import LayerCard

        yield
        self.layer_card = LayerCard(self._theme)
        yield
        cards.insertWidget(cards.count() - 1, self.layer_card)
        yield
        from desktop.workspaces.learn.lesson_cards import LessonCards

        self.lessons = LessonCards()
        self.lessons.setup_requested.connect(self.show_setup)
        self.lessons.action_requested.connect(self.action_requested)
        cards.insertWidget(cards.count() - 1, self.lessons)
        yield
        from desktop.workspaces.learn.network_card import NetworkCard

        yield
        self.network = NetworkCard(self._theme)
        cards.insertWidget(cards.count() - 1, self.network)
        yield
