"""The user's settings: a table of options, shown by the settings dialog and the docs, and the JSON file of values."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs

from core.base.atomic_file import atomic_file
from core.base.option_spec import OptionSpec

SETTINGS: tuple[OptionSpec, ...] = (
    OptionSpec(
        "theme",
        "Theme",
        "Light, dark, or as the system says.",
        str,
        "system",
        choices=("system", "light", "dark"),
        choice_titles=("As the system", "Light", "Dark"),
    ),
    OptionSpec(
        "train_automatically",
        "Start training automatically",
        "Training starts when three pictures carry labels of two classes, and again by the three rules below, "
        "whichever applies first, and when a new class is labelled.",
        bool,
        True,
    ),
    OptionSpec(
        "retrain_pictures",
        "Train again after changed pictures",
        "So many pictures with changed labels start the next training; 0 for no such rule.",
        int,
        2,
        minimum=0,
        maximum=10_000,
    ),
    OptionSpec(
        "retrain_minutes",
        "Train again after minutes",
        "The next training starts so many minutes after the first changed label; 0 for no such rule.",
        float,
        0.0,
        minimum=0,
        maximum=1440,
    ),
    OptionSpec(
        "retrain_idle_seconds",
        "Train again when you pause (seconds)",
        "The next training starts when no label was changed for so many seconds; 0 for no such rule.",
        float,
        0.0,
        minimum=0,
        maximum=86_400,
    ),
    OptionSpec(
        "pause_in_full_screen",
        "Pause training in full screen",
        "While you present the window in full screen, nothing is trained.",
        bool,
        False,
    ),
    OptionSpec(
        "round_minutes",
        "Length of a training round (minutes)",
        "A round ends after this time; the next starts when labels have changed.",
        float,
        4.0,
        minimum=0.2,
        maximum=600,
    ),
    OptionSpec(
        "device",
        "Device",
        "Where the network runs.",
        str,
        "auto",
        choices=("auto", "cpu", "cuda", "mps"),
        choice_titles=("Automatic", "Processor", "NVIDIA graphics", "Apple graphics"),
    ),
    OptionSpec(
        "after_evaluation",
        "Command after each evaluation",
        "Runs while a network is trained, from your home folder, with the scores as JSON on its standard input. "
        "FILE.py:NAME calls a function of that file.",
        str,
        "",
    ),
    OptionSpec(
        "looks",
        "Test-time augmentation",
        "The network also predicts each picture mirrored, in three sizes, or both, and the results are averaged. "
        "Predictions get a little better and take two, three or six times as long.",
        str,
        "none",
        choices=("none", "flip", "scales", "all"),
        choice_titles=("None", "Mirrored", "Three sizes", "Both"),
    ),
    OptionSpec(
        "scrolling",
        "Scrolling over the picture",
        "What two fingers on a touchpad and the mouse wheel do. Ctrl + wheel and a pinch always zoom.",
        str,
        "touchpad",
        choices=("touchpad", "zoom", "pan"),
        choice_titles=("Two fingers move it", "Always zooms", "Always moves it"),
    ),
    OptionSpec(
        "unfinished_shapes",
        "Unfinished shapes",
        "What happens to a polygon or another shape that is not finished when you go to another picture or tool. "
        "Kept shapes are offered again with their picture.",
        str,
        "keep",
        choices=("keep", "fill", "discard"),
        choice_titles=("Keep with the picture", "Fill", "Discard"),
    ),
    OptionSpec(
        "live_prediction",
        "Live prediction",
        "Predict the picture on screen from its strokes at once. Automatic: without a network, where it is better than "
        "the network on the validation pictures, and where strokes correct the network.",
        str,
        "auto",
        choices=("auto", "always", "off"),
        choice_titles=("Automatic", "Always", "Off"),
    ),
    OptionSpec(
        "keep_view",
        "Keep zoom between pictures",
        "Show the next picture at the same place and zoom.",
        bool,
        False,
    ),
)

_BY_NAME = {setting.name: setting for setting in SETTINGS}


class Settings:
    """Current values. The file is read once and replaced at every change. Lives on the GUI thread."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or settings_folder() / "settings.json"
        self._values: dict[str, Any] = {}
        self.on_changed: Callable[[str, Any], object] = lambda _name, _value: None
        """Called with name and value after a setting was changed, by whatever part of the program."""
        try:
            stored = json.loads(self.path.read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            stored = {}
        # Values of unknown names are kept: a newer version wrote them.
        self._stored: dict[str, Any] = stored if isinstance(stored, dict) else {}
        for name, value in self._stored.items():
            setting = _BY_NAME.get(name)
            if setting is not None and setting.allows(value):
                self._values[name] = value

    def get(self, name: str) -> Any:
        """The value of a setting. Raises KeyError for a name that is not in `SETTINGS`."""
        return self._values.get(name, _BY_NAME[name].default)

    def set(self, name: str, value: Any) -> None:
        """Change and store a setting. Raises UserError when the value is not allowed."""
        _BY_NAME[name].validate(value)
        self._values[name] = value
        self._stored[name] = value
        self._write()
        self.on_changed(name, value)

    def set_state(self, name: str, value: Any) -> None:
        """Store window state (geometry, recent projects): any JSON value; not validated, never raises."""
        self._stored[f"state.{name}"] = value
        self._write()

    def get_state(self, name: str, default: Any = None) -> Any:
        return self._stored.get(f"state.{name}", default)

    def _write(self) -> None:
        try:
            with atomic_file(self.path) as temporary:
                temporary.write_text(json.dumps(self._stored, indent=1), "utf-8")
        except OSError:
            return  # a full or read-only home folder must not stop anybody from labelling


def settings_folder() -> Path:
    """Where settings live; MASKLOOP_CONFIG_DIR overrides it (tests, portable installs)."""
    override = os.environ.get("MASKLOOP_CONFIG_DIR")
    return Path(override) if override else platformdirs.user_config_path("maskloop", appauthor=False)
