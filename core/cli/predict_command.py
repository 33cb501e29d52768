"""The command predict. torch is imported only when it runs."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from core.base.errors import ImageError
from core.base.text import count_of
from core.cli.common_options import (
    DeviceOption,
    DevicesOption,
    JsonOption,
    NodesOption,
    ProjectOption,
    RunOption,
    TtaOption,
    open_existing,
    scale_batch,
)
from core.cli.distributed_tasks import PredictionTask, run_distributed_prediction, run_follower
from core.cli.terminal import UsageError, print_result, progress_bar, report_errors
from core.evaluation.report.strip_files import check_strip_folder, write_strips
from core.evaluation.run_choice import find_run
from core.project.project import Project
from core.project.records import PictureRecord, Split
from core.training.device_probe import likely_device
from core.training.distributed_config import DistributedConfig
from core.training.recipe import Recipe, default_recipe


def predict_command(
    project: ProjectOption = Path(),
    run: RunOption = None,
    images: Annotated[
        str, typer.Option(help="Which pictures: unlabelled, all, train, val or test.")
    ] = "unlabelled",
    device: DeviceOption = "auto",
    tta: TtaOption = "none",
    strips: Annotated[
        Path | None,
        typer.Option(
            "--strips",
            help="Also write JPEGs of each picture beside its label, its prediction and the difference to this folder.",
        ),
    ] = None,
    devices: DevicesOption = 1,
    nodes: NodesOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Predict pictures and store the predictions in the project."""
    distribution = DistributedConfig.resolve(devices, nodes, "auto")

    def recipe() -> Recipe:
        return scale_batch(replace(default_recipe(likely_device(device)), device=device), distribution)

    if distribution.is_follower():
        run_follower(recipe, distribution)
    with report_errors(), open_existing(project, "maskloop predict") as opened:
        from core.evaluation.run_score import labelled_size

        if strips is not None:
            check_strip_folder(strips, opened.home)
        chosen = find_run(opened, run)
        records, problems = _readable(opened, _chosen(opened, images))
        began = time.perf_counter()
        confidence: list[float] = []
        predicted: list[PictureRecord] = []
        with progress_bar("Predicting", quiet=as_json) as bar:

            def on_result(number: int, result: float | str) -> None:
                if isinstance(result, str):
                    problems.append(result)
                else:
                    opened.runs.record_prediction(records[number].id, chosen.id, result)
                    confidence.append(result)
                    predicted.append(records[number])
                bar(number + 1, len(records))

            items = [
                (opened.picture_path(r.path), opened.prediction_path(r.id), labelled_size(r)) for r in records
            ]
            task = PredictionTask(opened.run_folder(chosen.id), items, chosen.id, tta)
            run_distributed_prediction(task, recipe(), distribution, on_result)
        seconds = time.perf_counter() - began
        if strips is not None:
            with progress_bar("Writing strips", quiet=as_json) as bar:
                write_strips(opened, chosen, predicted, strips, bar)
        mean = sum(confidence) / len(confidence) if confidence else 0.0
        result = {
            "run": chosen.id,
            "pictures": len(confidence),
            "mean_confidence": mean,
            "seconds": round(seconds, 2),
            "problems": problems,
        }
        pictures = count_of(len(confidence), "picture")
        lines = [f"Run {chosen.id} predicted {pictures} in {seconds:.1f} s."]
        print_result(result, as_json, lines + [f"Left out: {problem}" for problem in problems])


def _readable(project: Project, records: list[PictureRecord]) -> tuple[list[PictureRecord], list[str]]:
    """The pictures that may be read, and a sentence for each that may not."""
    readable, problems = [], []
    for record in records:
        try:
            project.picture_path(record.path)
            readable.append(record)
        except ImageError as refused:
            problems.append(str(refused))
    return readable, problems


def _chosen(project: Project, images: str) -> list[PictureRecord]:
    records = [r for r in project.pictures.all() if r.problem is None]
    if images == "all":
        return records
    if images == "unlabelled":
        return [r for r in records if not r.is_labelled]
    if images in tuple(Split):
        return [r for r in records if r.split == images]
    raise UsageError("--images takes unlabelled, all, train, val or test.")
