"""The command evaluate. torch is imported only when it runs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from core.base.number_text import percent_text
from core.base.text import count_of
from core.cli.common_options import DeviceOption, JsonOption, ProjectOption, RunOption, TtaOption
from core.cli.terminal import UsageError, print_result, progress_bar, report_errors
from core.evaluation.run_choice import find_run
from core.evaluation.scored_pictures import labelled_pictures
from core.formats.readers.registry import AUTO, open_dataset
from core.labels.confusion_scores import class_dice, class_iou, class_precision, class_recall
from core.project.project import Project
from core.project.records import Split

if TYPE_CHECKING:
    from core.evaluation.evaluation import Evaluation

WORST_SHOWN = 5


def evaluate_command(
    project: ProjectOption = Path(),
    split: Annotated[Split, typer.Option(help="Evaluate on the pictures of this split.")] = Split.VAL,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Evaluate on this dataset instead; its classes are matched by name."),
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", help="Format of --data: auto, or one of “maskloop formats”.")
    ] = AUTO,
    run: RunOption = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            "--weights",
            metavar="FILE",
            help="Evaluate this exported network instead of a run; its classes are matched by name.",
        ),
    ] = None,
    device: DeviceOption = "auto",
    tta: TtaOption = "none",
    as_json: JsonOption = False,
) -> None:
    """Evaluate a run on labelled pictures. Void and unlabelled pixels do not count."""
    with report_errors(), Project.open_read_only(project) as opened:
        if run is not None and weights is not None:
            raise UsageError("Give --run or --weights, not both.")
        chosen = find_run(opened, run) if weights is None else None
        if data is None:
            labelled_pictures(opened, split)
        dataset = None if data is None else open_dataset(data, format_)

        from core.evaluation.run_score import evaluate_on_dataset, evaluate_split
        from core.evaluation.scored_network import load_run, load_weights_file

        if weights is not None:
            network, name = load_weights_file(opened, weights, device), weights.name
        else:
            assert chosen is not None
            network, name = load_run(opened, chosen, device), f"run {chosen.id}"
        with progress_bar("Evaluating", quiet=as_json) as bar:
            if dataset is None:
                place = split.value
                found = evaluate_split(opened, network, split, bar, tta)
            else:
                place = str(data)
                found = evaluate_on_dataset(opened, network, dataset, bar, tta)
        class_list = opened.classes.read()
        names = [class_list.name_of(value) for value in found.values]
        result = _as_json(found, chosen.id if chosen else str(weights), place, names)
        print_result(result, as_json, _lines(found, name, place, names))


def _as_json(found: Evaluation, run: int | str, place: str, names: list[str]) -> dict[str, Any]:
    """run: its number, or the file of weights; place: the split or dataset."""
    interval = found.miou_interval()
    return {
        "run": run,
        "split": place,
        "pictures": len(found.pictures),
        "labelled_share": found.labelled_share,
        **{name: _finite(score) for name, score in found.mean_scores().items()},
        "miou_interval": list(interval) if interval else None,
        "calibration_error": found.calibration_error(),
        "calibration": [[b.pixels, b.confidence, b.accuracy] for b in found.calibration()],
        "iou_by_region_size": {
            size: {"regions": count, "iou": iou} for size, (count, iou) in found.iou_by_region_size().items()
        },
        "per_class": {
            name: float(iou)
            for name, iou in zip(names, class_iou(found.confusion), strict=True)
            if not np.isnan(iou)
        },
        "class_scores": {
            name: {score: _finite(values[row]) for score, values in _class_scores(found).items()}
            for row, name in enumerate(names)
        },
        "classes": names,
        "confusion": found.confusion[:, :-1].tolist(),
        "predicted_as_deleted_class": found.confusion[:, -1].tolist(),
        "by_picture": {found.paths[number]: miou for number, miou in found.picture_miou().items()},
        "problems": list(found.problems),
        "notes": list(found.notes),
    }


def _class_scores(found: Evaluation) -> dict[str, Any]:
    matrix = found.confusion
    return {
        "iou": class_iou(matrix),
        "dice": class_dice(matrix),
        "precision": class_precision(matrix),
        "recall": class_recall(matrix),
        "boundary_iou": found.boundary_iou(),
    }


def _lines(found: Evaluation, network: str, place: str, names: list[str]) -> list[str]:
    means = found.mean_scores()
    interval = found.miou_interval()
    sure = f" (95 % interval {interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
    lines = [
        f"On {count_of(len(found.pictures), 'picture')} of {place}, {percent_text(found.labelled_share)} of the pixels "
        f"labelled, {network} has mIoU {means['miou']:.3f}{sure} and pixel accuracy {means['pixel_accuracy']:.3f}.",
        f"Dice {means['dice']:.3f}, precision {means['precision']:.3f}, mean accuracy {means['mean_accuracy']:.3f}, "
        f"frequency-weighted IoU {means['frequency_weighted_iou']:.3f}, boundary IoU {_shown(means['boundary_iou'])}, "
        f"calibration error {found.calibration_error():.3f}.",
    ]
    by_class = _class_scores(found)
    lines.append(f"{'':20} {'IoU':>6} {'Dice':>6} {'prec.':>6} {'recall':>6} {'bound.':>6} {'pixels':>11}")
    for row, name in enumerate(names):
        cells = " ".join(f"{_shown(values[row]):>6}" for values in by_class.values())
        lines.append(f"{name[:20]:20} {cells} {int(found.confusion[row].sum()):>11,}")
    sizes = [
        f"{size} {iou:.3f} ({count_of(count, 'region')})"
        for size, (count, iou) in found.iou_by_region_size().items()
    ]
    lines.append(f"IoU by size of region: {', '.join(sizes)}.")
    worst = list(found.picture_miou().items())[:WORST_SHOWN]
    worst_names = [f"{found.paths[number]} {miou:.3f}" for number, miou in worst]
    lines.append(f"Lowest mIoU: {', '.join(worst_names)}.")
    return [*lines, *found.notes, *(f"Left out: {problem}" for problem in found.problems)]


def _shown(score: float) -> str:
    return "–" if math.isnan(score) else f"{score:.3f}"


def _finite(score: float) -> float | None:
    """JSON has no nan."""
    return None if math.isnan(score) else float(score)
