"""The doubts about a dataset in the import dialog: a line for each, with its answers to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QFrame, QLabel, QScrollArea, QWidget

from core.base.number_text import percent_text
from core.base.text import count_of
from core.formats.doubt import Doubt, DoubtAnswer
from core.formats.value_doubts import ANY_NAME
from desktop.theme.theme import GRID
from desktop.widgets.controls import column, combo_box, row, set_role, text_label

MAX_HEIGHT = 180
ANSWER_WIDTH = 260


class DoubtList(QWidget):
    """`answered` carries the chosen DoubtAnswer. What a person has to name is chosen in the list of classes.

    A doubt that is answered stays, so that the answer can be changed, but it is no warning any more.
    """

    answered = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.title = text_label("", "heading")
        self.sentences: list[QLabel] = []
        self.fields: dict[str, QComboBox] = {}
        """The answers of each doubt that has some, by its key."""
        self._doubts: tuple[Doubt, ...] = ()
        self._chosen: dict[str, str] = {}
        """The text of the chosen answer, by the key of its doubt."""
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setAccessibleName("Doubts about this dataset")
        self.setLayout(column(self.title, self._area, spacing=4))
        self.hide()

    def set_doubts(self, doubts: Sequence[Doubt]) -> None:
        """Show these doubts; hidden without any."""
        same = [replace(doubt, is_answered=False) for doubt in self._doubts]
        is_known = same == [replace(doubt, is_answered=False) for doubt in doubts]
        self._doubts = tuple(doubts)
        if not is_known:  # otherwise the fields, and the one with the focus, stay
            self._fill(doubts)
        self._mark()
        self.setVisible(bool(doubts))
        self._fit()

    def forget_answers(self) -> None:
        """For another dataset."""
        self._chosen.clear()

    def _mark(self) -> None:
        """Tell doubts that are answered from those that are not."""
        answered = [doubt.is_answered or doubt.key in self._chosen for doubt in self._doubts]
        for sentence, is_answered in zip(self.sentences, answered, strict=True):
            set_role(sentence, "muted" if is_answered else "warning")
        count = answered.count(False)
        rest = f", {sum(answered):,} answered" if any(answered) else ""
        self.title.setText(f"{count_of(count, 'doubt')}{rest}" if count else "All doubts are answered")

    def _fill(self, doubts: Sequence[Doubt]) -> None:
        self.sentences, self.fields = [], {}
        lines = []
        for doubt in doubts:
            sentence = text_label(doubt.sentence, wrap=True)
            sentence.setToolTip(", ".join(_shown(what, number) for what, number in doubt.evidence))
            self.sentences.append(sentence)
            field = self._field(doubt)
            parts = [sentence] if field is None else [sentence, field]
            line = row(*parts, spacing=GRID)
            line.setStretch(0, 1)
            lines.append(line)
        inside = QWidget()
        inside.setLayout(column(*lines, None, spacing=GRID, margins=(0, 0, GRID, 0)))
        self._area.setWidget(inside)

    def _field(self, doubt: Doubt) -> QComboBox | None:
        answers = [a for a in doubt.answers if all(new != ANY_NAME for _, new in a.mapping)]
        if len(answers) < 2:
            return None
        field = combo_box([(str(n), _title(answer)) for n, answer in enumerate(answers)], "Answer")
        field.setFixedWidth(ANSWER_WIDTH)
        chosen = self._chosen.get(doubt.key)
        texts = [a.text for a in answers]
        assumed = next((n for n, a in enumerate(answers) if a.is_assumed), 0)
        field.setCurrentIndex(texts.index(chosen) if chosen in texts else assumed)
        field.activated.connect(lambda n: self._answer(doubt, answers[n]))
        self.fields[doubt.key] = field
        return field

    def _answer(self, doubt: Doubt, answer: DoubtAnswer) -> None:
        self._chosen[doubt.key] = answer.text
        self._mark()
        self.answered.emit(answer)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """As high as the sentences need at this width."""
        if (inside := self._area.widget()) is not None:
            height = max(inside.heightForWidth(max(200, self.width())), inside.minimumSizeHint().height())
            self._area.setFixedHeight(min(MAX_HEIGHT, height))


def _title(answer: DoubtAnswer) -> str:
    return answer.text[:1].upper() + answer.text[1:]


def _shown(what: str, number: float) -> str:
    return f"{what} {percent_text(number, 1)}" if number <= 1 else f"{what} {number:,g}"
