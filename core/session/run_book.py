"""What a person does with the list of runs: star, note, tags, and deletion with the files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from core.base.changes import Changes
from core.base.errors import ProjectError, ProjectReadOnlyError
from core.base.lane import Lane
from core.evaluation.run_comparison import RunComparison, compare_runs
from core.evaluation.run_summary import RunMeasures, RunSummary, summarize_runs
from core.project.files.run_files import delete_run_files, run_bytes
from core.project.project import Project
from core.session.access import READ_ONLY
from core.session.read_lane import ReadLane

T = TypeVar("T")


class RunBook:
    """Called from the GUI thread; what changes runs is done on the document lane, and its futures raise
    ProjectReadOnlyError in a project that is open for reading alone. Close it after use."""

    def __init__(self, project: Project, document: Lane, announce: Callable[[Changes], None]) -> None:
        self._project, self._document, self._announce = project, document, announce
        self._lane = ReadLane("runs", project.home, low_priority=True)
        self._measured: dict[int, RunMeasures] = {}

    def close(self) -> None:
        """May be called twice."""
        self._lane.close()

    def summaries(self) -> Future[list[RunSummary]]:
        """All runs, newest first."""
        return self._lane.read(summarize_runs, self._measured)

    def compare(self, run_ids: Sequence[int]) -> Future[RunComparison]:
        """These runs beside each other on val, the first one against the others. The future raises ModelError."""
        return self._lane.read(compare_runs, run_ids)

    def set_starred(self, run_ids: Iterable[int], starred: bool) -> Future[None]:
        return self._change(lambda: self._project.runs.set_starred(run_ids, starred), None)

    def set_note(self, run_id: int, note: str) -> Future[None]:
        return self._change(lambda: self._project.runs.set_note(run_id, note), None)

    def set_tags(self, run_id: int, tags: Sequence[str]) -> Future[None]:
        return self._change(lambda: self._project.runs.set_tags(run_id, tags), None)

    def bytes_to_free(self, run_ids: Sequence[int]) -> Future[int]:
        """What the files of these runs take. The future raises ProjectError when one of them may not be deleted."""

        def measure(project: Project) -> int:
            for run_id in run_ids:
                project.runs.check_deletable(run_id)
            return sum(run_bytes(project, run_id) for run_id in run_ids)

        return self._lane.read(measure)

    def delete(self, run_ids: Sequence[int]) -> Future[list[Path]]:
        """Delete the files of these runs; they stay listed. The future has the files among them that the program did
        not write, which are kept, or raises ProjectError."""
        kept: list[Path] = []

        def delete() -> Changes:
            changes = Changes()
            for run_id in run_ids:
                self._project.runs.check_deletable(run_id)
                kept.extend(delete_run_files(self._project, run_id))
                changes |= self._project.runs.mark_deleted(run_id)
            return changes

        return self._change(delete, kept)

    def _change(self, change: Callable[[], Changes], answer: T) -> Future[T]:
        def work() -> T:
            if not self._project.is_writing:
                raise ProjectReadOnlyError(READ_ONLY)
            try:
                self._announce(change())
            except ProjectError:
                self._announce(Changes(runs=True))  # some of several may have changed
                raise
            return answer

        return self._document.submit(work)
