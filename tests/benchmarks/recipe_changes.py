"""One change of the training recipe at a time: mIoU on unseen pictures after the same number of steps, several seeds.

python -m tests.benchmarks.recipe_changes [--camvid DATA] [--samples SAMPLES] [--on streets 0006R0 scenes tissue ...]
                                          [--changes encoder_rate=1 frozen_norm=no,frozen_levels=0 ...] [--steps 60]
                                          [--seeds 0,1,2] [--every 2] [--threads N] [--json]

`none` is the default recipe; a change is one or several options of `maskloop train`, joined by commas. All rows of a
seed go on from the same fitted head. Steps are counted, not seconds, so that other programs change nothing; what a
step costs is measured by `network_speed`. `first` is the mIoU of that head, `gains` are the differences to `none` in
points, one for each seed, and their mean with a 95 % interval.

streets and 0006R0 are the two hold-outs of CamVid in `recipe`, of which every N-th frame is scored; the other data sets
are those of `transfer`. Features of the frozen encoder are computed once for each data set. Each training is told on
standard error when it ends.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.evaluation.effort_comparison import mean_interval
from core.models.checkpoint import load_starting_model
from core.models.spec import ModelSpec, default_spec
from core.training.data.snapshot import TrainingSnapshot
from core.training.devices import seed_everything
from core.training.events import CheckpointPublished, TrainingEvent
from core.training.loop import train
from core.training.recipe import Recipe, default_recipe, parse_recipe_options
from tests.benchmarks.plain import Pair
from tests.benchmarks.recipe import STREETS, pairs_of, read_classes, scores, snapshot_of, split_frames
from tests.benchmarks.transfer import LOADED, MADE, DataSet

HOLD_OUTS = {"streets": STREETS, "0006R0": "0006R0"}
CHANGES = (
    "encoder_rate=1",
    "learning_rate=0.003",
    "frozen_norm=no",
    "frozen_levels=0",
    "freeze_encoder=0.3",
    "crop=256",
)


def load_camvid(data: Path, hold_out: str, every: int) -> DataSet:
    """The frames of train without those that match `hold_out`, of which every N-th is scored."""
    names, void = read_classes(data)
    asked = argparse.Namespace(data=data, hold_out=hold_out, test=False, frames=None)
    teach, scored = split_frames(asked, void)
    parts = {
        "teach": teach,
        "val": pairs_of(data, "val", void),
        "scored": {f"frame {i}": pair for i, pair in enumerate(scored[::every])},
    }
    return DataSet([names[value] for value in sorted(names)], parts)


def load(name: str, asked: argparse.Namespace) -> DataSet:
    """A data set of this benchmark or of `transfer`."""
    if name in HOLD_OUTS:
        return load_camvid(asked.camvid, HOLD_OUTS[name], asked.every)
    return LOADED[name](asked.samples) if name in LOADED else MADE[name]()


def train_and_score_last(
    spec: ModelSpec,
    recipe: Recipe,
    snapshot: TrainingSnapshot,
    judging: Sequence[Pair],
    names: Mapping[int, str],
    *,
    with_first: bool,
) -> tuple[float, float]:
    """mIoU of the first published checkpoint (0 unless asked for) and of the last one."""
    first = 0.0
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder)

        def listen(event: TrainingEvent) -> None:
            nonlocal first
            if isinstance(event, CheckpointPublished) and with_first and not first:
                first = scores(run, judging, names, "none", recipe.device)["miou"]

        seed_everything(recipe)
        model = load_starting_model(None, spec)
        train(model, spec, snapshot, recipe, run_folder=run, on_event=listen)
        return first, scores(run, judging, names, "none", recipe.device)["miou"]


def changed(recipe: Recipe, options: str) -> Recipe:
    """The recipe with changes such as "encoder_rate=1,frozen_levels=0"."""
    said = dict(each.split("=", 1) for each in options.split(","))
    return recipe.with_changes(dict(parse_recipe_options(said)))


def measure(data: DataSet, asked: argparse.Namespace) -> dict[str, Any]:
    """All changes on one data set."""
    names = dict(enumerate(data.classes, 1))
    spec = default_spec("cpu", tuple(names))
    usual = default_recipe("cpu", pretrained=True).with_changes(
        {"steps": asked.steps, "threads": asked.threads, "device": "cpu"}
    )
    rows = {"none": usual, **{change: changed(usual, change) for change in asked.changes}}
    found: dict[str, list[float]] = {row: [] for row in rows}
    firsts = []
    judging = list(data.parts["scored"].values())
    with tempfile.TemporaryDirectory() as folder:
        snapshot = snapshot_of(Path(folder) / "snapshot", spec, usual, data.parts["teach"], data.parts["val"])
        for seed in asked.seeds:
            for row, recipe in rows.items():
                first, last = train_and_score_last(
                    spec,
                    recipe.with_changes({"seed": seed}),
                    snapshot,
                    judging,
                    names,
                    with_first=row == "none",
                )
                firsts += [first] if row == "none" else []
                found[row].append(last)
                print(f"seed {seed}, {row}: {last:.4f}", file=sys.stderr, flush=True)
    return {
        "pictures": {part: len(pairs) for part, pairs in data.parts.items()},
        "first": firsts,
        "rows": {row: {"miou": values, **gain_over(found["none"], values)} for row, values in found.items()},
    }


def gain_over(usual: Sequence[float], values: Sequence[float]) -> dict[str, Any]:
    """Differences in points, with their mean and its 95 % interval where there are several."""
    gains = [round(100 * (value - before), 2) for before, value in zip(usual, values, strict=True)]
    interval = mean_interval(gains)
    bounds = [interval.mean, interval.low, interval.high] if interval else []
    return {"gains": gains, "mean": [bound if bound is None else round(bound, 2) for bound in bounds]}


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--camvid", type=Path, metavar="DATA")
    words.add_argument(
        "--samples", type=Path, metavar="SAMPLES", help="folder with oxford-pets and dubai-aerial"
    )
    words.add_argument("--on", nargs="+", choices=(*HOLD_OUTS, *LOADED, *MADE), default=list(MADE))
    words.add_argument("--changes", nargs="*", default=list(CHANGES), metavar="OPTION=VALUE,...")
    words.add_argument("--steps", type=int, default=60)
    words.add_argument(
        "--seeds", type=lambda text: [int(each) for each in text.split(",")], default=[0, 1, 2]
    )
    words.add_argument("--every", type=int, default=2)
    words.add_argument("--threads", type=int)
    words.add_argument("--json", action="store_true")
    asked = words.parse_args()
    if not asked.camvid and set(asked.on) & HOLD_OUTS.keys():
        words.error("streets and 0006R0 need --camvid, the folder with the frames.")
    if not asked.samples and set(asked.on) & LOADED.keys():
        words.error("pets and aerial need --samples, the folder with the pictures.")
    for change in asked.changes:
        changed(default_recipe("cpu", pretrained=True), change)  # a wrong one is told at once
    found = {"steps": asked.steps, "seeds": asked.seeds}
    found |= {name: measure(load(name, asked), asked) for name in asked.on}
    print(json.dumps(found, indent=None if asked.json else 1))


if __name__ == "__main__":
    main()
