"""Tests of writes on the document lane and their announcement."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.base.changes import Changes
from core.base.errors import ProjectError
from core.base.lane import Lane
from core.session.change_writer import ChangeWriter
from tests.factories import project_in


class Announcements:
    """What was announced; each on the document lane."""

    def __init__(self) -> None:
        self.document = Lane("document")
        self.received: list[Changes] = []
        self.writer = ChangeWriter(self.document, self._announce)

    def _announce(self, changes: Changes) -> None:
        assert self.document.owns_current_thread()
        self.received.append(changes)


@pytest.fixture
def announcements() -> Iterator[Announcements]:
    made = Announcements()
    yield made
    made.document.shutdown()


def test_changes_are_announced_before_the_write_ends(announcements: Announcements, tmp_path: Path) -> None:
    size_known = Changes(pictures=frozenset([1]))
    with project_in(tmp_path / "pictures", count=1) as project:
        announcements.writer.write(project.pictures.set_size, 1, 80, 60)
        assert announcements.received == [size_known]
        announcements.writer.submit(project.pictures.set_size, 1, 96, 64).result()
        assert announcements.received == [size_known, size_known]


def test_write_on_the_document_lane_does_not_wait_for_itself(announcements: Announcements) -> None:
    def outer() -> list[Changes]:
        announcements.writer.write(lambda: Changes(runs=True))
        return list(announcements.received)

    assert announcements.document.submit(outer).result(10) == [Changes(runs=True)]


def test_nothing_is_announced_without_a_change(announcements: Announcements) -> None:
    announcements.writer.write(Changes)
    assert announcements.received == []


def test_failed_write_raises_and_announces_nothing(announcements: Announcements) -> None:
    def refuse() -> Changes:
        raise ProjectError("The disk is full.")

    with pytest.raises(ProjectError, match="full"):
        announcements.writer.write(refuse)
    with pytest.raises(ProjectError, match="full"):
        announcements.writer.submit(refuse).result(10)
    assert announcements.received == []
