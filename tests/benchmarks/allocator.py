"""A training step and a prediction with and without `core.base.allocator.keep_freed_memory`, in turns.

python -m tests.benchmarks.allocator [--network hypercolumn] [--encoder E] [--rounds 3] [--steps 7] [--threads 2]
                                     [--json]

Each round starts a process with the option and one without it. A step is forward, loss, backward and optimizer of the
default recipe on a batch of six crops of 352 x 256 pixels with random content; a prediction is the forward pass of one
picture of 480 x 352. Medians over the steps of a process, then over the rounds, in seconds; memory is the largest
resident size of the process. The system must have glibc: elsewhere nothing differs.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch

from core.models import network_builder
from core.models.catalogue import resolve_network
from core.models.spec import ModelSpec
from core.training.losses import segmentation_loss
from core.training.optimizer import FrozenEncoder, make_optimizer
from core.training.recipe import default_recipe

CLASSES = 11


def median_seconds(work: Callable[[], object], times: int) -> float:
    """The first call is not counted."""
    work()
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return round(median(taken), 4)


def measure(asked: argparse.Namespace) -> dict[str, float]:
    """This process: step and prediction in seconds, memory in MB."""
    if asked.without:
        vars(network_builder)["keep_freed_memory"] = lambda: False
    torch.set_num_threads(asked.threads)
    spec = ModelSpec("hypercolumn", None, "none", 480, tuple(range(1, CLASSES + 1)))
    spec = spec.with_network(*resolve_network(asked.network, asked.encoder))
    recipe = default_recipe("cpu", pretrained=spec.is_pretrained)
    model = network_builder.build_network(spec).to(memory_format=torch.channels_last).train()
    frozen = FrozenEncoder(model, 0.0, recipe.frozen_levels, norm=True)
    optimizer = make_optimizer(model, recipe, 1e-3, recipe.encoder_rate)
    frozen.step(0.0)
    pictures = torch.randn(recipe.batch, 3, 256, 352).to(memory_format=torch.channels_last)
    targets = torch.randint(0, CLASSES, (recipe.batch, *pictures.shape[2:]))
    weights, pixel_weights = torch.ones(CLASSES), torch.ones(targets.shape)

    def step() -> None:
        loss = segmentation_loss(model(pictures), targets, recipe.loss, weights, pixel_weights)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    found = {"step": median_seconds(step, asked.steps)}
    model.eval()
    picture = torch.randn(1, 3, 352, 480).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        found["predict"] = median_seconds(lambda: model(picture), asked.steps)
    found["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return found


def compare(words: list[str], rounds: int) -> dict[str, Any]:
    """Medians over the rounds of both, and their ratios."""
    found: dict[str, list[dict[str, float]]] = {"kept": [], "given back": []}
    for _ in range(rounds):
        for name, more in (("kept", []), ("given back", ["--without"])):
            command = [sys.executable, "-m", "tests.benchmarks.allocator", "--one", "--json", *words, *more]
            answer = subprocess.run(command, capture_output=True, text=True, check=True)
            found[name].append(json.loads(answer.stdout))
    medians = {
        name: {key: round(median(each[key] for each in several), 4) for key in several[0]}
        for name, several in found.items()
    }
    kept, given_back = medians["kept"], medians["given back"]
    return {**medians, "ratio": {key: round(given_back[key] / kept[key], 2) for key in kept}}


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--network", default="hypercolumn")
    words.add_argument("--encoder")
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--steps", type=int, default=7)
    words.add_argument("--threads", type=int, default=2)
    words.add_argument("--json", action="store_true")
    words.add_argument("--one", action="store_true", help="measure in this process")
    words.add_argument("--without", action="store_true", help="with --one: freed memory is given back")
    asked = words.parse_args()
    if asked.one:
        found: dict[str, Any] = measure(asked)
    else:
        passed = ["--network", asked.network, "--steps", str(asked.steps), "--threads", str(asked.threads)]
        found = compare(passed + (["--encoder", asked.encoder] if asked.encoder else []), asked.rounds)
    print(json.dumps(found, indent=None if asked.json else 1))


if __name__ == "__main__":
    main()
