"""Live predictions for the simulated annotator, from the service that the window uses."""

from __future__ import annotations

import queue
import time

from core.labels.label_map import LabelMap
from core.labels.prediction import PredictedMask
from core.session.live.live_answer import LiveAnswer
from core.session.live.live_prediction import LivePredictionService

MAX_WAIT_SECONDS = 10.0
"""The process takes seconds to start before its first answer. A person paints on meanwhile: the wait is no effort."""


class LiveAnswers:
    """Asks for one answer at a time and waits for it. Used from one thread."""

    def __init__(self, service: LivePredictionService) -> None:
        self._service = service
        self._answers: queue.SimpleQueue[LiveAnswer] = queue.SimpleQueue()
        service.start(self._answers.put)

    def answer(
        self, picture_id: int, labels: LabelMap, network: PredictedMask | None
    ) -> PredictedMask | None:
        """The refined answer to the label as it is now; None when there is none in time, or nothing to learn from."""
        number = self._service.predict(picture_id, labels.snapshot(), network)
        end = time.monotonic() + MAX_WAIT_SECONDS
        newest: PredictedMask | None = None
        while (left := end - time.monotonic()) > 0:
            try:
                answer = self._answers.get(timeout=left)
            except queue.Empty:
                break
            if answer.number != number or answer.is_preparing:
                continue
            newest = answer.mask or newest
            if answer.refined:
                break
        self._service.cancel()
        return newest

    def learn(self, picture_id: int) -> None:
        """The label of a picture is complete: learn it for the others."""
        self._service.learn([picture_id])
