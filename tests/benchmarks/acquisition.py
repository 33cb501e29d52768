"""The queue beside a random order: mIoU of a fitted head when a fifth of the pictures is labelled.

python -m tests.benchmarks.acquisition [CAMVID] [--hold-out REGEX] [--pool 134] [--share 0.2] [--start 3] [--batch 6]
                                       [--scored 48] [--seeds 0,1,2] [--threads N] [--json]

A pool of pictures has complete labels that nobody has seen yet. `--start` random ones are labelled; then, again and
again, the head of the default network is fitted to what is labelled, all others are predicted, and the first `--batch`
pictures of the queue, or of the random order, are labelled, until `--share` of the pool is. Both orders begin with the
same pictures and have the same seed. mIoU is that of the last head on pictures that are never labelled, at a quarter
of the resolution, one confusion matrix over all of them.

There is no training after the fit: it would take hours, and its time limit would mix the order with the load of the
machine. The same seed gives the same result on any machine of a kind.

CAMVID contains images/train, masks/ and classes.json; frames of train whose names match `--hold-out` are scored, and
the pool is `--pool` of the others, evenly spread. Without CAMVID the pictures are the drawn scenes of the sample
project, and `--scored` others are scored.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the customary name)

from core.acquisition.picture_queue import order_pictures
from core.acquisition.picture_summary import PictureSummary, SummaryColumns, class_uncertainty, describe
from core.evaluation.effort_comparison import mean_interval
from core.labels.confusion_scores import mean_iou
from core.labels.prediction import PredictedMask
from core.models.checkpoint import load_starting_model
from core.models.input_tensors import channels_first, normalise, pad_to_stride
from core.models.networks.hypercolumn import HypercolumnNet
from core.models.spec import ModelSpec, default_spec
from core.samples.scenes import SCENE_CLASSES, draw_scene
from core.training.data.snapshot import TrainingSnapshot
from core.training.data.training_set import TrainingSet
from core.training.head.head_fit import fit_head
from core.training.losses import class_weights
from core.training.recipe import Recipe
from core.training.scoring.metrics import confusion_matrix
from tests.benchmarks.plain import Pair
from tests.benchmarks.recipe import STREETS, pairs_of, pick_evenly, read_classes

THUMBNAIL = (128, 96)
ORDERS = ("queue", "random")


class CachingEncoder(nn.Module):
    """An encoder that computes the levels of each batch once and keeps them in half precision."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.out_channels = encoder, encoder.out_channels
        self._levels: dict[bytes, list[Tensor]] = {}

    def forward(self, batch: Tensor) -> list[Tensor]:
        key = batch[:, :, ::8, ::8].numpy().tobytes()
        if key not in self._levels:
            self._levels[key] = [level.half() for level in self.encoder(batch)]
        return [level.float() for level in self._levels[key]]


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """pictures: those that may be labelled; scored: those that are not; labels have class values from 1, 255 is void"""

    pictures: Sequence[Pair]
    scored: Sequence[Pair]
    classes: int


class Annotation:
    """One pool under one order, from the first labels to the last. Used from one thread."""

    def __init__(self, pool: Pool, seed: int, model: HypercolumnNet, spec: ModelSpec) -> None:
        self._pool, self._seed, self._model, self._spec = pool, seed, model, spec
        self._random = np.random.default_rng(seed).permutation(len(pool.pictures)).tolist()
        self._thumbnails = [
            describe(cv2.resize(picture, THUMBNAIL, interpolation=cv2.INTER_AREA))
            for picture, _ in pool.pictures
        ]

    def final_miou(self, order: str, count: int, start: int, batch: int) -> float:
        """mIoU when `count` pictures are labelled. order: one of ORDERS"""
        labelled = self._random[:start]
        self._fit(labelled)
        while len(labelled) < count:
            waiting = [i for i in self._random if i not in labelled]
            if order == "queue":
                waiting = self._queue(waiting, labelled)
            labelled = labelled + waiting[: min(batch, count - len(labelled))]
            self._fit(labelled)
        total = np.zeros((self._pool.classes, self._pool.classes), np.int64)
        for picture, label in self._pool.scored:
            rows, _ = self._predict(picture)
            truth = _quarter(label, rows)
            truth = np.where(truth == 255, 255, truth - 1)
            total += confusion_matrix(torch.from_numpy(rows), torch.from_numpy(truth), len(total)).numpy()
        return mean_iou(total)

    def _queue(self, waiting: Sequence[int], labelled: Sequence[int]) -> list[int]:
        nothing = np.zeros(256, np.float32)
        summaries = [PictureSummary(i, nothing, nothing, self._thumbnails[i]) for i in labelled]
        for i in waiting:
            rows, confidence = self._predict(self._pool.pictures[i][0])
            unsure, shares = class_uncertainty(PredictedMask(rows + np.uint8(1), confidence, 1), None)
            summaries.append(PictureSummary(i, unsure, shares, self._thumbnails[i]))
        pixels = np.zeros(256, np.int64)
        for i in labelled:
            pixels += np.bincount(self._pool.pictures[i][1].ravel(), minlength=256)
        queue = order_pictures(
            SummaryColumns.of(summaries),
            open_ids=waiting,
            labelled_ids=labelled,
            class_pixels=pixels,
            seed=self._seed,
        )
        return [int(i) for i in queue.ids]

    def _fit(self, labelled: Sequence[int]) -> None:
        recipe = Recipe(minutes=None, steps=1, seed=self._seed)
        with tempfile.TemporaryDirectory() as folder:
            snapshot = TrainingSnapshot.create(Path(folder), self._spec, recipe)
            for number in labelled:
                snapshot.put(number, f"{number}", "train", *self._pool.pictures[number])
            pictures = TrainingSet(snapshot, self._spec, recipe, torch.device("cpu"))
            weights = torch.from_numpy(class_weights(pictures.class_pixel_counts(), recipe.class_weights))
            fit_head(self._model, pictures, weights, 1.0, self._seed, lambda: False)
        self._model.eval()

    @torch.inference_mode()
    def _predict(self, picture: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Class indices and confidence, 0..255, at a quarter of the resolution: (h, w) uint8 each."""
        view = channels_first(picture).unsqueeze(0)
        logits = self._model(pad_to_stride(normalise(view, self._spec.pixel_statistics)))[0]
        height, width = picture.shape[:2]
        probability, rows = F.avg_pool2d(logits[:, : height // 4 * 4, : width // 4 * 4], 4).softmax(0).max(0)
        return rows.numpy().astype(np.uint8), (probability * 255).round().numpy().astype(np.uint8)


def _quarter(label: NDArray[np.uint8], like: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(h, w) uint8: a label in the size of a prediction at a quarter of its resolution."""
    height, width = like.shape
    return np.ascontiguousarray(label[2::4, 2::4][:height, :width])


def camvid_pool(data: Path, hold_out: str, count: int) -> Pool:
    names, void = read_classes(data)
    frames = pairs_of(data, "train", void)
    scored = [pair for name, pair in frames.items() if re.search(hold_out, name)]
    open_frames = {name: pair for name, pair in frames.items() if not re.search(hold_out, name)}
    return Pool(list(pick_evenly(open_frames, count).values()), scored, len(names))


def scene_pool(count: int, scored: int) -> Pool:
    scenes = [draw_scene(seed) for seed in range(count + scored)]
    pairs = [(scene.picture, scene.truth) for scene in scenes]
    return Pool(pairs[:count], pairs[count:], len(SCENE_CLASSES))


def compare(pool: Pool, seeds: Sequence[int], share: float, start: int, batch: int) -> dict[str, Any]:
    """mIoU of both orders, by seed, and the interval of their paired difference."""
    spec = default_spec("cpu", tuple(range(1, pool.classes + 1)))
    model = load_starting_model(None, spec).eval()
    assert isinstance(model, HypercolumnNet)
    model.encoder = CachingEncoder(model.encoder)
    count = max(start, round(share * len(pool.pictures)))
    found: dict[str, list[float]] = {order: [] for order in ORDERS}
    for seed in seeds:
        annotation = Annotation(pool, seed, model, spec)
        for order in ORDERS:
            found[order].append(round(annotation.final_miou(order, count, start, batch), 4))
    gain = mean_interval([a - b for a, b in zip(found["queue"], found["random"], strict=True)])
    return {
        "pool": len(pool.pictures),
        "scored": len(pool.scored),
        "labelled": count,
        "miou": found,
        "gain": gain and asdict(gain),
    }


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("camvid", type=Path, nargs="?")
    words.add_argument("--hold-out", default=STREETS)
    words.add_argument("--pool", type=int, default=134)
    words.add_argument("--scored", type=int, default=48)
    words.add_argument("--share", type=float, default=0.2)
    words.add_argument("--start", type=int, default=3)
    words.add_argument("--batch", type=int, default=6)
    words.add_argument("--seeds", default="0,1,2")
    words.add_argument("--threads", type=int)
    words.add_argument("--json", action="store_true")
    asked = words.parse_args()
    if asked.threads:
        torch.set_num_threads(asked.threads)
    pool = (
        camvid_pool(asked.camvid, asked.hold_out, asked.pool)
        if asked.camvid
        else scene_pool(asked.pool, asked.scored)
    )
    seeds = [int(each) for each in asked.seeds.split(",")]
    found = compare(pool, seeds, asked.share, asked.start, asked.batch)
    print(json.dumps(found, indent=None if asked.json else 1))


if __name__ == "__main__":
    main()
