"""The next picture drawn before it is asked for, on another thread: going on is then two copies to the screen."""

from __future__ import annotations

from dataclasses import dataclass

from core.images.tiled_pyramid import AnyPyramid
from core.labels.label_map import LabelMap
from core.labels.prediction import PredictedMask
from desktop.canvas.rendering.compositor import Screen
from desktop.canvas.rendering.layer_style import LayerState
from desktop.canvas.rendering.overlay_renderer import Classes, Look
from desktop.canvas.viewport import Viewport


@dataclass(frozen=True, slots=True)
class Drawn:
    """A screen whose sheets are ready, and what its layers were mixed from."""

    screen: Screen
    classes: Classes
    layers: LayerState
    look: Look

    def is_mixed_from(self, classes: Classes, layers: LayerState) -> bool:
        """Whether the look of the layers is this one: of the very same classes, with the same strengths."""
        return self.classes is classes and self.layers == layers


@dataclass(frozen=True, slots=True)
class Draft:
    """How the canvas would show another picture. Made on the GUI thread, used once, on any thread."""

    screen: Screen
    view: Viewport
    """The screen's own, of the picture shown before."""
    classes: Classes
    layers: LayerState
    keep_view: bool

    def draw(self, pyramid: AnyPyramid, labels: LabelMap, prediction: PredictedMask | None) -> Drawn:
        """Nobody may change the label before it is shown. Takes as long as painting a canvas anew."""
        self.view.take_picture(*pyramid.size, keep_view=self.keep_view)
        look = Look(self.classes, self.layers, prediction is not None)
        self.screen.draw_alone(pyramid, labels, prediction, look)
        return Drawn(self.screen, self.classes, self.layers, look)
