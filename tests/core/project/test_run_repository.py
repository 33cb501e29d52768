"""Notes, stars, tags and labels of runs, and runs whose files are deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.base.errors import ProjectError
from core.project.project import Project
from core.project.records import Split
from core.project.run_labels import LabelTotals, RunLabels, RunPicture
from core.project.run_repository import MAX_NOTE, MAX_TAG
from tests.factories import MODEL, label_all, project_in


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with project_in(tmp_path) as opened:
        yield opened


def test_note_star_and_tags_are_kept(project: Project, tmp_path: Path) -> None:
    first, second = (project.runs.start(MODEL, "{}", None, 1).id for _ in range(2))
    project.runs.set_note(first, "  lower\trate\n\x1b[31m helps ")
    project.runs.set_starred([first, second], True)
    project.runs.set_starred([second], False)
    project.runs.set_tags(first, ["paper", " paper ", "", "b" * 200, "a"])
    project.close()
    with Project.open_read_only(tmp_path) as read:
        kept, other = read.runs.get(first), read.runs.get(second)
        assert kept.note == "lower rate [31m helps"
        assert (kept.is_starred, other.is_starred) == (True, False)
        assert kept.tags == ("a", "b" * MAX_TAG, "paper")
        assert {run.id: run.tags for run in read.runs.all()} == {first: kept.tags, second: ()}
    with Project.open(tmp_path) as again:
        again.runs.set_tags(first, [])
        again.runs.set_note(first, "x" * 5000)
        assert again.runs.get(first).tags == ()
        assert len(again.runs.get(first).note) == MAX_NOTE


def test_labels_of_a_run_are_exactly_those_it_was_given(project: Project) -> None:
    label_all(project, project.pictures.all()[:2])
    project.pictures.set_split([1], Split.TRAIN)
    project.pictures.set_split([2], Split.VAL)
    run, old = (project.runs.start(MODEL, "{}", None, 2).id for _ in range(2))
    project.runs.set_labels(run, RunLabels.of(project.pictures.labelled()))
    found = project.runs.labels(run)
    assert found is not None
    assert found.pictures == (RunPicture(1, Split.TRAIN, 96 * 64), RunPicture(2, Split.VAL, 96 * 64))
    assert project.runs.labels(old) is None
    project.runs.set_labels(run, RunLabels((RunPicture(3, Split.TRAIN, 7),)))
    assert project.runs.label_totals() == {run: LabelTotals(1, 7, 0, 0)}


@pytest.mark.parametrize("content", [b"", b"x", RunLabels((RunPicture(1, Split.VAL, 3),)).encode()[:-3]])
def test_damaged_labels_are_told(content: bytes) -> None:
    with pytest.raises(ProjectError, match="damaged"):
        RunLabels.decode(content)


def test_only_a_run_that_nobody_needs_is_deleted(project: Project) -> None:
    old, used, running = (project.runs.start(MODEL, "{}", None, 1).id for _ in range(3))
    for run in (old, used):
        project.runs.update(run, published=2, best_miou=0.5)
        project.runs.end(run, "finished")
    project.runs.use(used)
    for run, reason in ((used, "is in use"), (running, "is being trained"), (99, "There is no run")):
        with pytest.raises(ProjectError, match=reason):
            project.runs.mark_deleted(run)
    project.runs.mark_deleted(old)
    assert [run.is_deleted for run in project.runs.all()] == [False, False, True]
    assert project.runs.get(old).best_miou == 0.5
    in_use = project.runs.in_use()
    assert in_use is not None and in_use.id == used
