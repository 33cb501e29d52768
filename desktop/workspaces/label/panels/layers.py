"""The layers panel: visibility and opacity of each overlay, and the style in which regions are drawn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QWidget

from desktop.actions.catalog import action_spec
from desktop.canvas.rendering.layer_style import LayerState, RegionStyle
from desktop.theme.icons import set_themed_icon
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import (
    FOLD_MARGIN,
    MARGIN,
    LevelSlider,
    column,
    combo_box,
    icon_button,
    row,
    text_label,
)
from desktop.widgets.fold_button import FoldButton

LAYERS = (
    ("label", "Label", "What you painted, imported or accepted."),
    ("prediction", "Prediction", "What the model proposes for pixels without a label."),
    ("difference", "Difference", "Where the label and the prediction disagree."),
    ("uncertainty", "Uncertainty", "Where the model is not sure of its prediction."),
)
SHAPES = ((RegionStyle.FILL, "Fill"), (RegionStyle.OUTLINE, "Outline"), (RegionStyle.BOTH, "Fill + outline"))


class LayersPanel(QWidget):
    """A row for each layer. `layers_changed` carries a LayerState whenever the user changes something."""

    layers_changed = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._eyes: dict[str, QToolButton] = {}
        self._sliders: dict[str, LevelSlider] = {}
        self._numbers: dict[str, QLabel] = {}
        self.shape = combo_box(SHAPES, "How regions of label and prediction are drawn", "compact")
        self.shape.setFixedHeight(3 * GRID)
        self.shape.setToolTip("How regions of label and prediction are drawn.")
        self.shape.currentIndexChanged.connect(self._emit_layers)
        self.patterns = icon_button("patterns", "Class patterns", theme, 14, checkable=True)
        self.patterns.setToolTip(
            "Draws a pattern over each class, so that classes can be told apart without their colours."
        )
        self.patterns.toggled.connect(self._emit_layers)
        body = QWidget()
        body.setLayout(column(*(self._row(*each) for each in LAYERS), spacing=0))
        self.fold = FoldButton("Layers", body, theme)
        self._header = row(
            self.fold, text_label("Layers", "heading"), None, self.shape, self.patterns, spacing=4
        )
        self.setLayout(column(self._header, body, spacing=0, margins=(FOLD_MARGIN, GRID, MARGIN, GRID)))

    def _row(self, key: str, title: str, help_line: str) -> QHBoxLayout:
        eye = icon_button("eye", f"Show the layer {title}", self._theme, 16, checkable=True)
        eye.setChecked(True)
        eye.setFixedHeight(3 * GRID)
        eye.setProperty("role", "eye")
        name = text_label(title)
        name.setToolTip(help_line)
        name.setFixedWidth(max(self.fontMetrics().horizontalAdvance(each) for _, each, _ in LAYERS) + 4)
        slider = LevelSlider(0, 100, f"Opacity of the layer {title}")
        number = text_label("", "muted")
        number.setFixedWidth(self.fontMetrics().horizontalAdvance("100 %") + 2)
        number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._eyes[key], self._sliders[key], self._numbers[key] = eye, slider, number
        eye.toggled.connect(lambda on, key=key: self._toggled(key, on))
        slider.valueChanged.connect(lambda level, key=key: self._moved(key, level))
        return row(eye, name, slider, number)

    def add_buttons(self, actions: Iterable[QAction]) -> None:
        """Put checkable actions beside the heading: the two ways to compare layers."""
        for action in actions:
            button = QToolButton()
            button.setDefaultAction(action)
            button.setAccessibleName(action_spec(action.objectName()).title)
            button.setIconSize(QSize(14, 14))
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            self._header.addWidget(button)

    def layers(self) -> LayerState:
        """The state that the widgets show."""
        values: dict[str, Any] = {f"{key}_visible": eye.isChecked() for key, eye in self._eyes.items()}
        values |= {f"{key}_opacity": slider.value() / 100 for key, slider in self._sliders.items()}
        shape = RegionStyle(self.shape.currentData())
        return LayerState(**values, shape=shape, patterns=self.patterns.isChecked())

    def set_layers(self, state: LayerState) -> None:
        """Show a state without emitting `layers_changed`."""
        self.shape.blockSignals(True)
        self.patterns.blockSignals(True)
        self.shape.setCurrentIndex([shape for shape, _ in SHAPES].index(state.shape))
        self.patterns.setChecked(state.patterns)
        self.shape.blockSignals(False)
        self.patterns.blockSignals(False)
        for key in self._eyes:
            self._eyes[key].blockSignals(True)
            self._sliders[key].blockSignals(True)
            self._eyes[key].setChecked(getattr(state, f"{key}_visible"))
            self._sliders[key].setValue(round(getattr(state, f"{key}_opacity") * 100))
            self._eyes[key].blockSignals(False)
            self._sliders[key].blockSignals(False)
            self._update_row(key)

    def _toggled(self, key: str, _on: bool) -> None:
        self._update_row(key)
        self._emit_layers()

    def _moved(self, key: str, _level: int) -> None:
        self._update_row(key)
        self._emit_layers()

    def _emit_layers(self, _moved: object = None) -> None:
        self.layers_changed.emit(self.layers())

    def _update_row(self, key: str) -> None:
        on = self._eyes[key].isChecked()
        set_themed_icon(self._eyes[key], "eye" if on else "eye-off", self._theme, 16)
        self._sliders[key].setEnabled(on)
        self._numbers[key].setText(f"{self._sliders[key].value()} %")
        self._numbers[key].setEnabled(on)
