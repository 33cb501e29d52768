"""The key of an evaluation: equal while network, labels, classes and pictures are the same."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.base.errors import ImageError, ModelError
from core.evaluation.kept.evaluation_job import EvaluationJob
from core.evaluation.run_choice import find_run
from core.images.file_age import file_age
from core.models.spec import WEIGHTS_FILE
from core.project.project import Project, run_class_mapping

_VERSION = 1
"""To be raised when what is counted changes, so that older evaluations are computed again."""
MAX_DATASET_FILES = 200_000


def evaluation_key(project: Project, job: EvaluationJob) -> str:
    """Hash as hex, of sizes and times of files, and of the stored labels. Raises ModelError when the weights are
    gone."""
    classes = project.classes.read()
    facts: list[Any] = [_VERSION, job.tta, list(classes.values)]
    if job.weights is None:
        run = find_run(project, job.run)
        weights = project.run_folder(run.id) / WEIGHTS_FILE
        facts += [run.id, _age(weights), run_class_mapping(project, run.id).tolist()]
    else:
        facts += [str(job.weights), _age(job.weights)]
    if job.weights is not None or job.data is not None:
        facts.append([each.name for each in classes])  # by which classes are matched
    digest = hashlib.blake2b(json.dumps(facts).encode(), digest_size=20)
    parts = _of_split(project, job) if job.data is None else _of_dataset(job.data, job.format)
    for part in parts:
        digest.update(json.dumps(part).encode() + b"\n")
    return digest.hexdigest()


def _age(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise ModelError(f"{file} cannot be read: {reason}. Choose another file.") from problem
    return found.st_size, found.st_mtime_ns


def _of_split(project: Project, job: EvaluationJob) -> Iterator[list[Any]]:
    for record in project.pictures.labelled(job.split):
        try:
            age: list[Any] = list(file_age(project.picture_path(record.path))[:2])
        except (OSError, ImageError):
            age = []
        label = project.labels.stored_label(record.id).digest()
        yield [record.id, record.path, record.is_replaced, age, label]


def _of_dataset(folder: Path, format_: str) -> Iterator[list[Any]]:
    """Every file of the folder. Raises ModelError for one with too many."""
    yield [str(folder.resolve()), format_]
    count = 0
    for place, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            count += 1
            if count > MAX_DATASET_FILES:
                raise ModelError(
                    f"{folder} holds more than {MAX_DATASET_FILES:,} files, too many to evaluate on in the window. "
                    "Use the command line: maskloop evaluate --data DIR"
                )
            path = Path(place, name)
            try:
                found = path.lstat()
            except OSError:
                continue
            yield [str(path), found.st_size, found.st_mtime_ns]
