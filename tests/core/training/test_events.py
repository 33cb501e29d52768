"""Events and recipes as lines of JSON."""

import dataclasses
import json
import math
import typing

import pytest

from core.base.errors import TrainingError
from core.training.events import (
    CheckpointPublished,
    InUseScored,
    LearningRateFound,
    ModelEvaluated,
    PredictionFailed,
    PredictionReady,
    TrainingEvent,
    TrainingFinished,
    TrainingNote,
    TrainingProgress,
    TrainingStage,
    TrainingStarted,
    WorkerFailed,
    decode_event,
    encode_event,
)
from core.training.exit_reason import OUT_OF_MEMORY_TEXT, exit_message
from core.training.recipe import Recipe, default_recipe

EVERY: list[TrainingEvent] = [
    TrainingStarted("cuda:0", 1234, 12),
    TrainingProgress(3, None, 0.5, 40.0, 2.0, None),
    TrainingProgress(3, 10, 1.0, 40.0, 2.0, 5.0),
    TrainingStage("Computing features", 1200, 2680),
    ModelEvaluated(7, 9.5, 0.5, {1: 0.25, 200: 0.75}, 0.9, ((1, 2), (3, 4)), 5, "val"),
    CheckpointPublished(7, 0.5, "/a folder/ü"),
    CheckpointPublished(7, None, "x"),
    InUseScored(7, 9.5, 0.5, {1: 0.25}),
    PredictionReady(4, "a\nb.png", 0.875, 3),
    PredictionFailed(4, "It is gone."),
    WorkerFailed("Training stopped.", "line\nline “two”"),
    TrainingFinished("budget", 9),
    TrainingNote("Aha."),
    LearningRateFound(((1e-5, 2.0), (1e-4, 1.5)), 1e-5),
]


@pytest.mark.parametrize("event", EVERY, ids=lambda event: type(event).__name__)
def test_round_trip(event: TrainingEvent) -> None:
    line = encode_event(event)
    assert "\n" not in line
    assert line.isascii()
    assert decode_event(line) == event


def test_every_kind_of_event_is_tried_above() -> None:
    assert {type(event) for event in EVERY} == set(typing.get_args(TrainingEvent))


def test_a_stage_counts_where_there_is_something_to_count() -> None:
    assert TrainingStage("Computing features", 1200, 2680).description == "Computing features 1,200 of 2,680"
    assert TrainingStage("Fitting the head").description == "Fitting the head"


def test_infinite_numbers_become_nan() -> None:
    back = decode_event(encode_event(TrainingProgress(1, None, math.inf, 1.0, 1.0, None)))
    assert isinstance(back, TrainingProgress)
    assert math.isnan(back.loss)


@pytest.mark.parametrize(
    "line",
    ["", "{", "[]", "3", '{"event": "Boom"}', '{"event": "Note"}', '{"event": "Finished", "reason": 1}'],
)
def test_other_lines_raise_a_value_error(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_event(line)


def test_recipe_round_trip() -> None:
    recipe = Recipe(minutes=None, steps=5, zoom=(0.5, 2.0), crop=96, device="cuda:1", threads=2)
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_a_recipe_of_another_version_still_works() -> None:
    assert Recipe.from_json({**Recipe().to_json(), "minutes": 2.0, "flux": "capacitor"}) == Recipe(
        minutes=2.0
    )


@pytest.mark.parametrize("kind", ["cpu", "mps", "cuda"])
def test_defaults_are_valid(kind: str) -> None:
    assert default_recipe(kind).minutes


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 3},
        {"minutes": None},
        {"minutes": -1.0},
        {"minutes": math.nan},
        {"loss": "hinge"},
        {"optimizer": "luck"},
        {"precision": "8"},
        {"learning_rate": 0.0},
        {"batch": 0},
        {"crop": 8},
        {"ema": 1.0},
        {"zoom": (2.0, 0.5)},
        {"threads": 0},
        {"batch": "many"},
    ],
)
def test_impossible_recipes_are_refused(change: dict[str, object]) -> None:
    raw = {field.name: getattr(Recipe(), field.name) for field in dataclasses.fields(Recipe)}
    with pytest.raises(TrainingError, match=r"\.$"):
        Recipe.from_json({**raw, **change})


def test_exit_messages() -> None:
    memory = OUT_OF_MEMORY_TEXT
    assert exit_message(-9, [], oom_kill_seen=True, training=True) == memory
    assert (
        exit_message(1, ["RuntimeError: can't allocate memory"], oom_kill_seen=False, training=True) == memory
    )
    assert "signal 9" in exit_message(-9, [], oom_kill_seen=False, training=True)
    assert "exit code 3" in exit_message(3, ["odd"], oom_kill_seen=True, training=False)
