"""Recipes: options, parsing, validation, presets."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.base.errors import TrainingError
from core.training.recipe import (
    PRESETS,
    RECIPE_OPTIONS,
    RECIPE_OPTIONS_BY_NAME,
    Recipe,
    format_recipe_changes,
    parse_loss,
    parse_recipe_options,
    preset_recipe,
)


def test_every_field_has_an_option() -> None:
    assert [field.name for field in RECIPE_OPTIONS] and {f.name for f in RECIPE_OPTIONS} == set(
        Recipe().to_json()
    )
    for field in RECIPE_OPTIONS:
        assert field.help.endswith(".")
        if field.default is not None or field.none_word:
            assert field.parse(field.format(field.default)) == field.default
        for word, value in field.aliases:
            assert field.parse(word) == value


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("learning_rate", "auto", None),
        ("learning_rate", "1e-4", 1e-4),
        ("crop", "whole", None),
        ("zoom", "0.5-2", (0.5, 2.0)),
        ("zoom", "none", (1.0, 1.0)),
        ("colour", "strong", 0.4),
        ("deterministic", "Yes", True),
        ("device", "cuda:1", "cuda:1"),
        ("loss", "0.5*ce+lovasz", "0.5*ce+lovasz"),
    ],
)
def test_options_are_parsed(name: str, text: str, value: object) -> None:
    assert RECIPE_OPTIONS_BY_NAME[name].parse(text) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("learning_rate", "fast"),
        ("learning_rate", "nan"),
        ("learning_rate", "0"),
        ("batch", "2.5"),
        ("batch", "0"),
        ("zoom", "2-1"),
        ("zoom", "1"),
        ("colour", "huge"),
        ("compile", "perhaps"),
        ("device", "gpu"),
        ("loss", "ce+"),
        ("loss", "mean"),
        ("loss", "0*ce"),
        ("optimizer", "luck"),
        ("correction_weight", "99"),
    ],
)
def test_invalid_options_raise_a_training_error(name: str, text: str) -> None:
    with pytest.raises(TrainingError, match=r"^[A-Z].*\.$") as said:
        RECIPE_OPTIONS_BY_NAME[name].parse(text)
    assert text in str(said.value)


def test_loss_terms_are_parsed() -> None:
    assert parse_loss("ce + dice") == ((1.0, "ce"), (1.0, "dice"))
    assert parse_loss("0.5*focal+2*lovasz") == ((0.5, "focal"), (2.0, "lovasz"))
    assert parse_loss("0,5*focal+,25*lovasz") == ((0.5, "focal"), (0.25, "lovasz"))


def test_recipes_of_the_first_version_are_read() -> None:
    old = {"loss": "cross-entropy+dice", "class_weights": 0.5, "flip": True, "zoom": [0.75, 1.6], "turn": 3.0}
    # They were made for random weights: options for pretrained encoders do nothing, as before these existed.
    assert Recipe.from_json(old) == Recipe(
        head_first=False, encoder_rate=1.0, frozen_levels=0, frozen_norm=False
    )
    plain = Recipe.from_json({**old, "class_weights": 0.0, "flip": False})
    assert (plain.class_weights, plain.flip) == ("none", "none")


def test_presets_are_differences(tmp_path: Path) -> None:
    assert preset_recipe("balanced", "cpu") == Recipe()
    for name, differences in PRESETS.items():
        made = preset_recipe(name, "cuda")
        assert all(getattr(made, key) == value for key, value in differences.items())
    with pytest.raises(TrainingError, match="quick, balanced, best"):
        preset_recipe("fast", "cpu")
    assert Recipe().with_changes({"steps": 3}) == Recipe(minutes=None, steps=3)


@pytest.mark.parametrize("name", PRESETS)
def test_recipe_changes_round_trip_as_text(name: str) -> None:
    usual = preset_recipe("balanced", "cuda")
    recipe = preset_recipe(name, "cuda").with_changes(
        {"steps": 5, "learning_rate": None, "deterministic": True}
    )
    words = format_recipe_changes(recipe, usual)
    assert usual.with_changes(parse_recipe_options({**words, "loss": " "})) == recipe
    assert format_recipe_changes(usual, usual) == {}
    with pytest.raises(TrainingError, match="exactly one budget"):
        parse_recipe_options({"steps": "3", "minutes": "1"})
