"""Evaluates a network and keeps what was found, unless that is kept already. torch is imported only when it runs."""

from __future__ import annotations

import contextlib

from core.base.errors import ImageError
from core.base.progress import ProgressCallback
from core.evaluation.evaluation import Evaluation
from core.evaluation.kept.evaluation_job import EvaluationJob
from core.evaluation.kept.evaluation_key import evaluation_key
from core.evaluation.kept.evaluation_store import EvaluationStore, EvaluationWriter
from core.evaluation.run_choice import find_run
from core.evaluation.scored_pictures import labelled_pictures
from core.formats.readers.registry import open_dataset
from core.project.project import Project


def find_kept(project: Project, job: EvaluationJob) -> Evaluation | None:
    """The kept evaluation, while network, labels and classes are what they were. Raises ModelError when the weights are
    gone, UserError when it is damaged."""
    key, store = evaluation_key(project, job), EvaluationStore(project.cache_folder)
    return store.read(key) if store.has(key) else None


def keep_evaluation(project: Project, job: EvaluationJob, progress: ProgressCallback) -> str | None:
    """Evaluate, and return the key of the kept evaluation; None when only a kept one is asked for, and there is none.

    Raises MaskloopError; nothing is kept then.
    """
    key, store = evaluation_key(project, job), EvaluationStore(project.cache_folder)
    if store.has(key):
        return key
    if job.only_kept:
        return None
    writer = EvaluationWriter(store, key)
    try:
        _evaluate(project, job, writer, progress)
    finally:
        writer.discard()
    return key


def _evaluate(
    project: Project, job: EvaluationJob, writer: EvaluationWriter, progress: ProgressCallback
) -> None:
    # What is missing is said before seconds pass with loading torch.
    dataset = None if job.data is None else open_dataset(job.data, job.format)
    if dataset is None:
        labelled_pictures(project, job.split)

    from core.evaluation.run_score import ScoredMasks, evaluate_on_dataset, evaluate_split
    from core.evaluation.scored_network import load_run, load_weights_file

    def keep(masks: ScoredMasks) -> None:
        with contextlib.suppress(ImageError):  # it was just predicted: only scored, it is not shown
            writer.add(masks.number, masks.read_picture(), masks.truth, masks.predicted)

    if job.weights is None:
        network = load_run(project, find_run(project, job.run), job.device)
    else:
        network = load_weights_file(project, job.weights, job.device)
    if dataset is None:
        found = evaluate_split(project, network, job.split, progress, job.tta, keep)
    else:
        found = evaluate_on_dataset(project, network, dataset, progress, job.tta, keep)
    writer.finish(found)
