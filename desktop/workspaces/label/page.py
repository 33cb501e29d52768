"""Layout of the Label workspace: tool strip, option bar, canvas, metadata bar, filmstrip and side column."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from desktop.canvas.canvas import Canvas
from desktop.theme.theme import Theme
from desktop.widgets.controls import hairline
from desktop.workspaces.label.drafts.draft_offer import DraftOffer
from desktop.workspaces.label.files.notice_bar import FileNoticeBar
from desktop.workspaces.label.live.similar_places_sheet import SimilarPlacesSheet
from desktop.workspaces.label.panels.filmstrip import Filmstrip
from desktop.workspaces.label.panels.metadata_bar import MetadataBar
from desktop.workspaces.label.panels.option_bar import OptionBar
from desktop.workspaces.label.panels.side_column import SideColumn
from desktop.workspaces.label.panels.tool_strip import ToolStrip
from desktop.workspaces.label.view.conversion_sheet import ConversionSheet
from desktop.workspaces.label.walk.walk_bar import WalkBar


class LabelPage(QWidget):
    """Holds the widgets; LabelController and TrainingPanelController fill them while a project is open."""

    def __init__(self, actions: Mapping[str, QAction], theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tool_strip = ToolStrip(actions, theme)
        self.option_bar = OptionBar(actions, theme)
        self.canvas = Canvas()
        self.draft_offer = DraftOffer(theme, self.canvas)
        self.similar_places = SimilarPlacesSheet(actions, theme, self.canvas)
        self.walk_bar = WalkBar(actions, theme, self.canvas)
        self.conversion_sheet = ConversionSheet(self.canvas)
        self.file_notice = FileNoticeBar(theme)
        self.metadata_bar = MetadataBar(theme)
        self.filmstrip = Filmstrip(theme)
        self.side_column = SideColumn(theme)
        self.classes, self.layers = self.side_column.classes, self.side_column.layers
        self.training = self.side_column.training
        self.canvas.busy_changed.connect(self.option_bar.set_busy)
        self.metadata_bar.editing_finished.connect(self._focus_canvas)
        self.training.focus_freed.connect(self._focus_canvas)
        self.layers.add_buttons(actions[key] for key in ("swipe", "side_by_side"))

        centre = QWidget()
        middle = QVBoxLayout(centre)
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(0)
        middle.addWidget(self.option_bar)
        middle.addWidget(self.file_notice)
        middle.addWidget(self.canvas, 1)
        middle.addWidget(self.metadata_bar)
        middle.addWidget(hairline())
        middle.addWidget(self.filmstrip)

        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.tool_strip)
        layout.addWidget(self._splitter(centre), 1)

    def _splitter(self, centre: QWidget) -> QSplitter:
        """Canvas and side column, whose border can be dragged; dragged to the edge it folds the column."""
        self.splitter = QSplitter()
        self.splitter.setHandleWidth(4)
        self.splitter.addWidget(centre)
        self.splitter.addWidget(self.side_column)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setStretchFactor(1, 0)
        self.splitter.setCollapsible(0, False)
        return self.splitter

    @property
    def is_side_column_folded(self) -> bool:
        return self.splitter.sizes()[1] == 0

    def fold_side_column(self, *, folded: bool) -> None:
        width = 0 if folded else self.side_column.sizeHint().width()
        self.splitter.setSizes([max(1, self.splitter.width() - width), width])

    def _focus_canvas(self) -> None:
        if self.canvas.isVisible():
            self.canvas.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Esc moves the focus back to the canvas, and so does Enter in a number field: shortcuts of tools would be
        typed into the field otherwise, and Tab takes forty steps."""
        is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        is_entered = is_enter and isinstance(QApplication.focusWidget(), QAbstractSpinBox)
        modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if modifiers == Qt.KeyboardModifier.NoModifier and (is_entered or event.key() == Qt.Key.Key_Escape):
            self.canvas.setFocus()
            event.accept()
            return
        super().keyPressEvent(event)
