"""The doubts about a dataset in the import dialog: a line for each, with its answers to choose from."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from core.base.text import count_of
from core.formats.doubt import Doubt, DoubtAnswer
from core.formats.value_doubts import ANY_NAME
from desktop.theme.theme import GRID
from desktop.widgets.controls import column, combo_box, row, text_label

MAX_HEIGHT = 180
ANSWER_WIDTH = 260


class DoubtList(QWidget):
    """`answered` carries the chosen DoubtAnswer. What a person has to name is chosen in the list of classes."""

    answered = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.title = text_label("", "heading")
        self.sentences: list[QLabel] = []
        self.fields: dict[str, QComboBox] = {}
        """The answers of each doubt that has some, by its key."""
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setAccessibleName("Doubts about this dataset")
        self.setLayout(column(self.title, self._area, spacing=4))
        self.hide()

    def set_doubts(self, doubts: Sequence[Doubt]) -> None:
        """Show these doubts; hidden without any."""
        self.sentences, self.fields = [], {}
        lines = []
        for doubt in doubts:
            sentence = text_label(doubt.sentence, "warning", wrap=True)
            sentence.setToolTip(", ".join(_shown(what, number) for what, number in doubt.evidence))
            self.sentences.append(sentence)
            field = self._field(doubt)
            parts = [sentence] if field is None else [sentence, field]
            line = row(*parts, spacing=GRID)
            line.setStretch(0, 1)
            lines.append(line)
        inside = QWidget()
        layout = column(*lines, None, spacing=GRID, margins=(0, 0, GRID, 0))
        inside.setLayout(layout)
        self._area.setWidget(inside)
        self.title.setText(count_of(len(doubts), "doubt"))
        self.setVisible(bool(doubts))
        self._fit(layout)

    def _field(self, doubt: Doubt) -> QComboBox | None:
        answers = [a for a in doubt.answers if all(new != ANY_NAME for _, new in a.mapping)]
        if len(answers) < 2:
            return None
        field = combo_box([(str(n), _title(answer)) for n, answer in enumerate(answers)], "Answer")
        field.setFixedWidth(ANSWER_WIDTH)
        field.setCurrentIndex(next((n for n, a in enumerate(answers) if a.is_assumed), 0))
        field.activated.connect(lambda n: self.answered.emit(answers[n]))
        self.fields[doubt.key] = field
        return field

    def _fit(self, layout: QVBoxLayout) -> None:
        width = max(200, self.width() - 4 * GRID)
        height = layout.heightForWidth(width) if layout.hasHeightForWidth() else layout.sizeHint().height()
        self._area.setFixedHeight(min(MAX_HEIGHT, max(height, GRID * 4)))


def _title(answer: DoubtAnswer) -> str:
    return answer.text[:1].upper() + answer.text[1:]


def _shown(what: str, number: float) -> str:
    return f"{what} {number:.1%}" if number <= 1 else f"{what} {number:,g}"
