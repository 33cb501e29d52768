"""Live prediction from a robot's strokes on pictures that were never trained on: mIoU of the rest of the picture.

python -m tests.benchmarks.scribbles DATA [--samples SAMPLES] [--pictures 12] [--only camvid pets aerial tissue]
                                          [--hold-out 0006R0] [--seed 0] [--forest] [--network RUN] [--json]

DATA contains CamVid as `recipe` reads it; SAMPLES pets and aerial pictures, and tissue comes with scikit-image, all as
in `transfer`. Strokes are painted into each connected region of MIN_REGION pixels and more: BRUSH pixels wide, along
the medial axis of the region, as long as the square root of its area. Of several, the first starts where the region is
widest, the others anywhere on the axis. What is stroked, and void, is not scored; one confusion matrix over all
pictures of a data set.

live, quick   the head of the program, refined and in its first answer, fitted to the strokes of that picture alone
random        the same head on an encoder with random weights
forest        ilastik's way, with `--forest` (it needs scikit-learn, `uv run --with scikit-learn`): a random forest of
              100 trees on `skimage.feature.multiscale_basic_features`
network       a network trained on the other frames of CamVid, with `--network`, the folder of its weights; and the head
              on top of its predictions, as in the program; also with FEW strokes a picture
reservoir     no stroke: FRAMES complete labels of other CamVid frames, spread over those not held out

Seconds are processor time of one thread, the median over pictures, without the encoder's (`encode`).
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from skimage.feature import multiscale_basic_features
from skimage.morphology import skeletonize

from core.labels.confusion_scores import mean_iou
from core.labels.prediction import PredictedMask
from core.live.labelled_pixels import NO_PIXELS, sample_labelled_pixels
from core.live.network_prior import NetworkPrior
from core.live.predictor import LivePredictor
from core.models.checkpoint import load_checkpoint
from core.models.inference import predict as predict_with_network
from core.models.networks.efficientnet_lite import EfficientNetLite
from core.models.spec import DEFAULT_ENCODER
from tests.benchmarks.plain import VOID, Pair
from tests.benchmarks.recipe import pairs_of, pick_evenly
from tests.benchmarks.transfer import cut_tissue, load_aerial, load_pets

MIN_REGION, MIN_LENGTH, BRUSH = 40, 8, 3
FRAMES = 12
FEW = 4
Values = NDArray[np.uint8]
Predict = Callable[[int, Path, Values, Values], Values]
"""(number, file, picture, strokes (H, W) with 0 where nothing is painted) -> class values (H, W)."""


def stroke_in(region: NDArray[np.bool_], rng: np.random.Generator, *, from_middle: bool) -> NDArray[np.bool_]:
    """(H, W) bool, true along the medial axis of a region."""
    axis = skeletonize(region)
    points = np.argwhere(axis)
    away = cv2.distanceTransform(region.astype(np.uint8), cv2.DIST_L2, 3)[axis]
    start = points[np.argmax(away) if from_middle else rng.integers(len(points))]
    length = max(MIN_LENGTH, round(float(np.sqrt(region.sum()))))
    _, parts = cv2.connectedComponents(axis.astype(np.uint8), connectivity=8)
    same = points[parts[axis] == parts[tuple(start)]]
    nearest = same[np.argsort(((same - start) ** 2).sum(1))[:length]]
    line = np.zeros(region.shape, np.uint8)
    line[tuple(nearest.T)] = 1
    found: NDArray[np.bool_] = (cv2.dilate(line, np.ones((BRUSH, BRUSH), np.uint8)) > 0) & region
    return found


def strokes_on(label: Values, strokes: int, rng: np.random.Generator) -> Values:
    """(H, W) class values of so many strokes in each region; 0 elsewhere."""
    painted = np.zeros_like(label)
    for value in np.unique(label[label != VOID]):
        count, regions, statistics, _ = cv2.connectedComponentsWithStats((label == value).astype(np.uint8))
        for number in range(1, count):
            if statistics[number, cv2.CC_STAT_AREA] >= MIN_REGION:
                for turn in range(strokes):
                    painted[stroke_in(regions == number, rng, from_middle=turn == 0)] = value
    return painted


def score(
    pairs: Sequence[Pair], files: Sequence[Path], painted: Sequence[Values], predict: Predict
) -> dict[str, float]:
    """mIoU on what is not painted, and seconds for a picture."""
    counts, seconds = np.zeros((256, 256), np.int64), []
    for number, ((picture, label), file, strokes) in enumerate(zip(pairs, files, painted, strict=True)):
        started = time.process_time()
        predicted = predict(number, file, picture, strokes)
        seconds.append(time.process_time() - started)
        judged = (label != VOID) & (strokes == 0)
        pairs_seen = label[judged].astype(np.int64) * 256 + predicted[judged]
        counts += np.bincount(pairs_seen, minlength=65536).reshape(256, 256)
    return {"miou": round(mean_iou(counts), 4), "seconds": round(float(np.median(seconds)), 3)}


def live_predict(predictor: LivePredictor, *, quick: bool) -> Predict:
    """The program's own head."""

    def predict(number: int, file: Path, _picture: Values, strokes: Values) -> Values:
        mask = predictor.predict(number, file, sample_labelled_pixels(strokes), quick=quick)
        return mask.values if mask else np.zeros_like(strokes)

    return predict


def network_masks(folder: Path, pairs: Sequence[Pair]) -> list[PredictedMask]:
    """What a network says of each picture."""
    loaded = load_checkpoint(folder)
    return [predict_with_network(loaded, picture) for picture, _ in pairs]


def live_on_network(predictor: LivePredictor, masks: Sequence[PredictedMask], *, quick: bool) -> Predict:
    """The head that corrects the network's prediction."""
    plain = live_predict(predictor, quick=quick)

    def predict(number: int, file: Path, picture: Values, strokes: Values) -> Values:
        predictor.network = number, NetworkPrior(masks[number].values, masks[number].confidence)
        try:
            return plain(number, file, picture, strokes)
        finally:
            predictor.network = None

    return predict


def few_strokes(painted: Values, rng: np.random.Generator) -> Values:
    """FEW of the strokes of a picture."""
    count, numbers = cv2.connectedComponents((painted > 0).astype(np.uint8))
    kept = rng.choice(np.arange(1, count), min(FEW, count - 1), replace=False)
    return np.where(np.isin(numbers, kept), painted, 0).astype(np.uint8)


def forest_predict(_number: int, _file: Path, picture: Values, strokes: Values) -> Values:
    """A random forest on hand-made features."""
    from sklearn.ensemble import RandomForestClassifier

    features = multiscale_basic_features(picture, channel_axis=-1, sigma_min=1, sigma_max=16)
    forest = RandomForestClassifier(100, max_depth=12, n_jobs=1, random_state=0)
    forest.fit(features[strokes > 0], strokes[strokes > 0])
    values: Values = forest.predict(features.reshape(-1, features.shape[-1])).reshape(strokes.shape)
    return values.astype(np.uint8)


def random_predictor() -> LivePredictor:
    """A predictor whose encoder has random weights; batch norms that pass their input on as it is."""
    predictor = LivePredictor()
    torch.manual_seed(0)
    _, statistics = predictor._encoder(3)
    predictor._encoders[3] = (EfficientNetLite(DEFAULT_ENCODER).eval(), statistics)
    return predictor


def measure(
    pairs: Sequence[Pair], folder: Path, seed: int, *, forest: bool, network: Path | None = None
) -> dict[str, Any]:
    """All ways on one data set, with one stroke a region and with three."""
    files = save(pairs, folder)
    live, random = LivePredictor(), random_predictor()
    encode = []
    for number, file in enumerate(files):
        started = time.process_time()
        live.features(number, file)
        encode.append(time.process_time() - started)
        random.features(number, file)
    ways: dict[str, Predict] = {
        "live": live_predict(live, quick=False),
        "quick": live_predict(live, quick=True),
        "random": live_predict(random, quick=False),
    }
    if forest:
        ways["forest"] = forest_predict
    if network is not None:
        masks = network_masks(network, pairs)
        ways["network"] = lambda number, *_: masks[number].values
        ways["live on network"] = live_on_network(live, masks, quick=False)
        ways["quick on network"] = live_on_network(live, masks, quick=True)
    found: dict[str, Any] = {"pictures": len(pairs), "encode": round(float(np.median(encode)), 3)}
    for strokes in (0, 1, 3) if network is not None else (1, 3):
        painted = [
            strokes_on(label, strokes or 1, np.random.default_rng(seed + number))
            for number, (_, label) in enumerate(pairs)
        ]
        if not strokes:
            painted = [few_strokes(each, np.random.default_rng(seed)) for each in painted]
        found[f"{strokes} strokes" if strokes else f"{FEW} strokes in all"] = {
            "painted": round(float(np.mean([(each > 0).mean() for each in painted])), 4),
            **{name: score(pairs, files, painted, way) for name, way in ways.items()},
        }
    return found


def save(pairs: Sequence[Pair], folder: Path) -> list[Path]:
    """The pictures as files."""
    folder.mkdir()
    files = [folder / f"{number}.png" for number in range(len(pairs))]
    for file, (picture, _) in zip(files, pairs, strict=True):
        Image.fromarray(picture).save(file, compress_level=1)
    return files


def measure_reservoir(teach: Sequence[Pair], unseen: Sequence[Pair], folder: Path) -> dict[str, Any]:
    """Frames without a stroke, from complete labels of others."""
    predictor = LivePredictor()
    folder.mkdir()
    for number, ((_, label), file) in enumerate(zip(teach, save(teach, folder / "teach"), strict=True)):
        predictor.learn(10_000 + number, file, sample_labelled_pixels(np.where(label == VOID, 0, label)))

    def predict(number: int, file: Path, _picture: Values, strokes: Values) -> Values:
        mask = predictor.predict(number, file, NO_PIXELS)
        return mask.values if mask else np.zeros_like(strokes)

    nothing = [np.zeros_like(label) for _, label in unseen]
    return score(unseen, save(unseen, folder / "unseen"), nothing, predict)


def split_camvid(data: Path, hold_out: str) -> tuple[dict[str, Pair], dict[str, Pair]]:
    """Frames that are not held out, and those that are."""
    listed = json.loads((data / "classes.json").read_text("utf-8"))
    frames = pairs_of(data, "train", listed["ignore_index"])
    held = {name: pair for name, pair in frames.items() if re.search(hold_out, name)}
    return {name: pair for name, pair in frames.items() if name not in held}, held


def datasets(asked: argparse.Namespace) -> Mapping[str, Callable[[], Sequence[Pair]]]:
    """What is measured, by name; the parts of each data set do not matter here."""

    def whole(parts: Mapping[str, Mapping[str, Pair]]) -> Sequence[Pair]:
        pairs = {name: pair for part in parts.values() for name, pair in part.items()}
        return list(pick_evenly(pairs, asked.pictures).values())

    made: dict[str, Callable[[], Sequence[Pair]]] = {
        "camvid": lambda: list(
            pick_evenly(split_camvid(asked.data, asked.hold_out)[1], asked.pictures).values()
        ),
        "tissue": lambda: whole(cut_tissue().parts),
    }
    if asked.samples:
        made["pets"] = lambda: whole(load_pets(asked.samples).parts)
        made["aerial"] = lambda: whole(load_aerial(asked.samples).parts)
    return made


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("data", type=Path)
    words.add_argument("--samples", type=Path)
    words.add_argument("--pictures", type=int, default=12)
    words.add_argument("--only", nargs="+")
    words.add_argument("--hold-out", default="0006R0")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--forest", action="store_true")
    words.add_argument("--network", type=Path, help="folder of the weights of a network, for CamVid")
    words.add_argument("--json", action="store_true")
    asked = words.parse_args()
    torch.set_num_threads(1)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, load in datasets(asked).items():
            if not asked.only or name in asked.only:
                network = asked.network if name == "camvid" else None
                found[name] = measure(
                    load(), Path(scratch) / name, asked.seed, forest=asked.forest, network=network
                )
                print("" if asked.json else f"{name}: {json.dumps(found[name])}", flush=True)
        if not asked.only or "reservoir" in asked.only:
            teach, held = split_camvid(asked.data, asked.hold_out)
            unseen = list(pick_evenly(held, 2 * asked.pictures).values())
            taught = list(pick_evenly(teach, FRAMES).values())
            found["reservoir"] = measure_reservoir(taught, unseen, Path(scratch) / "reservoir")
    print(json.dumps(found, indent=None if asked.json else 1))


if __name__ == "__main__":
    main()
