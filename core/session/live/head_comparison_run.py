"""One comparison of the live head with the trained network on validation pictures, picture by picture."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

import numpy as np

from core.base.errors import ImageError, MaskloopError
from core.labels.label_map import Values
from core.labels.prediction import read_prediction
from core.live.head_comparison import HeadComparison, compare
from core.live.labelled_pixels import sample_evenly
from core.live.live_messages import LiveCommand, LiveScored, PackedPixels, ScoreCommand
from core.project.project import Project, run_class_mapping
from core.project.records import PictureRecord, Split
from core.session.live.teaching_pictures import is_usable, read_label

log = logging.getLogger(__name__)

MAX_COMPARED, COMPARED_PIXELS = 24, 2000
"""Validation pictures, and labelled pixels of each, on which the live head is compared with the trained network."""


class HeadComparisonRun:
    """Owned by the live lane. `ask_next` until nothing is left, and `scored` for each answer; then `result`.

    Only pictures of which there is a prediction of the network are compared, on the same pixels.
    """

    def __init__(self, number: int, project: Project) -> None:
        self.number = number
        records = [r for r in project.pictures.labelled(Split.VAL) if is_usable(r)]
        self._to_ask = deque(records[:: max(1, -(-len(records) // MAX_COMPARED))])
        self._waiting: dict[int, tuple[Values, Values]] = {}
        self._labels: list[Values] = []
        self._live: list[Values] = []
        self._network: list[Values] = []

    def ask_next(self, project: Project, send: Callable[[LiveCommand], object]) -> bool:
        """Ask about the next picture. False when there is none."""
        if not self._to_ask:
            return False
        record = self._to_ask.popleft()
        try:
            send(self._question(project, record))
        except (MaskloopError, KeyError) as error:
            log.info("not compared: %s (%s)", record.path, error)
        return True

    def scored(self, event: LiveScored) -> None:
        """Take an answer of the process."""
        if event.number != self.number or event.picture_id not in self._waiting:
            return
        labels, network = self._waiting.pop(event.picture_id)
        live = np.frombuffer(event.predicted, np.uint8)
        if len(live) == len(labels):
            self._labels.append(labels)
            self._network.append(network)
            self._live.append(live)

    @property
    def is_done(self) -> bool:
        return not self._to_ask and not self._waiting

    @property
    def result(self) -> HeadComparison | None:
        """None where nothing could be compared."""
        return compare(self._labels, self._live, self._network)

    def _question(self, project: Project, record: PictureRecord) -> ScoreCommand:
        mask = read_prediction(project.prediction_path(record.id))
        mask = mask.remapped(run_class_mapping(project, mask.run_id))
        label = read_label(project, record)
        if mask.values.shape != label.shape:
            raise ImageError(f"The prediction of {record.path} has another size than its label.")
        path = project.picture_path(record.path)
        pixels = sample_evenly(label, COMPARED_PIXELS)
        x, y = pixels.points.T
        self._waiting[record.id] = pixels.values, mask.values[y, x]
        return ScoreCommand(self.number, record.id, path, PackedPixels.pack(pixels))
