"""The lessons, side by side: a title, a few sentences, and a button that shows it."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QPushButton, QSizePolicy, QWidget

from core.lessons.lessons import LESSONS, Lesson
from desktop.theme.theme import GRID
from desktop.widgets.cards import Card
from desktop.widgets.controls import button, column, row, words

ABREAST = 3


class LessonCards(Card):
    """`bench_asked` carries the setup of a lesson, `door_asked` the id of an action that leads to another place."""

    bench_asked = Signal(object)
    door_asked = Signal(str)

    def __init__(self) -> None:
        super().__init__("Lessons")
        self.buttons: dict[tuple[str, str], QPushButton] = {}
        """By the title of the lesson and "bench" or "door"."""
        grid = QGridLayout()
        grid.setHorizontalSpacing(4 * GRID)
        grid.setVerticalSpacing(3 * GRID)
        for at, lesson in enumerate(LESSONS):
            grid.addWidget(self._one(lesson), at // ABREAST, at % ABREAST)
        for at in range(ABREAST):
            grid.setColumnStretch(at, 1)
        self.fill(grid)

    def _one(self, lesson: Lesson) -> QWidget:
        text = words(lesson.text, "muted", wrap=True)
        text.setAlignment(Qt.AlignmentFlag.AlignTop)
        doors = []
        if lesson.setup is not None:
            made = button("Show on the bench")
            made.setAccessibleName(f"Show on the bench: {lesson.title}")
            made.setToolTip("Sets up the bench above, with a patch of your picture.")
            made.clicked.connect(partial(self._ask_bench, lesson))
            self.buttons[lesson.title, "bench"] = made
            doors.append(made)
        if lesson.place:
            made = button(lesson.door, "quiet" if doors else "")
            made.setAccessibleName(f"{lesson.door}: {lesson.title}")
            made.clicked.connect(partial(self._ask_door, lesson))
            self.buttons[lesson.title, "door"] = made
            doors.append(made)
        one = QWidget()
        title = words(lesson.title, "heading")
        title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        one.setLayout(column(title, text, None, row(*doors, None), spacing=GRID))
        return one

    def _ask_bench(self, lesson: Lesson) -> None:
        self.bench_asked.emit(lesson.setup)

    def _ask_door(self, lesson: Lesson) -> None:
        self.door_asked.emit(lesson.place)
