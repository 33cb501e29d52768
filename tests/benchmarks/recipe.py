"""One recipe trained from scratch and scored on an unseen sequence: mIoU over seconds.

python -m tests.benchmarks.recipe DATA [--hold-out 0006R0] [--minutes 10] [--network hypercolumn] [--encoder E]
                                       [--size 480] [--preset best] [--set loss=ce lr=0.001 ...]
                                       [--rival unet+resnet34 ...]
                                       [--frames N] [--labelled 0.08 --by strokes] [--test] [--seed 0] [--json]

DATA contains images/{train,val}, masks/ and classes.json (CamVid, 11 classes, 480 x 360). Frames of train whose names
match `--hold-out`, a regular expression, are not trained on; checkpoints are selected on val, as in the program.
Every published checkpoint is kept and scored after the training, at the pictures' own size, without void pixels, with
one confusion matrix over all frames. `curve` lists [seconds, mIoU] of each, the first one included, and `first_step` is
the step of that one, 0 for a fitted head. `--preset` and `--set` take the options of `maskloop train`. Each `--rival`,
a network with its encoder, is trained afterwards for the same time on the same frames by a plain loop
(tests/benchmarks/plain.py), eight frames a batch at `--size`, and scored in the same way. With `--test` scores are
computed on CamVid's official test split (images/test, masks/test), and all of train is trained on.

With `--frames` only so many of the frames to train on are used, evenly spread over them; val stays complete.

With `--labelled` only that share of the pixels of each training frame is labelled: `--by strokes` along the medial
axis of each region without its edges, like quick painting; `--by squares` of 24 pixels at random positions, exact up
to their edges. val keeps complete labels.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from skimage.morphology import skeletonize

from core.labels.confusion_scores import class_iou, mean_iou, pixel_accuracy
from core.models.catalogue import resolve_network
from core.models.checkpoint import load_checkpoint, load_starting_model, read_checkpoint_metadata
from core.models.inference import predict
from core.models.network_builder import build_network
from core.models.spec import WEIGHTS, ModelSpec
from core.training.data.snapshot import TrainingSnapshot
from core.training.devices import resolve_device, seed_everything
from core.training.events import CheckpointPublished, TrainingEvent, TrainingStarted
from core.training.loop import train
from core.training.recipe import PRESETS, Recipe, default_recipe, parse_recipe_options
from core.training.scoring.metrics import confusion_matrix
from tests.benchmarks.plain import Pair, learn_plainly, predict_plainly

STREETS = r"0016E5_0[0-2]|0001TP_00(7[6-9]|8)"
"""Frames of CamVid that are like those in training: parts of two of its sequences."""
RIVAL_BATCH = 8
SQUARE = 24
Label = NDArray[np.uint8]


def pairs_of(data: Path, part: str, void: int) -> dict[str, Pair]:
    """(picture, label) of each frame of a part, by name, in order."""
    found = {}
    for path in sorted((data / "images" / part).iterdir()):
        with Image.open(path) as picture, Image.open(data / "masks" / part / f"{path.stem}.png") as mask:
            values = np.asarray(mask)
            label = np.where(values == void, 255, values + 1).astype(np.uint8)
            found[path.stem] = (np.asarray(picture.convert("RGB")), label)
    return found


def split_frames(asked: argparse.Namespace, void: int) -> tuple[dict[str, Pair], list[Pair]]:
    """Frames to train on, by name, and frames to score on."""
    frames = pairs_of(asked.data, "train", void)
    if asked.test:
        training, scored_on = frames, list(pairs_of(asked.data, "test", void).values())
    else:
        training = {name: pair for name, pair in frames.items() if not re.search(asked.hold_out, name)}
        scored_on = [pair for name, pair in frames.items() if name not in training]
    return (pick_evenly(training, asked.frames) if asked.frames else training), scored_on


def pick_evenly(frames: Mapping[str, Pair], count: int) -> dict[str, Pair]:
    """At most `count` frames, each from the middle of one of as many equal stretches."""
    names = list(frames)
    count = min(count, len(names))
    return {
        name: frames[name] for name in (names[(2 * i + 1) * len(names) // (2 * count)] for i in range(count))
    }


def by_strokes(label: Label, share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(H, W) bool, true along the medial axis of each region, as wide as gives that share; at least one pixel."""
    kept = np.zeros(label.shape, bool)
    for value in np.unique(label[label != 255]):
        inside = (label == value).astype(np.uint8)
        middle = skeletonize(inside > 0)
        away = cv2.distanceTransform((~middle).astype(np.uint8), cv2.DIST_L2, 3)
        away += rng.random(away.shape, np.float32) * 0.5  # random order of pixels with equal distance
        count, regions = cv2.connectedComponents(inside)
        for region in range(1, count):
            places = np.flatnonzero(regions == region)
            nearest = np.argsort(away.flat[places])[: max(1, round(share * len(places)))]
            kept.flat[places[nearest]] = True
    return kept


def by_squares(label: Label, share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(H, W) bool, true in non-overlapping squares at random positions that cover that share."""
    height, width = (-(-length // SQUARE) for length in label.shape)
    chosen = np.zeros(height * width, np.uint8)
    chosen[rng.permutation(height * width)[: round(share * height * width)]] = 1
    squares = np.kron(chosen.reshape(height, width), np.ones((SQUARE, SQUARE), np.uint8))
    found: NDArray[np.bool_] = squares[: label.shape[0], : label.shape[1]] > 0
    return found


LABELLED_BY = {"strokes": by_strokes, "squares": by_squares}


def scores(
    folder: Path, pairs: Sequence[Pair], names: Mapping[int, str], tta: str, device: str = "cpu"
) -> dict[str, Any]:
    """Scores of the checkpoint in a folder, on pictures at their own size."""
    loaded = load_checkpoint(folder, resolve_device(device))
    return scored(lambda picture: predict(loaded, picture, tta=tta).values - np.uint8(1), pairs, names)


def scored(
    predicted: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
    pairs: Sequence[Pair],
    names: Mapping[int, str],
) -> dict[str, Any]:
    """Scores of a function that returns the class indices (H, W) of a picture."""
    total = np.zeros((len(names), len(names)), np.int64)
    for picture, label in pairs:
        truth = np.where(label == 255, 255, label - 1)
        pair = torch.from_numpy(predicted(picture)), torch.from_numpy(truth)
        total += confusion_matrix(*pair, len(names)).numpy()
    iou = class_iou(total)
    return {
        "miou": round(mean_iou(total), 4),
        "pixel_accuracy": round(pixel_accuracy(total), 4),
        "per_class": {name: round(float(iou[value - 1]), 3) for value, name in names.items()},
    }


def read_classes(data: Path) -> tuple[dict[int, str], int]:
    """Names of the class values 1, 2, 3, ..., and the value in the masks that means void."""
    listed = json.loads((data / "classes.json").read_text("utf-8"))
    void = int(listed["ignore_index"])
    return {int(c["index"]) + 1: str(c["name"]) for c in listed["classes"] if int(c["index"]) != void}, void


def snapshot_of(
    folder: Path,
    spec: ModelSpec,
    recipe: Recipe,
    training: Mapping[str, Pair],
    validation: Mapping[str, Pair],
) -> TrainingSnapshot:
    """What a training reads, made in an empty folder."""
    snapshot = TrainingSnapshot.create(folder, spec, recipe)
    for part, pairs in (("train", training), ("val", validation)):
        for name, pair in pairs.items():
            snapshot.put(len(snapshot.entries()), name, part, *pair)
    return snapshot


def train_and_score(
    spec: ModelSpec,
    recipe: Recipe,
    training: Mapping[str, Pair],
    validation: Mapping[str, Pair],
    judging: Sequence[Pair],
    names: Mapping[int, str],
) -> dict[str, Any]:
    """Train, and score each published checkpoint on `judging`. names: of the class values 1, 2, 3, ..."""
    kept, device = list[tuple[int, float, Path]](), ""
    with tempfile.TemporaryDirectory() as scratch:
        here = Path(scratch)
        snapshot = snapshot_of(here / "snapshot", spec, recipe, training, validation)

        def listen(event: TrainingEvent) -> None:
            nonlocal device
            if isinstance(event, TrainingStarted):
                device = event.device
            if isinstance(event, CheckpointPublished):
                seconds = float(read_checkpoint_metadata(here / "run")[1]["seconds"])
                kept.append((event.step, seconds, here / f"kept-{len(kept)}"))
                shutil.copytree(here / "run", kept[-1][2])

        seed_everything(recipe)
        outcome = train(
            load_starting_model(None, spec), spec, snapshot, recipe, run_folder=here / "run", on_event=listen
        )
        curve = [
            (seconds, scores(folder, judging, names, "none", recipe.device)) for _, seconds, folder in kept
        ]
        flipped = scores(kept[-1][2], judging, names, "flip", recipe.device)
    return {
        "device": device,
        "seed": recipe.seed,
        "minutes": recipe.minutes,
        "steps": outcome.step,
        "best_on_val": outcome.best_miou,
        "first_step": kept[0][0],
        "curve": [[seconds, found["miou"]] for seconds, found in curve],
        **curve[-1][1],
        "miou_flip": flipped["miou"],
    }


def run(
    asked: argparse.Namespace, spec: ModelSpec, recipe: Recipe, names: Mapping[int, str], void: int
) -> dict[str, Any]:
    """Train on the frames that were asked for, and score each published checkpoint."""
    training, judging = split_frames(asked, void)
    if asked.labelled < 1:
        rng = np.random.default_rng(recipe.seed)
        for name, (picture, label) in training.items():
            kept_pixels = LABELLED_BY[asked.by](label, asked.labelled, rng)
            training[name] = (picture, np.where(kept_pixels, label, 255).astype(np.uint8))
    labelled = np.mean([(label != 255).mean() for _, label in training.values()])
    return {
        "network": asked.network,
        "size": asked.size,
        "said": asked.set,
        "frames": len(training),
        "labelled": round(float(labelled), 4),
        "scored_on": {"part": "test" if asked.test else asked.hold_out, "pictures": len(judging)},
        **train_and_score(spec, recipe, training, pairs_of(asked.data, "val", void), judging, names),
    }


def rival(
    asked: argparse.Namespace, network: str, spec: ModelSpec, names: Mapping[int, str], void: int
) -> dict[str, Any]:
    """Scores of the plain loop with another network, for the same time on the same frames."""
    architecture, _, encoder = network.partition("+")
    other = ModelSpec(architecture, encoder or None, "none", asked.size, spec.class_values)
    training, judging = split_frames(asked, void)
    torch.manual_seed(asked.seed)
    model = build_network(other).to(resolve_device(asked.device))
    steps = learn_plainly(model, list(training.values()), asked.size, asked.minutes, RIVAL_BATCH, asked.seed)
    model.eval()
    found = scored(lambda picture: predict_plainly(model, picture, asked.size), judging, names)
    return {"network": network, "steps": steps, "pictures": steps * RIVAL_BATCH, **found}


def add_training_options(words: argparse.ArgumentParser) -> None:
    """The options that `build_recipe` reads, and those of the network; minutes, network and size have no default."""
    words.add_argument("--minutes", type=float)
    words.add_argument("--network")
    words.add_argument("--encoder")
    words.add_argument("--weights", choices=WEIGHTS, help="default: ImageNet's where a package has them")
    words.add_argument("--size", type=int)
    words.add_argument("--preset", choices=PRESETS, default="balanced", help="its options, but for minutes")
    words.add_argument("--set", nargs="*", default=[], metavar="CHOICE=VALUE")
    words.add_argument("--device", default="auto")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--json", action="store_true")


def device_kind(device: str) -> str:
    """The kind whose defaults are used: "cpu" or "cuda"."""
    return "cuda" if resolve_device(device).startswith("cuda") else "cpu"


def build_recipe(asked: argparse.Namespace, spec: ModelSpec) -> Recipe:
    """The default recipe for the device and the network with the options that were asked for."""
    said = dict(each.split("=", 1) for each in asked.set)
    by_the_clock = not {"steps", "epochs"} & said.keys()
    budget = {"minutes": asked.minutes} if by_the_clock else {}
    return default_recipe(device_kind(asked.device), pretrained=spec.is_pretrained).with_changes(
        {
            **PRESETS[asked.preset],
            **parse_recipe_options(said),
            **budget,
            "seed": asked.seed,
            "device": asked.device,
        }
    )


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("data", type=Path)
    words.add_argument("--hold-out", default="0006R0")
    words.add_argument(
        "--labelled", type=float, default=1.0, help="share of the pixels of each frame that teaches"
    )
    words.add_argument("--by", choices=LABELLED_BY, default="strokes")
    words.add_argument("--test", action="store_true")
    words.add_argument("--frames", type=int, help="so many of the frames to train on, evenly spread")
    words.add_argument("--rival", nargs="*", default=[], metavar="NETWORK[+ENCODER]")
    add_training_options(words)
    words.set_defaults(minutes=10.0, network="hypercolumn", size=480)
    asked = words.parse_args()
    names, void = read_classes(asked.data)
    spec = ModelSpec(asked.network, asked.encoder, "none", asked.size, tuple(names))
    spec = spec.with_network(*resolve_network(asked.network, asked.encoder), asked.weights)
    found = run(asked, spec, build_recipe(asked, spec), names, void)
    found["rivals"] = [rival(asked, each, spec, names, void) for each in asked.rival]
    print(json.dumps(found, indent=None if asked.json else 1))


if __name__ == "__main__":
    main()
