"""Stars, notes and tags of runs, their summaries, and the deletion of their files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

import pytest

from core.base.changes import Changes
from core.base.errors import ModelError, ProjectError, ProjectReadOnlyError
from core.base.lane import Lane
from core.evaluation.run_choice import find_run
from core.models.spec import WEIGHTS_FILE
from core.project.project import Project
from core.project.records import Measurement
from core.project.run_labels import LabelTotals, RunLabels
from core.session.run_book import RunBook
from tests.factories import MODEL, label_all, project_in

T = TypeVar("T")


def wait(future: Future[T]) -> T:
    return future.result(20)


class Book:
    """A project with three runs that have files of 3000 bytes each; the third is in use."""

    def __init__(self, project: Project) -> None:
        self.project, self.lane = project, Lane("document")
        self.announced: list[Changes] = []
        self.book = RunBook(project, self.lane, self.announced.append)
        for _ in range(3):
            run = project.runs.start(MODEL, "{}", None, 2).id
            folder = project.run_folder(run)
            (folder / "strip").mkdir(parents=True)
            (folder / WEIGHTS_FILE).write_bytes(bytes(2000))
            (folder / "strip" / "10-1.png").write_bytes(bytes(1000))
            project.runs.update(run, published=1, best_miou=0.5)
            project.runs.end(run, "finished")


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Book]:
    with project_in(tmp_path) as project:
        made = Book(project)
        yield made
        made.lane.shutdown()
        made.book.close()


def test_a_summary_has_the_duration_and_the_labels_of_a_run(runs: Book) -> None:
    project = runs.project
    for step, seconds, score in ((10, 5.0, 0.3), (20, 9.0, 0.8), (30, 14.0, 0.6)):
        project.runs.add_measurements([Measurement(1, "miou", None, step, seconds, 2, score)])
    label_all(project, project.pictures.all()[:2])
    project.pictures.assign_missing_splits()
    project.runs.set_labels(1, RunLabels.of(project.pictures.labelled()))
    third, second, first = wait(runs.book.summaries())
    assert (first.seconds, second.seconds) == (14.0, 0.0)
    assert [each.seconds for each in wait(runs.book.summaries())] == [0.0, 0.0, 14.0], "also the second time"
    assert isinstance(first.labels, LabelTotals)
    assert first.labels.train_pixels + first.labels.val_pixels == 2 * 96 * 64
    assert second.labels is None
    assert [run.is_in_use for run in (first, second, third)] == [False, False, True]


def test_star_note_and_tags_are_announced(runs: Book) -> None:
    wait(runs.book.set_starred([1, 2], True))
    wait(runs.book.set_note(2, "longer"))
    wait(runs.book.set_tags(2, ["paper"]))
    found = {each.record.id: each.record for each in wait(runs.book.summaries())}
    assert [found[number].is_starred for number in (1, 2, 3)] == [True, True, False]
    assert found[2].note == "longer" and found[2].tags == ("paper",)
    assert [changes.runs for changes in runs.announced] == [True] * 3


def test_deleted_files_are_gone_and_the_run_stays_listed(runs: Book) -> None:
    assert wait(runs.book.bytes_to_free([1, 2])) == 6000
    wait(runs.book.delete([1, 2]))
    assert [runs.project.run_folder(number).exists() for number in (1, 2, 3)] == [False, False, True]
    assert [each.state for each in wait(runs.book.summaries())] == ["finished", "deleted", "deleted"]
    with pytest.raises(ModelError, match="were deleted"):
        find_run(runs.project, 1)


def test_what_is_needed_is_not_deleted(runs: Book) -> None:
    with pytest.raises(ProjectError, match="Run 3 is in use"):
        wait(runs.book.bytes_to_free([2, 3]))
    with pytest.raises(ProjectError, match="Run 3 is in use"):
        wait(runs.book.delete([3]))
    assert (runs.project.run_folder(3) / WEIGHTS_FILE).exists()


def test_links_are_not_followed(runs: Book, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("kept")
    (runs.project.run_folder(1) / "strip" / "away").symlink_to(outside)
    link = runs.project.run_folder(1) / "strip" / "away"
    assert wait(runs.book.delete([1])) == [link]
    assert [path.name for path in runs.project.run_folder(1).iterdir()] == ["strip"]
    shutil.rmtree(runs.project.run_folder(2))
    runs.project.run_folder(2).symlink_to(outside)
    with pytest.raises(ProjectError, match="is not a folder of this project"):
        wait(runs.book.delete([2]))
    assert (outside / "precious").read_text() == "kept"
    assert not runs.project.runs.get(2).is_deleted


def test_a_project_open_for_reading_keeps_its_files(runs: Book, tmp_path: Path) -> None:
    with Project.open_read_only(tmp_path) as read:
        book = RunBook(read, runs.lane, runs.announced.append)
        with pytest.raises(ProjectReadOnlyError):
            wait(book.delete([1]))
        book.close()
    assert runs.project.run_folder(1).exists()
