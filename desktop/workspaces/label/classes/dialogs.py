"""Questions about a class, in numbers, before something reaches into labels."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QDialog, QLayout, QLineEdit, QRadioButton, QSpinBox, QWidget

from core.base.errors import UserError
from core.labels.class_list import MAX_CLASS_VALUE, UNLABELLED, VOID, ClassList, LabelClass
from desktop.theme.theme import GRID
from desktop.widgets.controls import button, column, indent_spin_box, row, text_label

WIDTH = 400


class ClassDialog(QDialog):
    """A heading, a sentence with numbers, room for a choice, and a verb on the button. Does not block the window."""

    def __init__(self, title: str, sentence: str, button_text: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.sentence = text_label(sentence, wrap=True)
        self.error = text_label("", "danger", wrap=True)
        self.error.hide()
        self.accept_button = button(button_text, "primary")
        self.accept_button.setDefault(True)
        self.accept_button.clicked.connect(self.accept)
        self.cancel_button = button("Cancel")
        self.cancel_button.setAutoDefault(False)
        self.cancel_button.clicked.connect(self.reject)
        self._title = title

    def set_content(self, *middle: QWidget | QLayout) -> None:
        """Put what a question needs between the sentence and the buttons."""
        self.setLayout(
            column(
                text_label(self._title, "heading"),
                self.sentence,
                *middle,
                self.error,
                GRID,
                row(None, self.cancel_button, self.accept_button),
                spacing=GRID,
                margins=(3 * GRID, 3 * GRID, 3 * GRID, 2 * GRID),
            )
        )
        self.setFixedWidth(WIDTH)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        self._fit_height()
        super().showEvent(event)

    def show_error(self, text: str) -> None:
        """Say why it cannot be done as it stands; an empty text takes it away."""
        self.error.setText(text)
        self.error.setVisible(bool(text))
        self.accept_button.setEnabled(not text)
        self._fit_height()

    def _fit_height(self) -> None:
        """As high as the wrapped sentences need at this width; a dialog by itself guesses too much."""
        layout = self.layout()
        layout.activate()
        self.setFixedHeight(layout.totalHeightForWidth(WIDTH))


class DeleteClassDialog(ClassDialog):
    """`leave` is what its pixels become: UNLABELLED or VOID."""

    def __init__(self, deleted: LabelClass, reach: str, parent: QWidget) -> None:
        super().__init__(f"Delete class {deleted.name}", "", "Delete", parent)
        self._reach = reach
        self.unlabelled = QRadioButton("Unlabelled: nobody has said yet what they are")
        self.void = QRadioButton("Void: ignored by training and counts")
        self.unlabelled.setChecked(True)
        self.void.toggled.connect(self._update_sentence)
        self._update_sentence()
        self.set_content(column(self.unlabelled, self.void, spacing=0))

    @property
    def new_value(self) -> int:
        return VOID if self.void.isChecked() else UNLABELLED

    def _update_sentence(self) -> None:
        became = "void" if self.void.isChecked() else "unlabelled"
        self.sentence.setText(f"{sentence_start(self._reach)} {became}.")


class MergeClassDialog(ClassDialog):
    """One class becomes part of another."""

    def __init__(self, source: LabelClass, target: LabelClass, reach: str, parent: QWidget) -> None:
        sentence = f"{sentence_start(reach)} {target.name}, and the class {source.name} goes."
        super().__init__(f"Merge {source.name} into {target.name}", sentence, "Merge", parent)
        self.set_content()


class ClassValueDialog(ClassDialog):
    """`value` is the pixel value that was chosen, one of `free`."""

    def __init__(self, about: LabelClass, reach: str, free: frozenset[int], parent: QWidget) -> None:
        sentence = f"The number that stands for {about.name} in masks. It changes in {reach}."
        super().__init__(f"Change value of {about.name}", sentence, "Change", parent)
        self._free, self._old = free, about.value
        self.value_field = QSpinBox()
        self.value_field.setRange(1, MAX_CLASS_VALUE)
        self.value_field.setAccessibleName("Value of the class")
        self.value_field.setFixedWidth(12 * GRID)
        indent_spin_box(self.value_field)
        self.value_field.setValue(about.value)
        self.value_field.valueChanged.connect(self._check)
        title = text_label("Value")
        title.setBuddy(self.value_field)
        self.set_content(row(title, self.value_field, None))
        self.accept_button.setEnabled(False)
        self.value_field.selectAll()

    @property
    def value(self) -> int:
        return self.value_field.value()

    def _check(self, value: int) -> None:
        taken = value not in self._free and value != self._old
        self.show_error(f"The value {value} is taken by another class; choose a free one." if taken else "")
        self.accept_button.setEnabled(value in self._free)


class SplitClassDialog(ClassDialog):
    """`name` is that of the new class."""

    def __init__(self, about: LabelClass, pixels: int, classes: ClassList, parent: QWidget) -> None:
        count = sentence_start(
            f"{pixels:,} pixels of {about.name} in this picture" if pixels > 1 else "1 pixel in this picture"
        )
        sentence = f"{count} a new class. Other pictures stay as they are."
        super().__init__(f"Split off {about.name}", sentence, "Split off", parent)
        self._classes = classes
        self.name_field = QLineEdit()
        self.name_field.setMaxLength(80)
        self.name_field.setPlaceholderText("Name of the new class")
        self.name_field.setAccessibleName("Name of the new class")
        self.name_field.textEdited.connect(self._check)
        self.set_content(self.name_field)
        self.accept_button.setEnabled(False)
        self.name_field.setFocus()

    @property
    def name(self) -> str:
        return " ".join(self.name_field.text().split())

    def _check(self, _text: str) -> None:
        try:
            self._classes.with_class(self.name)
        except UserError as problem:
            self.show_error(str(problem))
        else:
            self.show_error("")


def sentence_start(reach: str) -> str:
    """The first words of a sentence: 1,204 pixels in 18 pictures become."""
    return f"{reach} becomes" if reach.startswith("1 pixel ") else f"{reach} become"
