"""Which run a command works with."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.base.errors import ModelError
from core.evaluation.run_choice import find_run
from core.models.spec import WEIGHTS_FILE
from core.project.project import Project
from tests.factories import MODEL, project_in


def run_with_weights(project: Project) -> int:
    run = project.runs.start(MODEL, "{}", None, 3)
    project.run_folder(run.id).mkdir(parents=True)
    (project.run_folder(run.id) / WEIGHTS_FILE).write_bytes(b"weights")
    project.runs.update(run.id, published=1)
    return run.id


def test_best_is_the_network_in_use_and_newest_the_last_with_weights(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        first, second = run_with_weights(project), run_with_weights(project)
        assert find_run(project).id == second, "in projects of earlier versions"
        project.runs.use(first)
        without_weights = project.runs.start(MODEL, "{}", None, 3).id
        assert [find_run(project, which).id for which in (None, "best", "newest", str(second))] == [
            first, first, second, second,
        ]  # fmt: skip
        with pytest.raises(ModelError, match=f"Run {without_weights} has no weights"):
            find_run(project, without_weights)
        with pytest.raises(ModelError, match="no run 99"):
            find_run(project, "99")
        (project.run_folder(first) / WEIGHTS_FILE).unlink()
        with pytest.raises(ModelError, match=f"weights of run {first} are gone"):
            find_run(project)


def test_without_any_weights_training_is_asked_for(tmp_path: Path) -> None:
    with project_in(tmp_path) as project, pytest.raises(ModelError, match="no trained weights yet"):
        find_run(project)


def test_a_choice_that_lost_its_weights_or_is_damaged_falls_back_to_the_newest(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        run = run_with_weights(project)
        for stored in ("77", "none", "-1", "9" * 40):
            project.set_fact("network_in_use", stored)
            assert find_run(project).id == run
