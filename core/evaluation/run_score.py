"""Score of a network on the labelled pictures of a split, or on a dataset: every picture predicted at full size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.base.errors import FormatError, ImageError, ModelError
from core.base.progress import ProgressCallback
from core.evaluation.evaluation import Evaluation
from core.evaluation.picture_counts import IGNORED, PictureCounts, count_picture
from core.evaluation.scored_network import ScoredNetwork, load_run
from core.evaluation.scored_pictures import labelled_pictures
from core.formats.dataset_types import ClassTarget, Dataset, Sample
from core.formats.sample_label import read_label
from core.images.image_reader import read_model_input, read_picture, read_size
from core.labels.class_list import ClassList
from core.labels.prediction import PredictedMask
from core.models.checkpoint import LoadedModel
from core.models.inference import predict, predict_file
from core.project.content.picture_contents import check_label_fits_content
from core.project.project import Project
from core.project.records import PictureRecord, RunRecord, Split


@dataclass(frozen=True, slots=True)
class ScoredMasks:
    """What was compared in one picture.

    number: id of the picture, its number in a dataset; truth, predicted: (H, W) uint8 class values of the project,
    0 where nothing is labelled, or predicted as a class of the project; read_picture: (H, W, 3) uint8 RGB, raises
    ImageError
    """

    number: int
    truth: NDArray[np.uint8]
    predicted: NDArray[np.uint8]
    read_picture: Callable[[], NDArray[np.uint8]]


MaskSink = Callable[[ScoredMasks], None]


class _Scorer:
    """Counts predictions of a network against labels in class values of the project, and passes both on to `sink`."""

    def __init__(self, project: Project, network: ScoredNetwork, sink: MaskSink | None) -> None:
        self._network, self._sink = network, sink
        self._values = project.classes.read().values
        self._truth_of = _index_table(self._values, IGNORED)
        self._predicted_of = _index_table(self._values, len(self._values))
        self._pictures: list[PictureCounts] = []
        self._paths: dict[int, str] = {}
        self._pixels = 0
        self.problems: list[str] = []

    def add(
        self,
        number: int,
        path: str,
        truth: NDArray[np.uint8],
        mask: PredictedMask,
        read: Callable[[], NDArray[np.uint8]],
    ) -> None:
        """truth: (H, W) uint8 class values; read: as in `ScoredMasks`."""
        predicted = self._network.table[mask.values]
        counts = count_picture(
            number, self._truth_of[truth], self._predicted_of[predicted], mask.confidence, len(self._values)
        )
        self._pictures.append(counts)
        self._paths[number] = path
        self._pixels += truth.size
        if self._sink is not None:
            self._sink(ScoredMasks(number, truth, predicted, read))

    def result(self, nothing: str, notes: Sequence[str] = ()) -> Evaluation:
        """Raises ModelError, which begins with `nothing`, when no picture was scored."""
        notes = (*self._network.notes, *notes)
        if not self._pictures:
            raise ModelError(" ".join([nothing, *notes, *self.problems[:1]]))
        return Evaluation(
            self._values, tuple(self._pictures), self._pixels, self._paths, tuple(self.problems), notes
        )


def evaluate_run(
    project: Project,
    run: RunRecord,
    split: Split,
    device: str = "auto",
    progress: ProgressCallback | None = None,
    tta: str = "none",
) -> Evaluation:
    """`evaluate_split` of a run. Raises ModelError also when the weights cannot be loaded."""
    labelled_pictures(project, split)  # sooner than the network is loaded
    return evaluate_split(project, load_run(project, run, device), split, progress, tta)


def evaluate_split(
    project: Project,
    network: ScoredNetwork,
    split: Split,
    progress: ProgressCallback | None = None,
    tta: str = "none",
    sink: MaskSink | None = None,
) -> Evaluation:
    """Predict every labelled picture of `split` at full size; void and unlabelled pixels do not count.

    tta: as in `predict`; sink: called with what was compared in each picture. Raises ModelError when there is nothing
    to score on.
    """
    records = labelled_pictures(project, split)
    scorer = _Scorer(project, network, sink)
    for done, (record, mask) in enumerate(_predictions(project, network, records, tta), 1):
        if isinstance(mask, ImageError):
            scorer.problems.append(str(mask))
        else:
            height, width = mask.values.shape
            label = project.labels.read(record.id, width, height)
            read = partial(read_picture, project.picture_path(record.path))
            scorer.add(record.id, record.path, label, mask, read)
        if progress:
            progress(done, len(records))
    return scorer.result(f"No picture of the split “{split}” could be scored.")


def evaluate_on_dataset(
    project: Project,
    network: ScoredNetwork,
    dataset: Dataset,
    progress: ProgressCallback | None = None,
    tta: str = "none",
    sink: MaskSink | None = None,
) -> Evaluation:
    """Predict the pictures of a dataset that have masks, wherever it is; nothing is imported. Its classes are those of
    the project with the same name; pixels of its other classes do not count, and a note says which.

    Raises ModelError as `evaluate_split`.
    """
    table, notes = _class_table(project.classes.read(), dataset)
    if not table.any():
        raise ModelError(" ".join([f"No class of {dataset.root} is one of the project.", *notes]))
    scorer = _Scorer(project, network, sink)
    for done, sample in enumerate(dataset.samples, 1):
        try:
            truth = _read_truth(sample, dataset.root)
            if truth is not None:
                mask = _predict_sample(network.loaded, sample, network.run_id, tta)
                check_size(sample.picture, mask, truth.shape[::-1])
                scorer.add(done, sample.target_path, table[truth], mask, partial(_read_sample, sample))
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


def _read_sample(sample: Sample) -> NDArray[np.uint8]:
    pixels = read_picture(sample.picture)
    return pixels if sample.crop is None else pixels[sample.crop.slices]


def predict_pictures(
    project: Project, run: RunRecord, records: list[PictureRecord], device: str = "auto", tta: str = "none"
) -> Iterator[tuple[PictureRecord, PredictedMask | ImageError]]:
    """Each picture with its prediction or an error. Raises ModelError when the weights cannot be loaded."""
    return _predictions(project, load_run(project, run, device), records, tta)


def _predictions(
    project: Project, network: ScoredNetwork, records: list[PictureRecord], tta: str
) -> Iterator[tuple[PictureRecord, PredictedMask | ImageError]]:
    for record in records:
        try:
            check_label_fits_content(project, record)
            mask = predict_file(network.loaded, project.picture_path(record.path), network.run_id, tta)
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


def _index_table(values: tuple[int, ...], other: int) -> NDArray[np.uint8]:
    """(256,) the class index of each pixel value, `other` for values of no class."""
    table = np.full(256, other, np.uint8)
    table[list(values)] = np.arange(len(values))
    return table
