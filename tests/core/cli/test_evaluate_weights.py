"""Evaluating a network in a file, whose classes are others than those of the project."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from core.models.checkpoint import save_checkpoint
from core.models.network_builder import build_network
from core.models.spec import WEIGHTS_FILE, ModelSpec
from core.project.project import Project
from core.project.records import Split
from tests.command_line import error_of, json_of, usage_error_of
from tests.factories import label_all, project_in, truth

SPEC = ModelSpec("asymmetric-unet-small", None, "none", 64, (1, 2))


def project_with_run(folder: Path, classes: tuple[str, ...]) -> Path:
    """Three labelled pictures in val, values 1 and 2, and a run whose network knows these two."""
    with project_in(folder, classes=classes) as project:
        label_all(project, project.pictures.all())
        project.pictures.set_split([record.id for record in project.pictures.all()], Split.VAL)
        run = project.runs.start(json.dumps(SPEC.to_json()), "{}", None, 3)
        torch.manual_seed(0)
        save_checkpoint(project.run_folder(run.id), build_network(SPEC), SPEC, {})
        project.runs.update(run.id, published=1)
        project.runs.end(run.id, "finished")
    return folder


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A project with the classes grass and roof, and its network as a file."""
    folder = tmp_path_factory.mktemp("exported")
    project = project_with_run(folder / "pictures", ("grass", "roof"))
    json_of("model", "export", folder / "net.safetensors", "--project", project)
    return project, folder / "net.safetensors"


def test_classes_are_matched_by_name_and_the_rest_is_said(
    exported: tuple[Path, Path], tmp_path: Path
) -> None:
    project, file = exported
    own = json_of("evaluate", "--project", project)
    same = json_of("evaluate", "--project", project, "--weights", file)
    assert same["run"] == str(file)
    assert same["notes"] == []
    assert same["confusion"] == own["confusion"]
    other = project_with_run(tmp_path / "other", ("Roof", "bolt", "sky"))  # 1 and 2 are labelled
    said = json_of("evaluate", "--project", other, "--weights", file)
    assert [note.split(":")[-1].strip() for note in said["notes"]] == ["“grass”.", "“bolt”, “sky”."]
    assert "counts as wrong" in said["notes"][0]
    assert "does not know these classes" in said["notes"][1]
    ours, theirs = np.array(own["confusion"]), np.array(said["confusion"])
    np.testing.assert_array_equal(theirs.sum(0)[1:], [0, 0], "it predicts none of the others")
    # Output 2 of the file is roof, value 1 here; its output 1 is no class here.
    np.testing.assert_array_equal(theirs[:2, 0], ours[:, 1])
    np.testing.assert_array_equal(said["predicted_as_deleted_class"][:2], ours[:, 0])
    assert theirs.sum() + sum(said["predicted_as_deleted_class"]) == 3 * truth().size
    assert json_of("status", "--project", other)["classes"].keys() == {"Roof", "bolt", "sky"}
    nothing = project_with_run(tmp_path / "nothing", ("sea", "sky"))
    assert "“grass”, “roof”" in error_of("evaluate", "--project", nothing, "--weights", file)


def test_a_file_without_names_is_not_guessed(exported: tuple[Path, Path], tmp_path: Path) -> None:
    project, file = exported
    with Project.open_read_only(project) as opened:
        plain = opened.run_folder(1) / WEIGHTS_FILE
    for path in (plain, tmp_path / "weights.pt"):
        path.exists() or torch.save(build_network(SPEC).state_dict(), path)
        said = error_of("evaluate", "--project", project, "--weights", path)
        assert "names neither its network nor its classes" in said
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(file.read_bytes()[:500])
    assert "broken.safetensors is damaged" in error_of("evaluate", "--project", project, "--weights", broken)
    missing = tmp_path / "missing.safetensors"
    assert f"{missing} cannot be read" in error_of("evaluate", "--project", project, "--weights", missing)
    assert "not both" in usage_error_of("evaluate", "--project", project, "--weights", file, "--run", "1")


def test_a_class_that_is_new_or_gone_since_the_training_is_said(tmp_path: Path) -> None:
    folder = project_with_run(tmp_path / "pictures", ("grass", "roof"))
    with Project.open(folder, purpose="a test") as project:
        project.classes.save(project.classes.read().with_class("bolt"))
    (note,) = json_of("evaluate", "--project", folder)["notes"]
    assert note.startswith("The network does not know this class of the project")
    assert "“bolt”" in note
    with Project.open(folder, purpose="a test") as project:
        project.classes.delete(1)
    said = json_of("evaluate", "--project", folder)
    assert said["notes"][0].startswith("The network predicts 1 class that the project no longer has")
    assert said["classes"] == ["roof", "bolt"]


def test_a_run_whose_files_are_gone_is_said(tmp_path: Path) -> None:
    folder = project_with_run(tmp_path / "pictures", ("grass", "roof"))
    assert "Labelled are 3 pictures of val" in error_of("evaluate", "--project", folder, "--split", "test")
    with Project.open_read_only(folder) as project:
        place = project.run_folder(1)
    (place / WEIGHTS_FILE).unlink()
    said = error_of("evaluate", "--project", folder)
    assert f"The weights of run 1 are gone from {place}" in said
    assert "no trained weights" in error_of("evaluate", "--project", project_in_without(tmp_path / "empty"))


def project_in_without(folder: Path) -> Path:
    project_in(folder).close()
    return folder
