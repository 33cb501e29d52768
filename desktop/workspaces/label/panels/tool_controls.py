"""The widgets for the options of the active tool, built from the option specs of the tool."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import (
    QCheckBox,
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
from desktop.widgets.controls import combo_box, indent_spin_box, row, text_label

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
        if control.choices:
            return self._choice(control)
        if control.kind is bool:
            return self._switch(control)
        widget, name = self._amount(control)
        self._names.append(name)
        return widget

    def _choice(self, control: OptionSpec) -> _OptionWidget:
        box = combo_box(control.titled_choices, control.title, "quiet")
        box.setToolTip(f"<b>{control.title}</b><br>{control.help}")
        # Qt gives the data of a row back as plain text; the option spec has the typed values.
        box.activated.connect(lambda n: self.option_changed.emit(control.name, control.choices[n]))
        return box, lambda options: box.setCurrentIndex(box.findData(str(getattr(options, control.name))))

    def _switch(self, control: OptionSpec) -> _OptionWidget:
        box = QCheckBox(control.title)
        box.setToolTip(control.help)
        box.clicked.connect(lambda on: self.option_changed.emit(control.name, on))
        return box, lambda options: box.setChecked(bool(getattr(options, control.name)))

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
            (widget, set_value), _name = self._amount(control)
            widget.setContentsMargins(GRID, 0, GRID, 0)
            widget_action = QWidgetAction(menu)
            widget_action.setDefaultWidget(widget)
            menu.addAction(widget_action)
            return set_value
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

    def _amount(self, control: OptionSpec) -> tuple[_OptionWidget, QWidget]:
        number = QSpinBox()
        number.setRange(int(control.minimum or 0), int(control.maximum or 0))
        number.setSuffix(control.unit)
        number.setAccessibleName(control.title)
        number.setToolTip(f"<b>{control.title}</b><br>{control.help}")
        number.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        number.setKeyboardTracking(False)
        indent_spin_box(number)
        number.valueChanged.connect(lambda value: self.option_changed.emit(control.name, value))
        name = text_label(control.title, "muted")
        widget = QWidget()
        widget.setLayout(row(name, number, spacing=GRID // 2))

        def set_value(options: ToolOptions) -> None:
            number.blockSignals(True)
            number.setValue(int(getattr(options, control.name)))
            number.blockSignals(False)

        return (widget, set_value), name
