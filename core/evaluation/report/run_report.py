"""What a report shows of a run: its scores on a split, its settings and curves, and its best and worst pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.base.errors import ImageError
from core.evaluation.evaluation import Evaluation
from core.evaluation.report.picture_strip import as_jpeg, picture_strip
from core.evaluation.run_score import evaluate_run, predict_pictures
from core.evaluation.run_settings import differing, run_settings, run_title
from core.images.image_reader import read_picture
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
        run_title(run),
        evaluation,
        tuple(project.runs.measurements(run.id)),
        run_settings(run),
        _scored_pictures(project, run, worst, device),
        _scored_pictures(project, run, best, device),
    )


def differing_settings(reports: Sequence[RunReport]) -> dict[str, list[str]]:
    """By name the value of each run, where they are not all the same; all settings of a single run."""
    return differing([report.settings for report in reports])


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
