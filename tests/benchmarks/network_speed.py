"""Pictures a second of each candidate for the default network, in training and in prediction, at three sizes.

python -m tests.benchmarks.network_speed [--networks NETWORK+ENCODER[@LEVELS] ...] [--sizes 256 352 480]
                                         [--batch 6] [--steps 3] [--threads 2] [--json]

A training step is forward, loss, backward and optimizer of the default recipe, with its frozen levels, on random
pictures of 4 : 3; a prediction is the forward pass of one picture. The candidates run in turns, so that a busy machine
slows all of them; medians over `--steps` turns. `memory_mb` is what the process has grown to with all of them; for one
network alone, name only that one. `@N` after a network freezes so many levels instead of the default.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch
from torch import nn

from core.models.catalogue import resolve_network
from core.models.network_builder import build_network
from core.models.spec import ModelSpec, round_up_to_stride
from core.training.losses import segmentation_loss
from core.training.optimizer import FrozenEncoder, make_optimizer
from core.training.recipe import default_recipe

CLASSES = 11
LITE0, LITE2 = "tu-tf_efficientnet_lite0", "tu-tf_efficientnet_lite2"
CANDIDATES = (
    f"hypercolumn+{LITE0}", f"hypercolumn+{LITE2}", f"fpn+{LITE0}", f"unet+{LITE0}", f"deeplabv3plus+{LITE0}",
    "asymmetric-unet",
)  # fmt: skip


@dataclass(slots=True)
class Candidate:
    """A network that is trained and predicts in turns with others."""

    name: str
    model: nn.Module
    optimizer: torch.optim.Optimizer
    loss: str

    @classmethod
    def build(cls, name: str) -> Candidate:
        network, _, chosen_levels = name.partition("@")
        architecture, _, encoder = network.partition("+")
        spec = ModelSpec("hypercolumn", None, "none", 480, tuple(range(1, CLASSES + 1)))
        spec = spec.with_network(*resolve_network(architecture, encoder or None))
        recipe = default_recipe("cpu", pretrained=spec.is_pretrained)
        model = build_network(spec).to(memory_format=torch.channels_last).train()
        levels = int(chosen_levels or recipe.frozen_levels) if spec.is_pretrained else 0
        frozen = FrozenEncoder(model, 0.0, levels, norm=spec.is_pretrained)
        optimizer = make_optimizer(model, recipe, 1e-4, recipe.encoder_rate if spec.is_pretrained else 1.0)
        frozen.step(0.0)
        return cls(name, model, optimizer, recipe.loss)

    def step(self, pictures: torch.Tensor, targets: torch.Tensor) -> None:
        """One training step."""
        weights, pixel_weights = torch.ones(CLASSES), torch.ones(targets.shape)
        loss = segmentation_loss(self.model(pictures), targets, self.loss, weights, pixel_weights)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    @torch.inference_mode()
    def predict(self, picture: torch.Tensor) -> None:
        """The forward pass of one picture."""
        modes = [(module, module.training) for module in self.model.modules()]
        self.model.eval()(picture)
        for module, mode in modes:
            module.training = mode


def seconds_of(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure(candidates: list[Candidate], size: int, batch: int, steps: int) -> dict[str, dict[str, float]]:
    """Pictures a second of each, the first turn not counted."""
    shape = (round_up_to_stride(size * 3 // 4), size)
    pictures = torch.randn(batch, 3, *shape).to(memory_format=torch.channels_last)
    targets = torch.randint(0, CLASSES, (batch, *shape))
    trained: dict[str, list[float]] = {each.name: [] for each in candidates}
    predicted: dict[str, list[float]] = {each.name: [] for each in candidates}
    for turn in range(steps + 1):
        for each in candidates:
            step = seconds_of(lambda each=each: each.step(pictures, targets))  # type: ignore[misc]
            once = seconds_of(lambda each=each: each.predict(pictures[:1]))  # type: ignore[misc]
            if turn:
                trained[each.name].append(batch / step)
                predicted[each.name].append(1 / once)
    return {
        each.name: {
            "train": round(median(trained[each.name]), 2),
            "predict": round(median(predicted[each.name]), 2),
        }
        for each in candidates
    }


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--networks", nargs="+", default=list(CANDIDATES), metavar="NETWORK+ENCODER[@LEVELS]")
    words.add_argument("--sizes", nargs="+", type=int, default=[256, 352, 480])
    words.add_argument("--batch", type=int, default=6)
    words.add_argument("--steps", type=int, default=3)
    words.add_argument("--threads", type=int, default=2)
    words.add_argument("--json", action="store_true")
    asked = words.parse_args()
    torch.set_num_threads(asked.threads)
    candidates = [Candidate.build(name) for name in asked.networks]
    found: dict[str, object] = {
        str(size): measure(candidates, size, asked.batch, asked.steps) for size in asked.sizes
    }
    found["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(found, indent=None if asked.json else 1))


if __name__ == "__main__":
    main()
