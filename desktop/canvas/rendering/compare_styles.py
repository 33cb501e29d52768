"""Comparing two sides: what each side can show, and the layer style it is drawn with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from desktop.canvas.rendering.compositor import ComparisonStyle
from desktop.canvas.rendering.layer_style import LayerState
from desktop.canvas.rendering.overlay_renderer import ClassPalette, OverlayRenderer


class CompareSide(StrEnum):
    PICTURE = "picture"
    LABEL = "label"
    PREDICTION = "prediction"
    DIFFERENCE = "difference"


SIDE_TITLES = {
    CompareSide.PICTURE: "Picture",
    CompareSide.LABEL: "Label",
    CompareSide.PREDICTION: "Prediction",
    CompareSide.DIFFERENCE: "Difference",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides of a divider, given as a share 0..1 of the width; None: two views side by side."""

    left: CompareSide = CompareSide.LABEL
    right: CompareSide = CompareSide.PREDICTION
    divider: float | None = 0.5

    def split_style(self, classes: ClassPalette, state: LayerState, has_prediction: bool) -> ComparisonStyle:
        left, right = (
            OverlayRenderer(
                classes,
                layers_of_side(side, state),
                has_prediction and side not in (CompareSide.PICTURE, CompareSide.LABEL),
            )
            for side in (self.left, self.right)
        )
        return ComparisonStyle(left, right, self.divider)


def layers_of_side(side: CompareSide, state: LayerState) -> LayerState:
    """The layers of one side; hidden labels stay hidden, so that their shortcut still shows the bare picture."""
    if side == CompareSide.LABEL:
        return replace(state.image_only, label_visible=state.label_visible)
    if side == CompareSide.PREDICTION:
        # Label and prediction are compared, so a lower opacity must not suggest a lower confidence.
        opacity = max(state.prediction_opacity, state.label_opacity)
        return replace(
            state.image_only,
            prediction_visible=True,
            prediction_opacity=opacity,
            uncertainty_visible=state.uncertainty_visible,
        )
    if side == CompareSide.DIFFERENCE:
        return replace(state.image_only, label_visible=state.label_visible, difference_visible=True)
    return state.image_only
