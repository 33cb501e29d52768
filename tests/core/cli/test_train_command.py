"""The train command: recipe options, presets, repeating a run, and resuming one."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from core.models.spec import default_spec
from core.project.project import Project
from core.project.records import Split
from core.session.training.next_run import FACT, NextRun, spec_of
from core.training.recipe import RECIPE_OPTIONS, Recipe
from core.training.resume_state import STATE_FILE
from tests.command_line import error_of, json_of, run_command, usage_error_of
from tests.factories import label_all, project_in

SMALL = ("--arch", "asymmetric-unet-small", "--size", 64, "--device", "cpu", "--threads", 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of four labelled pictures with one run of two steps and non-default options."""
    folder = tmp_path_factory.mktemp("chosen")
    with project_in(folder, count=4) as project:
        label_all(project, project.pictures.all())
    words = ("--loss", "focal+dice", "--optimizer", "sgd", "--lr", 0.01, "--batch", 2, "--colour", "strong")
    said = json_of("train", "--project", folder, *SMALL, "--steps", 2, "--deterministic", "--seed", 7, *words)
    assert said["state"] == "finished"
    return folder


def recipe_of(folder: Path, run: int) -> Recipe:
    with Project.open_read_only(folder) as project:
        return Recipe.from_json(json.loads(project.runs.get(run).recipe))


def weights_of(folder: Path, run: int) -> bytes:
    with Project.open_read_only(folder) as project:
        return (project.run_folder(run) / "model.safetensors").read_bytes()


def test_given_options_are_stored_with_the_run(folder: Path) -> None:
    recipe = recipe_of(folder, 1)
    assert (recipe.loss, recipe.optimizer, recipe.learning_rate) == ("focal+dice", "sgd", 0.01)
    assert (recipe.batch, recipe.colour, recipe.seed, recipe.deterministic) == (2, 0.4, 7, True)


def test_like_repeats_a_run_exactly_or_with_changes(folder: Path) -> None:
    said = json_of("train", "--project", folder, "--like", 1)
    assert recipe_of(folder, said["run"]) == recipe_of(folder, 1)
    assert weights_of(folder, said["run"]) == weights_of(folder, 1)
    other = json_of("train", "--project", folder, "--like", 1, "--loss", "ce", "--epochs", 1)
    varied = recipe_of(folder, other["run"])
    assert (varied.loss, varied.epochs, varied.steps, varied.optimizer) == ("ce", 1.0, None, "sgd")


def test_a_project_keeps_its_network_until_another_is_asked_for(folder: Path) -> None:
    said = json_of("train", "--project", folder, "--steps", 1, "--device", "cpu", "--threads", 1)
    with Project.open_read_only(folder) as project:
        spec = spec_of(project.runs.get(said["run"]))
    assert (spec.architecture, spec.size) == ("asymmetric-unet-small", 64)
    usual = default_spec("cpu", spec.class_values)
    note = (
        "It trained asymmetric-unet-small, the network of this project. New projects train another: --arch "
    )
    assert any(each.startswith(note + usual.architecture) for each in said["notes"])
    asked = ("--weights", "none", "--size", 64, "--steps", 1, "--device", "cpu", "--threads", 1)
    said = json_of("train", "--project", folder, *asked)
    assert not any("of this project" in each for each in said["notes"])
    with Project.open_read_only(folder) as project:
        assert spec_of(project.runs.get(said["run"])).architecture == usual.architecture


def test_a_network_that_was_chosen_in_the_window_is_trained(folder: Path) -> None:
    with Project.open(folder, purpose="a test") as project:
        project.set_fact(FACT, NextRun("plain-unet", size=64).to_json())
    said = json_of("train", "--project", folder, "--steps", 1, "--device", "cpu", "--threads", 1)
    with Project.open(folder, purpose="a test") as project:
        project.set_fact(FACT, NextRun().to_json())
        spec = spec_of(project.runs.get(said["run"]))
    assert (spec.architecture, spec.size) == ("plain-unet", 64)


def test_resume_restores_the_optimizer_state(folder: Path) -> None:
    start = json_of("train", "--project", folder, *SMALL, "--steps", 2)["run"]
    assert "used up its budget" in error_of("train", "--project", folder, "--resume", start)
    said = json_of("train", "--project", folder, "--resume", start, "--steps", 3)
    assert (said["steps"], said["resumed"]) == (5, "state")
    assert f"run {start} with its optimizer state at step 2" in said["notes"][0]
    assert recipe_of(folder, said["run"]).steps == 5
    words = run_command("train", "--project", folder, "--resume", said["run"], "--steps", 1)[1]
    assert "its optimizer state at step 5" in words

    # Without the state, or with another optimizer, only the weights are used.
    other = json_of("train", "--project", folder, "--resume", start, "--steps", 1, "--optimizer", "sgd")
    assert (other["steps"], other["resumed"]) == (1, "weights")
    assert "another optimizer (adamw)" in other["notes"][0]
    with Project.open_read_only(folder) as project:
        (project.run_folder(start) / STATE_FILE).unlink(missing_ok=True)
        states = list(project.run_folder(start).parent.glob(f"*/{STATE_FILE}"))
    assert len(states) <= 3
    bare = json_of("train", "--project", folder, "--resume", start, "--steps", 1)
    assert (bare["steps"], bare["resumed"]) == (1, "weights")
    assert "no saved optimizer state" in bare["notes"][0]


def test_optimizer_state_is_resumed_whatever_is_frozen_or_slowed(folder: Path) -> None:
    words = ("--arch", "hypercolumn", "--size", 32, "--device", "cpu", "--threads", 1, "--no-head-first")
    start = json_of("train", "--project", folder, *words, "--batch", 2, "--steps", 1)["run"]
    for changed in (("--frozen-levels", 0), ("--encoder-rate", 1)):
        said = json_of("train", "--project", folder, "--resume", start, "--steps", 1, *changed)
        assert (said["steps"], said["resumed"]) == (2, "state")


def test_learning_rate_range_test_is_recorded(folder: Path) -> None:
    run = json_of("train", "--project", folder, *SMALL, "--steps", 1, "--batch", 1, "--lr", "auto")["run"]
    with Project.open_read_only(folder) as project:
        points = project.runs.measurements(run)
    rates = [p.value for p in points if p.name == "range_rate"]
    assert len(rates) >= 10
    assert rates == sorted(rates)
    assert len([p for p in points if p.name == "range_loss"]) == len(rates)
    [taken] = [p.value for p in points if p.name == "range_taken"]
    assert recipe_of(folder, run).learning_rate == taken


def test_given_options_override_the_preset(folder: Path) -> None:
    run = json_of("train", "--project", folder, *SMALL, "--preset", "best", "--steps", 1, "--ema", 0)["run"]
    recipe = recipe_of(folder, run)
    assert (recipe.zoom, recipe.patience, recipe.ema, recipe.steps) == ((0.5, 2.0), 40, 0.0, 1)


def test_first_interrupt_stops_training_resumably(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.training.train_step import TrainStep

    step = TrainStep.step

    def pressed(self: TrainStep, *words: object) -> object:
        signal.raise_signal(signal.SIGINT)
        return step(self, *words)  # type: ignore[arg-type]

    monkeypatch.setattr(TrainStep, "step", pressed)
    before = signal.getsignal(signal.SIGINT)
    said = json_of("train", "--project", folder, *SMALL, "--steps", 50)
    assert signal.getsignal(signal.SIGINT) is before
    assert (said["state"], said["steps"]) == ("stopped", 1)
    monkeypatch.undo()
    again = json_of("train", "--project", folder, "--resume", said["run"], "--steps", 1)
    assert (again["steps"], again["resumed"]) == (2, "state")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--lr", "fast"), "Learning rate"),
        (("--loss", "hinge"), "ce+dice"),
        (("--zoom", "3-1"), "Scale"),
        (("--preset", "fastest"), "quick, balanced, best"),
        (("--device", "gpu"), "cuda:0"),
        (("--steps", "many"), "a whole number from 0, or none"),
    ],
)
def test_invalid_options_are_usage_errors_and_create_no_run(
    words: tuple[object, ...], sentence: str, folder: Path
) -> None:
    runs = len(json_of("status", "--project", folder)["runs"])
    assert sentence in usage_error_of("train", "--project", folder, *words)
    assert len(json_of("status", "--project", folder)["runs"]) == runs


def test_like_needs_an_existing_run(folder: Path) -> None:
    assert "no run 77" in error_of("train", "--project", folder, "--like", 77)


def test_like_and_resume_exclude_each_other(folder: Path) -> None:
    assert "--like" in usage_error_of("train", "--project", folder, "--like", 1, "--resume", 1)


def test_help_lists_every_recipe_option() -> None:
    code, out, _ = run_command("train", "--help")
    assert code == 0
    for field in RECIPE_OPTIONS:
        assert field.cli_option in out


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """A project whose first run is good, and what was printed about it and about a try of two steps after it."""
    folder = tmp_path_factory.mktemp("tried")
    with project_in(folder, count=6) as project:
        label_all(project, project.pictures.all())
    good = json_of("train", "--project", folder, *SMALL, "--steps", 80, "--lr", 0.01, "--ema", 0.8)
    worse = json_of("train", "--project", folder, *SMALL, "--steps", 2, "--lr", 1e-5)
    return folder, good, worse


def test_a_worse_network_is_said_and_not_taken(tried: tuple[Path, dict[str, Any], dict[str, Any]]) -> None:
    folder, good, worse = tried
    assert good["in_use"] and good["best_miou"] > 0.9
    assert not worse["in_use"] and worse["best_miou"] < good["best_miou"] and worse["published"]
    assert any(f"Run {good['run']} stays in use" in note for note in worse["notes"])
    status = json_of("status", "--project", folder)
    assert [run["run"] for run in status["runs"] if run["in_use"]] == [good["run"]]
    stored = {run["run"]: run["best_miou"] for run in status["runs"]}
    own_size = json_of("evaluate", "--project", folder)
    assert own_size["run"] == good["run"]
    assert own_size["miou"] == pytest.approx(stored[good["run"]], abs=2e-3), (
        "training scores as evaluate does"
    )


def test_commands_take_the_best_the_newest_or_a_numbered_run(
    tried: tuple[Path, dict[str, Any], dict[str, Any]], tmp_path: Path
) -> None:
    folder, good, worse = tried
    for which, run in (("best", good), ("newest", worse), (str(worse["run"]), worse)):
        words = ("--project", folder, "--run", which)
        assert json_of("evaluate", *words)["run"] == run["run"]
        assert json_of("predict", *words, "--images", "all")["run"] == run["run"]
        exported = tmp_path / f"{which}.safetensors"
        assert json_of("model", "export", exported, *words)["equal"] == 1.0
    assert "best (the network in use), newest" in usage_error_of(
        "evaluate", "--project", folder, "--run", "last"
    )
    words = ("export", "masks", tmp_path / "out", "--project", folder, "--what", "predictions")
    assert f"by run {good['run']}" in error_of(*words, "--run", "best"), "the newest run has predicted last"
    assert json_of(*words, "--run", "newest")["predictions"] == 6


def test_a_network_is_chosen_by_hand(tried: tuple[Path, dict[str, Any], dict[str, Any]]) -> None:
    folder, good, worse = tried
    json_of("predict", "--project", folder, "--images", "all")
    assert json_of("model", "use", worse["run"], "--project", folder)["before"] == good["run"]
    assert json_of("status", "--project", folder)["predicted"] == 0, (
        "predictions of the other network are gone"
    )
    assert json_of("evaluate", "--project", folder)["run"] == worse["run"]
    assert "no run 99" in error_of("model", "use", 99, "--project", folder)
    json_of("model", "use", good["run"], "--project", folder)


def test_a_run_that_publishes_nothing_says_why(tried: tuple[Path, dict[str, Any], dict[str, Any]]) -> None:
    folder, good, _ = tried
    words = ("train", "--project", folder, "--resume", good["run"], "--steps", 81, "--lr", 1e-6, "--size", 32)
    code, out, errors = run_command(*words, "--threads", 1)
    assert code == 0, errors
    assert "no val picture" not in out
    assert "no checkpoint was better than what it started from" in out or "stays in use" in out


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a graphics card here")
def test_a_training_that_is_refused_leaves_no_run(folder: Path) -> None:
    runs = json_of("status", "--project", folder)["runs"]
    said = error_of("train", "--project", folder, *SMALL[:4], "--steps", 1, "--device", "cuda:0")
    assert "“cuda:0” cannot be used: this computer has no graphics card" in said
    assert json_of("status", "--project", folder)["runs"] == runs


def test_resume_takes_no_other_starting_weights(folder: Path) -> None:
    said = usage_error_of("train", "--project", folder, "--resume", 1, "--weights", "imagenet")
    assert "leave --weights out" in said


def test_too_little_to_train_on_says_what_to_do(tmp_path: Path) -> None:
    with project_in(tmp_path, count=3) as project:
        records = project.pictures.all()
    assert "nothing is labelled so far" in error_of("train", "--project", tmp_path)
    with Project.open(tmp_path) as project:
        label_all(project, records)
        project.pictures.set_split([record.id for record in records], Split.TEST)
    assert "Move some of them to train" in error_of("train", "--project", tmp_path)
