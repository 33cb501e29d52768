"""The picture on the canvas: its id, its live label and its prediction."""

from __future__ import annotations

from dataclasses import dataclass

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

    @property
    def prediction(self) -> PredictedMask | None:
        """The one that is shown, and that can be accepted."""
        return self.live_prediction or self.network_prediction

    @property
    def predicted_by(self) -> str:
        """Who made the prediction that is shown, for people; empty where there is none."""
        if self.live_prediction is not None:
            return "live"
        return f"run {self.network_prediction.run_id}" if self.network_prediction is not None else ""

    def clear(self) -> None:
        """No picture is shown: the project closes."""
        self.id = self.labels = self.network_prediction = self.live_prediction = None
