"""Shows one picture with its layers at any zoom, or a message while there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QWidget

from core.base.geometry import Box, TileKey
from core.images.adjustments import Adjustments
from core.images.tiled_pyramid import AnyPyramid, TiledPyramid
from core.labels.label_map import LabelMap
from core.labels.prediction import PredictedMask
from desktop.canvas.overlays import outlines
from desktop.canvas.pan_zoom_widget import PanZoomWidget
from desktop.canvas.rendering.compare_styles import Comparison
from desktop.canvas.rendering.compositor import CanvasContent
from desktop.canvas.rendering.layer_style import LayerState
from desktop.canvas.rendering.offscreen_frame import FrameRequest, RenderedFrame
from desktop.canvas.rendering.overlay_renderer import ClassPalette, OverlayRenderer

_LOADING_DELAY_MS = 300
"""Milliseconds before loading is announced: most pictures load faster, and a short message would only flicker."""


class LayeredImageWidget(PanZoomWidget):
    """One picture with label and prediction. Reads the label's live array; independent of tools. GUI thread.

    The cost of painting depends on the size of the widget and on what changed, never on the size of the picture.
    """

    content_changed = Signal()
    """Another picture or none, other layers, or changed labels: also in the middle of a stroke."""
    picture_changed = Signal()
    """Another picture is shown, or none."""
    preview_painted = Signal()
    """The picture of `show_preview` has been painted."""
    _tile_loaded = Signal(object)
    """A box of image pixels of a tiled picture that has been loaded; emitted by another thread."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pyramid: AnyPyramid | None = None
        self._labels: LabelMap | None = None
        self._prediction: PredictedMask | None = None
        self._classes = ClassPalette(np.zeros((256, 3), np.uint8))
        self._layers = LayerState()
        self._comparison: Comparison | None = None
        self._message: tuple[str, str] | None = None
        self._is_preview = False
        self._loading_delay = QTimer(self)
        self._loading_delay.setSingleShot(True)
        self._loading_delay.setInterval(_LOADING_DELAY_MS)
        self._loading_delay.timeout.connect(self.update)
        self._tile_loaded.connect(self._show_loaded_tile, Qt.ConnectionType.QueuedConnection)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(160, 120)
        self._update_background()

    # What is shown

    def show_picture(
        self,
        pyramid: AnyPyramid,
        labels: LabelMap,
        prediction: PredictedMask | None,
        keep_view: bool = False,
        prerendered: RenderedFrame | None = None,
    ) -> None:
        """Show another picture: fitted, or with `keep_view` at the scale and position of the one before.

        prerendered: the result of a `frame_request`; ignored if the canvas has changed since.
        Raises ValueError when picture, label and prediction differ in size.
        """
        width, height = pyramid.size
        for values in (labels.values, *([prediction.values] if prediction else [])):
            _check_size(values, (height, width))
        self.finish_all()
        keep_view = keep_view and self._pyramid is not None
        self._subscribe_to_tiles(pyramid)
        self._pyramid, self._labels, self._prediction = pyramid, labels, prediction
        self._message, self._is_preview = None, False
        self._loading_delay.stop()
        self._resolution.stop()
        self._viewport.set_picture(width, height, keep_view=keep_view)
        self._compositor.set_picture(pyramid, labels)
        frame = prerendered if prerendered and prerendered.matches(self._classes, self._layers) else None
        self._update_layers(frame.renderer if frame else None)
        self._view_moved()
        if frame:
            self._compositor.adopt(frame.compositor)
        self.picture_changed.emit()

    def frame_request(self, keep_view: bool = False) -> FrameRequest:
        """What is needed to render another picture on another thread, as it would be shown now."""
        view = replace(self._viewport)
        keep_view = keep_view and self._pyramid is not None
        return FrameRequest(self._compositor.clone(view), view, self._classes, self._layers, keep_view)

    def show_preview(self, pyramid: AnyPyramid) -> None:
        """Show a picture, fitted, while its label is loading: `has_picture` is still false and no tool works on it.

        `preview_painted` is emitted when it has been painted.
        """
        self._remove_picture("", "")
        self._loading_delay.stop()
        self._viewport.set_picture(*pyramid.size, keep_view=False)
        self._compositor.set_picture(pyramid, None)
        self._is_preview = True
        self.update()

    def clear(self, message_title: str = "", message_body: str = "") -> None:
        """Show no picture, only this message."""
        self._remove_picture(message_title, message_body)
        self._loading_delay.stop()
        self.update()

    def show_loading(self, message: str = "Opening the picture") -> None:
        """Show an empty canvas, and `message` only if it takes long; a preview stays."""
        if self._is_preview:
            return
        self._remove_picture(message, "")
        self._loading_delay.start()
        self.update()

    def set_prediction(self, prediction: PredictedMask | None) -> None:
        """Another prediction of the picture shown, repainted where it differs. Raises ValueError when its size
        differs."""
        if prediction is not None and self._labels is not None:
            _check_size(prediction.values, self._labels.values.shape)
        before, self._prediction = self._prediction, prediction if self._labels is not None else None
        if before is None or self._prediction is None or self._comparison is not None:
            self._update_layers()
            return
        for box in self._compositor.replace_prediction(self._prediction):
            self.update_area(self._to_logical(box))
        self.content_changed.emit()

    def set_palette(self, palette: NDArray[np.uint8], order: Sequence[int] = ()) -> None:
        """Class colours, (256, 3) uint8 RGB by class value, and the class values as listed."""
        self._classes = replace(self._classes, palette=np.array(palette, np.uint8), order=tuple(order))
        self._update_layers()

    def set_layers(self, layers: LayerState) -> None:
        self._layers = layers
        self._update_layers()

    def set_hidden_classes(self, values: frozenset[int]) -> None:
        """Classes that no layer shows."""
        self._classes = replace(self._classes, hidden=values)
        self._update_layers()

    def set_comparison(self, comparison: Comparison | None) -> None:
        """Compare two sides: at a divider, or in two views side by side. None: end the comparison."""
        before, self._comparison = self._comparison, comparison
        if (before is not None and before.divider is None) != self.is_side_by_side:
            self._resolution.stop()
            self._apply_size()
        if before is not None and comparison is not None and comparison.divider is not None:
            only_moved = replace(before, divider=comparison.divider) == comparison
            if before.divider is not None and only_moved:
                self._compositor.move_divider(comparison.divider)
                self.update()
                return
        self._update_layers()

    @property
    def comparison(self) -> Comparison | None:
        return self._comparison

    @property
    def is_side_by_side(self) -> bool:
        return self._comparison is not None and self._comparison.divider is None

    def set_pixel_grid(self, shown: bool) -> None:
        """Whether lines are drawn between image pixels where these are large."""
        self._compositor.set_pixel_grid(shown)
        self.update()

    @property
    def content(self) -> CanvasContent | None:
        """What is shown; None while there is no picture with a label."""
        return self._compositor.content

    @property
    def exceeds_view(self) -> bool:
        """Whether the picture is larger than the view."""
        view = self._viewport
        wide, high = view.picture_width * view.scale, view.picture_height * view.scale
        return self.has_picture and (wide > view.width + 1 or high > view.height + 1)

    def set_adjustments(self, adjustments: Adjustments) -> None:
        """Brightness, contrast and channels in which the picture is shown."""
        self._compositor.set_adjustments(adjustments)
        self.update()
        self.content_changed.emit()

    @property
    def pyramid(self) -> AnyPyramid | None:
        """The picture shown."""
        return self._pyramid

    @property
    def layers(self) -> LayerState:
        return self._layers

    def class_colour(self, value: int) -> QColor:
        return QColor(*(int(part) for part in self._classes.palette[value]))

    @property
    def has_picture(self) -> bool:
        return self._pyramid is not None

    @property
    def is_preview(self) -> bool:
        """Whether a picture is shown whose label is still loading."""
        return self._is_preview

    def refresh(self, box: Box) -> None:
        """The labels of these image pixels changed."""
        self.update_area(self._to_logical(self._compositor.damage_labels(box)))
        self.content_changed.emit()

    def show_history_tiles(self, tiles: Mapping[TileKey, NDArray[np.uint8]]) -> None:
        """Show an earlier state of the label in these tiles, (h, w) uint8 each; without tiles the label as it is. Tools
        still work on the label itself."""
        self.update_area(self._to_logical(self._compositor.set_history_tiles(tiles)))

    # For subclasses

    def finish_all(self) -> None:
        """Called before another picture is shown: finish everything under way."""

    def draw_overlays(self, painter: QPainter) -> None:
        """Paint what is above the layers, in widget pixels."""

    # Qt

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        ratio = self.devicePixelRatioF()
        # The compositor counts device pixels; the painter already has the widget's position in the window.
        painter.scale(1 / ratio, 1 / ratio)
        # The stubs of PySide lack QRegion.__iter__.
        exposed = [self._to_device(area) for area in event.region()]  # type: ignore[attr-defined]
        self._paint_layers(painter, exposed)
        if self.is_side_by_side:
            self._compositor.paint_second_view(
                painter, self._side_by_side.begin_second_view(painter, exposed)
            )
            self._side_by_side.end_second_view(painter)
        painter.resetTransform()
        if self._pyramid is not None:
            self._paint_overlays(painter)
        elif self._message is not None and not self._loading_delay.isActive():
            outlines.draw_message(painter, self.rect(), self.palette(), self.font(), *self._message)
        painter.end()
        if self._is_preview:
            self.preview_painted.emit()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self._update_background()

    # Steps of the above

    def _subscribe_to_tiles(self, pyramid: AnyPyramid | None) -> None:
        """Repaint when tiles of this picture are loaded, and no longer for the one before."""
        if isinstance(self._pyramid, TiledPyramid):
            self._pyramid.on_tile_loaded = None
        if isinstance(pyramid, TiledPyramid):
            pyramid.on_tile_loaded = self._tile_loaded.emit

    def _show_loaded_tile(self, box: Box) -> None:
        if isinstance(
            self._pyramid, TiledPyramid
        ):  # a tile of the picture before only causes a needless repaint
            self.update_area(self._to_logical(self._compositor.damage_picture(box)))
            self.content_changed.emit()

    def _remove_picture(self, title: str, body: str) -> None:
        self.finish_all()
        self._resolution.stop()
        self._is_preview = False
        self._subscribe_to_tiles(None)
        self._pyramid = self._labels = self._prediction = None
        self._message = (title, body)
        self._compositor.set_picture(None, None)
        self.content_changed.emit()
        self.picture_changed.emit()

    def _update_layers(self, renderer: OverlayRenderer | None = None) -> None:
        has_prediction = self._prediction is not None
        renderer = renderer or OverlayRenderer(self._classes, self._layers, has_prediction)
        split = None
        if self._comparison is not None:
            split = self._comparison.split_style(self._classes, self._layers, has_prediction)
        self._compositor.set_layers(renderer, self._prediction, split)
        self.update()
        self.content_changed.emit()

    def _paint_overlays(self, painter: QPainter) -> None:
        """What is above the layers, the same in both views."""
        if not self.is_side_by_side:
            self.draw_overlays(painter)
            return
        for step in (0.0, self._side_by_side.offset):
            painter.save()
            painter.translate(step, 0)
            painter.setClipRect(self.view_rect)
            self.draw_overlays(painter)
            painter.restore()

    def _update_background(self) -> None:
        """A neutral grey a little darker than the window: a tint would change how colours look."""
        lightness = self.palette().color(QPalette.ColorRole.Window).lightness()
        self._compositor.set_background(round(lightness * (0.86 if lightness > 127 else 0.68)))
        self.update()


def _check_size(values: NDArray[np.uint8], shape: tuple[int, ...]) -> None:
    if values.shape != shape[:2]:
        raise ValueError(f"{values.shape} values do not belong to a picture of {shape[:2]} rows and columns")
