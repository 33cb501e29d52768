"""Evaluates networks in a process of its own, and reads what it keeps. Does not import torch."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.base.errors import ModelError
from core.base.job_lane import JobLane
from core.base.lane import Lane
from core.base.progress import ProgressCallback
from core.evaluation.evaluation import Evaluation
from core.evaluation.kept.evaluation_job import (
    EvaluationFailed,
    EvaluationJob,
    EvaluationMessage,
    EvaluationMissing,
    EvaluationReady,
    EvaluationStep,
)
from core.evaluation.kept.evaluation_store import EvaluatedPicture, EvaluationStore
from core.labels.bootstrap import Interval
from core.training.exit_reason import is_out_of_memory

MODULE = "core.evaluation.kept.evaluation_worker"


@dataclass(frozen=True, slots=True)
class KeptEvaluation:
    """An evaluation and what takes a moment to compute from it.

    interval: 95 %, of the mean IoU over pictures, None for fewer than two; class_intervals: (classes, 2) the same of
    the IoU of each class, nan where there is none; miou: of each picture alone by its id, worst first
    """

    key: str
    evaluation: Evaluation
    interval: Interval | None
    class_intervals: NDArray[np.float64]
    miou: dict[int, float]


class Evaluator:
    """May be called from any thread; one evaluation after the other."""

    def __init__(self, home: Path, cache: Path) -> None:
        self._home, self._store = home, EvaluationStore(cache)
        self._jobs: JobLane[KeptEvaluation | None] = JobLane("evaluation", MODULE, EvaluationMessage)
        self._pictures = Lane("evaluated pictures")

    def evaluate(self, job: EvaluationJob, report: ProgressCallback) -> Future[KeptEvaluation | None]:
        """The evaluation, taken from the kept ones or computed; `report` is called on the evaluation lane.

        None when only kept ones are asked for, and there is none. The future raises UserError or Cancelled.
        """
        return self._jobs.submit(lambda cancel: self._evaluate(job, report, cancel))

    def picture(self, key: str, number: int) -> Future[EvaluatedPicture]:
        """What was compared in a picture of the kept evaluation; the future raises ImageError."""
        return self._pictures.submit(self._store.picture, key, number)

    def render(
        self, key: str, number: int, draw: Callable[[EvaluatedPicture], NDArray[np.uint8]]
    ) -> Future[NDArray[np.uint8]]:
        """`draw` called with a picture of the kept evaluation on another thread; the future raises ImageError."""
        return self._pictures.submit(lambda: draw(self._store.picture(key, number)))

    def cancel(self, evaluation: Future[KeptEvaluation | None] | None = None) -> None:
        """End this evaluation, under way or waiting, of which nothing is kept; None: all of them."""
        self._jobs.cancel(evaluation)

    def close(self) -> None:
        self._jobs.close()
        self._pictures.shutdown(cancel_futures=True)

    def _evaluate(
        self, job: EvaluationJob, report: ProgressCallback, cancel: threading.Event
    ) -> KeptEvaluation | None:
        answers: list[EvaluationReady | EvaluationMissing] = []

        def on_message(message: EvaluationMessage) -> bool:
            match message:
                case EvaluationStep():
                    report(message.done, message.total)
                    return False
                case EvaluationFailed():
                    raise ModelError(message.message)
            answers.append(message)
            return True

        stderr = self._jobs.run(job, on_message, cancel, self._store.remove_leftovers)
        if not answers:
            if is_out_of_memory(stderr):
                raise ModelError("The evaluation ran out of memory. Close other programs and try again.")
            raise ModelError("The evaluation ended unexpectedly. Try again, or see the log for the reason.")
        answer = answers[0]
        return None if isinstance(answer, EvaluationMissing) else self._read(answer.key)

    def _read(self, key: str) -> KeptEvaluation:
        found = self._store.read(key)
        found.confusion  # noqa: B018  (computed here, not on the GUI thread)
        return KeptEvaluation(
            key, found, found.miou_interval(), found.class_intervals(), found.picture_miou()
        )
