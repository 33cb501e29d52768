"""Searches pictures whose features are in memory for regions like those that were just corrected."""

from __future__ import annotations

import logging
from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.errors import ImageError
from core.labels.prediction import read_prediction
from core.live.linear_head import LinearHead
from core.live.live_messages import LiveSimilar, PackedRegion, PicturePath, SearchCommand
from core.live.network_prior import NetworkPrior
from core.live.picture_features import PictureFeatures
from core.live.predictor import LivePredictor
from core.live.similar_regions import Appearance, find_similar_regions

log = logging.getLogger(__name__)

Values = NDArray[np.uint8]


class CorrectionSearch:
    """Owned by the thread of the predictor. `begin` with the head that has learnt the correction, then `search_next`
    for one picture after another while `is_under_way`.

    old: the head whose prediction was corrected; None where the network's was
    """

    def __init__(self, command: SearchCommand, old: LinearHead | None) -> None:
        self.command, self._old = command, old
        self._new: LinearHead | None = None
        self._appearance: Appearance | None = None
        self._left: deque[PicturePath] = deque()

    @property
    def is_under_way(self) -> bool:
        return bool(self._left)

    def begin(self, predictor: LivePredictor, new: LinearHead) -> None:
        """Once. There is nothing to search for when either head does not know the class that it would have to say."""
        command = self.command
        shown = next((each for each in command.pictures if each.picture_id == command.picture_id), None)
        corrected = predictor.known_features(shown.picture_id, shown.path) if shown else None
        knows_wrong = bool(command.run_id) or (self._old is not None and command.wrong in self._old.classes)
        if self._new is not None or corrected is None or not knows_wrong or command.right not in new.classes:
            return
        self._new = new
        cells = corrected.deep_levels()
        points = command.pixels.unpack().points
        self._appearance = Appearance.of(cells[:, *_cells_of(points, corrected, cells.shape[1:])].T, cells)
        for each in command.pictures:
            features = predictor.known_features(each.picture_id, each.path)
            # The head of a picture with other channels is another one.
            if features is not None and features.channels == corrected.channels:
                self._left.append(each)

    def search_next(self, predictor: LivePredictor) -> LiveSimilar:
        """Search one picture."""
        picture, command = self._left.popleft(), self.command
        found: tuple[PackedRegion, ...] = ()
        features = predictor.known_features(picture.picture_id, picture.path)
        if features is not None and self._appearance is not None and self._new is not None:
            said = self._network_says(picture)
            new = _values(self._new, features, said)
            old = self._old_values(features, said, new)
            corrected = None
            if new is not None and picture.picture_id == command.picture_id:
                corrected = np.zeros(new.shape, bool)
                corrected[*_cells_of(command.pixels.unpack().points, features, new.shape)] = True
            if new is not None and old is not None:
                cells, change = features.deep_levels(), (command.wrong, command.right)
                regions = find_similar_regions(self._appearance, cells, old, new, change, corrected)
                found = tuple(PackedRegion.pack(each.region) for each in regions)
        return LiveSimilar(command.number, picture.picture_id, found, len(self._left))

    def _old_values(
        self, features: PictureFeatures, said: NetworkPrior | None, new: Values | None
    ) -> Values | None:
        """(H, W) class values before the correction, as large as `new`; None where nothing can be compared."""
        if not self.command.run_id:
            return None if self._old is None else _values(self._old, features, said)
        if said is None or new is None:
            return None
        scaled = cv2.resize(said.values, new.shape[::-1], interpolation=cv2.INTER_NEAREST)
        return np.asarray(scaled, np.uint8)

    def _network_says(self, picture: PicturePath) -> NetworkPrior | None:
        """The network's prediction of a picture in today's class values; None where there is none of the same run."""
        if picture.prediction is None:
            return None
        try:
            mask = read_prediction(picture.prediction)
        except ImageError as error:
            log.info("not searched: %s", error)
            return None
        if mask.run_id != self.command.network_id or len(self.command.run_classes) != 256:
            return None  # of a run whose class values are not known here
        mask = mask.remapped(np.frombuffer(self.command.run_classes, np.uint8))
        return NetworkPrior(mask.values, mask.confidence)


def _values(head: LinearHead, features: PictureFeatures, said: NetworkPrior | None) -> Values | None:
    """(H, W) class values; None for a head that would correct a network which says nothing of this picture."""
    if head.has_prior and said is None:
        return None
    values: Values = np.array(head.classes, np.uint8)[head.probabilities(features, said).argmax(0)]
    return values


def _cells_of(
    points: NDArray[np.uint32], features: PictureFeatures, shape: tuple[int, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of pixels (n, 2) as x, y in a grid of `shape` (rows, columns)."""
    width, height = features.size
    x, y = points.astype(np.int64).T
    return np.minimum(y * shape[0] // height, shape[0] - 1), np.minimum(x * shape[1] // width, shape[1] - 1)
