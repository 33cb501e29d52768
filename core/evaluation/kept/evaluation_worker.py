"""The evaluation process (`python -m`): one EvaluationJob from standard input, progress and the key of the kept
evaluation to standard output."""

from __future__ import annotations

import contextlib
import sys
from typing import TextIO

from core.base.errors import ImageError, MaskloopError
from core.base.json_process import decode_message
from core.base.json_worker import lower_priority, reserve_stdout, send_message
from core.evaluation.kept.evaluation_job import (
    EvaluationFailed,
    EvaluationJob,
    EvaluationMessage,
    EvaluationMissing,
    EvaluationReady,
    EvaluationStep,
)
from core.evaluation.kept.evaluation_key import evaluation_key
from core.evaluation.kept.evaluation_store import EvaluationStore, EvaluationWriter
from core.evaluation.run_choice import find_run
from core.evaluation.scored_pictures import labelled_pictures
from core.formats.readers.registry import open_dataset
from core.project.project import Project


def main() -> None:
    lower_priority()
    messages = reserve_stdout()
    with contextlib.suppress(BrokenPipeError):
        try:
            job: EvaluationJob = decode_message(sys.stdin.readline(), EvaluationJob)
            send_message(messages, _answer(job, messages))
        except MaskloopError as error:
            send_message(messages, EvaluationFailed(str(error)))


def _answer(job: EvaluationJob, messages: TextIO) -> EvaluationMessage:
    """Raises MaskloopError."""
    with Project.open_read_only(job.home) as project:
        key, store = evaluation_key(project, job), EvaluationStore(project.cache_folder)
        if store.has(key):
            return EvaluationReady(key)
        if job.only_kept:
            return EvaluationMissing()
        writer = EvaluationWriter(store, key)
        try:
            _evaluate(project, job, writer, messages)
        finally:
            writer.discard()
    return EvaluationReady(key)


def _evaluate(project: Project, job: EvaluationJob, writer: EvaluationWriter, messages: TextIO) -> None:
    # What is missing is said before seconds pass with loading torch.
    dataset = None if job.data is None else open_dataset(job.data, job.format)
    if dataset is None:
        labelled_pictures(project, job.split)

    from core.evaluation.run_score import ScoredMasks, evaluate_on_dataset, evaluate_split
    from core.evaluation.scored_network import load_run, load_weights_file

    def report(done: int, total: int) -> None:
        send_message(messages, EvaluationStep(done, total))

    def keep(masks: ScoredMasks) -> None:
        with contextlib.suppress(ImageError):  # it was just predicted: only scored, it is not shown
            writer.add(masks.number, masks.read_picture(), masks.truth, masks.predicted)

    if job.weights is None:
        network = load_run(project, find_run(project, job.run), job.device)
    else:
        network = load_weights_file(project, job.weights, job.device)
    if dataset is None:
        found = evaluate_split(project, network, job.split, report, job.tta, keep)
    else:
        found = evaluate_on_dataset(project, network, dataset, report, job.tta, keep)
    writer.finish(found)


if __name__ == "__main__":
    main()
