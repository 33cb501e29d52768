"""Input widgets made from an `OptionSpec`: for its typed value, or for a text in which blank means the default."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QLineEdit,
    QSpinBox,
    QWidget,
)

from core.base.errors import UserError
from core.base.option_spec import OptionSpec
from desktop.widgets.controls import combo_box
from desktop.widgets.number_field import decimal_box, spin_box

UNLIMITED = 1_000_000
"""Maximum of a spin box for an option without one."""


@dataclass(frozen=True, slots=True)
class OptionField:
    """The widget of one option. `get` returns its value; `set` shows a value and emits nothing."""

    option: OptionSpec
    widget: QWidget
    get: Callable[[], Any]
    set: Callable[[Any], None]

    def problem(self) -> str:
        """Why the text of a `text_field` cannot be used, as a sentence; empty if it can. An invalid field is marked."""
        problem = ""
        if text := self.get():
            try:
                self.option.parse(text)
            except UserError as refused:
                problem = str(refused)
        _mark_invalid(self.widget, invalid=bool(problem))
        return problem


def value_field(option: OptionSpec, value: Any, on_changed: Callable[[Any], object]) -> OptionField:
    """A check box, combo box, spin box or line edit for a value of the option's kind."""
    if option.kind is bool:
        check = QCheckBox(option.title)
        field = OptionField(option, check, check.isChecked, _silently(check, check.setChecked))
        check.toggled.connect(lambda on: on_changed(bool(on)))
    elif option.choices:
        box = combo_box(option.titled_choices, option.title)
        # Qt returns the data of a row as plain text; the option has the typed values.
        field = OptionField(
            option,
            box,
            lambda: option.choices[box.currentIndex()],
            _silently(box, lambda each: box.setCurrentIndex(box.findData(str(each)))),
        )
        box.activated.connect(lambda at: on_changed(option.choices[at]))
    elif option.kind in (int, float):
        spin = _spin_box(option)
        field = OptionField(
            option, spin, spin.value, _silently(spin, lambda each: spin.setValue(option.kind(each)))
        )
        spin.valueChanged.connect(lambda number: on_changed(option.kind(number)))
    else:
        line = QLineEdit()
        field = OptionField(option, line, line.text, _silently(line, lambda each: line.setText(str(each))))
        line.editingFinished.connect(lambda: on_changed(line.text()))
    field.widget.setAccessibleName(option.title)
    field.set(value)
    return field


def text_field(option: OptionSpec, default: str, on_changed: Callable[[], object]) -> OptionField:
    """A combo box or line edit for a text that `OptionSpec.parse` reads; blank, it shows the default in grey."""
    texts = ("yes", "no") if option.kind is bool else option.choices or option.suggestions
    texts = texts or tuple(word for word, _value in option.aliases)
    field = (
        _text_combo_box(option, texts, default, on_changed)
        if texts
        else _text_line(option, default, on_changed)
    )
    field.widget.setAccessibleName(option.title)
    field.widget.setToolTip(f"Takes {option.range_text}.")
    return field


def _text_line(option: OptionSpec, default: str, on_changed: Callable[[], object]) -> OptionField:
    line = QLineEdit()
    line.setPlaceholderText(default)
    line.textEdited.connect(lambda _text: on_changed())
    return OptionField(option, line, lambda: line.text().strip(), line.setText)


def _text_combo_box(
    option: OptionSpec, texts: tuple[str, ...], default: str, on_changed: Callable[[], object]
) -> OptionField:
    """Editable unless the option takes only these texts."""
    is_editable = not option.choices and option.kind is not bool
    blank = "" if is_editable else f"{default} (default)"
    box = combo_box([("", blank), *((text, text) for text in texts)], option.title)
    if not is_editable:
        box.activated.connect(lambda _at: on_changed())
        return OptionField(
            option,
            box,
            lambda: str(box.currentData()),
            _silently(box, lambda text: box.setCurrentIndex(max(0, box.findData(text)))),
        )
    box.setEditable(True)
    box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
    line = box.lineEdit()
    assert line is not None
    line.setPlaceholderText(default)
    box.editTextChanged.connect(lambda _text: on_changed())

    def show(text: str) -> None:
        box.setCurrentIndex(0)
        box.setEditText(text)

    return OptionField(option, box, lambda: box.currentText().strip(), _silently(box, show))


def _spin_box(option: OptionSpec) -> QSpinBox | QDoubleSpinBox:
    minimum = option.minimum or 0
    maximum = UNLIMITED if option.maximum is None else option.maximum
    if option.kind is int:
        return spin_box(int(minimum), int(maximum), option.title, option.unit)
    return decimal_box(minimum, maximum, option.title, option.unit)


def _silently(widget: QWidget, show: Callable[[Any], object]) -> Callable[[Any], None]:
    """`show` with the signals of the widget blocked."""

    def set_value(value: Any) -> None:
        was_blocked = widget.blockSignals(True)
        show(value)
        widget.blockSignals(was_blocked)

    return set_value


def _mark_invalid(widget: QWidget, *, invalid: bool) -> None:
    state = "bad" if invalid else ""
    if (widget.property("state") or "") != state:
        widget.setProperty("state", state)
        widget.style().unpolish(widget)
        widget.style().polish(widget)
