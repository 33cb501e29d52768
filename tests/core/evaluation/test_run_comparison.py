"""Runs beside each other, with a real project."""

from __future__ import annotations

from pathlib import Path

from core.evaluation.run_comparison import kept_class_iou
from core.project.records import Measurement
from tests.factories import MODEL, project_in


def test_scores_of_classes_that_were_merged_are_left_out(tmp_path: Path) -> None:
    with project_in(tmp_path, classes=("grass", "roof", "road")) as project:
        run = project.runs.start(MODEL, "{}", None, 1)
        scores = [("miou", None, 0.6), ("iou", 1, 0.4), ("iou", 2, 0.8), ("iou", 3, 0.7)]
        project.runs.add_measurements(
            Measurement(run.id, name, value, 5, 1.0, 3, score) for name, value, score in scores
        )
        project.runs.update(run.id, best_miou=0.6)
        record = project.runs.get(run.id)
        assert kept_class_iou(project, record) == {1: 0.4, 2: 0.8, 3: 0.7}
        project.classes.change_value(3, 9)
        project.classes.merge(1, 2)
        assert kept_class_iou(project, record) == {9: 0.7}
        project.journal.undo(None)
        assert kept_class_iou(project, record) == {1: 0.4, 2: 0.8, 9: 0.7}
