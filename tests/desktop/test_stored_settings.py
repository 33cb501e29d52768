"""A settings file stays readable: fields may not be renamed, because their names are what is stored.

`tests/data/settings-0003.json` has a value other than the default for every setting, tool option and layer.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest

from core.base.settings import SETTINGS, Settings
from core.tools.tool_options import ToolOptions
from desktop.canvas.rendering.compare_styles import CompareSide
from desktop.canvas.rendering.layer_style import LayerState
from desktop.workspaces.label.view.layer_controller import VIEW_AIDS

STORED = Path(__file__).resolve().parents[1] / "data" / "settings-0003.json"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(Path(shutil.copy(STORED, tmp_path / "settings.json")))


def test_every_setting_is_read(settings: Settings) -> None:
    expected: dict[str, Any] = {
        "theme": "dark",
        "train_automatically": False,
        "round_minutes": 7.5,
        "device": "cpu",
        "looks": "flip",
        "keep_view": True,
        # Newer than the file: their defaults.
        "scrolling": "touchpad",
        "unfinished_shapes": "keep",
        "live_prediction": "auto",
        "after_evaluation": "",
        "retrain_pictures": 2,
        "retrain_minutes": 0.0,
        "retrain_idle_seconds": 0.0,
        "pause_in_full_screen": False,
    }
    assert {row.name: settings.get(row.name) for row in SETTINGS} == expected


def test_every_tool_option_has_its_stored_name(settings: Settings) -> None:
    stored = settings.get_state("tools")
    default = ToolOptions()
    kept = {name: type(getattr(default, name))(value) for name, value in stored.items()}
    options = ToolOptions(**kept)
    assert {f.name for f in fields(ToolOptions)} - kept.keys() == {"locked"}
    assert [name for name in kept if getattr(options, name) == getattr(default, name)] == []


def test_every_layer_field_has_its_stored_name(settings: Settings) -> None:
    stored = settings.get_state("layers")
    default = asdict(LayerState())
    layers = LayerState(**{name: type(default[name])(value) for name, value in stored.items()})
    assert json.loads(json.dumps(asdict(layers))) == stored
    assert [name for name, value in asdict(layers).items() if value == default[name]] == ["label_visible"]


def test_the_rest_of_the_window_state_has_its_stored_names(settings: Settings) -> None:
    assert settings.get_state("aids") == {name: not shown for name, shown in VIEW_AIDS.items()}
    assert [CompareSide(word) for word in settings.get_state("sides")] == ["prediction", "label"]
    assert settings.get_state("recent") == [["/pictures/a", "/pictures/a/.maskloop"]]
    assert settings.get_state("keys") == {"undo": ["Ctrl+Z", "Ctrl+Backspace"]}
