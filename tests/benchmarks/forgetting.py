"""Catastrophic forgetting from round to round and after adding a class: the largest loss of IoU of any old class.

python -m tests.benchmarks.forgetting [--rounds 4] [--steps 150] [--labelled 8] [--size 160] [--seed 0] [--threads N]
                                      [--json]

On sample scenes. The network is first trained on all classes but water (whose pixels are unlabelled) with `labelled`
pictures; then come rounds with two more pictures each, then one in which water is labelled everywhere. Each round goes
on from the network of before, as in the window, and what it publishes is compared with that, class by class: on the
val pictures, which decide what is published, and on 24 pictures that nothing has seen. Pixels of water never count
for the old classes, so that the same is compared before and after. Losses are in points of IoU (hundredths); below
zero all have gained. `*_since_first` is against the best that a class has ever had, so that small losses add up.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from core.labels.confusion_scores import class_iou
from core.models.checkpoint import (
    load_checkpoint,
    load_starting_model,
    read_checkpoint_metadata,
    trained_label_digests,
)
from core.models.inference import predict
from core.models.spec import ModelSpec, default_spec, spec_from_base
from core.samples.scenes import SCENE_CLASSES, SampleScene, draw_scene
from core.training.data.snapshot import TrainingSnapshot
from core.training.device_probe import likely_device
from core.training.devices import resolve_device
from core.training.loop import train
from core.training.recipe import Recipe, default_recipe
from core.training.scoring.checkpoint_selection import KNOWN_CLASS_IOU
from core.training.scoring.metrics import confusion_matrix

NEW = 1 + [name for name, _ in SCENE_CLASSES].index("water")
OLD = tuple(value for value in range(1, len(SCENE_CLASSES) + 1) if value != NEW)
SEEN_BY_NOBODY, JUDGES = 24, 12
SIZE = (256, 192)
Scores = dict[int, float]


def put(
    snapshot: TrainingSnapshot,
    numbers: Sequence[int],
    scenes: Sequence[SampleScene],
    split: str,
    *,
    water: bool,
) -> None:
    for number in numbers:
        truth = scenes[number].truth
        values = truth if water else np.where(truth == NEW, 0, truth).astype(np.uint8)
        snapshot.put(number, f"scene {number}", split, scenes[number].picture, values)


def scores(folder: Path, scenes: Sequence[SampleScene], device: str) -> Scores:
    """IoU of each class of a published network; for the old ones pixels of the new one do not count."""
    loaded = load_checkpoint(folder, device)
    size = len(SCENE_CLASSES) + 1
    whole, old = (torch.zeros((size, size), dtype=torch.int64) for _ in range(2))
    for scene in scenes:
        said = torch.from_numpy(predict(loaded, scene.picture).values)
        truth = torch.from_numpy(scene.truth)
        whole += confusion_matrix(said, truth, size)
        counts = truth != NEW
        old += confusion_matrix(said[counts], truth[counts], size)
    among_all, among_old = class_iou(whole.numpy()), class_iou(old.numpy())
    found = {value: float(among_old[value]) for value in OLD}
    return {**found, NEW: float(among_all[NEW])} if NEW in loaded.spec.class_values else found


def worst_loss(before: Scores, after: Scores) -> float:
    """The largest loss of IoU, in points, of any class that was known before."""
    losses = [iou - after[value] for value, iou in before.items() if value in OLD and iou >= KNOWN_CLASS_IOU]
    return round(100 * max(losses, default=0.0), 2)


def learn(
    folder: Path, base: Path | None, spec: ModelSpec, snapshot: TrainingSnapshot, recipe: Recipe
) -> Path:
    """The folder of the network in use after a round: the new one, or the previous one."""
    snapshot.reconfigure(spec, recipe)
    torch.manual_seed(recipe.seed)
    ended = train(
        load_starting_model(base, spec), spec, snapshot, recipe, run_folder=folder, on_event=lambda _: None,
        warm_start=base is not None, base_digests=trained_label_digests(base) if base else None,
    )  # fmt: skip
    return folder if ended.published or base is None else base


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--rounds", type=int, default=4)
    words.add_argument("--steps", type=int, default=150, help="of a round; the first has three times as many")
    words.add_argument("--labelled", type=int, default=8)
    words.add_argument("--size", type=int, default=160)
    words.add_argument("--threads", type=int, help="one is quicker where other programs want the cores too")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--json", action="store_true")
    asked = words.parse_args()
    kind, device = likely_device(), resolve_device("auto")
    spec = replace(default_spec(kind, OLD), size=asked.size)
    recipe = default_recipe(kind, pretrained=spec.is_pretrained).with_changes(
        {"steps": asked.steps, "seed": asked.seed, "threads": asked.threads}
    )
    teachers = asked.labelled + 2 * asked.rounds
    scenes = [draw_scene(1000 * asked.seed + n, SIZE) for n in range(teachers + JUDGES + SEEN_BY_NOBODY)]
    judges = range(teachers, teachers + JUDGES)
    sides = {"val": [scenes[n] for n in judges], "unseen": scenes[teachers + JUDGES :]}
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        snapshot = TrainingSnapshot.create(place / "snapshot", spec, recipe)
        put(snapshot, range(asked.labelled), scenes, "train", water=False)
        put(snapshot, judges, scenes, "val", water=False)
        # The first round is a longer one: what is known badly cannot be forgotten.
        first = recipe.with_changes({"steps": 3 * asked.steps})
        used = learn(place / "0", None, spec, snapshot, first)
        before = {side: scores(used, some, device) for side, some in sides.items()}
        highest = {side: dict(found) for side, found in before.items()}
        rounds = []
        for number in range(1, asked.rounds + 2):
            last = number > asked.rounds
            if last:
                spec = spec_from_base(spec, (*OLD, NEW), list(range(256)))
                put(snapshot, range(teachers), scenes, "train", water=True)
                put(snapshot, judges, scenes, "val", water=True)
            else:
                new = asked.labelled + 2 * number - 2
                put(snapshot, (new, new + 1), scenes, "train", water=False)
            earlier, used = used, learn(place / str(number), used, spec, snapshot, recipe)
            told: dict[str, object] = {
                "round": "a new class" if last else f"{number}: two more pictures",
                "published": used != earlier,
                "at_step": read_checkpoint_metadata(used)[1]["step"] if used != earlier else None,
            }
            for side, some in sides.items():
                after = scores(used, some, device)
                told[f"{side}_miou_of_old"] = round(float(np.mean([after[value] for value in OLD])), 4)
                told[f"{side}_worst_loss"] = worst_loss(before[side], after)
                told[f"{side}_worst_loss_since_first"] = worst_loss(highest[side], after)
                before[side] = after
                highest[side] = {v: max(highest[side].get(v, 0.0), iou) for v, iou in after.items()}
            if last:
                told["unseen_iou_of_new"] = round(before["unseen"].get(NEW, 0.0), 4)
            rounds.append(told)
    result = {
        "device": device,
        "seed": asked.seed,
        "size": asked.size,
        "steps": asked.steps,
        "worst_loss_on_val": max(float(str(told["val_worst_loss"])) for told in rounds),
        "worst_loss_on_unseen": max(float(str(told["unseen_worst_loss"])) for told in rounds),
        "rounds": rounds,
    }
    print(json.dumps(result, indent=None if asked.json else 1))


if __name__ == "__main__":
    main()
