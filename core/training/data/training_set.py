"""The training set: labelled pictures of a snapshot in memory, and the sampling of batches from it."""

from __future__ import annotations

import contextlib
import functools
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.base.errors import TrainingError
from core.labels.class_list import UNLABELLED, VOID
from core.models.input_tensors import channels_first
from core.models.spec import ModelSpec, crop_size
from core.training.data.snapshot import SnapshotEntry, TrainingSnapshot
from core.training.recipe import Recipe

IGNORE_INDEX = 255
"""Target of pixels without influence on the loss: unlabelled, void, or of a class the network does not have."""
MAX_BATCH_PIXELS = 8 * 512 * 512
"""Pixels of the pictures that are evaluated at a time."""
MAX_EXAMPLE_PIXELS = 400 * 480 * 480
"""Pixels of all pictures that features are computed of before training; on a processor about 30 seconds of work."""
CACHE_BYTES = {"cpu": 1 << 30, "cuda": 4 << 30}
"""By device, bytes of pictures kept in memory; the others are read from the disk each time they are sampled."""


@dataclass(frozen=True, slots=True)
class LabelledExample:
    """One labelled picture as tensors.

    picture: uint8 (C, h, w); target: uint8 (h, w), class indices of the network or IGNORE_INDEX
    target_array: the target once more as an array, read without waiting for a graphics card
    corrected: uint8 (h, w), 1 where a prediction was corrected by hand; None when nowhere
    truth: uint8 (H, W) at the picture's own size in val, otherwise (h, w); class indices as in the target, and from the
    number of its classes on those of `TrainingSet.unknown_values`
    """

    entry: SnapshotEntry
    picture: Tensor
    target: Tensor
    target_array: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    corrected: Tensor | None = None


@dataclass(frozen=True, slots=True)
class CropSample:
    """One crop of a batch: an example and the pixel (x, y) that should be in its centre."""

    example: LabelledExample
    centre: tuple[float, float]


@dataclass(frozen=True, slots=True)
class LabelUpdate:
    """Result of a refresh. train: ids of changed pictures to train on; val: whether the val pictures changed."""

    train: frozenset[int]
    val: bool


@dataclass(slots=True)
class _KnownPicture:
    """A known picture. counts: (classes,) pixels; example: its tensors, once they were read and while memory allows."""

    entry: SnapshotEntry
    counts: NDArray[np.int64]
    example: LabelledExample | None


class TrainingSet:
    """All pictures of a snapshot, split in train and val; owned by the training thread.

    A label is fresh, and sampled more often for a while, when `refresh` finds it changed, or when the starting weights
    were not trained on it (`known_digests`: picture id -> digest of the label they were trained on).
    """

    def __init__(
        self,
        snapshot: TrainingSnapshot,
        spec: ModelSpec,
        recipe: Recipe,
        device: torch.device,
        known_digests: Mapping[int, str] | None = None,
    ) -> None:
        self._snapshot, self._recipe, self.device = snapshot, recipe, device
        self.statistics = spec.pixel_statistics
        self._class_index = np.full(256, IGNORE_INDEX, np.uint8)
        for row, value in enumerate(spec.class_values):
            self._class_index[value] = row
        self._truth_index = self._class_index.copy()
        self.class_values = spec.class_values
        self.unknown_values: list[int] = []
        """Classes of val labels that the network does not know, added since its training began; they only grow."""
        self._classes = len(spec.class_values)
        self._rng = np.random.default_rng(recipe.seed)
        self._known: dict[int, _KnownPicture] = {}
        self._cached_bytes = 0
        self._fresh: list[int] = []
        self._fresh_samples_left = 0
        self._train: list[int] = []
        self._by_class: list[list[int]] = []
        self._pending_update = LabelUpdate(frozenset(), False)
        self.refresh()
        untrained = [
            n
            for n in self._train
            if known_digests is not None and known_digests.get(n) != self._known[n].entry.digest
        ]
        self._fresh = []
        self._set_fresh(untrained)

    # Content ----------------------------------------------------------------------------------

    @property
    def train_count(self) -> int:
        return len(self._train)

    @property
    def has_fresh(self) -> bool:
        """Whether there are labels that the starting weights were not trained on, or that have just changed."""
        return bool(self._fresh)

    @property
    def validation_key(self) -> frozenset[tuple[int, str]]:
        """(id, digest) of the val pictures with a labelled pixel; scores with equal keys are comparable."""
        return frozenset(
            (n, known.entry.digest)
            for n, known in self._known.items()
            if known.entry.split == "val" and _is_labelled(known)
        )

    @property
    def mean_validation_pixels(self) -> int:
        """Pixels of a val picture at its own size, on average; 0 without any."""
        entries = [known.entry for known in self._known.values() if known.entry.split == "val"]
        return sum(max(1, e.own_width * e.own_height) for e in entries) // len(entries) if entries else 0

    @property
    def training_key(self) -> frozenset[tuple[int, str]]:
        """(id, digest) of the train pictures, likewise."""
        return frozenset(self.label_digests.items())

    @property
    def label_digests(self) -> dict[int, str]:
        """Labels that a network trained now is trained on: picture id -> digest."""
        return {n: self._known[n].entry.digest for n in self._train}

    @property
    def scored_values(self) -> tuple[int, ...]:
        """The class value of each row of a score: those of the network, then `unknown_values`."""
        return (*self.class_values, *self.unknown_values)

    def class_pixel_counts(self) -> NDArray[np.int64]:
        """(classes,) int64 labelled pixels in train."""
        total = np.zeros(self._classes, np.int64)
        for picture_id in self._train:
            total += self._known[picture_id].counts
        return total

    @functools.cached_property
    def crop_size(self) -> tuple[int, int]:
        """(height, width) of a training batch, from the most common picture shape and the recipe's crop. Constant for
        a whole training."""
        height, width = self._common_shape
        across, down = crop_size(width, height, self._recipe.crop)
        return down, across

    @property
    def _common_shape(self) -> tuple[int, int]:
        """(height, width) that most pictures of train have."""
        shapes = Counter((self._known[n].entry.height, self._known[n].entry.width) for n in self._train)
        return shapes.most_common(1)[0][0]

    def evaluation_batches(self, split: str, limit: int | None = None) -> Iterator[list[LabelledExample]]:
        """Examples of a split with at least one labelled pixel, in lists of at most eight of equal shape, fewer where
        they are large."""
        chosen = [n for n, known in self._known.items() if known.entry.split == split and _is_labelled(known)]
        if limit is not None and len(chosen) > limit:
            chosen = [chosen[i] for i in np.linspace(0, len(chosen) - 1, limit).astype(int)]
        waiting: dict[tuple[int, int], list[LabelledExample]] = {}
        for picture_id in chosen:
            example = self._example(picture_id)
            if example is None:
                continue
            group = waiting.setdefault((example.entry.height, example.entry.width), [])
            group.append(example)
            if len(group) >= min(8, MAX_BATCH_PIXELS // example.target_array.size + 1):
                yield waiting.pop((example.entry.height, example.entry.width))
        yield from waiting.values()

    def training_examples(self, limit: int) -> Iterator[LabelledExample]:
        """Labelled pictures of train, at most `limit`, fewer where they are large, evenly spread."""
        height, width = self._common_shape
        limit = max(1, min(limit, MAX_EXAMPLE_PIXELS // (height * width)))
        chosen = self._train
        if len(chosen) > limit:
            chosen = [chosen[i] for i in np.linspace(0, len(chosen) - 1, limit).astype(int)]
        for picture_id in chosen:
            example = self._example(picture_id)
            if example is not None:
                yield example

    def examples_with(self, rows: Collection[int]) -> Iterator[LabelledExample]:
        """Pictures of train that have a label of one of these classes, fresh ones first. `rows` is looked at before
        each, so that the caller may remove what it has seen enough of."""
        fresh = set(self._fresh)
        for picture_id in (*self._fresh, *(n for n in self._train if n not in fresh)):
            counts = self._known[picture_id].counts
            if any(counts[row] for row in rows) and (example := self._example(picture_id)) is not None:
                yield example

    # Changes ----------------------------------------------------------------------------------

    def refresh(self) -> LabelUpdate:
        """Load what has changed in the snapshot. Raises TrainingError when a file there is damaged."""
        found, earlier = self._reload(), self._pending_update
        self._pending_update = LabelUpdate(frozenset(), False)
        return LabelUpdate(found.train | earlier.train, found.val or earlier.val)

    def _reload(self) -> LabelUpdate:
        entries = self._snapshot.entries()
        val_before = self.validation_key
        changed: list[int] = []
        for picture_id in set(self._known) - set(entries):
            self._drop(picture_id)
        for picture_id, entry in entries.items():
            old = self._known.get(picture_id)
            if old is not None and old.entry == entry:
                continue
            if entry.split == "train" and (old is None or old.entry.digest != entry.digest):
                changed.append(picture_id)
            self._drop(picture_id)
            if entry.split == "val":
                self._note_unknown(value for value, _ in entry.counts)
            self._known[picture_id] = _KnownPicture(entry, self._counts(entry), None)
        self._train = [
            n for n, known in self._known.items() if known.entry.split == "train" and known.counts.any()
        ]
        self._by_class = [[n for n in self._train if self._known[n].counts[c]] for c in range(self._classes)]
        train = set(self._train)
        fresh = [n for n in changed if n in train]
        # Labels that were fresh stay fresh: corrections come in quick succession.
        self._set_fresh(fresh + [n for n in self._fresh if n in train and n not in fresh] if fresh else [])
        return LabelUpdate(frozenset(fresh), self.validation_key != val_before)

    def _set_fresh(self, fresh: list[int]) -> None:
        if fresh:
            self._fresh = fresh[:32]
            self._fresh_samples_left = self._recipe.fresh_steps * self._recipe.batch
        else:
            train = set(self._train)
            self._fresh = [n for n in self._fresh if n in train]

    def _load(self, entry: SnapshotEntry) -> LabelledExample | None:
        arrays = self._snapshot.read(entry)
        if arrays is None:
            return None
        picture, values = arrays
        corrected = self._snapshot.read_corrections(entry)
        rows = self._class_index[values]
        own = self._snapshot.read_truth(entry)
        truth = self._truth_index[values if own is None else own]
        # channels_last strides: convolutions on a processor are about twice as fast with them.
        return LabelledExample(
            entry,
            channels_first(picture).to(self.device),
            torch.from_numpy(rows).to(self.device),
            rows,
            truth,
            None if corrected is None else torch.from_numpy(corrected).to(self.device),
        )

    def _note_unknown(self, values: Iterable[int]) -> None:
        for value in values:
            if value not in (UNLABELLED, VOID) and self._truth_index[value] == IGNORE_INDEX:
                self._truth_index[value] = self._classes + len(self.unknown_values)
                self.unknown_values.append(value)

    def _counts(self, entry: SnapshotEntry) -> NDArray[np.int64]:
        counts = np.zeros(self._classes, np.int64)
        for value, count in entry.counts:
            if self._class_index[value] != IGNORE_INDEX:
                counts[self._class_index[value]] = count
        return counts

    def _drop(self, picture_id: int) -> None:
        known = self._known.pop(picture_id, None)
        if known and known.example:
            self._cached_bytes -= _bytes(known.example)

    def _example(self, picture_id: int) -> LabelledExample | None:
        known = self._known[picture_id]
        if known.example:
            return known.example
        example = self._load(known.entry)
        if example and self._cached_bytes + _bytes(example) <= CACHE_BYTES.get(self.device.type, 1 << 30):
            self._cached_bytes += _bytes(example)
            known.example = example
        return example

    # Sampling ---------------------------------------------------------------------------------

    def sample(self, count: int) -> list[CropSample]:
        """`count` crops. Fresh labels get their share; a share of the others (`balanced`) is centred on a pixel of a
        class chosen with equal probability, so that rare classes are trained on as often as frequent ones.

        Raises TrainingError when no label is left.
        """
        samples: list[CropSample] = []
        while len(samples) < count:
            row: int | None = None
            if self._fresh and self._fresh_samples_left > 0 and self._rng.random() < self._recipe.fresh:
                picture_id = self._fresh[self._rng.integers(len(self._fresh))]
            else:
                picture_id = self._train[self._rng.integers(len(self._train))]
                if self._rng.random() < self._recipe.balanced:
                    present = [row for row, members in enumerate(self._by_class) if members]
                    row = present[self._rng.integers(len(present))]
                    picture_id = self._by_class[row][self._rng.integers(len(self._by_class[row]))]
            self._fresh_samples_left = max(0, self._fresh_samples_left - 1)
            example = self._example(picture_id)
            if example is None:  # replaced just now: the next refresh loads the new one
                self._exclude(picture_id)
                continue
            samples.append(CropSample(example, self._centre(example, row)))
        return samples

    @contextlib.contextmanager
    def fresh_quota_restored(self) -> Iterator[None]:
        """Samples inside do not use up the steps of fresh labels, because the resulting weights are discarded."""
        before = self._fresh_samples_left
        try:
            yield
        finally:
            self._fresh_samples_left = before

    def _exclude(self, picture_id: int) -> None:
        """Do not sample it until the next refresh. Raises TrainingError when no label is left even after a refresh."""
        self._train = [n for n in self._train if n != picture_id]
        self._fresh = [n for n in self._fresh if n != picture_id]
        self._by_class = [[n for n in members if n != picture_id] for members in self._by_class]
        if not self._train:
            # All were replaced since the last refresh. The changes are returned by the next one.
            self._pending_update = self.refresh()
        if not self._train:
            raise TrainingError("There are no labels left to train on. Paint some and start again.")

    def _centre(self, example: LabelledExample, row: int | None) -> tuple[float, float]:
        height, width = example.target_array.shape
        if row is None:
            return self._rng.random() * width, self._rng.random() * height
        places = np.flatnonzero(example.target_array == row)
        place = int(places[self._rng.integers(len(places))])
        return place % width + 0.5, place // width + 0.5


def _is_labelled(known: _KnownPicture) -> bool:
    """Whether any pixel counts; in val also one of a class that the network does not know."""
    if known.entry.split == "val":
        return any(value not in (UNLABELLED, VOID) for value, _ in known.entry.counts)
    return bool(known.counts.any())


def _bytes(example: LabelledExample) -> int:
    marks = 0 if example.corrected is None else example.corrected.numel()
    return example.picture.numel() + example.target.numel() + example.truth.size + marks
