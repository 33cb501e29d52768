"""The stack of the five workspaces. Label exists from the start, the others are built once a project needs them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget, QWidget

from desktop.theme.theme import Theme

if TYPE_CHECKING:
    from desktop.workspaces.data.page import DataPage
    from desktop.workspaces.learn.page import LearnPage
    from desktop.workspaces.review.grid import Caption
    from desktop.workspaces.review.page import ReviewPage
    from desktop.workspaces.train.page import TrainPage

REVIEW, TRAIN, DATA, LEARN = range(1, 5)


class WorkspaceStack(QStackedWidget):
    """Building a page on first access brings the first picture of a folder on screen tens of milliseconds earlier.
    Signals of the pages are passed on. GUI thread."""

    export_requested = Signal()
    import_requested = Signal()
    show_folder_requested = Signal()
    action_requested = Signal(str)

    def __init__(self, theme: Theme, label_page: QWidget, caption: Caption) -> None:
        """caption: makes the line below a picture of the Review workspace."""
        super().__init__()
        self._theme, self._caption = theme, caption
        self._patterns = False
        self.addWidget(label_page)
        for _ in (REVIEW, TRAIN, DATA, LEARN):
            self.addWidget(QWidget())

    @cached_property
    def review(self) -> ReviewPage:
        from desktop.workspaces.review.page import ReviewPage

        page = ReviewPage(self._theme, self._caption)
        self._replace_placeholder(REVIEW, page)
        return page

    @cached_property
    def train(self) -> TrainPage:
        from desktop.workspaces.train.page import TrainPage

        page = TrainPage(self._theme)
        page.curves.set_patterns(self._patterns)
        self._replace_placeholder(TRAIN, page)
        return page

    @cached_property
    def data(self) -> DataPage:
        from desktop.workspaces.data.page import DataPage

        page = DataPage(self._theme)
        page.export_requested.connect(self.export_requested)
        page.import_requested.connect(self.import_requested)
        page.show_folder_requested.connect(self.show_folder_requested)
        self._replace_placeholder(DATA, page)
        return page

    @cached_property
    def learn(self) -> LearnPage:
        from desktop.workspaces.learn.page import LearnPage

        page = LearnPage(self._theme)
        page.action_requested.connect(self.action_requested)
        self._replace_placeholder(LEARN, page)
        return page

    def set_patterns(self, shown: bool) -> None:
        """Whether the legend shows the pattern of each class."""
        self._patterns = shown
        if "train" in self.__dict__:
            self.train.curves.set_patterns(shown)

    def _replace_placeholder(self, place: int, page: QWidget) -> None:
        placeholder = self.widget(place)
        assert placeholder is not None
        self.removeWidget(placeholder)
        placeholder.deleteLater()
        self.insertWidget(place, page)
