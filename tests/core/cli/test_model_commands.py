"""The commands about networks: the list, a trained one out as a file, and in again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from core.base.errors import Cancelled, ModelError
from core.cli.app import app
from core.models.checkpoint import save_checkpoint
from core.models.network_builder import build_network
from core.models.spec import ModelSpec
from core.project.project import Project
from core.session.models.model_exporter import ModelExporter
from tests.factories import project_in

SPEC = ModelSpec("asymmetric-unet-small", None, "none", 64, (1, 2))


def call(*words: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


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


def test_networks_are_listed_and_found() -> None:
    code, out, _ = call("models", "--json")
    whole = json.loads(out)
    assert code == 0
    assert {"unet", "dpt", "fcn-8s", "asymmetric-unet-large"} <= {
        row["name"] for row in whole["architectures"]
    }
    assert len(whole["encoders"]) > 500
    assert all(row["million_parameters"] > 0 for row in whole["architectures"] + whole["encoders"])
    code, out, _ = call("models", "mobilenet v2", "--json")
    found = json.loads(out)
    assert "mobilenet_v2" in [one["name"] for one in found["encoders"]]
    assert [pair["name"] for pair in found["named"]] == ["unet-mobilenetv2"]
    code, out, _ = call("models", "no such thing")
    assert (code, out.count("\n")) == (0, 1)


def test_one_network_is_counted() -> None:
    code, out, _ = call("models", "--arch", "plain-unet", "--json")
    assert code == 0
    assert 7e6 < json.loads(out)["parameters"] < 9e6
    code, _, errors = call("models", "--arch", "linknet", "--encoder", "mit_b0")
    assert (code, errors.count("\n")) == (1, 1)
    assert "cannot be built on mit_b0" in errors


def test_a_network_leaves_and_comes_into_another_project(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.safetensors"
    code, said, errors = call("model", "export", out, "--project", trained, "--json")
    assert (code, errors) == (0, "")
    assert json.loads(said)["equal"] == 1.0
    project_in(tmp_path / "other", classes=("sky", "roof")).close()
    code, said, errors = call("model", "import", out, "--project", tmp_path / "other", "--json")
    assert (code, errors) == (0, "")
    result = json.loads(said)
    assert (result["classes"], result["added"]) == (["grass", "roof"], ["grass"])
    with Project.open_read_only(tmp_path / "other") as project:
        grass = project.classes.read().by_name("grass")
        run = project.runs.latest_published()
        assert grass is not None and run is not None
        assert ModelSpec.from_json(json.loads(run.model)).class_values == (grass.value, 2)
    code, said, _ = call("predict", "--project", tmp_path / "other", "--images", "all", "--json")
    assert (code, json.loads(said)["pictures"]) == (0, 3)


def test_plain_weights_need_names(trained: Path, tmp_path: Path) -> None:
    torch.save(build_network(SPEC).state_dict(), tmp_path / "theirs.pt")
    words = [
        "model",
        "import",
        tmp_path / "theirs.pt",
        "--project",
        trained,
        "--arch",
        "asymmetric-unet-small",
    ]
    code, _, errors = call(*words)
    assert (code, errors) == (2, "These weights tell 2 classes apart. Name them: --classes a,b,c\n")
    assert call(*words, "--classes", "roof,lake")[0] == 0


def test_a_project_without_weights_has_nothing_to_export(tmp_path: Path) -> None:
    project_in(tmp_path).close()
    code, _, errors = call("model", "export", tmp_path / "x.onnx", "--project", tmp_path)
    assert code == 1
    assert errors == "There are no trained weights yet, so there is no network to export. Train first.\n"


# The same in a process of its own ----------------------------------------------------------------


def test_the_window_delivers_beside(trained: Path, tmp_path: Path) -> None:
    told: list[int] = []
    delivering = ModelExporter(trained / ".maskloop")
    try:
        out = tmp_path / "deep" / "net.safetensors"
        delivered = delivering.export(out, None, lambda _what, done, _of: told.append(done)).result(120)
        assert (delivered.equal, delivered.pictures) == (1.0, 3)
        assert out.is_file() and told == [0, 1, 3, 4, 5]
        with pytest.raises(ModelError, match="There is no run 99"):
            delivering.export(out, 99, lambda *_: None).result(120)
        (trained / ".maskloop" / "models" / "1" / "model.safetensors").write_bytes(b"")
        with pytest.raises(ModelError, match="damaged"):
            delivering.export(out, None, lambda *_: None).result(120)
    finally:
        delivering.close()


def test_a_cancelled_delivery_leaves_nothing(trained: Path, tmp_path: Path) -> None:
    delivering = ModelExporter(trained / ".maskloop")
    try:
        out = tmp_path / "deep" / "net.onnx"
        future = delivering.export(out, None, lambda _what, done, _of: delivering.cancel() if done else None)
        with pytest.raises(Cancelled):
            future.result(120)
        assert not out.parent.exists() or list(out.parent.iterdir()) == []
    finally:
        delivering.close()
