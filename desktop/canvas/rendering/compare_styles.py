"""What can be set against what while two sides are compared, and how each of them looks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from desktop.canvas.rendering.compositor import Halves
from desktop.canvas.rendering.layer_style import LayerState
from desktop.canvas.rendering.overlay_renderer import Classes, Look


class Side(StrEnum):
    PICTURE = "picture"
    LABEL = "label"
    PREDICTION = "prediction"
    DIFFERENCE = "difference"


TITLES = {
    Side.PICTURE: "Picture",
    Side.LABEL: "Label",
    Side.PREDICTION: "Prediction",
    Side.DIFFERENCE: "Difference",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides at a divider, which stands at a share of the width; without a share, side by side."""

    left: Side = Side.LABEL
    right: Side = Side.PREDICTION
    share: float | None = 0.5

    def halves(self, classes: Classes, state: LayerState, has_prediction: bool) -> Halves:
        looks = (
            Look(classes, state_of(side, state), has_prediction and side not in (Side.PICTURE, Side.LABEL))
            for side in (self.left, self.right)
        )
        return Halves(*looks, self.share)


def state_of(side: Side, state: LayerState) -> LayerState:
    """The layers of one side; hidden labels stay hidden, so that a key still shows the bare picture."""
    if side == Side.LABEL:
        return replace(state.bare, label_visible=state.label_visible)
    if side == Side.PREDICTION:
        # Both are looked at together, so the weaker one must not look like the less certain one.
        opacity = max(state.prediction_opacity, state.label_opacity)
        return replace(
            state.bare,
            prediction_visible=True,
            prediction_opacity=opacity,
            uncertainty_visible=state.uncertainty_visible,
        )
    if side == Side.DIFFERENCE:
        return replace(state.bare, label_visible=state.label_visible, difference_visible=True)
    return state.bare
