"""Counts what the masks of a dataset hold before anything is imported: pixels by class, what is left out, doubts."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.base.errors import Cancelled, FormatError, ImageError
from core.base.number_text import percent_text
from core.base.process_pool import MAX_WEIGHT, map_in_order
from core.base.progress import ProgressCallback
from core.base.text import count_of
from core.formats.account import Account, AccountBuilder
from core.formats.dataset_types import ClassTarget, Dataset, DatasetClass, Sample
from core.formats.doubt import Doubt, DoubtAnswer
from core.formats.sample_label import leave_out_picture, read_label
from core.images.image_reader import read_size
from core.labels.class_list import VOID
from core.session.transfer.import_plan import path_in_project
from core.session.transfer.import_task import check_label_size, check_picture_place

QUICK_SAMPLES = 200
"""Samples, evenly spread, that are read where a person waits."""
_PIXELS_AT_ONCE = MAX_WEIGHT // 4
"""Assumed of a picture of unknown size, so that some are read at a time."""
_FREQUENT_VOID = 0.05
_SPECK_SHARE = 2e-5
"""A class with fewer of the pixels is doubted where colours were blurred: it may be a smeared edge."""


@dataclass(frozen=True, slots=True)
class DatasetSurvey:
    """What was read of the samples.

    samples: of them `read` were read; contents: how many samples hold the same values of a LoadedMask, by the sum of
    2**value; labels: with a pixel that is not unlabelled, if the classes become what the reader proposes; pixels: by
    class of the dataset, and “void” and “unlabelled”; account: of the whole dataset as far as it was read; doubts:
    those of the dataset, and those about the pixels; notes: on single masks; uncertain: by picture the confidence,
    0..1, of masks that had to be guessed
    """

    samples: int
    read: int
    labels: int
    pixels: dict[str, int]
    account: Account
    doubts: tuple[Doubt, ...]
    notes: tuple[str, ...] = ()
    uncertain: Mapping[str, float] = field(default_factory=dict)
    contents: Mapping[int, int] = field(default_factory=dict)

    def count_labels(self, labelled: Iterable[int]) -> int:
        """Samples with a labelled pixel. labelled: values of a LoadedMask that do not become unlabelled."""
        return _count_labels(self.contents, labelled)

    @property
    def is_complete(self) -> bool:
        return self.read == self.samples

    def shares(self) -> dict[str, float]:
        """Share of the pixels by class, without classes that do not occur."""
        total = sum(self.pixels.values()) or 1
        return {name: count / total for name, count in self.pixels.items() if count}


@dataclass(frozen=True, slots=True)
class _SampleCount:
    """What one sample adds: its account, and pixels by value of a LoadedMask."""

    account: Account
    counts: NDArray[np.int64]
    confidence: float = 1.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _CountTask:
    """Reads a sample in any process.

    root: of the dataset; folder: of the project, None to compare nothing with it; labelled_sizes: as of the survey
    """

    root: Path
    folder: Path | None
    labelled_sizes: Mapping[str, tuple[int, int]]

    def __call__(self, sample: Sample) -> _SampleCount:
        try:
            if self.folder is not None:
                with contextlib.suppress(OSError):  # the import says what the disk refuses
                    check_picture_place(sample, self.folder / path_in_project(sample, self.folder))
            size = (sample.crop.width, sample.crop.height) if sample.crop else read_size(sample.picture)
            if self.folder is not None:
                path = path_in_project(sample, self.folder)
                check_label_size(path, size, self.labelled_sizes.get(path))
        except (ImageError, FormatError) as problem:
            return _SampleCount(leave_out_picture(sample, problem, self.root), np.zeros(256, np.int64))
        label = read_label(sample, size, self.root)
        return _SampleCount(label.account, label.counts, label.confidence, label.notes)


def survey_dataset(
    dataset: Dataset,
    limit: int | None = None,
    *,
    folder: Path | None = None,
    labelled_sizes: Mapping[str, tuple[int, int]] | None = None,
    progress: ProgressCallback | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> DatasetSurvey:
    """Read the masks of all samples, or of `limit` evenly spread ones. Raises Cancelled.

    folder: of the project, whose files may be in the way of pictures; labelled_sizes: (width, height) of the pictures
    that are labelled in it, by path
    """
    samples = list(dataset.samples)
    if limit is not None and len(samples) > limit:
        samples = samples[:: len(samples) // limit][:limit]
    account = AccountBuilder(dataset.account)
    counts = np.zeros(256, np.int64)
    contents: Counter[int] = Counter()
    notes: list[str] = []
    uncertain: dict[str, float] = {}
    results = map_in_order(
        _CountTask(dataset.root, folder, labelled_sizes or {}),
        samples,
        len(samples),
        lambda _: _PIXELS_AT_ONCE,
    )
    for done, (sample, result) in enumerate(zip(samples, results, strict=False), 1):
        account.add(result.account)
        counts += result.counts
        contents[sum(1 << value for value in np.flatnonzero(result.counts).tolist())] += 1
        notes += result.notes
        if result.confidence < 1:
            uncertain[sample.target_path] = round(result.confidence, 4)
        if progress:
            progress(done, len(samples))
        if cancelled():
            raise Cancelled
    return DatasetSurvey(
        len(dataset.samples),
        len(samples),
        _count_labels(contents, _labelled_values(dataset.classes)),
        pixels_by_class(dataset.classes, counts),
        account.result(),
        (*dataset.doubts, *doubts_about_pixels(dataset, counts, is_blurred=bool(uncertain))),
        tuple(notes),
        uncertain,
        contents,
    )


def _count_labels(contents: Mapping[int, int], labelled: Iterable[int]) -> int:
    wanted = sum(1 << value for value in set(labelled))
    return sum(count for content, count in contents.items() if content & wanted)


def describe_blur(uncertain: Mapping[str, float], pixels: Mapping[str, int]) -> str:
    """A sentence about masks with smeared colours; empty without any.

    uncertain: share of the pixels with a certain class, by picture; pixels: by class, and of void
    """
    if not uncertain:
        return ""
    worst = min(uncertain, key=lambda name: uncertain[name])
    mean = sum(uncertain.values()) / len(uncertain)
    void = pixels.get("void", 0) / (sum(pixels.values()) or 1)
    return (
        f"The colours of {count_of(len(uncertain), 'mask')} are blurred: {percent_text(mean, 1)} of the pixels "
        "have a certain "
        f"class, {percent_text(uncertain[worst], 1)} in {worst}. Void is {percent_text(void, 1)} of all pixels."
    )


def pixels_by_class(classes: Sequence[DatasetClass], counts: NDArray[np.int64]) -> dict[str, int]:
    """counts: (256,) pixels by value of a LoadedMask. Classes in the order of the dataset, then void and unlabelled."""
    pixels: dict[str, int] = {}
    for value, c in enumerate(classes, 1):
        pixels[c.name] = pixels.get(c.name, 0) + int(counts[value])
    for name, value in (("void", VOID), ("unlabelled", 0)):
        pixels[name] = pixels.get(name, 0) + int(counts[value])
    return pixels


def doubts_about_pixels(
    dataset: Dataset, counts: NDArray[np.int64], *, is_blurred: bool = False
) -> tuple[Doubt, ...]:
    """Void is doubted when it is the most frequent or the second most frequent value: it may be the object. Of blurred
    colours the classes with hardly a pixel are doubted: they may be edges.

    counts: (256,) pixels by value of a LoadedMask
    """
    return (*_frequent_void(dataset, counts), *(_speck_classes(dataset, counts) if is_blurred else ()))


def _speck_classes(dataset: Dataset, counts: NDArray[np.int64]) -> tuple[Doubt, ...]:
    total = int(counts.sum())
    specks = [
        (c.name, int(counts[value]))
        for value, c in enumerate(dataset.classes, 1)
        if c.target == ClassTarget.CLASS and 0 < counts[value] < _SPECK_SHARE * total
    ]
    if not specks:
        return ()
    shown = ", ".join(f"{name} ({count_of(count, 'pixel')})" for name, count in specks[:8])
    return (
        Doubt(
            "speck-classes",
            f"The colours are blurred, and these classes have so few pixels that they may be smeared edges: {shown}.",
            tuple((name, count / total) for name, count in specks[:12]),
            (
                DoubtAnswer("they are classes", is_assumed=True),
                DoubtAnswer("they are void", None, tuple((name, "void") for name, _ in specks)),
            ),
            tuple(name for name, _ in specks),
        ),
    )


def _frequent_void(dataset: Dataset, counts: NDArray[np.int64]) -> tuple[Doubt, ...]:
    if dataset.states_void:
        return ()
    classes = dataset.classes
    void_classes = [(value, c) for value, c in enumerate(classes, 1) if c.target == ClassTarget.VOID]
    void = int(counts[VOID]) + sum(int(counts[value]) for value, _ in void_classes)
    others = sorted(
        (int(counts[value]) for value, c in enumerate(classes, 1) if c.target == ClassTarget.CLASS),
        reverse=True,
    )
    total = int(counts.sum())
    if total == 0 or void < _FREQUENT_VOID * total or sum(count > void for count in others) > 1:
        return ()
    # Of several void classes the largest matters.
    named = sorted(void_classes, key=lambda row: -int(counts[row[0]]))[:1]
    answers = tuple(
        DoubtAnswer(
            f"{c.name} is a class", None, ((c.name, c.name if c.name.casefold() != "void" else "NAME"),)
        )
        for value, c in named
        if counts[value]
    )
    return (
        Doubt(
            "frequent-void",
            f"Void is {percent_text(void / total)} of all pixels, more than most classes have; it is ignored in "
            "training and "
            "scores. Check that it is not an object or the background.",
            (("void", void / total),),
            answers,
            tuple(c.name for value, c in named if counts[value]),
        ),
    )


def _labelled_values(classes: Sequence[DatasetClass]) -> list[int]:
    """Values of a LoadedMask that become a class or void by default."""
    return [VOID, *(value for value, c in enumerate(classes, 1) if c.target != ClassTarget.SKIP)]
