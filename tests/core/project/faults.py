"""Helpers for tests of failing disks and killed processes."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import ProjectError
from core.base.geometry import Box
from core.labels.label_map import Edit, LabelMap
from core.project.integrity.check import check_project
from core.project.project import Project
from core.project.records import Status
from tests.factories import label_all

ROOT = Path(__file__).resolve().parents[3]
unix = pytest.mark.skipif(sys.platform == "win32", reason="file limits and users of Unix")

LAST_GOOD = 1
"""The picture whose label was stored before anything went wrong."""


def noise_edit(seed: int = 0, size: int = 64) -> Edit:
    """An edit that takes room: noise does not compress."""
    labels = LabelMap.blank(96, 64)
    labels.begin_edit("Noise", "test", 1)
    chance = np.random.default_rng(seed).integers(1, 3, (64, 96), np.uint8)
    labels.put_values(Box(0, 0, 96, 64), chance)
    edit = labels.finish_edit()
    assert edit is not None
    return edit


def label_first(project: Project) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """The first picture gets a label, which has to stay whatever happens."""
    label_all(project, project.pictures.all()[:1])
    return project.labels.read(LAST_GOOD, 96, 64)


def assert_unchanged(project: Project, label: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    np.testing.assert_array_equal(project.labels.read(LAST_GOOD, 96, 64), label)
    assert not project.labels.read(2, 96, 64).any()
    assert project.journal.history(2) == []
    assert project.pictures.get(2).status == Status.NEW
    assert check_project(project) == []


def message_of(problem: pytest.ExceptionInfo[ProjectError]) -> str:
    message = str(problem.value)
    assert "\n" not in message
    assert "sqlalche" not in message
    assert len(message) < 500
    return message


@contextlib.contextmanager
def limit_file_size(size: int) -> Iterator[None]:
    """The kernel refuses to write past `size` bytes, for the whole process."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
