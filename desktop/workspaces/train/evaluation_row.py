"""The button that evaluates networks, and in its place, while that goes on, how far it is."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QProgressBar, QWidget

from desktop.theme.theme import GRID
from desktop.widgets.controls import ElidedLabel, button, row


class EvaluationRow(QWidget):
    """Hidden while nothing is under way and nothing offered."""

    requested = Signal()
    cancelled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._is_offered, self._is_running = True, False
        self.start = button("Evaluate", "primary")
        self.start.clicked.connect(self.requested)
        self.cancel = button("Cancel")
        self.cancel.clicked.connect(self.cancelled)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setMaximumWidth(24 * GRID)
        self.progress = ElidedLabel("", "muted")
        line = row(self.start, self._bar, self.cancel, self.progress)
        line.setStretch(line.count() - 1, 1)
        self.setLayout(line)
        self.set_running(None)

    def set_offered(self, on: bool) -> None:
        """Whether there is anything to evaluate."""
        self._is_offered = on
        self._show()

    def set_running(self, doing: str | None, done: int = 0, total: int = 0) -> None:
        """doing: what is under way, None for nothing; total: 0 while it is not known."""
        self._is_running = doing is not None
        self.progress.setText(doing or "")
        self._bar.setRange(0, total)
        self._bar.setValue(done)
        self._show()

    def _show(self) -> None:
        self.start.setVisible(self._is_offered and not self._is_running)
        for widget in (self._bar, self.cancel):
            widget.setVisible(self._is_running)
        self.setVisible(self._is_offered or self._is_running)
