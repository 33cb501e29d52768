"""Tests of the rule by which training starts automatically."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from core.models.spec import ModelSpec
from core.project.records import RunRecord
from core.session.training.changed_pictures import ChangedPictures
from core.session.training.start_rule import MIN_LABELLED_PICTURES, StartRule, is_training_due
from tests.factories import label_all, project_in


def test_first_training_needs_pictures_of_two_classes(tmp_path: Path) -> None:
    with project_in(tmp_path, MIN_LABELLED_PICTURES, ("grass", "roof")) as project:
        records = project.pictures.all()
        label_all(project, records[:-1])
        assert not is_training_due(project, None, changes_suffice=False)
        label_all(project, records[-1:])
        assert is_training_due(project, None, changes_suffice=False)


def test_next_training_needs_changed_pictures_or_a_new_class(tmp_path: Path) -> None:
    with project_in(tmp_path, MIN_LABELLED_PICTURES, ("grass", "roof")) as project:
        label_all(project, project.pictures.all())
        values = project.classes.read().values

        def run_with(class_values: tuple[int, ...]) -> RunRecord:
            spec = ModelSpec("asymmetric-unet", None, "none", 64, class_values)
            return project.runs.start(json.dumps(spec.to_json()), "{}", None, 3)

        newest = run_with(values)
        assert not is_training_due(project, newest, changes_suffice=False)
        assert is_training_due(project, newest, changes_suffice=True)
        assert is_training_due(project, run_with(values[:1]), changes_suffice=False)


@pytest.mark.parametrize(
    ("rule", "changed", "seconds"),
    [
        (StartRule(), 0, None),
        (StartRule(), 1, None),
        (StartRule(), 2, 0.0),
        (StartRule(0, 0, 0), 500, None),
        (StartRule(3, 5, 0), 1, 200.0),  # the first change was 100 seconds before the last
        (StartRule(3, 1, 0), 1, 0.0),
        (StartRule(3, 5, 30), 2, 30.0),
        (StartRule(3, 5, 300), 2, 200.0),
        (StartRule(3, 5, 30), 0, None),
    ],
)
def test_what_comes_first_starts_the_next_training(
    rule: StartRule, changed: int, seconds: float | None
) -> None:
    assert rule.seconds_until_due(changed, 1000.0, 1100.0) == seconds


def test_a_rule_is_said_in_words() -> None:
    said = str(StartRule(1, 2.5, 30))
    assert said == "after 1 changed picture or 2.5 min after a change or 30 s after the last change"
    assert str(StartRule(0, 0, 0)) == "when a new class is labelled"


def test_time_alone_makes_a_training_due_and_a_closed_project_waits_for_nothing() -> None:
    due = threading.Event()
    changed = ChangedPictures(StartRule(0, 0, 0.05), due.set)
    changed.add(1)
    assert not changed.suffice
    assert due.wait(10)
    assert changed.suffice
    changed.clear()
    assert not changed.suffice
    changed.set_rule(StartRule(0, 0, 60))
    changed.add(1)
    changed.close()  # a fixture of all tests sees to it that no thread survives
