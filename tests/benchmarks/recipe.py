"""One recipe, trained from scratch and scored on a street that it has never seen: the curve of mIoU against seconds.

python -m tests.benchmarks.recipe DATA [--hold-out 0006R0] [--minutes 10] [--network asymmetric-unet] [--encoder E]
                                       [--size 256] [--set loss=ce lr=0.001 ...] [--seed 0] [--json]

DATA holds images/{train,val}, masks/ and classes.json (CamVid, 11 classes, 480 x 360). Frames of train whose names hold
`--hold-out` are never learned from; val judges what is published, as in the program. The training is the program's own;
each published network is kept, and scored once the clock has stopped, at the pictures' own size, void left out, one
confusion matrix over all frames. `--set` takes what `maskloop train` takes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from core.models.checkpoint import load_checkpoint, read_run_file, start_from
from core.models.predict import predict
from core.models.spec import ModelSpec
from core.training.events import Event, Published, Started
from core.training.loop import train
from core.training.machine import settle_chance
from core.training.metrics import confusion, iou_from_confusion, mean_iou, pixel_accuracy
from core.training.recipe import Recipe, default_recipe, read_choices
from core.training.snapshot import Snapshot

Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""A picture (H, W, 3) and its label (H, W): class values from 1, 255 void."""


def pairs_of(data: Path, part: str, void: int) -> dict[str, Pair]:
    """By name, in order."""
    found = {}
    for path in sorted((data / "images" / part).iterdir()):
        with Image.open(path) as picture, Image.open(data / "masks" / part / f"{path.stem}.png") as mask:
            values = np.asarray(mask)
            label = np.where(values == void, 255, values + 1).astype(np.uint8)
            found[path.stem] = (np.asarray(picture.convert("RGB")), label)
    return found


def scores(folder: Path, pairs: Sequence[Pair], names: Mapping[int, str], tta: str) -> dict[str, Any]:
    """Of the network in a folder, on pictures at their own size."""
    loaded = load_checkpoint(folder)
    total = torch.zeros((len(names), len(names)), dtype=torch.int64)
    for picture, label in pairs:
        found = predict(loaded, picture, tta=tta).values
        truth = np.where(label == 255, 255, label - 1)
        total += confusion(torch.from_numpy(found - 1), torch.from_numpy(truth), len(names))
    iou = iou_from_confusion(total)
    return {
        "miou": round(mean_iou(total), 4),
        "pixel_accuracy": round(pixel_accuracy(total), 4),
        "per_class": {name: round(float(iou[value - 1]), 3) for value, name in names.items()},
    }


def run(
    asked: argparse.Namespace, spec: ModelSpec, recipe: Recipe, names: Mapping[int, str], void: int
) -> dict[str, Any]:
    """Train, and score each network that was published."""
    held_out, kept, device = [], dict[float, Path](), ""
    with tempfile.TemporaryDirectory() as scratch:
        here = Path(scratch)
        snapshot = Snapshot.create(here / "snapshot", spec, recipe)
        for part in ("train", "val"):
            for name, pair in pairs_of(asked.data, part, void).items():
                if part == "train" and asked.hold_out in name:
                    held_out.append(pair)
                else:
                    snapshot.put(len(snapshot.entries()), name, part, *pair)

        def listen(event: Event) -> None:
            nonlocal device
            if isinstance(event, Started):
                device = event.device
            if isinstance(event, Published):
                seconds = float(read_run_file(here / "run")[1]["seconds"])
                kept[seconds] = here / f"kept-{len(kept)}"
                shutil.copytree(here / "run", kept[seconds])

        settle_chance(recipe)
        outcome = train(
            start_from(None, spec), spec, snapshot, recipe, run_folder=here / "run", on_event=listen
        )
        curve = [(seconds, scores(folder, held_out, names, "none")) for seconds, folder in kept.items()]
        flipped = scores(list(kept.values())[-1], held_out, names, "flip")
    return {
        "device": device,
        "network": asked.network,
        "size": asked.size,
        "said": asked.set,
        "seed": recipe.seed,
        "minutes": asked.minutes,
        "steps": outcome.step,
        "held_out": {"sequence": asked.hold_out, "pictures": len(held_out)},
        "best_on_val": outcome.best_miou,
        "curve": [[seconds, found["miou"]] for seconds, found in curve],
        **curve[-1][1],
        "miou_flip": flipped["miou"],
    }


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("data", type=Path)
    words.add_argument("--hold-out", default="0006R0")
    words.add_argument("--minutes", type=float, default=10.0)
    words.add_argument("--network", default="asymmetric-unet")
    words.add_argument("--encoder")
    words.add_argument("--size", type=int, default=256)
    words.add_argument("--set", nargs="*", default=[], metavar="CHOICE=VALUE")
    words.add_argument("--device", default="auto")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--json", action="store_true")
    asked = words.parse_args()
    said = dict(each.split("=", 1) for each in asked.set)
    usual = default_recipe("cpu" if asked.device == "auto" and not torch.cuda.is_available() else "cuda")
    recipe = usual.changed(
        {**read_choices(said), "minutes": asked.minutes, "seed": asked.seed, "device": asked.device}
    )
    listed = json.loads((asked.data / "classes.json").read_text("utf-8"))
    names = {int(each["index"]) + 1: str(each["name"]) for each in listed["classes"]}
    names = {value: name for value, name in names.items() if value - 1 != listed["ignore_index"]}
    spec = ModelSpec(asked.network, asked.encoder, "none", asked.size, tuple(names))
    found = run(asked, spec, recipe, names, listed["ignore_index"])
    print(json.dumps(found, indent=None if asked.json else 1))


if __name__ == "__main__":
    main()
