"""Dialogs that ask before an operation on a class changes pixels; each says how many pixels in how many pictures."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QDialog, QLayout, QLineEdit, QRadioButton, QWidget

from core.base.errors import UserError
from core.base.text import count_of
from core.labels.class_list import MAX_CLASS_VALUE, UNLABELLED, VOID, ClassList, LabelClass
from desktop.theme.theme import GRID
from desktop.widgets.controls import button, column, row, text_label
from desktop.widgets.number_field import spin_box

WIDTH = 400


class ClassDialog(QDialog):
    """A heading, a sentence with numbers, widgets for a choice, and a verb on the button. Open it with `open`."""

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
        """Lay the dialog out, with `middle` between the sentence and the buttons."""
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
        """Show why the operation is not possible as it stands; an empty text hides it."""
        self.error.setText(text)
        self.error.setVisible(bool(text))
        self.accept_button.setEnabled(not text)
        self._fit_height()

    def _fit_height(self) -> None:
        """Set the height that wrapped text needs at this width; the size hint of the dialog is too high."""
        layout = self.layout()
        assert layout is not None
        layout.activate()
        self.setFixedHeight(layout.totalHeightForWidth(WIDTH))


class DeleteClassDialog(ClassDialog):
    """`new_value` is what the pixels become: UNLABELLED or VOID."""

    def __init__(self, deleted: LabelClass, usage: str, parent: QWidget) -> None:
        super().__init__(f"Delete class {deleted.name}", "", "Delete", parent)
        self._usage = usage
        self.unlabelled = QRadioButton("Unlabelled: they have no label any more")
        self.void = QRadioButton("Void: ignored by training and scores")
        self.unlabelled.setChecked(True)
        self.void.toggled.connect(self._update_sentence)
        self._update_sentence()
        self.set_content(column(self.unlabelled, self.void, spacing=0))

    @property
    def new_value(self) -> int:
        return VOID if self.void.isChecked() else UNLABELLED

    def _update_sentence(self) -> None:
        self.sentence.setText(
            f"{self._usage} will become void."
            if self.void.isChecked()
            else f"{self._usage} will become unlabelled."
        )


class MergeClassDialog(ClassDialog):
    """Asks before all pixels of one class become those of another."""

    def __init__(self, source: LabelClass, target: LabelClass, usage: str, parent: QWidget) -> None:
        sentence = f"{usage} will become {target.name}, and the class {source.name} will be deleted."
        super().__init__(f"Merge {source.name} into {target.name}", sentence, "Merge", parent)
        self.set_content()


class ClassValueDialog(ClassDialog):
    """`value` is the chosen pixel value, one of `free`."""

    def __init__(self, label_class: LabelClass, usage: str, free: frozenset[int], parent: QWidget) -> None:
        sentence = f"The pixel value of {label_class.name} in masks. It changes for {usage}."
        super().__init__(f"Change value of {label_class.name}", sentence, "Change", parent)
        self._free, self._current = free, label_class.value
        self.value_field = spin_box(1, MAX_CLASS_VALUE, "Value of the class", tracks_typing=True)
        self.value_field.setFixedWidth(12 * GRID)
        self.value_field.setValue(label_class.value)
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
        is_taken = value not in self._free and value != self._current
        self.show_error(
            f"The value {value} is taken by another class; choose a free one." if is_taken else ""
        )
        self.accept_button.setEnabled(value in self._free)


class SplitClassDialog(ClassDialog):
    """`name` is the name of the new class."""

    def __init__(self, label_class: LabelClass, pixels: int, classes: ClassList, parent: QWidget) -> None:
        count = count_of(pixels, "pixel")
        sentence = f"Moves {count} of {label_class.name} in this picture to a new class. Other pictures stay unchanged."
        super().__init__(f"Split off {label_class.name}", sentence, "Split off", parent)
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
        except UserError as error:
            self.show_error(str(error))
        else:
            self.show_error("")
