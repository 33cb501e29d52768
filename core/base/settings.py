"""The user's settings: one table gives names, types, defaults and help; dialogs and docs are made from it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from core.base.errors import UserError


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table. `choices` limits text settings; `low` and `high` limit numbers."""

    name: str
    default: Any
    title: str
    help: str
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None


SETTINGS: tuple[Setting, ...] = (
    Setting("theme", "system", "Theme", "Light, dark, or as the system says.", ("system", "light", "dark")),
    Setting(
        "train_automatically",
        True,
        "Start training by itself",
        "Training starts when three pictures carry labels of two classes, and again after every two more "
        "changed pictures.",
    ),
    Setting(
        "round_minutes",
        4.0,
        "Length of a training round (minutes)",
        "A round ends after this time; the next starts when labels have changed.",
        low=0.2,
        high=600,
    ),
    Setting("device", "auto", "Device", "Where the network runs.", ("auto", "cpu", "cuda", "mps")),
    Setting(
        "looks",
        "none",
        "Extra looks at each picture",
        "Predictions get a little better when a picture is also looked at mirrored, in three sizes, or both. They take "
        "two, three or six times as long.",
        ("none", "flip", "scales", "all"),
    ),
    Setting(
        "keep_view", False, "Keep zoom between pictures", "Show the next picture at the same place and zoom."
    ),
)

_BY_NAME = {setting.name: setting for setting in SETTINGS}


class Settings:
    """Current values, read once, written beside and renamed at every change. Lives on the GUI thread."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or settings_folder() / "settings.json"
        self._values: dict[str, Any] = {}
        try:
            stored = json.loads(self.path.read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            stored = {}
        self._stored: dict[str, Any] = stored if isinstance(stored, dict) else {}
        for name, value in self._stored.items():
            setting = _BY_NAME.get(name)
            if setting is not None and _fits(setting, value):
                self._values[name] = value

    def get(self, name: str) -> Any:
        """The value of a setting of the table. Raises KeyError for a name it does not have."""
        return self._values.get(name, _BY_NAME[name].default)

    def set(self, name: str, value: Any) -> None:
        """Change and store a setting. Raises UserError when the value does not fit the table."""
        if not _fits(_BY_NAME[name], value):
            raise UserError(f"“{_BY_NAME[name].title}” cannot be {value!r}.")
        self._values[name] = value
        self._stored[name] = value
        self._write()

    def set_state(self, name: str, value: Any) -> None:
        """Keep window state (geometry, recent projects): any JSON value, not in the table, never an error."""
        self._stored[f"state.{name}"] = value
        self._write()

    def get_state(self, name: str, default: Any = None) -> Any:
        return self._stored.get(f"state.{name}", default)

    def _write(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            beside = self.path.with_suffix(f".{os.getpid()}.tmp")
            beside.write_text(json.dumps(self._stored, indent=1), "utf-8")
            beside.replace(self.path)
        except OSError:
            return  # a full or read-only home must not stop anybody from labelling


def settings_folder() -> Path:
    """Where settings live; MASKLOOP_CONFIG_DIR overrides it (tests, portable installs)."""
    override = os.environ.get("MASKLOOP_CONFIG_DIR")
    return Path(override) if override else platformdirs.user_config_path("maskloop", appauthor=False)


def _fits(setting: Setting, value: Any) -> bool:
    if isinstance(setting.default, bool):
        return isinstance(value, bool)
    if isinstance(setting.default, float):
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return (setting.low is None or value >= setting.low) and (
            setting.high is None or value <= setting.high
        )
    if setting.choices:
        return value in setting.choices
    return isinstance(value, type(setting.default))
