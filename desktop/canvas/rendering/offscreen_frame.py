"""The next picture drawn before it is asked for, on another thread: going on is then two copies to the screen."""

from __future__ import annotations

from dataclasses import dataclass

from core.images.tiled_pyramid import AnyPyramid
from core.labels.label_map import LabelMap
from core.labels.prediction import PredictedMask
from desktop.canvas.rendering.compositor import Compositor
from desktop.canvas.rendering.layer_style import LayerState
from desktop.canvas.rendering.overlay_renderer import ClassPalette, OverlayRenderer
from desktop.canvas.viewport import Viewport


@dataclass(frozen=True, slots=True)
class RenderedFrame:
    """A screen whose sheets are ready, and what its layers were mixed from."""

    compositor: Compositor
    classes: ClassPalette
    layers: LayerState
    renderer: OverlayRenderer

    def matches(self, classes: ClassPalette, layers: LayerState) -> bool:
        """Whether the look of the layers is this one: of the very same classes, with the same strengths."""
        return self.classes is classes and self.layers == layers


@dataclass(frozen=True, slots=True)
class FrameRequest:
    """How the canvas would show another picture. Made on the GUI thread, used once, on any thread."""

    compositor: Compositor
    viewport: Viewport
    """The screen's own, of the picture shown before."""
    classes: ClassPalette
    layers: LayerState
    keep_view: bool

    def render(
        self, pyramid: AnyPyramid, labels: LabelMap, prediction: PredictedMask | None
    ) -> RenderedFrame:
        """Nobody may change the label before it is shown. Takes as long as painting a canvas anew."""
        self.viewport.set_picture(*pyramid.size, keep_view=self.keep_view)
        look = OverlayRenderer(self.classes, self.layers, prediction is not None)
        self.compositor.render_offscreen(pyramid, labels, prediction, look)
        return RenderedFrame(self.compositor, self.classes, self.layers, look)
