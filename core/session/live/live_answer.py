"""What the window asks of live prediction and what it gets, and the sentences for what is missing."""

from __future__ import annotations

from dataclasses import dataclass

from core.base.geometry import Box
from core.labels.label_map import Edit, LabelSnapshot
from core.labels.prediction import PredictedMask
from core.live.labelled_pixels import LabelledPixels, sample_labelled_pixels
from core.session.live.picture_part import PicturePart

FIRST_CLASSES = "Paint a stroke in each of two classes to get a live prediction."
PREPARING = "Preparing live prediction…"
SECOND_CLASS = "Paint a stroke of a second class to get a live prediction."
CRASHED = "Live prediction ended unexpectedly several times. Switch it off and on to try again."


@dataclass(frozen=True, slots=True)
class LiveRequest:
    """labels: of the picture, as they are now; network: what strokes correct; edited: what was painted, and the
    prediction shown before; part: what is visible of a picture that is predicted in parts"""

    number: int
    picture_id: int
    labels: LabelSnapshot
    network: PredictedMask | None
    edited: tuple[Edit, PredictedMask] | None
    part: PicturePart | None

    def labelled(self) -> LabelledPixels:
        """A sample of the labelled pixels of what is to be predicted. Once. Raises ImageError."""
        return self.part.labelled(self.labels) if self.part else sample_labelled_pixels(self.labels.copy())


@dataclass(frozen=True, slots=True)
class LiveAnswer:
    """mask: the prediction, None with `problem`, a sentence why there is none; refined: no better one follows.

    number: of the request; classes: values that may be in the mask; is_preparing: the answer follows once the process
    has started, and nothing else is known yet; has_network: it corrects the network's prediction
    box: where the mask is a live prediction, of a picture predicted in parts; elsewhere it has the network's, or 0.
    None: everywhere
    """

    number: int
    picture_id: int
    mask: PredictedMask | None
    refined: bool = True
    problem: str = ""
    classes: tuple[int, ...] = ()
    is_preparing: bool = False
    has_network: bool = False
    box: Box | None = None
