"""Titles and settings of runs, also of those whose description is damaged or of another version."""

from __future__ import annotations

import pytest

from core.evaluation.run_settings import differing, run_settings, run_title
from core.project.records import RunRecord


def run(model: str, recipe: str = "{}") -> RunRecord:
    return RunRecord(1, "finished", "2026-01-01T10:00:00", None, "cpu", model, recipe, None, 4, 0.5, 1, None)


@pytest.mark.parametrize(
    "model", ["", "[1]", "{}", '{"architecture": "of-tomorrow"}', '{"architecture": [1]}']
)
def test_run_whose_network_is_unknown_has_a_title(model: str) -> None:
    assert run_title(run(model)) == "a network"


def test_settings_that_differ() -> None:
    model = '{"architecture": "unet", "encoder": "resnet18", "class_values": [1]}'
    first, second = (
        run_settings(run(model, recipe)) for recipe in ('{"batch": 4}', '{"batch": 8, "seed": 1}')
    )
    assert run_title(run(model)) == "U-Net on resnet18"
    assert differing([first, second]) == {"batch": ["4", "8"], "seed": ["–", "1"]}
    assert differing([first]) == {"architecture": ["unet"], "encoder": ["resnet18"], "batch": ["4"]}
