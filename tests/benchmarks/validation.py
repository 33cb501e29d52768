"""Cost of scoring at the picture's own size: `python -m tests.benchmarks.validation [--width 4000] [--height 3000]`.

A network of the default kind, with random weights, is scored on `pictures` val pictures with labels of `classes`
classes. `network_ms`: a picture without scoring; `scaled_ms`: scored on the label scaled to the network's input;
`own_ms`: scored at its own size; `read_ms`: reading the own-size label, once while it fits into memory; `regions_ms`:
looking for small regions when a picture joins the snapshot. Processor time of one thread.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import cv2
import numpy as np
import torch

from core.models.network_builder import build_network
from core.models.spec import ModelSpec, default_spec
from core.training.data.small_regions import regions_of
from core.training.data.snapshot import TrainingSnapshot
from core.training.data.training_set import TrainingSet
from core.training.devices import make_runtime
from core.training.distributed import ProcessGroup
from core.training.recipe import Recipe
from core.training.scoring.metrics import confusion_matrix
from core.training.scoring.own_size import own_size_confusion
from core.training.scoring.validation import validate


def spent_ms(work: Callable[[], object], times: int = 3) -> float:
    """The shortest processor time of `times` runs."""
    found = []
    for _ in range(times):
        started = time.process_time()
        work()
        found.append(1000 * (time.process_time() - started))
    return round(min(found), 1)


def example(width: int, height: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A noisy picture and a label of large areas with wavy borders."""
    rng = np.random.default_rng(seed)
    areas = cv2.resize(
        rng.random((classes, 6, 8)).transpose(1, 2, 0), (480, 360), interpolation=cv2.INTER_CUBIC
    )
    values = (np.argmax(areas, 2) + 1).astype(np.uint8)
    values = cv2.resize(values, (width, height), interpolation=cv2.INTER_NEAREST)
    picture = np.repeat((values * (200 // classes))[..., None], 3, 2)
    return cv2.add(picture, rng.integers(0, 40, picture.shape, np.uint8)), values


def measure(folder: Path, width: int, height: int, classes: int, pictures: int) -> dict[str, float]:
    spec: ModelSpec = default_spec("cpu", tuple(range(1, classes + 1)))
    recipe = Recipe(device="cpu", threads=1)
    group = ProcessGroup(make_runtime(recipe))
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    snapshot = TrainingSnapshot.create(folder, spec, recipe)
    for number in range(pictures + 1):
        picture, values = example(width, height, classes, number)
        snapshot.put(number, f"{number}.png", "val" if number else "train", picture, values)
    chosen = TrainingSet(snapshot, spec, recipe, torch.device("cpu"))
    examples = [one for batch in chosen.evaluation_batches("val") for one in batch]
    model = build_network(spec).eval()
    with torch.no_grad():
        batch = torch.zeros(1, 3, *(-(-side // 32) * 32 for side in examples[0].target.shape))
        logits = model(batch)[0, :, : examples[0].target.shape[0], : examples[0].target.shape[1]]
        smooth = torch.from_numpy(
            np.stack(
                [
                    cv2.GaussianBlur((examples[0].target_array == c).astype(np.float32), (0, 0), 3)
                    for c in range(classes)
                ]
            )
        )
        assert smooth.shape == logits.shape
        network = spent_ms(lambda: model(batch))
        scaled = spent_ms(lambda: confusion_matrix(smooth.argmax(0), examples[0].target, classes))
        own = spent_ms(lambda: own_size_confusion(smooth, examples[0].truth, classes))
        whole = spent_ms(
            lambda: validate(
                model, chosen, split="val", autocast=nullcontext, should_abort=lambda: False, group=group
            ),
            1,
        )
    entry = examples[0].entry
    return {
        "megapixels": round(width * height / 1e6, 2),
        "network_ms": network,
        "scaled_ms": scaled,
        "own_ms": own,
        "read_ms": spent_ms(lambda: snapshot.read_truth(entry)),
        "regions_ms": spent_ms(lambda: regions_of(values)),
        "evaluation_ms_a_picture": round(whole / pictures, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--width", type=int, default=4000)
    parser.add_argument("--height", type=int, default=3000)
    parser.add_argument("--classes", type=int, default=11)
    parser.add_argument("--pictures", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        found = measure(Path(scratch), options.width, options.height, options.classes, options.pictures)
    print(
        json.dumps(found) if options.json else "\n".join(f"{name} {value}" for name, value in found.items())
    )


if __name__ == "__main__":
    main()
