"""The picture on the canvas: its id, its live label and its prediction."""

from __future__ import annotations

from dataclasses import dataclass

from core.base.geometry import Box
from core.labels.label_map import LabelMap
from core.labels.prediction import PredictedMask


@dataclass(slots=True)
class ActivePicture:
    """Written by `PictureController`, `live_prediction` by `LiveController`. Lives on the GUI thread."""

    id: int | None = None
    """None before the first picture of a project."""
    labels: LabelMap | None = None
    """None while the picture cannot be shown."""
    network_prediction: PredictedMask | None = None
    """None until the network has predicted the picture."""
    live_prediction: PredictedMask | None = None
    """None unless it is shown in place of the network's."""
    corrected_run: int | None = None
    """The run whose prediction the live one corrects; None for one that goes without a network."""
    live_box: Box | None = None
    """Where the live prediction is one, in image pixels, of a picture predicted in parts; None: everywhere."""

    @property
    def prediction(self) -> PredictedMask | None:
        """The one that is shown, and that can be accepted."""
        return self.live_prediction or self.network_prediction

    def predicted_by(self, x: int, y: int) -> str:
        """Who made the prediction of a pixel that is shown, for people; empty where there is none."""
        network, box = self.network_prediction, self.live_box
        is_live = box is None or (box.x0 <= x < box.x1 and box.y0 <= y < box.y1)
        if self.live_prediction is not None and is_live:
            return "live" if self.corrected_run is None else f"live on run {self.corrected_run}"
        return f"run {network.run_id}" if network is not None else ""

    def clear(self) -> None:
        """No picture is shown: the project closes."""
        self.id = self.labels = self.network_prediction = self.live_prediction = None
        self.corrected_run = self.live_box = None
