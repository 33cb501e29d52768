"""What is laid over the picture: layers, their strength, and hiding them for a moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeyEvent

from core.settings import Settings
from desktop.canvas.layers import LayerState
from desktop.canvas.minimap import Minimap
from desktop.canvas.swipe import Swipe
from desktop.label_page import LabelPage

AIDS = ("minimap", "pixel_grid")
"""Switches that are remembered, on at first; a comparison ends with the window."""
HELD_SECONDS = 0.3
"""A key that is down longer was held, not tapped."""
VIEWS = (  # label, prediction, difference; the Cycle view action steps through them
    (True, True, False),
    (True, False, False),
    (False, True, False),
    (True, False, True),
)


class Viewing(QObject):
    """Owns the LayerState; the panel and the canvas follow it. Lives on the GUI thread."""

    def __init__(self, page: LabelPage, actions: Mapping[str, QAction], settings: Settings) -> None:
        super().__init__()
        self._page, self._settings = page, settings
        self._hide = actions["hide_overlays"]
        self._hidden_since = 0.0
        self.layers = LayerState()
        page.layers.layers_changed.connect(self._set)
        self._hide.toggled.connect(self._toggled)
        self._aids = {key: actions[key] for key in AIDS}
        self.minimap, self.swipe = Minimap(page.canvas), Swipe(page.canvas)
        actions["minimap"].toggled.connect(self.minimap.set_wanted)
        actions["pixel_grid"].toggled.connect(page.canvas.set_grid)
        actions["swipe"].toggled.connect(self.swipe.set_on)
        self.swipe.ended.connect(lambda: actions["swipe"].setChecked(False))

    def handlers(self) -> dict[str, Callable[[], object]]:
        return {
            "cycle_view": self._cycle,
            "more_opaque": lambda: self._strengthen(0.1),
            "less_opaque": lambda: self._strengthen(-0.1),
        }

    def restore(self) -> None:
        """The layers as they were when the window was closed."""
        stored = self._settings.remembered("layers", {})
        known = asdict(LayerState())
        try:
            kept = {k: type(known[k])(v) for k, v in stored.items() if k in known}
            self._set(replace(LayerState(), **kept))
        except (AttributeError, TypeError, ValueError):
            self._set(LayerState())
        aids = self._settings.remembered("aids", {})
        for key, action in self._aids.items():
            action.setChecked(not isinstance(aids, dict) or aids.get(key) is not False)

    def remember(self) -> None:
        self._settings.remember("layers", asdict(self.layers))
        self._settings.remember("aids", {key: action.isChecked() for key, action in self._aids.items()})

    def key_released(self, event: QKeyEvent) -> None:
        """H came up: overlays that were only hidden while it was held come back."""
        held = time.monotonic() - self._hidden_since > HELD_SECONDS
        is_key = any(keys[0].key() == event.key() for keys in self._hide.shortcuts())
        if is_key and not event.isAutoRepeat() and held:
            self._hide.setChecked(False)

    def _toggled(self, hidden: bool) -> None:
        self._hidden_since = time.monotonic()
        self._show()
        self._hide.setText("Show overlays" if hidden else "Hide overlays")

    def _set(self, layers: LayerState) -> None:
        self.layers = layers
        self._page.layers.set_layers(layers)
        self._show()

    def _show(self) -> None:
        bare = replace(self.layers, label_visible=False, prediction_visible=False, difference_visible=False)
        self._page.canvas.set_layers(bare if self._hide.isChecked() else self.layers)

    def _cycle(self) -> None:
        now = (self.layers.label_visible, self.layers.prediction_visible, self.layers.difference_visible)
        place = VIEWS.index(now) if now in VIEWS else -1
        label, prediction, difference = VIEWS[(place + 1) % len(VIEWS)]
        self._set(
            replace(
                self.layers, label_visible=label, prediction_visible=prediction, difference_visible=difference
            )
        )

    def _strengthen(self, by: float) -> None:
        def within(opacity: float) -> float:
            return min(1.0, max(0.1, opacity + by))

        self._set(
            replace(
                self.layers,
                label_opacity=within(self.layers.label_opacity),
                prediction_opacity=within(self.layers.prediction_opacity),
            )
        )
