"""The settings, made from the table in core/base/settings.py; a change counts at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QDialog, QDoubleSpinBox, QLineEdit, QWidget

from core.base.errors import UserError
from core.base.option_spec import OptionSpec
from core.base.settings import SETTINGS
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import button, column, combo_box, indent_spin_box, row, text_label

FIELD_WIDTH = 168


class SettingsDialog(QDialog):
    """`changed(name, value)` is emitted for each change; the owner stores it and may answer with show_error."""

    changed = Signal(str, object)
    keymap_requested = Signal()

    def __init__(self, theme: Theme, get: Callable[[str], Any], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setWindowTitle("Settings")
        self.setModal(False)
        self.fields: dict[str, QWidget] = {}
        self._error = text_label("", "danger", wrap=True)
        self._error.hide()
        layout = column(spacing=2 * GRID, margins=(3 * GRID, 3 * GRID, 3 * GRID, 2 * GRID))
        for setting in SETTINGS:
            layout.addLayout(self._row(setting, get(setting.name)))
        layout.addWidget(self._error)
        layout.addStretch(1)
        close = button("Close")
        close.clicked.connect(self.close)
        keys = button("Change keys…")
        keys.clicked.connect(self.keymap_requested)
        layout.addLayout(row(text_label("Every change counts at once.", "muted"), None, keys, close))
        self.setLayout(layout)
        self.setMinimumWidth(480)

    def show_error(self, text: str) -> None:
        self._error.setText(text)
        self._error.setVisible(bool(text))

    def show_value(self, name: str, value: object) -> None:
        """A switch or a choice was changed elsewhere; emits nothing. Raises KeyError for a name of no setting."""
        field = self.fields[name]
        field.blockSignals(True)
        if isinstance(field, QCheckBox):
            field.setChecked(bool(value))
        elif isinstance(field, QComboBox):
            field.setCurrentIndex(field.findData(value))
        field.blockSignals(False)

    def _row(self, setting: OptionSpec, value: Any) -> Any:
        field = self._field(setting, value)
        field.setAccessibleName(setting.title)
        self.fields[setting.name] = field
        help_line = text_label(setting.help, "muted", wrap=True)
        if isinstance(field, QCheckBox):
            return column(field, help_line, spacing=4)
        title = text_label(setting.title)
        title.setBuddy(field)
        return column(row(title, None, field), help_line, spacing=4)

    def _field(self, setting: OptionSpec, value: Any) -> QWidget:
        if setting.kind is bool:
            switch = QCheckBox(setting.title)
            switch.setChecked(bool(value))
            switch.toggled.connect(lambda on: self._emit(setting.name, bool(on)))
            return switch
        if setting.choices:
            box = combo_box(setting.titled_choices, setting.title)
            box.setCurrentIndex(setting.choices.index(value))
            box.setFixedWidth(FIELD_WIDTH)
            box.activated.connect(lambda _i: self._emit(setting.name, box.currentData()))
            return box
        if setting.kind is float:
            number = QDoubleSpinBox()
            number.setRange(setting.minimum or 0, setting.maximum if setting.maximum is not None else 1e6)
            number.setDecimals(1)
            number.setValue(float(value))
            number.setFixedWidth(FIELD_WIDTH)
            number.setKeyboardTracking(False)
            indent_spin_box(number)
            number.valueChanged.connect(lambda level: self._emit(setting.name, float(level)))
            return number
        line = QLineEdit(str(value))
        line.editingFinished.connect(lambda: self._emit(setting.name, line.text()))
        return line

    def _emit(self, name: str, value: Any) -> None:
        self.show_error("")
        try:
            self.changed.emit(name, value)
        except UserError as problem:
            self.show_error(str(problem))
