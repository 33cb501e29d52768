"""A painter whose project file may be taken away while it is open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.base.changes import Changes
from core.base.errors import ProjectFileGoneError
from core.base.lane import Lane
from core.labels.label_map import Edit, LabelMap
from core.project.files.rescue_file import SUFFIX
from core.session.editing import EditingService
from tests.factories import project_in, stroke

TIMEOUT = 10


class Painter:
    """An open project, its editing service, and a label that is being painted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project = project_in(folder)
        self.errors: list[BaseException] = []
        self.changes: list[Changes] = []
        self.document = Lane("document", on_unexpected_error=self.errors.append)
        records = {record.id: record for record in self.project.pictures.all()}
        self.editing = EditingService(
            self.project, self.document, self.changes.append, picture=records.__getitem__
        )
        self.labels = LabelMap.blank(96, 64)

    def stroke(self, row: int) -> Edit:
        return stroke(self.labels, 1 + row % 2, (10, row), (80, row), 3)

    def refused(self, edit: Edit) -> str:
        with pytest.raises(ProjectFileGoneError) as problem:
            self.editing.commit(1, edit).result(TIMEOUT)
        return str(problem.value)

    def rescue_files(self) -> list[Path]:
        return sorted(self.folder.glob(f"*{SUFFIX}"))

    def close(self) -> None:
        self.document.shutdown()
        self.project.close()
        assert self.errors == []


@pytest.fixture
def painter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Painter]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    made = Painter(tmp_path / "parent" / "pictures")
    yield made
    made.close()
