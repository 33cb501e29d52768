"""The order of predictions: the picture on screen, then those that come next, then all others in turn."""

from __future__ import annotations

import contextlib
import logging
from collections import Counter, deque
from collections.abc import Mapping, Sequence

from core.base.errors import ImageError
from core.models.spec import WEIGHTS_FILE
from core.project.project import Project
from core.project.records import RunRecord, timestamp
from core.training.events import PredictionFailed, PredictionReady
from core.training.process.worker_client import WorkerClient

log = logging.getLogger(__name__)

MAX_IN_FLIGHT = 3
"""Predictions given to the worker at a time: few, so that the picture on screen never waits long."""
MAX_RETRIES = 2
"""Times that a picture is sent again after the worker ended unexpectedly; the picture may be the cause."""


class PredictionQueue:
    """Keeps every picture's prediction up to date with the weights in use. Lives on the training lane."""

    def __init__(
        self, reader: Project, worker: WorkerClient, tta: str = "none", device: str = "auto"
    ) -> None:
        self._reader = reader
        self._worker = worker
        self._tta, self._device = tta, device
        self._shown: int | None = None
        self._waiting: deque[int] = deque()
        self._in_flight: set[int] = set()
        self._outdated: set[int] = set()  # of these: their files have changed since they were sent
        self._up_to_date: set[int] = set()
        self._retries: Counter[int] = Counter()
        self._run: RunRecord | None = reader.runs.in_use()
        known = reader.runs.prediction_runs()
        self._last_predicted, self._predicted_count = dict.fromkeys(known, 0), 0
        if self._run is not None:
            self._up_to_date = reader.runs.predicted_since(self._run.id, self._published_at(self._run))

    @property
    def run(self) -> RunRecord | None:
        """The run whose weights predict, None before the first checkpoint."""
        return self._run

    def on_picture_shown(self, picture_id: int, upcoming: Sequence[int]) -> None:
        """This picture is on screen now; the `upcoming` ones are likely to come next."""
        self._shown = picture_id
        first = [p for p in (picture_id, *upcoming) if p not in self._up_to_date and p not in self._in_flight]
        self._waiting = deque(first + [p for p in self._waiting if p not in first])
        self._send(beyond=int(picture_id in first))

    def on_new_weights(self, run: RunRecord) -> None:
        """Predict every picture again; an old prediction stays on screen until the new one is there."""
        self._run = run
        self._worker.drop_predictions()
        self._in_flight.clear()
        self._outdated.clear()
        self._up_to_date.clear()
        order = [record.id for record in self._reader.pictures.all() if record.problem is None]
        self._waiting = deque(prediction_order(order, self._shown, self._last_predicted))
        self._send()

    def on_content_changed(self, picture_id: int) -> None:
        """The file of a picture has other content: what is predicted of it now, or was, is out of date."""
        self._up_to_date.discard(picture_id)
        if picture_id in self._in_flight:
            self._outdated.add(picture_id)
        elif self._run is not None:
            self._waiting.append(picture_id)
            self._send()

    def is_outdated(self, picture_id: int) -> bool:
        """Whether the prediction that is under way is of content that the file no longer has."""
        return picture_id in self._outdated

    def is_late(self, event: PredictionReady) -> bool:
        """Whether it is of a run that was in use when it was asked for, and is not any more."""
        return self._run is not None and event.run_id != self._run.id

    def set_options(self, tta: str, device: str) -> None:
        """Set test-time augmentation and device; when the former changes, every picture is predicted again."""
        self._device = device
        if tta != self._tta:
            self._tta = tta
            if self._run is not None:
                self.on_new_weights(self._run)

    def on_answer(self, event: PredictionReady | PredictionFailed) -> None:
        """The worker is done with a picture. It is sent again with these weights only if the worker ended before."""
        if isinstance(event, PredictionReady) and self.is_late(event):
            return  # the picture waits, or is under way, for the run in use
        self._in_flight.discard(event.picture_id)
        if event.picture_id in self._outdated:
            self._outdated.discard(event.picture_id)
            self._waiting.appendleft(event.picture_id)
            self._send()
            return
        if isinstance(event, PredictionFailed) and event.lost:
            self._retries[event.picture_id] += 1
            if self._retries[event.picture_id] <= MAX_RETRIES:
                self._waiting.appendleft(event.picture_id)
                self._send()
                return
        self._predicted_count += 1
        self._last_predicted[event.picture_id] = self._predicted_count
        self._up_to_date.add(event.picture_id)
        self._send()

    def _send(self, beyond: int = 0) -> None:
        """Send pictures up to the limit; `beyond` raises it, so that the one on screen need not wait."""
        while self._waiting and self._run is not None and len(self._in_flight) < MAX_IN_FLIGHT + beyond:
            picture_id = self._waiting.popleft()
            if picture_id in self._in_flight or picture_id in self._up_to_date:
                continue  # it waited twice
            found = self._reader.pictures.get_many([picture_id])
            if not found:
                continue  # another picture has its file now
            try:
                path = self._reader.picture_path(found[0].path)
            except ImageError as problem:  # whoever opens the picture is told
                log.warning("not predicted: %s", problem)
                self._up_to_date.add(picture_id)
                continue
            self._in_flight.add(picture_id)
            self._worker.predict(
                self._reader.run_folder(self._run.id),
                path,
                picture_id,
                self._reader.prediction_path(picture_id),
                run_id=self._run.id,
                urgent=picture_id == self._shown,
                tta=self._tta,
                device=self._device,
            )

    def _published_at(self, run: RunRecord) -> str:
        """When the newest weights of a run were published; 1970 when there are none."""
        published = 0.0
        with contextlib.suppress(OSError):
            published = (self._reader.run_folder(run.id) / WEIGHTS_FILE).stat().st_mtime
        return timestamp(published)


def prediction_order(order: Sequence[int], shown: int | None, last_predicted: Mapping[int, int]) -> list[int]:
    """Picture ids in the order of prediction: the one shown, those without a prediction, then the oldest predictions.

    order: picture ids in list order; of equals the next ones after `shown` come first
    last_predicted: when each was predicted, as any growing number. Without it, weights that change faster than all
    pictures are predicted would always restart at the same few pictures.
    """
    start = order.index(shown) if shown in order else 0
    rotated = [*order[start:], *order[:start]]
    return sorted(rotated, key=lambda picture_id: (picture_id != shown, last_predicted.get(picture_id, -1)))
