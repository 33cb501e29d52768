"""The small arrow beside the heading of a panel that folds the panel to its heading."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QToolButton, QWidget

from desktop.theme.icons import set_themed_icon
from desktop.theme.theme import Theme

SIZE = 14


class FoldButton(QToolButton):
    """Checked while the body of the panel is shown."""

    def __init__(self, title: str, body: QWidget, theme: Theme) -> None:
        super().__init__()
        self._title, self._body, self._theme = title, body, theme
        self.setIconSize(QSize(SIZE, SIZE))
        self.setFixedSize(SIZE + 6, SIZE + 6)
        self.setProperty("role", "eye")  # checked without a background
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCheckable(True)
        self.toggled.connect(self._apply)
        self.setChecked(True)

    def _apply(self, is_open: bool) -> None:
        self._body.setVisible(is_open)
        set_themed_icon(self, "chevron-down" if is_open else "chevron-right", self._theme, SIZE)
        name = f"{'Fold' if is_open else 'Open'} the panel {self._title}"
        self.setAccessibleName(name)
        self.setToolTip(name)
