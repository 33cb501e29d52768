"""Visibility, opacity and style of the overlays, hiding them for a moment, and view aids such as the minimap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial

from PySide6.QtCore import QByteArray, QEvent, QObject, Signal
from PySide6.QtGui import QAction, QKeyEvent

from core.base.settings import Settings
from desktop.actions.held_key import HoldToggle
from desktop.canvas.attachments.minimap import Minimap
from desktop.canvas.rendering.compare_styles import CompareSide, layers_of_side
from desktop.canvas.rendering.layer_style import LayerState, RegionStyle
from desktop.controller import Actions
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.view.comparison_controller import ComparisonController

VIEW_AIDS = {"minimap": True, "pixel_grid": True, "brush_ruler": False}
"""Actions whose state is stored -> their initial state. A comparison is not stored: it ends with the window."""
SWITCHES: dict[str, Callable[[LayerState], bool]] = {
    "outline_only": lambda layers: layers.shape == RegionStyle.OUTLINE,
    "class_patterns": lambda layers: layers.patterns,
    "uncertainty_layer": lambda layers: layers.uncertainty_visible,
}
"""Actions that are checked while the layers are in a certain state."""
LOW_SCREEN = 700
"""Logical pixels; on a screen of less height the layers panel begins folded, so that the class list has room."""
VIEW_CYCLE = (  # label, prediction, difference; the Cycle view action steps through them
    (True, True, False),
    (True, False, False),
    (False, True, False),
    (True, False, True),
)


class LayerController(QObject):
    """Owns the LayerState; panel and canvas follow it. Lives on the GUI thread, as long as the window."""

    patterns_changed = Signal(bool)
    """Whether classes are drawn with patterns, for swatches anywhere in the window."""

    def __init__(self, page: LabelPage, actions: Mapping[str, QAction], settings: Settings) -> None:
        super().__init__()
        self._page, self._settings = page, settings
        self._hide, self._flicker = actions["hide_overlays"], actions["flicker"]
        self._hold_toggles = (HoldToggle(self._hide), HoldToggle(self._flicker))
        self._switches = {key: actions[key] for key in SWITCHES}
        self.layers = LayerState()
        page.layers.layers_changed.connect(self._set)
        self._hide.toggled.connect(self._toggled)
        self._flicker.toggled.connect(self._show)
        page.canvas.tools.before_edit.connect(lambda: self._flicker.setChecked(False))
        page.installEventFilter(self)
        for key, action in self._switches.items():
            action.toggled.connect(partial(self._set_from_action, key))
        self._aids = {key: actions[key] for key in VIEW_AIDS}
        self.minimap = Minimap(page.canvas)
        self.comparison = ComparisonController(page.canvas, actions, settings)
        actions["minimap"].toggled.connect(self.minimap.set_allowed)
        actions["pixel_grid"].toggled.connect(page.canvas.set_pixel_grid)
        actions["brush_ruler"].toggled.connect(page.canvas.set_ruler)

    def actions(self) -> Actions:
        return {
            "cycle_view": self._cycle,
            "more_opaque": lambda: self._change_opacity(0.1),
            "less_opaque": lambda: self._change_opacity(-0.1),
            "fold_side_column": lambda: self._page.fold_side_column(
                folded=not self._page.is_side_column_folded
            ),
        }

    def load(self) -> None:
        """Restore what `save` has stored; invalid values are ignored."""
        stored = self._settings.get_state("layers", {})
        known = asdict(LayerState())
        try:
            kept = {k: type(known[k])(v) for k, v in stored.items() if k in known}
            self._set(replace(LayerState(), **kept))
        except (AttributeError, TypeError, ValueError):
            self._set(LayerState())
        aids = self._settings.get_state("aids", {})
        for key, action in self._aids.items():
            checked = aids.get(key) if isinstance(aids, dict) else None
            action.setChecked(checked if isinstance(checked, bool) else VIEW_AIDS[key])
        self.comparison.load()
        is_low = self._page.screen().availableSize().height() < LOW_SCREEN
        folded = self._settings.get_state("folded_panels", ["layers"] if is_low else [])
        self._page.side_column.fold_panels(folded if isinstance(folded, list) else [])
        self._page.classes.used_first.setChecked(self._settings.get_state("used_classes_first") is True)
        sizes = self._settings.get_state("side_column")
        if isinstance(sizes, str):
            self._page.splitter.restoreState(QByteArray.fromBase64(sizes.encode()))

    def save(self) -> None:
        """Write layers, view aids and compared styles to the settings."""
        self.comparison.save()
        sizes = bytes(self._page.splitter.saveState().toBase64().data()).decode()
        self._settings.set_state("side_column", sizes)
        self._settings.set_state("folded_panels", self._page.side_column.folded_panels())
        self._settings.set_state("used_classes_first", self._page.classes.used_first.isChecked())
        self._settings.set_state("layers", asdict(self.layers))
        self._settings.set_state("aids", {key: action.isChecked() for key, action in self._aids.items()})

    def key_released(self, event: QKeyEvent) -> None:
        """End what lasts only while a key is held."""
        for toggle in self._hold_toggles:
            toggle.key_released(event)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """When another window is activated, the key release is not seen: show label and overlays again."""
        if event.type() == QEvent.Type.WindowDeactivate:
            self._flicker.setChecked(False)
            self._hold_toggles[0].release()
        elif event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            for toggle in self._hold_toggles:
                toggle.key_pressed(event)
        return False

    def _toggled(self, hidden: bool) -> None:
        self._show()
        self._hide.setText("Show overlays" if hidden else "Hide overlays")

    def _set(self, layers: LayerState) -> None:
        patterns_changed = layers.patterns != self.layers.patterns
        self.layers = layers
        self._page.layers.set_layers(layers)
        self._page.classes.list_view.set_patterns(layers.patterns)
        for key, action in self._switches.items():
            action.setChecked(SWITCHES[key](layers))
        self._show()
        if patterns_changed:
            self.patterns_changed.emit(layers.patterns)

    def _show(self, _on: bool = False) -> None:
        shown = self.layers
        if self._hide.isChecked():
            shown = shown.image_only
        elif self._flicker.isChecked():
            shown = layers_of_side(CompareSide.PREDICTION, shown)
        self._page.canvas.set_layers(shown)

    def _set_from_action(self, key: str, on: bool) -> None:
        now = self.layers
        if on == SWITCHES[key](now):
            return
        if key == "outline_only":
            self._set(replace(now, shape=RegionStyle.OUTLINE if on else RegionStyle.FILL))
        elif key == "class_patterns":
            self._set(replace(now, patterns=on))
        else:
            self._set(replace(now, uncertainty_visible=on))

    def _cycle(self) -> None:
        now = (self.layers.label_visible, self.layers.prediction_visible, self.layers.difference_visible)
        index = VIEW_CYCLE.index(now) if now in VIEW_CYCLE else -1
        label, prediction, difference = VIEW_CYCLE[(index + 1) % len(VIEW_CYCLE)]
        self._set(
            replace(
                self.layers, label_visible=label, prediction_visible=prediction, difference_visible=difference
            )
        )

    def _change_opacity(self, by: float) -> None:
        def changed(opacity: float) -> float:
            return min(1.0, max(0.1, opacity + by))

        self._set(
            replace(
                self.layers,
                label_opacity=changed(self.layers.label_opacity),
                prediction_opacity=changed(self.layers.prediction_opacity),
            )
        )
