"""The picture on the canvas: its id, its live label and its prediction."""

from __future__ import annotations

from dataclasses import dataclass

from core.labels.label_map import LabelMap
from core.labels.prediction import PredictedMask


@dataclass(slots=True)
class ActivePicture:
    """Written by `PictureController` alone. Lives on the GUI thread."""

    id: int | None = None
    """None before the first picture of a project."""
    labels: LabelMap | None = None
    """None while the picture cannot be shown."""
    prediction: PredictedMask | None = None
    """None until the network has predicted the picture."""

    def clear(self) -> None:
        """No picture is shown: the project closes."""
        self.id = self.labels = self.prediction = None
