"""What correcting a network's predictions takes, as a share of the time from blank, for several annotators.

python -m tests.benchmarks.corrections CAMVID [--hold-out REGEX] [--frames N] [--minutes 5] [--pictures 8]
                                              [--least-errors 1,32] [--seed 0] [--json]

The default network is trained for `--minutes` on the frames of train that do not match `--hold-out` (`--frames` of
them, evenly spread), and predicts `--pictures` of those that match. For each prediction the simulated annotator plans
what it would do to correct it and to paint the same label from blank (docs/simulation.md); nothing is carried out, so
no order and no further training is part of the result. By set of tools, and by the smallest error that is corrected:

share: of the time from blank; where painting is quicker, it is painted; blank_s, corrections_s: seconds a picture
edits, blank_edits: a picture; right, blank_right: share of the pixels of known truth that have it in the end
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.annotator.planned_edit import (
    ALL_TOOLS,
    BRUSH_ALONE,
    AnnotationTool,
    PlannedEdit,
    label_after,
    seconds_of,
)
from core.evaluation.annotator.superpixel_drags import Segments
from core.evaluation.annotator.time_model import AnnotatorModel
from core.evaluation.annotator.tool_choice import plan_corrections, plan_edits
from core.labels.class_list import VOID
from core.labels.label_map import LabelMap, blank_values
from core.labels.prediction import PredictedMask
from core.labels.uncertain_regions import UncertainRegion, find_uncertainty
from core.models.checkpoint import LoadedModel, load_checkpoint, load_starting_model
from core.models.inference import predict
from core.models.spec import default_spec
from core.tools.smart.superpixel_grid import segments_of
from core.tools.tool_options import ToolOptions
from core.training.devices import seed_everything
from core.training.loop import train
from core.training.recipe import default_recipe
from tests.benchmarks.plain import Pair
from tests.benchmarks.recipe import STREETS, pairs_of, pick_evenly, read_classes, snapshot_of, split_frames

TOOLS = {
    "all": ALL_TOOLS,
    "without superpixels and verdicts": frozenset(
        {AnnotationTool.BRUSH, AnnotationTool.POLYGON, AnnotationTool.FILL}
    ),
    "brush": BRUSH_ALONE,
}


def train_network(asked: argparse.Namespace, frames: dict[str, Pair], void: int, classes: int) -> LoadedModel:
    """The default network after `--minutes` with the default recipe."""
    spec = default_spec("cpu", tuple(range(1, classes + 1)))
    recipe = default_recipe("cpu", pretrained=spec.is_pretrained).with_changes(
        {"minutes": asked.minutes, "seed": asked.seed, "device": "cpu"}
    )
    with tempfile.TemporaryDirectory() as scratch:
        here = Path(scratch)
        snapshot = snapshot_of(here / "snapshot", spec, recipe, frames, pairs_of(asked.data, "val", void))
        seed_everything(recipe)
        start = load_starting_model(None, spec)
        train(start, spec, snapshot, recipe, run_folder=here / "run", on_event=lambda _: None)
        return load_checkpoint(here / "run", "cpu")


def right_share(start: NDArray[np.uint8], edits: Sequence[PlannedEdit], truth: NDArray[np.uint8]) -> float:
    """Share of the pixels of known truth that have it after the edits."""
    return float((label_after(start, edits) == truth)[truth > 0].mean())


@dataclass(frozen=True, slots=True, eq=False)
class ShownPicture:
    """What the annotator sees. truth: (H, W) uint8, of which unlabelled pixels do not count"""

    prediction: PredictedMask
    truth: NDArray[np.uint8]
    segments: Segments
    regions: tuple[UncertainRegion, ...]

    @classmethod
    def of(cls, network: LoadedModel, picture: NDArray[np.uint8], label: NDArray[np.uint8]) -> ShownPicture:
        truth = np.where(label == VOID, 0, label).astype(np.uint8)
        prediction = predict(network, picture)
        blank = LabelMap.blank(truth.shape[1], truth.shape[0]).snapshot()
        segments = segments_of(picture, ToolOptions().segment_size)
        return cls(prediction, truth, segments, find_uncertainty(prediction, blank).regions)


def measure(shown: Sequence[ShownPicture], tools: str, annotator: AnnotatorModel) -> dict[str, Any]:
    rows = []
    for each in shown:
        prediction, truth = each.prediction.values, each.truth
        nothing = blank_values(truth.shape[1], truth.shape[0])
        blank = list(plan_edits(nothing, truth, annotator, TOOLS[tools], each.segments))
        corrections = plan_corrections(
            prediction, truth, annotator, TOOLS[tools], each.segments, each.regions
        )
        blank_seconds = seconds_of(blank) + annotator.finish_seconds(accepts=False)
        seconds = seconds_of(corrections) + annotator.finish_seconds(accepts=True)
        ends = right_share(prediction, corrections, truth), right_share(nothing, blank, truth)
        rows.append(
            (blank_seconds, seconds, min(seconds, blank_seconds), len(corrections), len(blank), *ends)
        )
    blank_s, corrections_s, taken, edits, blank_edits, right, blank_right = (
        fmean(column) for column in zip(*rows, strict=True)
    )
    return {
        "tools": tools,
        "least_error": annotator.least_error,
        "share": round(taken / blank_s, 3),
        "blank_s": round(blank_s, 1),
        "corrections_s": round(corrections_s, 1),
        "edits": round(edits),
        "blank_edits": round(blank_edits),
        "right": round(right, 4),
        "blank_right": round(blank_right, 4),
    }


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("data", type=Path, metavar="CAMVID")
    words.add_argument("--hold-out", default=STREETS)
    words.add_argument("--frames", type=int)
    words.add_argument("--minutes", type=float, default=5.0)
    words.add_argument("--pictures", type=int, default=8)
    words.add_argument("--least-errors", default="1,32")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--json", action="store_true")
    words.set_defaults(test=False)
    asked = words.parse_args()
    names, void = read_classes(asked.data)
    frames, held_out = split_frames(asked, void)
    network = train_network(asked, frames, void, len(names))
    pairs = pick_evenly({str(number): pair for number, pair in enumerate(held_out)}, asked.pictures)
    shown = [ShownPicture.of(network, picture, label) for picture, label in pairs.values()]
    found = {
        "frames": len(frames),
        "pictures": len(shown),
        "annotators": [
            measure(shown, tools, replace(AnnotatorModel(), least_error=int(least)))
            for least in asked.least_errors.split(",")
            for tools in TOOLS
        ],
    }
    print(json.dumps(found, indent=None if asked.json else 1))


if __name__ == "__main__":
    main()
