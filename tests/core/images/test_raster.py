"""Pictures with more than three channels: a network uses all of them; pictures with other channels are reported."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from typer.testing import CliRunner

from core.base.errors import TrainingError
from core.cli.app import build_app
from core.models.spec import ModelSpec
from core.project.project import Project
from core.session.training.snapshot_builder import initial_spec, open_snapshot, update_snapshot
from core.training.recipe import Recipe
from tests.factories import label_all, picture, project_in, truth


def five_channels(folder: Path, count: int = 3) -> Project:
    """A labelled project whose classes differ only in the fifth channel."""
    project_in(folder, count).close()
    for number in range(count):
        (folder / f"p{number}.png").unlink()
        pixels = np.full((64, 96, 5), 900, np.uint16)
        pixels[:, :, 4] = np.where(truth() == 1, 300, 4000) + number
        path = folder / f"p{number}.png"  # content decides, not the name
        tifffile.imwrite(path, pixels, photometric="minisblack", planarconfig="contig", extrasamples=[0] * 4)
    project = Project.open(folder, purpose="a test")
    label_all(project, project.pictures.all())
    project.pictures.assign_missing_splits()
    return project


def test_a_network_trains_and_predicts_with_all_channels(tmp_path: Path) -> None:
    five_channels(tmp_path).close()
    words = [
        "train",
        "--project",
        str(tmp_path),
        "--steps",
        "25",
        "--size",
        "64",  # smaller than the pictures, by no whole number
        "--device",
        "cpu",
        "--json",
    ]
    trained = CliRunner().invoke(build_app(), words, catch_exceptions=False)
    assert trained.exit_code == 0, trained.output
    run = json.loads(trained.stdout)["run"]
    with Project.open_read_only(tmp_path) as project:
        assert ModelSpec.from_json(json.loads(project.runs.get(run).model)).channels == 5
    words = ["evaluate", "--project", str(tmp_path), "--device", "cpu", "--json"]
    judged = CliRunner().invoke(build_app(), words, catch_exceptions=False)
    assert judged.exit_code == 0, judged.output
    # The first four channels say nothing: whoever looks at them alone sees even grey.
    assert json.loads(judged.stdout)["pixel_accuracy"] > 0.8


def test_a_picture_with_other_channels_is_left_out_with_a_message(tmp_path: Path) -> None:
    project = five_channels(tmp_path / "pictures")
    Image.fromarray(picture()).save(tmp_path / "pictures" / "p1.png")
    records = project.pictures.all()
    spec = initial_spec(project, records, "cpu")
    assert spec.channels == 5
    snapshot = open_snapshot(tmp_path / "snapshot", spec, Recipe())
    (problem,) = update_snapshot(project, snapshot, records)
    assert "p1.png” has 3 channels" in problem
    assert "has 5 input channels" in problem
    assert len(snapshot.entries()) == 2
    assert snapshot.read(next(iter(snapshot.entries().values())))[0].shape[2] == 5  # type: ignore[index]
    assert initial_spec(project, records[1:2], "cpu").channels == 3
    other = open_snapshot(tmp_path / "snapshot", initial_spec(project, records[1:2], "cpu"), Recipe())
    assert not other.entries()
    with pytest.raises(TrainingError, match=r"has 5 channels.* has 3 input channels"):
        update_snapshot(project, other, [records[0]])
    project.close()
