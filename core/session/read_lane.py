"""A lane with its own read-only connection, so that long queries never hold up what is being written."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from core.base.lane import Lane
from core.project.project import Project

P = ParamSpec("P")
R = TypeVar("R")


class ReadLane(Lane):
    """One thread and one read-only `Project`, opened by the first work that reads and closed with the lane."""

    def __init__(self, name: str, home: Path, *, low_priority: bool = False) -> None:
        """`home` is the project's own folder, `.maskloop`."""
        super().__init__(name, low_priority=low_priority)
        self._home = home
        self._project: Project | None = None

    @property
    def project(self) -> Project:
        """The read-only project. Only for work on this lane, or before there is any. Raises ProjectError."""
        if self._project is None:
            self._project = Project.open_read_only(self._home, is_checked=True)
        return self._project

    def read(
        self, work: Callable[Concatenate[Project, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> Future[R]:
        """Run `work(project, ...)` after everything queued before it. Raises RuntimeError once the lane is closed."""
        return self.submit(lambda: work(self.project, *args, **kwargs))

    def read_first(
        self, work: Callable[Concatenate[Project, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> Future[R]:
        """Run `work(project, ...)` before everything that still waits."""
        return self.submit_first(lambda: work(self.project, *args, **kwargs))

    def close(self) -> None:
        """Drop what waits, wait for what is running, then close the connection. May be called twice."""
        self.shutdown(cancel_futures=True)
        project, self._project = self._project, None
        if project is not None:
            project.close()
