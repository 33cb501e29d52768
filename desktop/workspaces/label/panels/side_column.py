"""The column at the right of the canvas: classes, layers and training panels, or the history in their place."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QStackedWidget, QWidget

from desktop.theme.theme import Theme
from desktop.widgets.controls import PANEL_WIDTH, column, hairline, set_background
from desktop.widgets.fold_button import FoldButton
from desktop.workspaces.label.panels.classes.panel import ClassesPanel
from desktop.workspaces.label.panels.history import HistoryPanel
from desktop.workspaces.label.panels.layers import LayersPanel
from desktop.workspaces.label.panels.training_panel import TrainingPanel

LOW_COLUMN = 620
"""Logical pixels; in a column of less height the training panel leaves out explanations."""


class SideColumn(QWidget):
    """Holds the panels; controllers fill them. The class list gets the height that is left."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_background(self, "panel")
        self.classes = ClassesPanel(theme)
        self.layers = LayersPanel(theme)
        self.training = TrainingPanel(theme)
        self.history = HistoryPanel(theme)
        panels = QWidget()
        layout = column(self.classes, hairline(), self.layers, hairline(), self.training, spacing=0)
        layout.setStretch(0, 1)
        panels.setLayout(layout)
        self._pages = QStackedWidget()
        self._pages.addWidget(panels)
        self._pages.addWidget(self.history)
        self.setLayout(column(self._pages, spacing=0))
        self.setMinimumWidth(PANEL_WIDTH)
        self.setMaximumWidth(2 * PANEL_WIDTH)
        self.resize(PANEL_WIDTH, self.height())

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(PANEL_WIDTH, super().sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self.training.set_low(self.height() < LOW_COLUMN)

    def folded_panels(self) -> list[str]:
        """Names of the panels that are folded to their heading."""
        return [name for name, fold in self._folds().items() if not fold.isChecked()]

    def fold_panels(self, names: Collection[str]) -> None:
        """Fold exactly these panels."""
        for name, fold in self._folds().items():
            fold.setChecked(name not in names)

    def _folds(self) -> dict[str, FoldButton]:
        return {"layers": self.layers.fold, "training": self.training.fold}

    def show_history(self, shown: bool) -> None:
        """Swap the panels for the history; both have the same width, so that the canvas keeps its size."""
        self._pages.setCurrentIndex(int(shown))
