"""Creates the sample project: rendered pictures, a few of them labelled, with the ground truth of all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.base.errors import Cancelled, ProjectError
from core.base.progress import ProgressCallback
from core.labels.class_list import ClassList
from core.project.project import Project
from core.project.records import Split, Status
from core.samples.scenes import SCENE_CLASSES, write_sample_pictures
from core.session.transfer.import_run import store_label

COUNT = 60
LABELLED = 12
VALIDATION = 3
"""Labelled pictures in the split val; the others are in train."""
TRUTH_FOLDER = "truth"
"""Folder in the project's home with the ground truth, for simulations and tests; training never reads it."""


def make_sample_project(
    folder: Path,
    *,
    seed: int = 0,
    progress: ProgressCallback = lambda *_: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Render the pictures into `folder` and create a project there, unless there is one already.

    Raises ProjectError when the folder holds other files or cannot be written, and Cancelled when `should_stop`
    returns true; the pictures rendered so far are deleted then.
    """

    def on_rendered(done: int, of: int) -> None:
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
            samples = write_sample_pictures(folder, count=COUNT, seed=seed, progress=on_rendered)
        except Cancelled:
            for path in folder.iterdir():
                path.unlink()
            raise
    except OSError as problem:
        raise ProjectError(
            f"The sample project cannot be created in {folder}: {problem.strerror or problem}."
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
            _store_truth(project, record.path, sample.truth)
            if number < LABELLED:
                store_label(project, project.pictures.get(record.id), sample.truth, "Sample label", "import")
                project.pictures.set_status([record.id], Status.DONE)
                is_val = number % (LABELLED // VALIDATION) == 2
                project.pictures.set_split([record.id], Split.VAL if is_val else Split.TRAIN)


def truth_path(project: Project, relative: str) -> Path:
    """Path of the ground truth of a sample picture, a PNG of class values."""
    return project.home / TRUTH_FOLDER / f"{relative}.png"


def _store_truth(project: Project, relative: str, truth: NDArray[np.uint8]) -> None:
    path = truth_path(project, relative)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(truth, "L").save(path)
