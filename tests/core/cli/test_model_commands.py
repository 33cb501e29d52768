"""The commands models, model export and model import."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from core.models.checkpoint import save_checkpoint
from core.models.network_builder import build_network
from core.models.spec import ModelSpec
from core.project.project import Project
from tests.command_line import run_command
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


def test_models_lists_and_searches_networks() -> None:
    code, out, _ = run_command("models", "--json")
    whole = json.loads(out)
    assert code == 0
    assert {"unet", "dpt", "fcn-8s", "asymmetric-unet-large"} <= {
        row["name"] for row in whole["architectures"]
    }
    assert len(whole["encoders"]) > 500
    assert all(row["million_parameters"] > 0 for row in whole["architectures"] + whole["encoders"])
    code, out, _ = run_command("models", "mobilenet v2", "--json")
    found = json.loads(out)
    assert "mobilenet_v2" in [one["name"] for one in found["encoders"]]
    assert [pair["name"] for pair in found["named"]] == ["unet-mobilenetv2"]
    code, out, _ = run_command("models", "no such thing")
    assert (code, out.count("\n")) == (0, 1)


def test_models_prints_the_size_of_one_network() -> None:
    code, out, _ = run_command("models", "--arch", "plain-unet", "--json")
    assert code == 0
    assert 7e6 < json.loads(out)["parameters"] < 9e6
    code, _, errors = run_command("models", "--arch", "linknet", "--encoder", "mit_b0")
    assert (code, errors.count("\n")) == (1, 1)
    assert "cannot be built on mit_b0" in errors


def test_network_is_exported_and_imported_into_another_project(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.safetensors"
    code, said, errors = run_command("model", "export", out, "--project", trained, "--json")
    assert (code, errors) == (0, "")
    assert json.loads(said)["equal"] == 1.0
    project_in(tmp_path / "other", classes=("sky", "roof")).close()
    code, said, errors = run_command("model", "import", out, "--project", tmp_path / "other", "--json")
    assert (code, errors) == (0, "")
    result = json.loads(said)
    assert (result["classes"], result["added"]) == (["grass", "roof"], ["grass"])
    with Project.open_read_only(tmp_path / "other") as project:
        grass = project.classes.read().by_name("grass")
        run = project.runs.in_use()
        assert grass is not None and run is not None
        assert ModelSpec.from_json(json.loads(run.model)).class_values == (grass.value, 2)
    code, said, _ = run_command("predict", "--project", tmp_path / "other", "--images", "all", "--json")
    assert (code, json.loads(said)["pictures"]) == (0, 3)


def test_plain_weights_need_class_names(trained: Path, tmp_path: Path) -> None:
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
    code, _, errors = run_command(*words)
    assert (code, errors) == (2, "These weights have 2 classes. Name them: --classes a,b,c\n")
    assert run_command(*words, "--classes", "roof,lake")[0] == 0


def test_export_needs_trained_weights(tmp_path: Path) -> None:
    project_in(tmp_path).close()
    code, _, errors = run_command("model", "export", tmp_path / "x.onnx", "--project", tmp_path)
    assert code == 1
    assert errors == "There are no trained weights yet. Train first: maskloop train --project DIR\n"
