"""Tests of the rule by which training starts automatically."""

from __future__ import annotations

import json
from pathlib import Path

from core.models.spec import ModelSpec
from core.project.records import RunRecord
from core.session.training.start_rule import MIN_LABELLED_PICTURES, RESTART_AFTER_CHANGED, is_training_due
from tests.factories import label_all, project_in


def test_first_training_needs_pictures_of_two_classes(tmp_path: Path) -> None:
    with project_in(tmp_path, MIN_LABELLED_PICTURES, ("grass", "roof")) as project:
        records = project.pictures.all()
        label_all(project, records[:-1])
        assert not is_training_due(project, None, 0)
        label_all(project, records[-1:])
        assert is_training_due(project, None, 0)


def test_next_training_needs_changed_pictures_or_a_new_class(tmp_path: Path) -> None:
    with project_in(tmp_path, MIN_LABELLED_PICTURES, ("grass", "roof")) as project:
        label_all(project, project.pictures.all())
        values = project.classes.read().values

        def run_with(class_values: tuple[int, ...]) -> RunRecord:
            spec = ModelSpec("asymmetric-unet", None, "none", 64, class_values)
            return project.runs.start(json.dumps(spec.to_json()), "{}", None, 3)

        newest = run_with(values)
        assert not is_training_due(project, newest, RESTART_AFTER_CHANGED - 1)
        assert is_training_due(project, newest, RESTART_AFTER_CHANGED)
        assert is_training_due(project, run_with(values[:1]), 0)
