"""An input of width x height: 16:9 pictures keep their shape, others are stretched and that is said."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from core.base.errors import ModelError
from core.models.checkpoint import LoadedModel
from core.models.export_module import ExportModule, export_input_size
from core.models.inference import predict
from core.models.network_builder import build_network
from core.models.spec import ModelSpec, parse_input_size, size_text
from core.project.project import Project
from core.project.records import Split
from core.session.training.input_size import stretched_text
from core.training.data.snapshot import TrainingSnapshot
from core.training.recipe import Recipe
from tests.command_line import json_of, usage_error_of
from tests.factories import label_all, project_in

BY_LONG_SIDE = ModelSpec("asymmetric-unet-small", None, "none", 256, (1, 2))
SMALL = ("--arch", "asymmetric-unet-small", "--device", "cpu", "--threads", 1, "--steps", 1, "--batch", 2)


def snapshot_of(folder: Path, spec: ModelSpec, width: int, height: int) -> TrainingSnapshot:
    snapshot = TrainingSnapshot.create(folder, spec, Recipe())
    dice = np.random.default_rng(3)
    pixels = dice.integers(0, 255, (height, width, 3), np.uint8)
    snapshot.put(1, "a.png", "train", pixels, dice.integers(0, 3, (height, width), np.uint8))
    return snapshot


@pytest.mark.parametrize(
    ("text", "size"),
    [("480", 480), ("256x144", (256, 144)), (" 512 × 288 pixels", (512, 288)), ("144X256", (144, 256))],
)
def test_sizes_are_read(text: str, size: object) -> None:
    assert parse_input_size(text) == size
    assert parse_input_size(size_text(parse_input_size(text))) == size


@pytest.mark.parametrize(
    "text", ["wide", "256x", "100", "256x16", "144x250", "9999x9999", "0", "-32", "1e3", ""]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match=r"\.$"):
        parse_input_size(text)


def test_width_and_height_of_16_to_9_pictures_are_what_the_longer_side_gives(tmp_path: Path) -> None:
    by_shape = BY_LONG_SIDE.with_size((256, 144))
    first, second = (
        snapshot_of(tmp_path / name, spec, 1280, 720) for name, spec in (("a", BY_LONG_SIDE), ("b", by_shape))
    )
    [one], [other] = first.entries().values(), second.entries().values()
    assert (one.width, one.height) == (other.width, other.height) == (256, 144)
    for a, b in zip(first.read(one) or (), second.read(other) or (), strict=True):
        np.testing.assert_array_equal(a, b)
    torch.manual_seed(0)
    model = build_network(BY_LONG_SIDE).eval()
    pixels = np.random.default_rng(4).integers(0, 255, (360, 640, 3), np.uint8)
    masks = [predict(LoadedModel(model, spec, {}), pixels) for spec in (BY_LONG_SIDE, by_shape)]
    np.testing.assert_array_equal(masks[0].values, masks[1].values)
    assert stretched_text(by_shape, [other]) == ""


def test_other_pictures_are_stretched_to_the_shape_and_predictions_back(tmp_path: Path) -> None:
    spec = BY_LONG_SIDE.with_size((256, 144))
    snapshot = snapshot_of(tmp_path / "a", spec, 300, 300)
    [entry] = snapshot.entries().values()
    assert (entry.width, entry.height) == (256, 144)
    torch.manual_seed(0)
    loaded = LoadedModel(build_network(spec).eval(), spec, {})
    square = np.random.default_rng(5).integers(0, 255, (300, 300, 3), np.uint8)
    wide = cv2.resize(square, (256, 144), interpolation=cv2.INTER_AREA)
    mask = predict(loaded, square)
    assert mask.values.shape == (300, 300)
    with torch.inference_mode():
        logits = loaded.model(_input(wide, spec))[:, :, :144, :256]
        full = torch.nn.functional.interpolate(logits, (300, 300), mode="bilinear", align_corners=False)[0]
    np.testing.assert_array_equal(mask.values, np.array([0, 1, 2], np.uint8)[1:][full.argmax(0).numpy()])
    canvas = export_input_size(spec, 300, 300)
    assert canvas == (256, 160)
    with torch.inference_mode():
        exported = ExportModule(loaded.model, spec, canvas)(torch.from_numpy(square)).numpy()
    assert (exported == mask.values).mean() > 0.97


def _input(picture: np.ndarray, spec: ModelSpec) -> torch.Tensor:
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in spec.pixel_statistics)
    batch = (torch.from_numpy(picture).permute(2, 0, 1)[None].float() - mean) / std
    return torch.nn.functional.pad(batch, (0, 0, 0, 16))


def test_a_snapshot_of_another_shape_is_not_continued(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path / "a", BY_LONG_SIDE, 64, 64)
    assert snapshot.is_compatible(BY_LONG_SIDE)
    assert not snapshot.is_compatible(BY_LONG_SIDE.with_size((256, 256)))
    assert TrainingSnapshot.open(tmp_path / "a").spec == BY_LONG_SIDE


def test_networks_stored_before_keep_the_shape_of_pictures() -> None:
    stored = BY_LONG_SIDE.to_json()
    del stored["shape"]
    assert ModelSpec.from_json(stored) == BY_LONG_SIDE
    shaped = BY_LONG_SIDE.with_size((256, 144))
    assert ModelSpec.from_json(json.loads(json.dumps(shaped.to_json()))) == shaped
    assert shaped.with_size(480).shape is None
    for wrong in ([256], [256, 144, 3], "256x144", [0, 256], [256, 10**9], {"a": 1}, 7):
        with pytest.raises(ModelError):
            ModelSpec.from_json({**stored, "shape": wrong})


def test_a_shape_that_stretches_is_said(tmp_path: Path) -> None:
    [wide] = snapshot_of(tmp_path / "a", BY_LONG_SIDE, 640, 360).entries().values()
    turned = stretched_text(BY_LONG_SIDE.with_size((144, 256)), [wide])
    assert turned == (
        "Pictures of 640 x 360 pixels are stretched to 144 x 256. The width comes first: 256x144 has their shape."
    )
    square = stretched_text(BY_LONG_SIDE.with_size((256, 256)), [wide])
    assert square == "Pictures of 640 x 360 pixels are stretched to 256 x 256."


def test_the_command_trains_resumes_and_evaluates_at_width_x_height(tmp_path: Path) -> None:
    with project_in(tmp_path, count=4) as project:  # 96 x 64 pixels
        label_all(project, project.pictures.all())
    said = json_of("train", "--project", tmp_path, *SMALL, "--size", "64x96")
    assert any("The width comes first: 96x64 has their shape." in note for note in said["notes"])
    said = json_of("train", "--project", tmp_path, *SMALL, "--size", "96x64")
    assert not any("stretched" in note for note in said["notes"])
    with Project.open_read_only(tmp_path) as project:
        spec = ModelSpec.from_json(json.loads(project.runs.get(said["run"]).model))
        snapshot = TrainingSnapshot.open(project.cache_folder / "training")
        has_val = bool(project.pictures.labelled(Split.VAL))
    assert spec.shape == (96, 64)
    assert {(e.width, e.height) for e in snapshot.entries().values()} == {(96, 64)}
    again = json_of("train", "--project", tmp_path, "--resume", said["run"], "--steps", 1)
    assert again["resumed"] == "state"
    assert has_val
    assert json_of("evaluate", "--project", tmp_path, "--split", "val", "--run", "newest")["miou"] >= 0
    assert "not an input size" in usage_error_of("train", "--project", tmp_path, *SMALL, "--size", "wide")
