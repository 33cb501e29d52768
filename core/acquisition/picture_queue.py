"""The order in which unlabelled pictures are worth labelling, and the reason for each place.

Class-stratified sampling with noise on the uncertainty: a class is drawn for each place, rare ones more often, and of
the pictures that are most unsure of it, after noise, the one is taken that looks least like those before it. One place
in five is drawn at random from all pictures. docs/adr/0036 gives the reasons.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from core.acquisition.picture_summary import Descriptor, Floats, SummaryColumns

RANDOM_EVERY = 5
"""One picture of this many is drawn at random from all that are open: the baseline of the others."""
NOISE_POWER = 4.0
"""Scores are drawn in proportion to their fourth power: noise decides between pictures that are about as unsure."""
CHOSEN = 512
"""Places that are chosen one by one. What follows is in order of its noisy score: it is chosen anew before it comes."""
CHOICES = 8
"""Of this many of the most unsure pictures of a class the one is taken that looks least like those before it."""
NEAR_DUPLICATE = 0.25
"""Distance of descriptors below which two pictures are near-duplicates, in typical distances of two pictures."""
UNLIKE = 0.75
"""Distance to the nearest labelled picture from which a picture is unlike anything labelled, in typical distances."""
_POOL = 6_000
_LABELLED = 2_000
_DIMENSIONS = 24
_LEAST = 1e-6
_CHUNK = 4096


class QueueReason(IntEnum):
    """Why a picture has its place in the queue."""

    PINNED = 0
    UNSURE = 1
    RANDOM = 2
    REPEATED = 3
    UNPREDICTED = 4
    SKIPPED = 5


@dataclass(frozen=True, slots=True, eq=False)
class PictureQueue:
    """Pictures in the order in which to label them. Immutable; arrays are not written to.

    ids: (n,) int64; reasons: (n,) uint8 of QueueReason; classes: (n, 2) uint8, the classes that the prediction is most
    unsure of, 0 for none; novelty: (n,) float32, distance to the nearest labelled picture in typical distances of two
    pictures, NaN where it is not known; rows: by id the place in the queue
    class_weights: (256,) float32, how much each class counts, 1 on average; rare ones count more
    has_predictions: whether any of the pictures is predicted
    """

    ids: NDArray[np.int64]
    reasons: NDArray[np.uint8]
    classes: NDArray[np.uint8]
    novelty: Floats
    rows: Mapping[int, int]
    class_weights: Floats
    has_predictions: bool

    def __len__(self) -> int:
        return len(self.ids)

    def reason(self, picture_id: int, class_names: Mapping[int, str]) -> str:
        """Why a picture has its place, as a short sentence without a full stop; "" when it is not in the queue."""
        row = self.rows.get(picture_id)
        if row is None:
            return ""
        match QueueReason(int(self.reasons[row])):
            case QueueReason.PINNED:
                return "Pinned"
            case QueueReason.RANDOM:
                return f"Chosen at random (one in {_NUMBERS.get(RANDOM_EVERY, str(RANDOM_EVERY))})"
            case QueueReason.REPEATED:
                return "Looks much like a picture that is labelled or comes before it"
            case QueueReason.UNPREDICTED:
                return "No prediction yet"
            case QueueReason.SKIPPED:
                return "Skipped for now"
            case QueueReason.UNSURE:
                names = [class_names.get(int(value), "") for value in self.classes[row]]
                doubt = " and ".join(name for name in names if name)
                if not self.classes[row, 0]:
                    return "The prediction is sure of it"
                text = f"Unsure about {doubt}" if doubt else "Unsure"
                return f"{text}; unlike anything labelled" if self.novelty[row] >= UNLIKE else text


_NUMBERS = {3: "three", 4: "four", 5: "five", 6: "six", 8: "eight", 10: "ten"}


def order_pictures(
    summaries: SummaryColumns,
    *,
    open_ids: Collection[int],
    labelled_ids: Collection[int] = (),
    class_pixels: NDArray[np.int64] | None = None,
    pinned: Sequence[int] = (),
    skipped: Collection[int] = (),
    seed: int = 0,
) -> PictureQueue:
    """Order the open pictures by what labelling them would teach. The same arguments give the same order.

    summaries: of any pictures, labelled ones too, whose shares may be zeros; open ones without a summary, or without a
    share, have no prediction: they come last, in random order
    open_ids: the pictures to order; labelled_ids: those that need not be repeated
    class_pixels: (256,) labelled pixels of each class in the project; None when they are not known
    pinned: come first, in this order; skipped: come last

    A second for 100,000 pictures.
    """
    is_open, is_skipped = set(open_ids), set(skipped)
    last = sorted(is_skipped & is_open)
    first = [i for i in dict.fromkeys(pinned) if i in is_open and i not in is_skipped]
    rest = np.array(sorted(is_open.difference(first, last)), np.int64)
    at = {picture_id: row for row, picture_id in enumerate(summaries.ids.tolist())}
    order = _Ordering(summaries, at, labelled_ids, class_pixels, rest, seed)
    order.choose(first)
    order.append_rest()
    ids = np.array([*order.ids, *last], np.int64)
    reasons = [*order.reasons, *[QueueReason.SKIPPED] * len(last)]
    rows = np.array([at.get(i, -1) for i in ids.tolist()], np.int64)
    classes, novelty = np.zeros((len(ids), 2), np.uint8), np.full(len(ids), np.nan, np.float32)
    classes[rows >= 0] = order.top_classes(rows[rows >= 0])
    for place, value in order.drawn.items():  # the class that a place was drawn for comes first
        if classes[place, 0] != value:
            classes[place] = value, classes[place, 0]
    if len(order.labelled):
        novelty[rows >= 0] = order.space.nearest(rows[rows >= 0], order.labelled)
    by_id = {picture_id: row for row, picture_id in enumerate(ids.tolist())}
    weights = np.ones(256, np.float32)
    weights[summaries.classes] = order.weights * len(summaries.classes)
    has_predictions = bool(summaries.shares[rows[rows >= 0]].any())
    return PictureQueue(ids, np.array(reasons, np.uint8), classes, novelty, by_id, weights, has_predictions)


class _DescriptorSpace:
    """Pictures as points, with distances in typical distances of two pictures."""

    def __init__(self, points: Floats, squares: Floats) -> None:
        self._points, self._squares = points, squares

    @classmethod
    def of(cls, descriptors: Descriptor, rng: np.random.Generator) -> _DescriptorSpace:
        points = descriptors.astype(np.float32)
        if len(points):
            points -= points.mean(axis=0)
            # The principal components have nearly the same distances, in a third of the time.
            points = points @ np.linalg.eigh(points.T @ points)[1][:, -_DIMENSIONS:]
            one, two = rng.integers(len(points), size=(2, 2000))
            apart = np.linalg.norm(points[one] - points[two], axis=1)[one != two]
            typical = float(np.median(apart)) if len(apart) else 0.0
            points /= np.float32(typical if typical > _LEAST else 1.0)
        return cls(points, np.einsum("ij,ij->i", points, points))

    def part(self, rows: NDArray[np.int64]) -> _DescriptorSpace:
        """These pictures alone."""
        return _DescriptorSpace(self._points[rows], self._squares[rows])

    def to(self, others: _DescriptorSpace) -> Floats:
        """Distance of each picture to the nearest of the others, infinite when there are none: (n,) float32."""
        count = len(self._points)
        found = np.full(count, np.inf, np.float32)
        for start in range(0, count if len(others._points) else 0, _CHUNK):
            part = slice(start, start + _CHUNK)
            squares = self._points[part] @ (others._points.T * np.float32(-2))
            squares += others._squares
            found[part] = squares.min(axis=1) + self._squares[part]
        return np.asarray(np.sqrt(np.maximum(found, 0)), np.float32)

    def nearest(self, rows: NDArray[np.int64], others: NDArray[np.int64]) -> Floats:
        """Distance of each of `rows` to the nearest of `others`, both as rows of this."""
        return self.part(rows).to(self.part(others))


class _Ordering:
    """One order under way. `ids` and `reasons` grow; `drawn` holds the class that a place was drawn for.

    rest: ids of the pictures to order; those with a summary are counted from 0 in the arrays here
    """

    def __init__(
        self,
        summaries: SummaryColumns,
        at: Mapping[int, int],
        labelled_ids: Collection[int],
        class_pixels: NDArray[np.int64] | None,
        rest: NDArray[np.int64],
        seed: int,
    ) -> None:
        rng = np.random.default_rng(seed)
        self.ids: list[int] = []
        self.reasons: list[QueueReason] = []
        self.drawn: dict[int, int] = {}
        self._summaries, self._at, self._seed = summaries, at, seed
        self.space = _DescriptorSpace.of(summaries.descriptors, rng)
        self._begin = len(labelled_ids)
        self.labelled = np.array(sorted(at[i] for i in set(labelled_ids) if i in at), np.int64)
        if len(self.labelled) > _LABELLED:
            self.labelled = rng.choice(self.labelled, _LABELLED, replace=False)
        # The more of the picture a class covers, the more its uncertainty counts.
        self._scores = summaries.unsure * np.sqrt(summaries.shares)
        # Noise and place at random belong to a picture: the order of the others stays when one is labelled. A generator
        # each: from one of both, the noise of all would depend on the highest id.
        last_id = int(rest.max(initial=0))
        random_keys = np.random.default_rng((seed, 1)).random(last_id + 1)
        noise = np.random.default_rng((seed, 2)).gumbel(size=last_id + 1)
        rest = rest[np.argsort(random_keys[rest])]
        is_predicted = np.asarray(summaries.shares.any(axis=1))
        rows = np.array([at.get(i, -1) for i in rest.tolist()], np.int64)
        known = rows >= 0
        known[known] = is_predicted[rows[known]]
        self._random_order, self._rows = rest, rows[known]
        self._ids, self._unpredicted = rest[known], rest[~known]
        self.weights = _class_weights(summaries.classes, class_pixels)
        self._noisy = np.log(np.maximum(self._scores[self._rows], _LEAST)) * NOISE_POWER
        self._noisy += noise[self._ids, None]
        self._taken: set[int] = set()

    def top_classes(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The one or two classes that these summaries are most unsure of, (n, 2) uint8."""
        top, scores = np.zeros((len(rows), 2), np.uint8), self._scores[rows].copy()
        if not scores.size:
            return top
        every, least = np.arange(len(rows)), np.zeros(len(rows), np.float32)
        for column in range(2):
            best = scores.argmax(axis=1)
            found = scores[every, best]
            is_worth = (found > least) & (found > _LEAST)
            top[is_worth, column] = self._summaries.classes[best[is_worth]]
            least = found / 2  # a class that is half as unsure or less is not worth a word
            scores[every, best] = 0
        return top

    def choose(self, first: Sequence[int]) -> None:
        """Put the `first`, then choose the next places one by one."""
        for picture_id in first:
            self._take(picture_id, QueueReason.PINNED)
        before = np.array([self._at[i] for i in first if i in self._at], np.int64)
        near = self.space.nearest(self._rows, np.concatenate([self.labelled, before]))
        ranked = self._ranked()
        pool = np.unique(np.concatenate(ranked)) if ranked else np.zeros(0, np.int64)
        pool_space = self.space.part(self._rows[pool])
        places = {int(row): place for place, row in enumerate(self._rows)}
        random_order = iter(self._random_order.tolist())
        # Places are counted on from what is labelled: else whoever asks anew after each picture, and takes the first,
        # would never get a random one.
        slots = np.arange(self._begin, self._begin + min(CHOSEN, len(self._random_order)))
        for slot, is_random in zip(slots.tolist(), self._is_random(slots).tolist(), strict=True):
            if is_random:
                picture_id, reason = next(i for i in random_order if i not in self._taken), QueueReason.RANDOM
            else:
                found = self._draw(ranked, near, slot)
                if found is None:
                    break
                place, column = found
                picture_id, reason = int(self._ids[place]), QueueReason.UNSURE
                self.drawn[len(self.ids)] = int(self._summaries.classes[column])
            self._take(picture_id, reason)
            if (row := self._at.get(picture_id)) is not None:
                near[pool] = np.minimum(near[pool], pool_space.to(self.space.part(np.array([row]))))
                if row in places:
                    near[places[row]] = 0

    def append_rest(self) -> None:
        """All others in order of their noisy scores, with the share that is drawn at random among them."""
        chosen = np.array([self._at[i] for i in self.ids if i in self._at], np.int64)
        left = np.array([i not in self._taken for i in self._ids.tolist()], bool)
        rows, ids = self._rows[left], self._ids[left]
        score = np.zeros(len(rows))
        if self._noisy.size:
            score = (self._noisy[left] + np.log(self.weights) * NOISE_POWER).max(axis=1)
        near = self.space.nearest(rows, np.concatenate([self.labelled, chosen]))
        is_repeated = near < NEAR_DUPLICATE
        order = np.lexsort((-score, is_repeated))
        unpredicted = [i for i in self._unpredicted.tolist() if i not in self._taken]
        others = np.array([*ids[order], *unpredicted], np.int64)
        reasons = np.full(len(others), QueueReason.UNPREDICTED, np.uint8)
        reasons[: len(ids)] = np.where(is_repeated[order], QueueReason.REPEATED, QueueReason.UNSURE)
        slots = self._begin + len(self.ids) + np.arange(len(others))
        is_random = self._is_random(slots)
        random_place = {picture_id: place for place, picture_id in enumerate(self._random_order.tolist())}
        at_random = np.argsort(np.array([random_place[i] for i in others.tolist()], np.int64))[
            : int(is_random.sum())
        ]
        in_order = np.setdiff1d(np.arange(len(others)), at_random)
        source = np.empty(len(others), np.int64)
        source[is_random], source[~is_random] = at_random, in_order
        reasons = np.where(is_random, np.uint8(QueueReason.RANDOM), reasons[source])
        self.ids += others[source].tolist()
        self.reasons += [QueueReason(reason) for reason in reasons.tolist()]

    def _ranked(self) -> list[NDArray[np.int64]]:
        """For each class places of the most unsure pictures, the most unsure first, noise included."""
        count = max(_POOL // max(1, self._noisy.shape[1]), 4 * CHOICES)
        ranked = []
        for column in range(self._noisy.shape[1]):
            values = self._noisy[:, column]
            best = np.argpartition(-values, count)[:count] if len(values) > count else np.arange(len(values))
            best = best[np.argsort(-values[best], kind="stable")]
            ranked.append(best[self._scores[self._rows[best], column] > _LEAST].astype(np.int64))
        return ranked

    def _is_random(self, slots: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which places are random: one in each group of RANDOM_EVERY, scattered, and the same at every call."""
        offsets = (slots // RANDOM_EVERY * 2654435761 + self._seed % 1_000_000 * 40503) >> 7
        return np.asarray(slots % RANDOM_EVERY == offsets % RANDOM_EVERY)

    def _draw(self, ranked: list[NDArray[np.int64]], near: Floats, slot: int) -> tuple[int, int] | None:
        """Place and column of the next picture: a class by its weight, then of its most unsure pictures the farthest
        from those before. None when only near-duplicates are left."""
        rng, weights = np.random.default_rng((self._seed, slot)), self.weights.copy()
        while (total := weights.sum()) > 0:
            column = int(rng.choice(len(weights), p=weights / total))
            free = ranked[column][near[ranked[column]] >= NEAR_DUPLICATE][:CHOICES]
            if len(free):
                return int(free[np.argmax(near[free])]), column
            weights[column] = 0
        return None

    def _take(self, picture_id: int, reason: QueueReason) -> None:
        self._taken.add(picture_id)
        self.ids.append(picture_id)
        self.reasons.append(reason)


def _class_weights(classes: NDArray[np.uint8], class_pixels: NDArray[np.int64] | None) -> NDArray[np.float64]:
    """How often each class is drawn, sum 1: half evenly, half by the inverse root of its labelled pixels.

    By the root alone a class with hardly a pixel would be all that is ever asked for.
    """
    even = np.full(len(classes), 1 / max(1, len(classes)))
    if class_pixels is None or not len(classes):
        return even
    tail = 1 / np.sqrt(1.0 + class_pixels[classes])
    return np.asarray((even + tail / tail.sum()) / 2)
