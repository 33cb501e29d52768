"""The built-in sample project: pictures we draw ourselves, a few of them labelled, the exact truth kept aside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.base.errors import Cancelled, ProjectError
from core.labels.class_list import ClassList
from core.project.project import Project
from core.project.records import Split, Status
from core.samples.scenes import SCENE_CLASSES, write_sample_pictures
from core.session.transfer.import_run import store_label

COUNT = 60
LABELLED = 12
VALIDATION = 3
"""Of the labelled pictures, so many go to val."""
TRUTH_FOLDER = "truth"
"""Folder in the project's home: what is really there, for simulations and tests; training never reads it."""


def make_sample_project(
    folder: Path,
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda *_: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Draw the pictures into `folder` and make a project of them. Nothing happens when there is one already.

    Raises ProjectError when the folder holds something else or cannot be written, and Cancelled when it `should_stop`:
    what was drawn until then is gone again.
    """

    def drawn(done: int, of: int) -> None:
        if should_stop():
            raise Cancelled
        progress(done, of)

    if (folder / ".maskloop").is_dir():
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ProjectError(f"{folder} is not empty. Choose a new folder for the sample with --dir.")
        try:
            samples = write_sample_pictures(folder, count=COUNT, seed=seed, progress=drawn)
        except Cancelled:
            for path in folder.iterdir():
                path.unlink()
            raise
    except OSError as problem:
        raise ProjectError(
            f"The sample cannot be made in {folder}: {problem.strerror or problem}."
        ) from problem
    with Project.open(folder, purpose="making the sample project") as project:
        classes = ClassList()
        for name, colour in SCENE_CLASSES:
            classes = classes.with_class(name, colour)
        project.classes.save(classes)
        records = project.pictures.add(sample.path.name for sample in samples)
        for number, (record, sample) in enumerate(zip(records, samples, strict=True)):
            height, width = sample.truth.shape
            project.pictures.set_size(record.id, width, height)
            _keep_truth(project, record.path, sample.truth)
            if number < LABELLED:
                store_label(project, project.pictures.get(record.id), sample.truth, "Sample label", "import")
                project.pictures.set_status([record.id], Status.DONE)
                judge = number % (LABELLED // VALIDATION) == 2
                project.pictures.set_split([record.id], Split.VAL if judge else Split.TRAIN)


def truth_path(project: Project, relative: str) -> Path:
    """Where the exact truth of a sample picture lies, an index PNG."""
    return project.home / TRUTH_FOLDER / f"{relative}.png"


def _keep_truth(project: Project, relative: str, truth: NDArray[np.uint8]) -> None:
    path = truth_path(project, relative)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(truth, "L").save(path)
