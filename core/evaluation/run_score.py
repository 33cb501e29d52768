"""Score of a run: every picture of a split predicted at full size, one confusion matrix over all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from core.base.errors import ImageError, ModelError
from core.labels.prediction import PredictedMask
from core.models.checkpoint import LoadedModel, load_checkpoint
from core.models.inference import predict_file
from core.project.content.picture_contents import check_label_fits_content
from core.project.project import Project, run_class_mapping
from core.project.records import PictureRecord, RunRecord, Split
from core.training.data.training_set import IGNORE_INDEX
from core.training.devices import resolve_device
from core.training.scoring.metrics import confusion_matrix, iou_from_confusion, mean_iou, pixel_accuracy


@dataclass(frozen=True, slots=True)
class RunScore:
    """confusion: pixels, rows true, columns predicted, in the order of `values`

    Predictions of a class that no longer exists are in no column but count as wrong. per_class: IoU by value, without
    classes that neither occur nor are predicted. problems: messages about pictures that could not be read
    """

    pictures: int
    values: tuple[int, ...]
    miou: float
    per_class: dict[int, float]
    pixel_accuracy: float
    confusion: NDArray[np.int64]
    problems: tuple[str, ...]


def evaluate_run(
    project: Project,
    run: RunRecord,
    split: Split,
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
    tta: str = "none",
) -> RunScore:
    """Predict every labelled picture of `split`; void and unlabelled pixels do not count. tta: as in `predict`.

    Raises ModelError when the weights cannot be loaded or there is nothing to score on.
    """
    records = project.pictures.labelled(split)
    if not records:
        raise ModelError(f"No picture of the split “{split}” carries a label, so nothing can be scored.")
    values = project.classes.read().values
    row_of = class_index_table(values)
    class_mapping = run_class_mapping(project, run.id)
    deleted = len(values)
    total = torch.zeros((deleted + 1, deleted + 1), dtype=torch.int64)
    problems: list[str] = []
    for done, (record, mask) in enumerate(predict_pictures(project, run, records, device, tta)):
        if isinstance(mask, ImageError):
            problems.append(str(mask))
        else:
            height, width = mask.values.shape
            truth = row_of[project.labels.read(record.id, width, height)]
            predicted = row_of[mask.remapped(class_mapping).values]
            predicted[predicted == IGNORE_INDEX] = deleted
            total += confusion_matrix(torch.from_numpy(predicted), torch.from_numpy(truth), deleted + 1)
        if progress:
            progress(done + 1, len(records))
    if len(problems) == len(records):
        raise ModelError(f"No picture of the split “{split}” could be scored. {problems[0]}")
    iou = iou_from_confusion(total)[:deleted]
    per_class = {v: float(i) for v, i in zip(values, iou, strict=True) if not np.isnan(i)}
    return RunScore(
        len(records) - len(problems),
        values,
        mean_iou(total),
        per_class,
        pixel_accuracy(total),
        total.numpy()[:deleted, :deleted],
        tuple(problems),
    )


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


def class_index_table(values: tuple[int, ...]) -> NDArray[np.int64]:
    """(256,) int64: the network's class index of each pixel value, IGNORE_INDEX for others."""
    table = np.full(256, IGNORE_INDEX, np.int64)
    table[list(values)] = np.arange(len(values))
    return table
