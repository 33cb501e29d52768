"""Score of a run: every picture of a split predicted at full size, one confusion matrix over all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.base.errors import ImageError, ModelError
from core.evaluation.evaluation import Evaluation
from core.evaluation.picture_counts import IGNORED, PictureCounts, count_picture
from core.labels.prediction import PredictedMask
from core.models.checkpoint import LoadedModel, load_checkpoint
from core.models.inference import predict_file
from core.project.content.picture_contents import check_label_fits_content
from core.project.project import Project, run_class_mapping
from core.project.records import PictureRecord, RunRecord, Split
from core.training.devices import resolve_device


def evaluate_run(
    project: Project,
    run: RunRecord,
    split: Split,
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
    tta: str = "none",
) -> Evaluation:
    """Predict every labelled picture of `split` at full size; void and unlabelled pixels do not count. tta: as in
    `predict`.

    Raises ModelError when the weights cannot be loaded or there is nothing to score on.
    """
    records = project.pictures.labelled(split)
    if not records:
        raise ModelError(f"No picture of the split “{split}” carries a label, so nothing can be scored.")
    values = project.classes.read().values
    truth_of = _index_table(values, IGNORED)
    predicted_of = _index_table(values, len(values))[run_class_mapping(project, run.id)]
    pictures: list[PictureCounts] = []
    problems: list[str] = []
    pixels = 0
    for done, (record, mask) in enumerate(predict_pictures(project, run, records, device, tta)):
        if isinstance(mask, ImageError):
            problems.append(str(mask))
        else:
            height, width = mask.values.shape
            truth = truth_of[project.labels.read(record.id, width, height)]
            predicted = predicted_of[mask.values]
            pictures.append(count_picture(record.id, truth, predicted, mask.confidence, len(values)))
            pixels += truth.size
        if progress:
            progress(done + 1, len(records))
    if not pictures:
        raise ModelError(f"No picture of the split “{split}” could be scored. {problems[0]}")
    return Evaluation(values, tuple(pictures), pixels, tuple(problems))


def predict_pictures(
    project: Project, run: RunRecord, records: list[PictureRecord], device: str = "auto", tta: str = "none"
) -> Iterator[tuple[PictureRecord, PredictedMask | ImageError]]:
    """Each picture with its prediction or an error. Raises ModelError when the weights cannot be loaded."""
    loaded = _loaded(project, run, device)
    for record in records:
        try:
            check_label_fits_content(project, record)
            mask = predict_file(loaded, project.picture_path(record.path), run.id, tta)
            check_size(Path(record.path), mask, labelled_size(record))
            yield record, mask
        except ImageError as problem:
            yield record, problem


def labelled_size(record: PictureRecord) -> tuple[int, int] | None:
    """(width, height) of its label, None when it has none."""
    return (record.width or 0, record.height or 0) if record.is_labelled else None


def check_size(picture: Path, mask: PredictedMask, size: tuple[int, int] | None) -> None:
    """Raises ImageError when the picture is no longer of the `size` at which it was labelled."""
    if size is not None and mask.values.shape[::-1] != size:
        raise ImageError(f"{picture} is no longer of the size at which it was labelled.")


def _loaded(project: Project, run: RunRecord, device: str) -> LoadedModel:
    return load_checkpoint(project.run_folder(run.id), resolve_device(device))


def _index_table(values: tuple[int, ...], other: int) -> NDArray[np.uint8]:
    """(256,) the class index of each pixel value, `other` for values of no class."""
    table = np.full(256, other, np.uint8)
    table[list(values)] = np.arange(len(values))
    return table
