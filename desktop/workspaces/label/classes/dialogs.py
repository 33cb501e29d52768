"""Questions about a class, in numbers, before something reaches into labels."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QDialog, QLayout, QLineEdit, QRadioButton, QSpinBox, QWidget

from core.base.errors import UserError
from core.labels.class_list import LAST_CLASS, UNLABELLED, VOID, ClassList, LabelClass
from desktop.theme.theme import GRID
from desktop.widgets.controls import button, column, indent_number, row, words

WIDTH = 400


class ClassQuestion(QDialog):
    """A heading, a sentence with numbers, room for a choice, and a verb on the button. Does not block the window."""

    def __init__(self, title: str, sentence: str, verb: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.sentence = words(sentence, wrap=True)
        self.error = words("", "danger", wrap=True)
        self.error.hide()
        self.yes = button(verb, "primary")
        self.yes.setDefault(True)
        self.yes.clicked.connect(self.accept)
        self.no = button("Cancel")
        self.no.setAutoDefault(False)
        self.no.clicked.connect(self.reject)
        self._title = title

    def lay_out(self, *middle: QWidget | QLayout) -> None:
        """Put what a question needs between the sentence and the buttons."""
        self.setLayout(
            column(
                words(self._title, "heading"),
                self.sentence,
                *middle,
                self.error,
                GRID,
                row(None, self.no, self.yes),
                spacing=GRID,
                margins=(3 * GRID, 3 * GRID, 3 * GRID, 2 * GRID),
            )
        )
        self.setFixedWidth(WIDTH)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        self._fit()
        super().showEvent(event)

    def complain(self, text: str) -> None:
        """Say why it cannot be done as it stands; an empty text takes it away."""
        self.error.setText(text)
        self.error.setVisible(bool(text))
        self.yes.setEnabled(not text)
        self._fit()

    def _fit(self) -> None:
        """As high as the wrapped sentences need at this width; a dialog by itself guesses too much."""
        layout = self.layout()
        layout.activate()
        self.setFixedHeight(layout.totalHeightForWidth(WIDTH))


class DeleteClass(ClassQuestion):
    """`leave` is what its pixels become: UNLABELLED or VOID."""

    def __init__(self, gone: LabelClass, reach: str, parent: QWidget) -> None:
        super().__init__(f"Delete class {gone.name}", "", "Delete", parent)
        self._reach = reach
        self.unlabelled = QRadioButton("Unlabelled: nobody has said yet what they are")
        self.void = QRadioButton("Void: ignored by training and counts")
        self.unlabelled.setChecked(True)
        self.void.toggled.connect(self._say)
        self._say()
        self.lay_out(column(self.unlabelled, self.void, spacing=0))

    @property
    def leave(self) -> int:
        return VOID if self.void.isChecked() else UNLABELLED

    def _say(self) -> None:
        became = "void" if self.void.isChecked() else "unlabelled"
        self.sentence.setText(f"{begin(self._reach)} {became}.")


class MergeClass(ClassQuestion):
    """One class becomes part of another."""

    def __init__(self, gone: LabelClass, heir: LabelClass, reach: str, parent: QWidget) -> None:
        sentence = f"{begin(reach)} {heir.name}, and the class {gone.name} goes."
        super().__init__(f"Merge {gone.name} into {heir.name}", sentence, "Merge", parent)
        self.lay_out()


class ValueOfClass(ClassQuestion):
    """`value` is the pixel value that was chosen, one of `free`."""

    def __init__(self, about: LabelClass, reach: str, free: frozenset[int], parent: QWidget) -> None:
        sentence = f"The number that stands for {about.name} in masks. It changes in {reach}."
        super().__init__(f"Change value of {about.name}", sentence, "Change", parent)
        self._free, self._old = free, about.value
        self.number = QSpinBox()
        self.number.setRange(1, LAST_CLASS)
        self.number.setAccessibleName("Value of the class")
        self.number.setFixedWidth(12 * GRID)
        indent_number(self.number)
        self.number.setValue(about.value)
        self.number.valueChanged.connect(self._check)
        title = words("Value")
        title.setBuddy(self.number)
        self.lay_out(row(title, self.number, None))
        self.yes.setEnabled(False)
        self.number.selectAll()

    @property
    def value(self) -> int:
        return self.number.value()

    def _check(self, value: int) -> None:
        taken = value not in self._free and value != self._old
        self.complain(f"The value {value} is taken by another class; choose a free one." if taken else "")
        self.yes.setEnabled(value in self._free)


class SplitClass(ClassQuestion):
    """`name` is that of the new class."""

    def __init__(self, about: LabelClass, pixels: int, classes: ClassList, parent: QWidget) -> None:
        count = begin(
            f"{pixels:,} pixels of {about.name} in this picture" if pixels > 1 else "1 pixel in this picture"
        )
        sentence = f"{count} a new class. Other pictures stay as they are."
        super().__init__(f"Split off {about.name}", sentence, "Split off", parent)
        self._classes = classes
        self.field = QLineEdit()
        self.field.setMaxLength(80)
        self.field.setPlaceholderText("Name of the new class")
        self.field.setAccessibleName("Name of the new class")
        self.field.textEdited.connect(self._check)
        self.lay_out(self.field)
        self.yes.setEnabled(False)
        self.field.setFocus()

    @property
    def name(self) -> str:
        return " ".join(self.field.text().split())

    def _check(self, _text: str) -> None:
        try:
            self._classes.added(self.name)
        except UserError as problem:
            self.complain(str(problem))
        else:
            self.complain("")


def begin(reach: str) -> str:
    """The first words of a sentence: 1,204 pixels in 18 pictures become."""
    return f"{reach} becomes" if reach.startswith("1 pixel ") else f"{reach} become"
