"""The widgets for the options of the active tool, built from the option specs of the tool."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import (
    QComboBox,
    QMenu,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QWidget,
    QWidgetAction,
)

from core.base.option_spec import OptionSpec
from core.tools.tool_options import Control, OptionMenu, ToolOptions
from desktop.theme.theme import GRID
from desktop.widgets.controls import row, set_role, text_label
from desktop.widgets.option_field import OptionField, value_field

_OptionWidget = tuple[QWidget, Callable[[ToolOptions], None]]
"""The widget of an option, and a function that shows the value from ToolOptions in it."""


class ToolControls(QWidget):
    """`option_changed` carries the name of the field of ToolOptions and its new value."""

    option_changed = Signal(str, object)
    size_changed = Signal()
    """Other controls are shown, or one shows a text of another width."""

    def __init__(self, actions: Mapping[str, QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._actions = actions
        self._widgets: dict[str, _OptionWidget] = {}
        self._names: list[QWidget] = []
        self._line = row(spacing=GRID)
        self.setLayout(self._line)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)

    def show_controls(self, controls: Sequence[Control], options: ToolOptions) -> None:
        """Show these controls with their current values; emits no `option_changed`."""
        for control in controls:
            if control.name not in self._widgets:
                self._widgets[control.name] = self._build(control)
            self._line.addWidget(self._widgets[control.name][0])  # in the order of this tool
        wanted = {control.name for control in controls}
        for key, (widget, set_value) in self._widgets.items():
            widget.setVisible(key in wanted)
            if key in wanted:
                set_value(options)
        self.setVisible(bool(wanted))
        self.size_changed.emit()

    def set_compact(self, compact: bool) -> None:
        """Whether combo boxes are as wide as the text they show, or as their longest text."""
        for box, _set_value in self._widgets.values():
            if isinstance(box, QComboBox):
                texts = [box.currentText()] if compact else [box.itemText(n) for n in range(box.count())]
                widest = max(box.fontMetrics().horizontalAdvance(text) for text in texts)
                box.setFixedWidth(widest + 7 * GRID)
        self._line.invalidate()

    def hide_names(self, hidden: bool) -> None:
        """Whether spin boxes stand without their names, which are also in the tooltips."""
        for name in self._names:
            name.setVisible(not hidden)
        self._line.invalidate()

    def widget(self, key: str) -> QWidget:
        """The widget of an option, for tests and the tour. Raises KeyError."""
        return self._widgets[key][0]

    def _build(self, control: Control) -> _OptionWidget:
        if isinstance(control, OptionMenu):
            return self._menu(control)
        return self._option(control)

    def _option(self, control: OptionSpec) -> _OptionWidget:
        field = self._field(control)
        if isinstance(field.widget, QSpinBox):
            widget, name = _with_name(field.widget, control.title)
            self._names.append(name)
            return widget, lambda options: field.set(getattr(options, control.name))
        set_role(field.widget, "quiet")
        return field.widget, lambda options: field.set(getattr(options, control.name))

    def _field(self, control: OptionSpec) -> OptionField:
        field = value_field(
            control, control.default, lambda value: self.option_changed.emit(control.name, value)
        )
        field.widget.setToolTip(f"<b>{control.title}</b><br>{control.help}")
        field.widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        return field

    def _menu(self, control: OptionMenu) -> _OptionWidget:
        button = QPushButton(control.title)
        button.setToolTip(control.help)
        # The button keeps its menu alive; the actions live as long as the window.
        menu = QMenu(button)
        menu.setToolTipsVisible(True)
        for key in control.actions:
            if key is None:
                menu.addSeparator()
            else:
                menu.addAction(self._actions[key])
        setters = [self._add_to_menu(menu, inner) for inner in control.options]
        button.setMenu(menu)

        def set_values(options: ToolOptions) -> None:
            for set_value in setters:
                set_value(options)

        return button, set_values

    def _add_to_menu(self, menu: QMenu, control: OptionSpec) -> Callable[[ToolOptions], None]:
        menu.addSeparator()
        if not control.choices:
            field = self._field(control)
            widget, _name = _with_name(field.widget, control.title)
            widget.setContentsMargins(GRID, 0, GRID, 0)
            widget_action = QWidgetAction(menu)
            widget_action.setDefaultWidget(widget)
            menu.addAction(widget_action)
            return lambda options: field.set(getattr(options, control.name))
        group = QActionGroup(menu)
        for value, title in control.titled_choices:
            action = group.addAction(title)
            action.setCheckable(True)
            action.setObjectName(f"{control.name}={value}")
            action.setData(str(value))
            action.setToolTip(control.help)
            action.triggered.connect(
                lambda _on=False, value=value: self.option_changed.emit(control.name, value)
            )
        menu.addActions(group.actions())

        def check(options: ToolOptions) -> None:
            for action in group.actions():
                action.setChecked(action.data() == str(getattr(options, control.name)))

        return check


def _with_name(widget: QWidget, title: str) -> tuple[QWidget, QWidget]:
    """A widget behind a label with its name. Returns both together, and the label."""
    name = text_label(title, "muted")
    named = QWidget()
    named.setLayout(row(name, widget, spacing=GRID // 2))
    return named, name
