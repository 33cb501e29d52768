"""The labelled pictures of a snapshot in memory, and how a batch is drawn from them."""

from __future__ import annotations

import contextlib
import functools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.base.errors import TrainingError
from core.models.input_tensors import channels_first
from core.models.spec import ModelSpec, round_up_to_stride
from core.training.data.snapshot import SnapshotEntry, TrainingSnapshot
from core.training.recipe import Recipe

IGNORE_INDEX = 255
"""Target of a pixel that nothing is learned from: unlabelled, void, or of a class the network does not have."""
CACHE_BYTES = {"cpu": 1 << 30, "cuda": 4 << 30}
"""Pictures beyond this many bytes are read from the disk each time they are drawn."""


@dataclass(frozen=True, slots=True)
class LabelledExample:
    """One labelled picture, ready: picture (C, h, w) uint8, target (h, w) uint8 row of the network or IGNORE,
    corrected (h, w) uint8: 1 where a person painted over another prediction, None when nowhere.

    rows: the target once more, where the processor can look without waiting for a graphics card."""

    entry: SnapshotEntry
    picture: Tensor
    target: Tensor
    target_array: NDArray[np.uint8]
    corrected: Tensor | None = None


@dataclass(frozen=True, slots=True)
class CropSample:
    """One place in a batch: an example and the pixel (x, y) that should be in the middle."""

    example: LabelledExample
    centre: tuple[float, float]


@dataclass(frozen=True, slots=True)
class LabelUpdate:
    """What a look into the snapshot brought: pictures to learn from that changed, whether val changed."""

    train: frozenset[int]
    val: bool


@dataclass(slots=True)
class _Held:
    """A known picture: pixels a class, and the arrays once they were read, unless memory is used up."""

    entry: SnapshotEntry
    counts: NDArray[np.int64]
    example: LabelledExample | None


class TrainingSet:
    """All pictures of a snapshot, split in train and val; owned by the training thread.

    `refresh` looks again; a label that was not in `seen` (picture id -> digest of the label when the starting
    weights were trained) or changed since is fresh and drawn more often for a while.
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
        self._rows = np.full(256, IGNORE_INDEX, np.uint8)
        for row, value in enumerate(spec.class_values):
            self._rows[value] = row
        self._classes = len(spec.class_values)
        self._chance = np.random.default_rng(recipe.seed)
        self._held: dict[int, _Held] = {}
        self._resident = 0
        self._fresh: list[int] = []
        self._fresh_draws = 0
        self._train: list[int] = []
        self._by_class: list[list[int]] = []
        self._untold = LabelUpdate(frozenset(), False)
        self.refresh()
        unseen = [
            n
            for n in self._train
            if known_digests is not None and known_digests.get(n) != self._held[n].entry.digest
        ]
        self._fresh = []
        self._set_fresh(unseen)

    # What is there ----------------------------------------------------------------------------

    @property
    def train_count(self) -> int:
        return len(self._train)

    @property
    def has_fresh(self) -> bool:
        """There are labels that the starting weights have not seen, or that just changed."""
        return bool(self._fresh)

    @property
    def validation_key(self) -> frozenset[tuple[int, str]]:
        """Who is scored: two scores can be compared when these are equal. A val picture without a pixel of the
        network's classes says nothing and is nobody here."""
        return frozenset(
            (n, held.entry.digest)
            for n, held in self._held.items()
            if held.entry.split == "val" and held.counts.any()
        )

    @property
    def label_digests(self) -> dict[int, str]:
        """What a network trained now has seen: picture id -> digest of its label."""
        return {n: self._held[n].entry.digest for n in self._train}

    def class_pixel_counts(self) -> NDArray[np.int64]:
        """(classes,) labelled pixels to learn from."""
        total = np.zeros(self._classes, np.int64)
        for picture_id in self._train:
            total += self._held[picture_id].counts
        return total

    @functools.cached_property
    def crop_size(self) -> tuple[int, int]:
        """(height, width) of a training batch: the commonest picture shape filled up to multiples of 32, cut to
        the recipe's crop. Stays the same for a whole training."""
        shapes = Counter((self._held[n].entry.height, self._held[n].entry.width) for n in self._train)
        height, width = shapes.most_common(1)[0][0]
        longest = round_up_to_stride(self._recipe.crop or max(height, width))
        return min(round_up_to_stride(height), longest), min(round_up_to_stride(width), longest)

    def evaluation_batches(self, split: str, limit: int | None = None) -> Iterator[list[LabelledExample]]:
        """Examples of a split with at least one labelled pixel, in lists of equal shape and at most eight."""
        chosen = [n for n, held in self._held.items() if held.entry.split == split and held.counts.any()]
        if limit is not None and len(chosen) > limit:
            chosen = [chosen[i] for i in np.linspace(0, len(chosen) - 1, limit).astype(int)]
        waiting: dict[tuple[int, int], list[LabelledExample]] = {}
        for picture_id in chosen:
            example = self._example(picture_id)
            if example is None:
                continue
            group = waiting.setdefault((example.entry.height, example.entry.width), [])
            group.append(example)
            if len(group) == 8:
                yield waiting.pop((example.entry.height, example.entry.width))
        yield from waiting.values()

    # What changes -----------------------------------------------------------------------------

    def refresh(self) -> LabelUpdate:
        """Look into the snapshot again. Raises TrainingError when a file there is damaged."""
        found, earlier = self._look_again(), self._untold
        self._untold = LabelUpdate(frozenset(), False)
        return LabelUpdate(found.train | earlier.train, found.val or earlier.val)

    def _look_again(self) -> LabelUpdate:
        entries = self._snapshot.entries()
        val_before = self.validation_key
        changed: list[int] = []
        for picture_id in set(self._held) - set(entries):
            self._drop(picture_id)
        for picture_id, entry in entries.items():
            old = self._held.get(picture_id)
            if old is not None and old.entry == entry:
                continue
            if entry.split == "train" and (old is None or old.entry.digest != entry.digest):
                changed.append(picture_id)
            self._drop(picture_id)
            self._held[picture_id] = _Held(entry, self._counts(entry), None)
        self._train = [
            n for n, held in self._held.items() if held.entry.split == "train" and held.counts.any()
        ]
        self._by_class = [[n for n in self._train if self._held[n].counts[c]] for c in range(self._classes)]
        known = set(self._train)
        fresh = [n for n in changed if n in known]
        # What was fresh a moment ago stays so: corrections come in quick succession.
        self._set_fresh(fresh + [n for n in self._fresh if n in known and n not in fresh] if fresh else [])
        return LabelUpdate(frozenset(fresh), self.validation_key != val_before)

    def _set_fresh(self, fresh: list[int]) -> None:
        if fresh:
            self._fresh = fresh[:32]
            self._fresh_draws = self._recipe.fresh_steps * self._recipe.batch
        else:
            known = set(self._train)
            self._fresh = [n for n in self._fresh if n in known]

    def _load(self, entry: SnapshotEntry) -> LabelledExample | None:
        arrays = self._snapshot.read(entry)
        if arrays is None:
            return None
        picture, values = arrays
        corrected = self._snapshot.read_corrections(entry)
        rows = self._rows[values]
        # channels_last strides: a processor convolves them about twice as fast.
        return LabelledExample(
            entry,
            channels_first(picture).to(self.device),
            torch.from_numpy(rows).to(self.device),
            rows,
            None if corrected is None else torch.from_numpy(corrected).to(self.device),
        )

    def _counts(self, entry: SnapshotEntry) -> NDArray[np.int64]:
        counts = np.zeros(self._classes, np.int64)
        for value, count in entry.counts:
            if self._rows[value] != IGNORE_INDEX:
                counts[self._rows[value]] = count
        return counts

    def _drop(self, picture_id: int) -> None:
        held = self._held.pop(picture_id, None)
        if held and held.example:
            self._resident -= _bytes(held.example)

    def _example(self, picture_id: int) -> LabelledExample | None:
        held = self._held[picture_id]
        if held.example:
            return held.example
        example = self._load(held.entry)
        if example and self._resident + _bytes(example) <= CACHE_BYTES.get(self.device.type, 1 << 30):
            self._resident += _bytes(example)
            held.example = example
        return example

    # Drawing ----------------------------------------------------------------------------------

    def sample(self, count: int) -> list[CropSample]:
        """`count` examples: fresh labels get their share, and of the old ones, which are replayed for ever, a share
        (`balanced`) lies around a pixel of a class chosen evenly, so that a rare class is seen as often as a common
        one. Raises TrainingError when nothing is left."""
        draws: list[CropSample] = []
        while len(draws) < count:
            row: int | None = None
            if self._fresh and self._fresh_draws > 0 and self._chance.random() < self._recipe.fresh:
                picture_id = self._fresh[self._chance.integers(len(self._fresh))]
            else:
                picture_id = self._train[self._chance.integers(len(self._train))]
                if self._chance.random() < self._recipe.balanced:
                    present = [row for row, members in enumerate(self._by_class) if members]
                    row = present[self._chance.integers(len(present))]
                    picture_id = self._by_class[row][self._chance.integers(len(self._by_class[row]))]
            self._fresh_draws = max(0, self._fresh_draws - 1)
            example = self._example(picture_id)
            if example is None:  # replaced this very moment: the next refresh brings the new one
                self._leave_out(picture_id)
                continue
            draws.append(CropSample(example, self._centre(example, row)))
        return draws

    @contextlib.contextmanager
    def fresh_quota_restored(self) -> Iterator[None]:
        """What is drawn within does not use up the share of fresh labels: its weights are thrown away."""
        before = self._fresh_draws
        try:
            yield
        finally:
            self._fresh_draws = before

    def _leave_out(self, picture_id: int) -> None:
        """Until the next refresh. Raises TrainingError when nothing is left even after looking again."""
        self._train = [n for n in self._train if n != picture_id]
        self._fresh = [n for n in self._fresh if n != picture_id]
        self._by_class = [[n for n in members if n != picture_id] for members in self._by_class]
        if not self._train:
            # All were replaced since the last look. What is new is told with the next one.
            self._untold = self.refresh()
        if not self._train:
            raise TrainingError("All labels to learn from were taken away. Paint some and start again.")

    def _centre(self, example: LabelledExample, row: int | None) -> tuple[float, float]:
        height, width = example.target_array.shape
        if row is None:
            return self._chance.random() * width, self._chance.random() * height
        places = np.flatnonzero(example.target_array == row)
        place = int(places[self._chance.integers(len(places))])
        return place % width + 0.5, place // width + 0.5


def _bytes(example: LabelledExample) -> int:
    marks = 0 if example.corrected is None else example.corrected.numel()
    return example.picture.numel() + example.target.numel() + marks
