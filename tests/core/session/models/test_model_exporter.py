"""Model export in a worker process: progress, errors, and cancellation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from core.base.errors import Cancelled, ModelError
from core.models.checkpoint import save_checkpoint
from core.models.network_builder import build_network
from core.models.spec import ModelSpec
from core.session.models.model_exporter import ModelExporter
from tests.factories import project_in

SPEC = ModelSpec("asymmetric-unet-small", None, "none", 64, (1, 2))


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A folder of pictures whose project has a run with weights."""
    with project_in(tmp_path / "pictures") as project:
        run = project.runs.start(json.dumps(SPEC.to_json()), "{}", None, 3)
        torch.manual_seed(0)
        save_checkpoint(project.run_folder(run.id), build_network(SPEC), SPEC, {})
        project.runs.update(run.id, published=1)
        project.runs.end(run.id, "finished")
    return tmp_path / "pictures"


def test_export_runs_in_a_worker_process(trained: Path, tmp_path: Path) -> None:
    steps: list[int] = []
    exporter = ModelExporter(trained / ".maskloop")
    try:
        out = tmp_path / "deep" / "net.safetensors"
        exported = exporter.export(out, None, lambda _what, done, _of: steps.append(done)).result(120)
        assert (exported.equal, exported.pictures) == (1.0, 3)
        assert out.is_file() and steps == [0, 1, 3, 4, 5]
        with pytest.raises(ModelError, match="There is no run 99"):
            exporter.export(out, 99, lambda *_: None).result(120)
        (trained / ".maskloop" / "models" / "1" / "model.safetensors").write_bytes(b"")
        with pytest.raises(ModelError, match="damaged"):
            exporter.export(out, None, lambda *_: None).result(120)
    finally:
        exporter.close()


def test_cancelled_export_leaves_no_file(trained: Path, tmp_path: Path) -> None:
    exporter = ModelExporter(trained / ".maskloop")
    try:
        out = tmp_path / "deep" / "net.onnx"
        future = exporter.export(out, None, lambda _what, done, _of: exporter.cancel() if done else None)
        with pytest.raises(Cancelled):
            future.result(120)
        assert not out.parent.exists() or list(out.parent.iterdir()) == []
    finally:
        exporter.close()
