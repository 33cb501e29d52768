"""What a report shows of a run: its scores on a split, its settings and curves, and its best and worst pictures."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from core.base.errors import ImageError
from core.evaluation.evaluation import Evaluation
from core.evaluation.report.picture_strip import as_jpeg, picture_strip
from core.evaluation.run_score import evaluate_run, predict_pictures
from core.images.image_reader import read_picture
from core.models.catalogue import architecture_title
from core.project.project import Project, run_class_mapping
from core.project.records import Measurement, RunRecord, Split

WORST_PICTURES, BEST_PICTURES = 8, 4


@dataclass(frozen=True, slots=True)
class ScoredPicture:
    """miou: of this picture alone; strip: JPEG of input, label, prediction and difference."""

    path: str
    miou: float
    strip: bytes


@dataclass(frozen=True, slots=True)
class RunReport:
    """settings: network and recipe, as text by name; pictures: those with the lowest mean IoU, then the highest."""

    run: RunRecord
    title: str
    evaluation: Evaluation
    measurements: tuple[Measurement, ...]
    settings: dict[str, str]
    worst: tuple[ScoredPicture, ...]
    best: tuple[ScoredPicture, ...]

    @property
    def seconds(self) -> float:
        """Duration of the training."""
        return max((point.seconds for point in self.measurements), default=0.0)


def report_run(
    project: Project,
    run: RunRecord,
    split: Split,
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> RunReport:
    """Evaluate a run and gather what the page shows. Raises ModelError as `evaluate_run`."""
    evaluation = evaluate_run(project, run, split, device, progress)
    ranked = list(evaluation.picture_miou().items())
    worst = ranked[:WORST_PICTURES]
    best = ranked[len(worst) :][-BEST_PICTURES:][::-1]
    return RunReport(
        run,
        _title(run),
        evaluation,
        tuple(project.runs.measurements(run.id)),
        _settings(run),
        _scored_pictures(project, run, worst, device),
        _scored_pictures(project, run, best, device),
    )


def differing_settings(reports: Sequence[RunReport]) -> dict[str, list[str]]:
    """By name the value of each run, where they are not all the same; all settings of a single run."""
    names = {name: None for report in reports for name in report.settings}
    rows = {name: [report.settings.get(name, "–") for report in reports] for name in names}
    if len(reports) == 1:
        return rows
    return {name: values for name, values in rows.items() if len(set(values)) > 1}


def _scored_pictures(
    project: Project, run: RunRecord, chosen: Sequence[tuple[int, float]], device: str
) -> tuple[ScoredPicture, ...]:
    if not chosen:
        return ()
    classes, table = project.classes.read(), run_class_mapping(project, run.id)
    records = [project.pictures.get(number) for number, _ in chosen]
    found = []
    for (record, mask), (_, miou) in zip(
        predict_pictures(project, run, records, device), chosen, strict=True
    ):
        if isinstance(mask, ImageError):
            continue
        height, width = mask.values.shape
        label = project.labels.read(record.id, width, height)
        picture = read_picture(project.picture_path(record.path))
        strip = picture_strip(picture, label, mask.remapped(table).values, classes)
        found.append(ScoredPicture(record.path, miou, as_jpeg(strip)))
    return tuple(found)


def _title(run: RunRecord) -> str:
    model = _parsed(run.model)
    if "architecture" not in model:
        return "a network"
    return architecture_title(model["architecture"], model.get("encoder"))


def _settings(run: RunRecord) -> dict[str, str]:
    merged = {**_parsed(run.model), **_parsed(run.recipe)}
    return {
        name.replace("_", " "): _text(value)
        for name, value in merged.items()
        if name != "class_values" and value not in ("", [], {})
    }


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " to ".join(_text(each) for each in value)
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
