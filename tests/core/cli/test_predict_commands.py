"""predict and evaluate, with a network that the train command has trained."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.labels.prediction import read_prediction
from core.project.project import Project
from tests.command_line import error_of, json_of, output_of, usage_error_of
from tests.factories import label_all, picture, project_in, truth


@pytest.fixture(scope="module")
def one_core() -> Iterator[None]:
    """Torch's threads wait for each other busily: where others want the cores too, two are three times slower."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    yield
    os.sched_setaffinity(0, allowed)


@pytest.fixture(scope="module")
def trained(one_core: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A project of six pictures, four labelled, with one run of two steps."""
    folder = tmp_path_factory.mktemp("trained")
    with project_in(folder, count=6) as project:
        label_all(project, project.pictures.all()[:4])
    return folder, json_of("train", "--project", folder, "--steps", 2, "--size", 64, "--device", "cpu")


def test_train_prints_its_result(trained: tuple[Path, Any]) -> None:
    folder, said = trained
    assert (said["run"], said["state"], said["device"], said["steps"]) == (1, "finished", "cpu", 2)
    assert (said["pictures"], said["published"] > 0, said["problems"]) == (4, True, [])
    assert 0 <= said["best_miou"] <= 1
    assert {p.name for p in Path(said["folder"]).iterdir()} >= {"model.safetensors", "run.json"}
    run = json_of("status", "--project", folder)["runs"][-1]
    assert (run["run"], run["best_miou"]) == (1, said["best_miou"])
    assert "Run 1: finished, mIoU" in output_of("status", "--project", folder)


def test_predictions_are_stored_in_the_project(trained: tuple[Path, Any]) -> None:
    folder, _ = trained
    said = json_of("predict", "--project", folder)
    assert (said["run"], said["pictures"], said["problems"]) == (1, 2, [])
    assert 0 < said["mean_confidence"] <= 1
    with Project.open_read_only(folder) as project:
        assert project.runs.prediction_runs() == {5: 1, 6: 1}
        mask = read_prediction(project.prediction_path(5))
    assert mask.values.shape == (64, 96)
    assert set(np.unique(mask.values)) <= {1, 2}
    assert (
        json_of("predict", "--project", folder, "--images", "val", "--run", 1, "--tta", "all")["pictures"]
        == 1
    )


def test_strips_show_input_label_prediction_and_difference(trained: tuple[Path, Any], tmp_path: Path) -> None:
    folder, _ = trained
    strips = tmp_path / "strips"
    said = json_of("predict", "--project", folder, "--images", "train", "--strips", strips)
    files = sorted(path.name for path in strips.iterdir())
    assert len(files) == said["pictures"] == 3
    with (
        Image.open(strips / files[0]) as strip,
        Image.open(folder / files[0].removesuffix(".jpg")) as original,
    ):
        parts = np.split(
            np.asarray(strip)[:, [*range(96), *range(100, 196), *range(200, 296), *range(300, 396)]], 4, 1
        )
        assert np.abs(parts[0].astype(int) - np.asarray(original.convert("RGB"))).mean() < 12
        assert strip.size == (4 * 96 + 3 * 4, 64)
    for wrong in (folder, folder / ".maskloop" / "strips", folder / "p0.png"):
        assert "Choose" in error_of("predict", "--project", folder, "--strips", wrong)


def test_evaluate_counts_every_labelled_pixel_once(trained: tuple[Path, Any]) -> None:
    folder, _ = trained
    with replaced_picture(folder / "p0.png"):
        said = json_of("evaluate", "--project", folder, "--split", "train", "--device", "cpu")
    assert (said["run"], said["split"], said["pictures"]) == (1, "train", 2)
    assert len(said["problems"]) == 1
    assert "p0.png is no longer of the size" in said["problems"][0]
    assert said["classes"] == ["grass", "roof"]
    matrix = np.array(said["confusion"])
    np.testing.assert_array_equal(matrix.sum(1), [2 * np.count_nonzero(truth() == v) for v in (1, 2)])
    hits = np.diag(matrix)
    iou = hits / (matrix.sum(0) + matrix.sum(1) - hits)
    assert said["per_class"] == {"grass": pytest.approx(iou[0]), "roof": pytest.approx(iou[1])}
    assert said["miou"] == pytest.approx(iou.mean())
    assert said["pixel_accuracy"] == pytest.approx(hits.sum() / matrix.sum())
    assert sum(pixels for pixels, _, _ in said["calibration"]) == matrix.sum()
    assert len(said["by_picture"]) == 2
    assert list(said["by_picture"].values()) == sorted(said["by_picture"].values())
    shown = output_of("evaluate", "--project", folder)
    assert "On 1 picture of val, 100 % of the pixels labelled, run 1 has mIoU" in shown
    assert "Lowest mIoU: p2.png" in shown
    with replaced_picture(folder / "p2.png"):
        assert "no longer of the size" in error_of("evaluate", "--project", folder)


def test_evaluate_on_a_dataset_matches_classes_by_name(trained: tuple[Path, Any], tmp_path: Path) -> None:
    """The same labels in another order of classes, with a class that the project does not have."""
    folder, _ = trained
    dataset = tmp_path / "dataset"
    for part in ("images", "masks"):
        (dataset / part).mkdir(parents=True)
    others = np.array([0, 3, 2], np.uint8)[truth()]
    others[:4] = 1
    for name in ("p0", "p1"):
        (dataset / "images" / f"{name}.png").write_bytes((folder / f"{name}.png").read_bytes())
        Image.fromarray(others).save(dataset / "masks" / f"{name}.png")
    named = [{"index": n, "name": name} for n, name in enumerate(("water", "Roof", "grass"), 1)]
    (dataset / "classes.json").write_text(json.dumps({"classes": named}), "utf-8")
    before = json_of("status", "--project", folder)
    said = json_of("evaluate", "--project", folder, "--data", dataset, "--format", "masks")
    assert (said["split"], said["pictures"], said["problems"]) == (str(dataset), 2, [])
    assert len(said["notes"]) == 1 and "pixels do not count: water" in said["notes"][0]
    assert list(said["by_picture"]) == sorted(said["by_picture"], key=said["by_picture"].get)
    counted = truth()[4:]
    np.testing.assert_array_equal(
        np.array(said["confusion"]).sum(1), [2 * np.count_nonzero(counted == v) for v in (1, 2)]
    )
    assert json_of("status", "--project", folder) == before
    (dataset / "classes.json").write_text(json.dumps({"classes": [{"index": 1, "name": "sea"}]}), "utf-8")
    assert "sea" in error_of("evaluate", "--project", folder, "--data", dataset, "--format", "masks")


def test_report_has_the_scores_of_evaluate(trained: tuple[Path, Any], tmp_path: Path) -> None:
    folder, _ = trained
    page = tmp_path / "report.html"
    said = json_of(
        "report", "--project", folder, "--split", "train", "--out", page, "--run", "1", "--run", "best"
    )
    miou = json_of("evaluate", "--project", folder, "--split", "train")["miou"]
    assert said == {"file": str(page), "runs": {"1": pytest.approx(miou)}, "problems": []}
    text = page.read_text("utf-8")
    assert f">{miou:.3f}<" in text
    assert text.count("data:image/jpeg;base64,") == 3
    assert "ends with .html" in error_of("report", "--project", folder, "--out", tmp_path / "report.txt")
    assert "no run 77" in error_of("report", "--project", folder, "--out", page, "--run", "77")
    assert "choose best" in usage_error_of("report", "--project", folder, "--out", page, "--run", "seven")


@contextlib.contextmanager
def replaced_picture(place: Path) -> Iterator[None]:
    """Another picture, of another size, lies there for a while."""
    original = place.read_bytes()
    Image.fromarray(picture(48, 32)).save(place)
    yield
    place.write_bytes(original)


def test_impossible_training_and_evaluation_are_reported(trained: tuple[Path, Any], tmp_path: Path) -> None:
    folder, _ = trained
    assert "split “test”" in error_of("evaluate", "--project", folder, "--split", "test")
    assert "no run 77" in error_of("evaluate", "--project", folder, "--run", 77)
    assert "no run 77" in error_of("train", "--project", folder, "--resume", 77, "--steps", 1)
    assert "device “cuda:99”" in error_of("predict", "--project", folder, "--device", "cuda:99")
    assert "100" in usage_error_of("train", "--project", folder, "--size", 100, "--steps", 1)
    assert "budget" in error_of("train", "--project", folder, "--steps", 0)
    assert "loss" in usage_error_of("train", "--project", folder, "--loss", "mean", "--steps", 1)
    fresh = tmp_path / "fresh"
    project_in(fresh, classes=("one",)).close()
    assert "two classes" in error_of("train", "--project", fresh, "--steps", 1)
    assert "no trained weights" in error_of("predict", "--project", fresh)
    assert "no trained weights" in error_of("evaluate", "--project", fresh)
    assert json_of("status", "--project", folder)["runs"][0]["run"] == 1


@pytest.mark.parametrize(
    "words",
    [
        ("train", "--steps", 1, "--minutes", 1),
        ("train", "--weights", "coco"),
        ("train", "--resume", 1, "--arch", "unet"),
        ("train", "--device", "cuda:1", "--devices", 2),
        ("predict", "--images", "some"),
    ],
)
def test_usage_errors_of_training_have_exit_code_two(
    words: tuple[object, ...], trained: tuple[Path, Any]
) -> None:
    said = usage_error_of(*words, "--project", trained[0])
    assert said.startswith(("--", "Give one budget"))
    assert said.count("\n") == 1
