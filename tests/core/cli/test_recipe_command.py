"""The recipe command: each experiment from a dataset to the report, on a few small pictures."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.models.catalogue import resolve_network
from core.project.project import Project
from core.training.experiments.experiment import EXPERIMENTS, Experiment
from core.training.recipe import Recipe, default_recipe
from tests.command_line import error_of, json_of, output_of, run_command, usage_error_of

WIDTH, HEIGHT = 80, 48


def dataset(root: Path, count: int = 4) -> Path:
    """Pictures whose left half is dark and right half bright, with masks of the values 3 and 9."""
    rng = np.random.default_rng(0)
    for number in range(count):
        split = "val" if number % 2 else "train"
        mask = np.full((HEIGHT, WIDTH), 3, np.uint8)
        mask[:, WIDTH // 2 + number :] = 9
        pixels = rng.integers(0, 60, (HEIGHT, WIDTH, 3)) + np.where(mask == 9, 150, 20)[..., None]
        for folder, values in (("images", pixels.astype(np.uint8)), ("masks", mask)):
            (root / folder / split).mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(root / folder / split / f"{number}.png")
    classes = [{"index": 3, "name": "dark"}, {"index": 9, "name": "bright"}]
    (root / "classes.json").write_text(json.dumps({"classes": classes}), "utf-8")
    return root


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.mark.parametrize("name", [each.name for each in EXPERIMENTS])
def test_an_experiment_goes_from_the_dataset_to_the_report(name: str, tmp_path: Path) -> None:
    data, out = dataset(tmp_path / "data"), tmp_path / "out"
    words = ("recipe", name, data, "--out", out, "--steps", 1, "--size", 64, "--device", "cpu", "--json")
    code, text, errors = run_command(
        *words
    )  # errors: that weights are downloaded, where they are not packaged
    assert code == 0, errors
    said = json.loads(text)
    chosen = next(each for each in EXPERIMENTS if each.name == name)
    assert [each["title"] for each in said["networks"]] == [each.title for each in chosen.networks]
    page = Path(said["report"]).read_text("utf-8")
    assert chosen.title in page
    for network in said["networks"]:
        assert 0 <= network["miou"] <= 1
        assert network["pictures"] == 2
        assert f"{network['title']} (run {network['run']})" in page
        assert f">{network['miou']:.3f}<" in page
    for reference in chosen.references:
        assert reference.title in page
    assert page.count("One-hot target") == chosen.shows_one_hot
    with Project.open_read_only(Path(said["project"])) as project:
        assert [each.name for each in project.classes.read()] == ["dark", "bright"]
        _check_runs(project, chosen)
    downloads = [each for each in chosen.networks if each.weights == "imagenet"]
    random = [note for note in said["notes"] if "starts from random weights" in note]
    assert len(random) in (0, len(downloads))  # all of them are downloaded, or none


def _check_runs(project: Project, chosen: Experiment) -> None:
    runs = sorted(project.runs.all(), key=lambda run: run.id)
    for run, network in zip(runs, chosen.networks, strict=True):
        model, recipe = json.loads(run.model), Recipe.from_json(json.loads(run.recipe))
        assert recipe.steps == round(network.budget)
        if network.architecture is None:
            assert recipe.loss == default_recipe("cpu").loss
            continue
        expected = resolve_network(network.architecture, network.encoder)
        assert (model["architecture"], model["encoder"]) == expected
        assert recipe.loss == network.options["loss"]
        assert recipe.optimizer == network.options["optimizer"]


def test_sizes_are_those_of_the_experiment(tmp_path: Path) -> None:
    data, out = dataset(tmp_path / "data"), tmp_path / "out"
    json_of("recipe", "aerial", data, "--out", out, "--steps", 1, "--device", "cpu")
    with Project.open_read_only(out / "project") as project:
        model = json.loads(project.runs.get(1).model)
    assert model["shape"] == [256, 144]


def test_interrupting_a_training_reports_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.training.train_step import TrainStep

    step = TrainStep.step

    def pressed(self: TrainStep, *words: object) -> object:
        signal.raise_signal(signal.SIGINT)
        return step(self, *words)  # type: ignore[arg-type]

    monkeypatch.setattr(TrainStep, "step", pressed)
    data, out = dataset(tmp_path / "data"), tmp_path / "out"
    words = ("--steps", 50, "--size", 64, "--device", "cpu")
    said = json_of("recipe", "base-improved", data, "--out", out, *words)
    assert len(said["networks"]) == 1
    assert "Interrupted while Base U-Net was trained; not trained: Improved U-Net" in said["notes"][-1]
    assert (out / "report.html").is_file()


def test_recipes_are_listed_and_explained() -> None:
    listed = output_of("recipe")
    for each in EXPERIMENTS:
        assert f"{each.name} " in listed
        explained = output_of("recipe", each.name)
        assert all(step in explained for step in each.steps)
    assert "mIoU 0.43" in output_of("recipe", "unet-resnet34")
    assert json_of("recipe")["base-improved"]["references"][0]["pixel_accuracy"] == 0.71


def test_what_cannot_be_done_is_said_before_anything_is_made(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data")
    assert "unet-resnet34, deeplab" in error_of("recipe", "unet", data)
    assert "holds files already" in error_of("recipe", "pets", data, "--out", data)
    assert "inside the dataset" in error_of("recipe", "pets", data, "--out", data / "new")
    empty = tmp_path / "empty"
    empty.mkdir()
    code, _, sentence = run_command("recipe", "pets", empty, "--out", tmp_path / "out")
    assert code == 1 and str(empty) in sentence
    assert not (tmp_path / "out").exists()
    assert "one budget" in usage_error_of("recipe", "pets", data, "--steps", 1, "--minutes", 1)
    assert "above 0" in usage_error_of("recipe", "pets", data, "--minutes", 0)
