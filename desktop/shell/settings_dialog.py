"""The settings dialog, made from the options in core/base/settings.py; every change takes effect at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QDialog, QLayout, QSizePolicy, QWidget

from core.base.errors import UserError
from core.base.option_spec import OptionSpec
from core.base.settings import SETTINGS
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import button, column, row, scroll_area, set_background, text_label
from desktop.widgets.option_field import OptionField, value_field

FIELD_WIDTH = 208


class SettingsDialog(QDialog):
    """`changed(name, value)` is emitted for each change; its receiver stores it, and may call `show_error`."""

    changed = Signal(str, object)
    keymap_requested = Signal()

    def __init__(self, theme: Theme, get: Callable[[str], Any], parent: QWidget | None = None) -> None:
        """`get`: the present value of a setting by name."""
        super().__init__(parent)
        self._theme = theme
        self.setWindowTitle("Settings")
        self.setModal(False)
        self._fields: dict[str, OptionField] = {}
        self.is_changing = False
        """Whether a change that was made here is being stored."""
        self._error = text_label("", "danger", wrap=True)
        self._error.hide()
        layout = column(spacing=2 * GRID, margins=(3 * GRID, 3 * GRID, 3 * GRID, 2 * GRID))
        rows = column(spacing=2 * GRID, margins=(0, 0, GRID, 0))
        for setting in SETTINGS:
            rows.addLayout(self._row(setting, get(setting.name)))
        rows.addStretch(1)
        inside = QWidget()
        set_background(inside, "panel")
        inside.setLayout(rows)
        # As high as its lines are at this width: their minimum is guessed for a narrow one.
        inside.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)
        layout.addWidget(scroll_area(inside), 1)
        layout.addWidget(self._error)
        close = button("Close")
        close.clicked.connect(self.close)
        keys = button("Edit shortcuts…")
        keys.clicked.connect(self.keymap_requested)
        layout.addLayout(row(text_label("Changes apply immediately.", "muted"), None, keys, close))
        self.setLayout(layout)
        self.setMinimumWidth(480)
        wanted = rows.totalHeightForWidth(480 - 7 * GRID) + 14 * GRID
        self.resize(520, min(wanted, self.screen().availableSize().height() - 6 * GRID))

    @property
    def fields(self) -> dict[str, QWidget]:
        """The input widgets by name of the setting."""
        return {name: field.widget for name, field in self._fields.items()}

    def show_error(self, text: str) -> None:
        """Show a sentence below the settings; an empty text hides it."""
        self._error.setText(text)
        self._error.setVisible(bool(text))

    def show_value(self, name: str, value: object) -> None:
        """Show a value that was changed elsewhere; emits nothing. Raises KeyError for an unknown name."""
        self._fields[name].set(value)

    def _row(self, setting: OptionSpec, value: Any) -> QLayout:
        field = self._fields[setting.name] = value_field(setting, value, partial(self._emit, setting.name))
        help_line = text_label(setting.help, "muted", wrap=True)
        if isinstance(field.widget, QCheckBox):
            return column(field.widget, help_line, spacing=4)
        field.widget.setFixedWidth(FIELD_WIDTH)
        title = text_label(setting.title)
        title.setBuddy(field.widget)
        return column(row(title, None, field.widget), help_line, spacing=4)

    def _emit(self, name: str, value: Any) -> None:
        self.show_error("")
        self.is_changing = True
        try:
            self.changed.emit(name, value)
        except UserError as problem:
            self.show_error(str(problem))
        finally:
            self.is_changing = False
