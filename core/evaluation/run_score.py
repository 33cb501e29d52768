"""Score of a run on the labelled pictures of a split, or on a dataset: every picture predicted at full size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.base.errors import FormatError, ImageError, ModelError
from core.evaluation.evaluation import Evaluation
from core.evaluation.picture_counts import IGNORED, PictureCounts, count_picture
from core.formats.dataset_types import ClassTarget, Dataset, Sample
from core.formats.sample_label import read_label
from core.images.image_reader import read_model_input, read_size
from core.labels.class_list import ClassList
from core.labels.prediction import PredictedMask
from core.models.checkpoint import LoadedModel, load_checkpoint
from core.models.inference import predict, predict_file
from core.project.content.picture_contents import check_label_fits_content
from core.project.project import Project, run_class_mapping
from core.project.records import PictureRecord, RunRecord, Split
from core.training.devices import resolve_device


class _Scorer:
    """Counts predictions of a run against labels in class values of the project."""

    def __init__(self, project: Project, run: RunRecord) -> None:
        self._values = project.classes.read().values
        self._truth_of = _index_table(self._values, IGNORED)
        self._predicted_of = _index_table(self._values, len(self._values))[run_class_mapping(project, run.id)]
        self._pictures: list[PictureCounts] = []
        self._paths: dict[int, str] = {}
        self._pixels = 0
        self.problems: list[str] = []

    def add(self, number: int, path: str, truth: NDArray[np.uint8], mask: PredictedMask) -> None:
        """truth: (H, W) uint8 class values."""
        counts = count_picture(
            number, self._truth_of[truth], self._predicted_of[mask.values], mask.confidence, len(self._values)
        )
        self._pictures.append(counts)
        self._paths[number] = path
        self._pixels += truth.size

    def result(self, nothing: str, notes: Sequence[str] = ()) -> Evaluation:
        """Raises ModelError, which begins with `nothing`, when no picture was scored."""
        if not self._pictures:
            raise ModelError(" ".join([nothing, *notes, *self.problems[:1]]))
        return Evaluation(
            self._values,
            tuple(self._pictures),
            self._pixels,
            self._paths,
            tuple(self.problems),
            tuple(notes),
        )


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
    scorer = _Scorer(project, run)
    for done, (record, mask) in enumerate(predict_pictures(project, run, records, device, tta), 1):
        if isinstance(mask, ImageError):
            scorer.problems.append(str(mask))
        else:
            height, width = mask.values.shape
            scorer.add(record.id, record.path, project.labels.read(record.id, width, height), mask)
        if progress:
            progress(done, len(records))
    return scorer.result(f"No picture of the split “{split}” could be scored.")


def evaluate_on_dataset(
    project: Project,
    run: RunRecord,
    dataset: Dataset,
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
    tta: str = "none",
) -> Evaluation:
    """Predict the pictures of a dataset that have masks, wherever it is; nothing is imported. Its classes are those of
    the project with the same name; pixels of its other classes do not count, and a note says which.

    Raises ModelError as `evaluate_run`.
    """
    table, notes = _class_table(project.classes.read(), dataset)
    loaded, scorer = _loaded(project, run, device), _Scorer(project, run)
    for done, sample in enumerate(dataset.samples, 1):
        try:
            truth = _read_truth(sample, dataset.root)
            if truth is not None:
                mask = _predict_sample(loaded, sample, run.id, tta)
                check_size(sample.picture, mask, truth.shape[::-1])
                scorer.add(done, sample.target_path, table[truth], mask)
        except (ImageError, FormatError) as problem:
            scorer.problems.append(str(problem))
        if progress:
            progress(done, len(dataset.samples))
    return scorer.result(f"No picture of {dataset.root} could be scored.", notes)


def _class_table(classes: ClassList, dataset: Dataset) -> tuple[NDArray[np.uint8], list[str]]:
    """(256,) class values of the project by values of the dataset's masks, and a note about classes without any."""
    table = np.zeros(256, np.uint8)
    unknown = []
    for value, each in enumerate(dataset.classes, 1):
        known = classes.by_name(each.name)
        if each.target is not ClassTarget.CLASS:
            continue
        if known is None:
            unknown.append(each.name)
        else:
            table[value] = known.value
    names = ", ".join(unknown[:8]) + (", …" if len(unknown) > 8 else "")
    return table, [
        f"The project has no class of these names, so their pixels do not count: {names}."
    ] if unknown else []


def _read_truth(sample: Sample, root: Path) -> NDArray[np.uint8] | None:
    """(H, W) uint8 values of the dataset's mask; None without one. Raises ImageError and FormatError."""
    if sample.read_mask is None:
        return None
    size = (sample.crop.width, sample.crop.height) if sample.crop else read_size(sample.picture)
    label = read_label(sample, size, root)
    if label.values is None:
        raise FormatError(
            " ".join(label.account.sentences(root)) or f"The mask of {sample.picture} cannot be used."
        )
    return label.values


def _predict_sample(loaded: LoadedModel, sample: Sample, run_id: int, tta: str) -> PredictedMask:
    if sample.crop is None:
        return predict_file(loaded, sample.picture, run_id, tta)
    pixels = read_model_input(sample.picture, loaded.spec.channels)[sample.crop.slices]
    return predict(loaded, np.ascontiguousarray(pixels), run_id, tta)


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
