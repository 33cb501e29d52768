"""Pictures a second in training: our loop, the same step on prepared tensors, and a plain script.

python -m tests.benchmarks.throughput [--seconds 60] [--network unet] [--encoder resnet34] [--size 256] [--batch 8]
                                      [--weights none|imagenet] [--pictures 64] [--device auto] [--seed 0] [--json]

The same network, optimizer, number format, batch and size for all three. They run in turns (of one step on a CPU, of
a second and a half on a graphics card), so that a busy machine slows all of them, and the median is reported. The
pictures are our own (480 x 360); the plain script reads them as JPEG and PNG through a DataLoader with workers, which
continue reading during the turns of the others, to its advantage. `--network asymmetric-unet` measures our own small
network, where everything outside the network weighs most. With `--weights imagenet` ours and the prepared one train as
the default recipe does: crops, and the finest levels of the encoder frozen.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from core.models.network_builder import build_network
from core.models.spec import WEIGHTS, ModelSpec
from core.samples.scenes import SCENE_CLASSES, draw_scene
from core.training.data.augmentation import make_batch
from core.training.data.snapshot import TrainingSnapshot
from core.training.data.training_set import TrainingSet
from core.training.devices import make_runtime, resolve_device
from core.training.ema import AveragedModel
from core.training.losses import class_weights
from core.training.optimizer import FrozenEncoder, make_optimizer
from core.training.recipe import Recipe, default_recipe
from core.training.train_step import TrainStep

TURN = {"cpu": 0.0, "cuda": 1.5}
"""Seconds of one turn, at least a step. A graphics card runs asynchronously: a single step says little."""


class PlainPictures(torch.utils.data.Dataset[tuple[Tensor, Tensor]]):
    """Files from disk, resized and normalised one by one."""

    def __init__(self, folder: Path, count: int, size: int) -> None:
        self._folder, self._count, self._size = folder, count, size

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        square = (self._size, self._size)
        with Image.open(self._folder / f"{number}.jpg") as file:
            picture = np.asarray(file.convert("RGB").resize(square, Image.Resampling.BILINEAR))
        with Image.open(self._folder / f"{number}.png") as file:
            mask = np.asarray(file.resize(square, Image.Resampling.NEAREST))
        if np.random.rand() < 0.5:
            picture, mask = picture[:, ::-1], mask[:, ::-1]
        tensor = torch.from_numpy(np.array(picture)).permute(2, 0, 1).float()
        return tensor.div(255).sub(0.45).div(0.25), torch.from_numpy(np.array(mask)).long()


def forever(loader: torch.utils.data.DataLoader[Any]) -> Iterator[Any]:
    while True:
        yield from loader


def plain_step(
    folder: Path,
    asked: argparse.Namespace,
    spec: ModelSpec,
    device: torch.device,
    autocast: Callable[[], AbstractContextManager[object]],
) -> Callable[[], object]:
    """One step of a plain script, in the same number format as ours."""
    workers = min(torch.get_num_threads(), 8)
    pictures = PlainPictures(folder, asked.pictures, asked.size)
    loader = torch.utils.data.DataLoader(
        pictures, asked.batch, shuffle=True, num_workers=workers, drop_last=True, persistent_workers=True
    )
    batches = forever(loader)
    torch.manual_seed(asked.seed)
    model = build_network(spec).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)

    def step() -> object:
        picture, target = (part.to(device) for part in next(batches))
        optimizer.zero_grad()
        with autocast():
            logits = model(picture)
        if logits.shape[2:] != target.shape[1:]:
            logits = F.interpolate(logits, target.shape[1:], mode="bilinear", align_corners=False)
        loss = F.cross_entropy(logits.float(), target)
        soft, truth = logits.float().softmax(1), F.one_hot(target, logits.shape[1]).permute(0, 3, 1, 2)
        hit = (soft * truth).sum((0, 2, 3))
        loss = loss + 1 - (2 * hit / (soft.sum((0, 2, 3)) + truth.sum((0, 2, 3)) + 1)).mean()
        loss.backward()
        optimizer.step()
        return loss

    return step


def our_steps(
    folder: Path, asked: argparse.Namespace, spec: ModelSpec, recipe: Recipe
) -> tuple[Callable[[], object], Callable[[], object], Any]:
    """A step of our loop, the same step on a prepared batch, and our runtime."""
    snapshot = TrainingSnapshot.create(folder / "snapshot", spec, recipe)
    for number in range(asked.pictures):
        picture = np.asarray(Image.open(folder / f"{number}.jpg"))
        mask = np.asarray(Image.open(folder / f"{number}.png")) + 1
        square = (asked.size, asked.size)
        snapshot.put(
            number, f"{number}", "train", cv2.resize(picture, square),
            cv2.resize(mask.astype(np.uint8), square, interpolation=cv2.INTER_NEAREST),
        )  # fmt: skip
    runtime = make_runtime(recipe)
    pictures = TrainingSet(snapshot, spec, recipe, runtime.device)
    weights = torch.from_numpy(class_weights(pictures.class_pixel_counts(), recipe.class_weights)).to(
        runtime.device
    )
    chance = torch.Generator().manual_seed(asked.seed)

    def learner() -> tuple[TrainStep, AveragedModel]:
        torch.manual_seed(asked.seed)
        model = build_network(spec).to(device=runtime.device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        averaged = AveragedModel(model, recipe.ema)
        levels = recipe.frozen_levels if spec.is_pretrained else 0
        FrozenEncoder(model, 0.0, levels, norm=spec.is_pretrained and recipe.frozen_norm).step(0.0)
        rate = recipe.encoder_rate if spec.is_pretrained else 1.0
        wrapped, optimizer = runtime.setup(model, make_optimizer(model, recipe, 1e-3, rate))
        return TrainStep(runtime, wrapped, optimizer, recipe, print), averaged

    ours, our_average = learner()
    other, other_average = learner()
    ready = make_batch(pictures.sample(asked.batch), pictures.crop_size, recipe, chance, pictures.statistics)

    def step() -> object:
        loss = ours.step(pictures, weights)
        our_average.update()
        return loss

    def step_on_ready() -> object:
        loss = other.step_on_batch(ready, weights)
        other_average.update()
        return loss

    return step, step_on_ready, runtime


def measured(
    steps: dict[str, Callable[[], object]], batch: int, seconds: float, turn: float, wait: Callable[[], None]
) -> dict[str, list[float]]:
    """Pictures a second of each, for each turn."""
    for step in steps.values():
        step()
        step()
    rates: dict[str, list[float]] = {name: [] for name in steps}
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends or not all(rates.values()):
        for name, step in steps.items():
            wait()
            began, done = time.perf_counter(), 0
            while not done or time.perf_counter() - began < turn:
                step()
                done += 1
            wait()
            rates[name].append(done * batch / (time.perf_counter() - began))
    return rates


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--seconds", type=float, default=60.0)
    words.add_argument("--network", default="unet")
    words.add_argument("--encoder", default="resnet34")
    words.add_argument("--weights", choices=WEIGHTS, default="none")
    words.add_argument("--size", type=int, default=256)
    words.add_argument("--batch", type=int, default=8)
    words.add_argument("--pictures", type=int, default=64)
    words.add_argument("--device", default="auto")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--json", action="store_true")
    asked = words.parse_args()
    asked.pictures = max(asked.pictures, asked.batch)
    classes = tuple(range(1, len(SCENE_CLASSES) + 1))
    encoder = None if asked.network == "asymmetric-unet" else asked.encoder
    spec = ModelSpec(asked.network, encoder, asked.weights, asked.size, classes)
    kind = "cuda" if resolve_device(asked.device).startswith("cuda") else "cpu"
    usual = default_recipe(kind, pretrained=True) if spec.is_pretrained else Recipe()
    recipe = usual.with_changes(
        {"steps": 1, "batch": asked.batch, "device": asked.device, "seed": asked.seed}
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for number in range(asked.pictures):
            scene = draw_scene(number)
            picture, truth = (
                cv2.resize(part, (480, 360), interpolation=cv2.INTER_NEAREST) for part in (scene.picture, scene.truth)
            )  # fmt: skip
            Image.fromarray(picture).save(folder / f"{number}.jpg", quality=92)
            Image.fromarray(np.maximum(truth, 1) - np.uint8(1)).save(folder / f"{number}.png")
        step, step_on_ready, runtime = our_steps(folder, asked, spec, recipe)
        steps = {
            "ours_img_per_s": step,
            "ready_tensor_img_per_s": step_on_ready,
            "plain_smp_img_per_s": plain_step(folder, asked, spec, runtime.device, runtime.autocast),
        }
        on_card = resolve_device(asked.device).startswith("cuda")
        wait = torch.cuda.synchronize if on_card else (lambda: None)
        turn = TURN["cuda" if on_card else "cpu"]
        rates = measured(steps, asked.batch, asked.seconds, turn, wait)
    name = torch.cuda.get_device_name(runtime.device) if on_card else "cpu"
    pairs = zip(rates["ours_img_per_s"], rates["ready_tensor_img_per_s"], strict=False)
    result = {
        "device": str(runtime.device),
        "name": name,
        **{name: round(statistics.median(some), 2) for name, some in rates.items()},
        "ours_to_ready": round(statistics.median(ours / ready for ours, ready in pairs), 3),
        "network": asked.network,
        "size": asked.size,
        "batch": asked.batch,
        "turns": min(map(len, rates.values())),
    }
    print(json.dumps(result, indent=None if asked.json else 1))


if __name__ == "__main__":
    main()
