"""Tests of ReadLane: work gets one read-only project that sees later writes and is closed with the lane."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.base.errors import ProjectError
from core.session.read_lane import ReadLane
from tests.factories import project_in

TIMEOUT = 30


def test_work_shares_one_project_that_sees_later_writes(tmp_path: Path) -> None:
    with project_in(tmp_path, 2) as project:
        lane = ReadLane("test", project.home)
        try:
            first = lane.read(lambda reader: reader).result(TIMEOUT)
            assert lane.read_first(lambda reader, name: reader.fact(name), "seen").result(TIMEOUT) is None
            project.set_fact("seen", "p1.png")
            assert lane.read(lambda reader, name: reader.fact(name), name="seen").result(TIMEOUT) == "p1.png"
            assert lane.read(lambda reader: reader is first).result(TIMEOUT)
        finally:
            lane.close()
    lane.close()
    with pytest.raises(RuntimeError):
        lane.read(lambda reader: reader)


def test_missing_project_is_reported_by_the_future(tmp_path: Path) -> None:
    lane = ReadLane("test", tmp_path / "nothing")
    try:
        with pytest.raises(ProjectError):
            lane.read(lambda reader: reader.name).result(TIMEOUT)
    finally:
        lane.close()
