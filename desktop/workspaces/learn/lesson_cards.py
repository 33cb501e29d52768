"""Card of the lessons: each has a title, a few sentences, and buttons that lead to what it explains."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QPushButton, QSizePolicy, QWidget

from core.lessons.lessons import LESSONS, Lesson
from desktop.theme.theme import GRID
from desktop.widgets.cards import Card
from desktop.widgets.controls import button, column, row, text_label

COLUMNS = 3


class LessonCards(Card):
    """`setup_requested` carries the setup of a lesson, `action_requested` the id of an action."""

    setup_requested = Signal(object)
    action_requested = Signal(str)

    def __init__(self) -> None:
        super().__init__("Lessons")
        self.buttons: dict[tuple[str, str], QPushButton] = {}
        """By the title of the lesson and "layer" or "action"."""
        grid = QGridLayout()
        grid.setHorizontalSpacing(4 * GRID)
        grid.setVerticalSpacing(3 * GRID)
        for at, lesson in enumerate(LESSONS):
            grid.addWidget(self._lesson_widget(lesson), at // COLUMNS, at % COLUMNS)
        for at in range(COLUMNS):
            grid.setColumnStretch(at, 1)
        self.add(grid)

    def _lesson_widget(self, lesson: Lesson) -> QWidget:
        text = text_label(lesson.text, "muted", wrap=True)
        text.setAlignment(Qt.AlignmentFlag.AlignTop)
        buttons = []
        if lesson.setup is not None:
            made = button("Try it above")
            made.setAccessibleName(f"Try it above: {lesson.title}")
            made.setToolTip("Sets up the card above, with a patch of your picture.")
            made.clicked.connect(partial(self._request_setup, lesson))
            self.buttons[lesson.title, "layer"] = made
            buttons.append(made)
        if lesson.action_id:
            made = button(lesson.button_text, "quiet" if buttons else "")
            made.setAccessibleName(f"{lesson.button_text}: {lesson.title}")
            made.clicked.connect(partial(self._request_action, lesson))
            self.buttons[lesson.title, "action"] = made
            buttons.append(made)
        one = QWidget()
        title = text_label(lesson.title, "heading")
        title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        one.setLayout(column(title, text, None, row(*buttons, None), spacing=GRID))
        return one

    def _request_setup(self, lesson: Lesson) -> None:
        self.setup_requested.emit(lesson.setup)

    def _request_action(self, lesson: Lesson) -> None:
        self.action_requested.emit(lesson.action_id)
