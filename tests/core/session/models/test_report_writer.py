"""Reports in a process of their own: progress, errors, and cancellation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from core.base.errors import Cancelled, ModelError
from core.models.checkpoint import save_checkpoint
from core.models.network_builder import build_network
from core.models.spec import ModelSpec
from core.project.records import Split
from core.session.models.report_writer import ReportWriter
from tests.factories import label_all, project_in

SPEC = ModelSpec("asymmetric-unet-small", None, "none", 64, (1, 2))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Of a project with three labelled val pictures and two runs with weights."""
    with project_in(tmp_path / "pictures") as project:
        label_all(project, project.pictures.all())
        project.pictures.set_split([record.id for record in project.pictures.all()], Split.VAL)
        for seed in (0, 1):
            run = project.runs.start(json.dumps(SPEC.to_json()), "{}", None, 3)
            torch.manual_seed(seed)
            save_checkpoint(project.run_folder(run.id), build_network(SPEC), SPEC, {})
            project.runs.update(run.id, published=1)
            project.runs.end(run.id, "finished")
        return project.home


def test_a_report_is_written_in_a_process(home: Path, tmp_path: Path) -> None:
    steps: list[tuple[int, int, int]] = []
    writer = ReportWriter(home)
    try:
        page = tmp_path / "report.html"
        assert writer.write(page, [1, 2], "cpu", lambda *step: steps.append(step)).result(120) == ()
        assert steps == [(run, done, 3) for run in (1, 2) for done in (1, 2, 3)]
        assert "Run 2 against run 1" in page.read_text("utf-8")
        with pytest.raises(ModelError, match="There is no run 99"):
            writer.write(page, [99], "cpu", lambda *_: None).result(120)
        assert "Run 2 against run 1" in page.read_text("utf-8"), "the older page stays"
        with pytest.raises(ModelError, match="ends with"):
            writer.write(tmp_path / "report.txt", [1], "cpu", lambda *_: None).result(120)
    finally:
        writer.close()


def test_a_cancelled_report_leaves_no_file(home: Path, tmp_path: Path) -> None:
    writer = ReportWriter(home)
    try:
        future = writer.write(tmp_path / "report.html", [1, 2], "cpu", lambda *_: writer.cancel())
        with pytest.raises(Cancelled):
            future.result(120)
        assert [path.name for path in tmp_path.iterdir()] == ["pictures"]
    finally:
        writer.close()
