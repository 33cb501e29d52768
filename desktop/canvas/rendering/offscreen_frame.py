"""Renders the next picture on another thread before it is shown: showing it then only copies two buffers."""

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
    """A compositor whose buffers are drawn, and the classes and layers they were drawn with."""

    compositor: Compositor
    classes: ClassPalette
    layers: LayerState
    renderer: OverlayRenderer

    def matches(self, classes: ClassPalette, layers: LayerState) -> bool:
        """Whether it was drawn with this very palette and equal layers."""
        return self.classes is classes and self.layers == layers


@dataclass(frozen=True, slots=True)
class FrameRequest:
    """What is needed to render another picture as the canvas would show it. Made on the GUI thread, used once on
    any thread."""

    compositor: Compositor
    viewport: Viewport
    """The compositor's own, still of the picture shown before."""
    classes: ClassPalette
    layers: LayerState
    keep_view: bool

    def render(
        self, pyramid: AnyPyramid, labels: LabelMap, prediction: PredictedMask | None
    ) -> RenderedFrame:
        """Takes as long as repainting the whole canvas. The label must not change before it is shown."""
        self.viewport.set_picture(*pyramid.size, keep_view=self.keep_view)
        renderer = OverlayRenderer(self.classes, self.layers, prediction is not None)
        self.compositor.render_offscreen(pyramid, labels, prediction, renderer)
        return RenderedFrame(self.compositor, self.classes, self.layers, renderer)
