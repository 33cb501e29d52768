"""Time to a useful network: mIoU over seconds from the start of the process, from a few labelled pictures.

python -m tests.benchmarks.first_prediction [--data CAMVID] [--unseen] [--labelled 12] [--minutes 1] [--json]

Without DATA: our own scenes, scored on unlabelled scenes. With it: CamVid frames of two sequences, scored on other
frames of the same sequences (which a user would label next), or with --unseen on every third frame of a third
sequence (0006R0). The time starts before the child process.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.formats.readers.registry import open_dataset
from core.images.image_reader import read_picture
from core.models.spec import default_spec
from core.samples.scenes import SCENE_CLASSES, draw_scene
from core.training.data.snapshot import TrainingSnapshot
from core.training.device_probe import likely_device
from core.training.events import (
    CheckpointPublished,
    ModelEvaluated,
    TrainingEvent,
    TrainingFinished,
    WorkerFailed,
)
from core.training.process.worker_client import WorkerClient
from core.training.recipe import default_recipe

HELD_OUT = "0006R0"
Labelled = tuple[str, NDArray[np.uint8], NDArray[np.uint8]]


def scenes(labelled: int) -> Iterator[tuple[str, Labelled]]:
    for number in range(labelled + 20):
        scene = draw_scene(number)
        yield ("train" if number < labelled else "val"), (f"scene {number}", scene.picture, scene.truth)


def camvid(data: Path, labelled: int, *, unseen: bool) -> Iterator[tuple[str, Labelled]]:
    pairs = [p for p in open_dataset(data).samples if p.split == "train" and p.read_mask is not None]
    train = [p for p in pairs if HELD_OUT not in p.picture.name]
    chosen = train[:: max(1, len(train) // labelled)][:labelled]
    others = [p for p in train if p not in chosen][2::5]
    held_out = [p for p in pairs if HELD_OUT in p.picture.name][::3] if unseen else others
    for split, some in (("train", chosen), ("val", held_out)):
        for pair in some:
            assert pair.read_mask is not None
            yield (
                split,
                (pair.picture.name, read_picture(pair.picture), pair.read_mask().values),
            )


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--data", type=Path)
    words.add_argument("--unseen", action="store_true")
    words.add_argument("--labelled", type=int, default=12)
    words.add_argument("--minutes", type=float, default=1.0)
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--json", action="store_true")
    asked = words.parse_args()
    count = 11 if asked.data else len(SCENE_CLASSES)
    device = likely_device()
    spec = default_spec(device, tuple(range(1, count + 1)))
    recipe = replace(
        default_recipe(device, pretrained=spec.is_pretrained), minutes=asked.minutes, seed=asked.seed
    )
    curve: list[tuple[float, float]] = []
    published: list[float] = []
    ended = threading.Event()

    def hear(event: TrainingEvent) -> None:
        seconds = round(time.perf_counter() - began, 1)
        if isinstance(event, ModelEvaluated):
            curve.append((seconds, round(event.miou, 4)))
        elif isinstance(event, CheckpointPublished):
            published.append(seconds)
        elif isinstance(event, TrainingFinished | WorkerFailed):
            ended.set()

    with tempfile.TemporaryDirectory() as scratch:
        snapshot = TrainingSnapshot.create(Path(scratch) / "snapshot", spec, recipe)
        source = (
            camvid(asked.data, asked.labelled, unseen=asked.unseen) if asked.data else scenes(asked.labelled)
        )
        for number, (split, (name, picture, values)) in enumerate(source):
            snapshot.put(number, name, split, picture, values)
        began = time.perf_counter()
        worker = WorkerClient(hear)
        worker.train(Path(scratch) / "run", snapshot.folder)
        ended.wait()
        worker.close()
    result = {
        "device": device,
        "data": ("CamVid, unseen sequence" if asked.unseen else "CamVid") if asked.data else "scenes",
        "labelled": asked.labelled,
        "seed": asked.seed,
        "first_published_s": published[0] if published else None,
        "reached_0.30_s": next((s for s, miou in curve if miou >= 0.30), None),
        "best_miou": max((miou for _, miou in curve), default=None),
        "curve": curve,
    }
    print(json.dumps(result, indent=None if asked.json else 1))


if __name__ == "__main__":
    main()
