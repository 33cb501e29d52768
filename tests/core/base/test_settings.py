"""Settings: validation, a damaged file, unknown values, and window state."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.base.errors import UserError
from core.base.settings import SETTINGS, Settings, settings_folder


def test_defaults(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "settings.json")
    assert {row.name: settings.get(row.name) for row in SETTINGS} == {
        row.name: row.default for row in SETTINGS
    }
    assert not settings.path.exists()


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row.name)
def test_every_setting_accepts_its_default_and_has_a_help_text(row: Any, tmp_path: Path) -> None:
    settings = Settings(tmp_path / "settings.json")
    settings.set(row.name, row.default)
    assert row.title
    assert row.help.endswith(".")
    with pytest.raises(UserError, match="cannot be"):
        settings.set(row.name, object())


def test_changes_are_stored(tmp_path: Path) -> None:
    path = tmp_path / "new" / "settings.json"
    Settings(path).set("theme", "dark")
    Settings(path).set("round_minutes", 7)
    again = Settings(path)
    assert (again.get("theme"), again.get("round_minutes")) == ("dark", 7)
    assert [p.name for p in path.parent.iterdir()] == ["settings.json"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("theme", "purple"),
        ("theme", 1),
        ("theme", ["dark"]),
        ("train_automatically", 1),
        ("train_automatically", "yes"),
        ("round_minutes", True),
        ("round_minutes", "4"),
        ("round_minutes", 0.0),
        ("round_minutes", 601),
        ("round_minutes", float("nan")),
    ],
)
def test_an_invalid_value_is_rejected_and_ignored_in_the_file(
    name: str, value: object, tmp_path: Path
) -> None:
    path = tmp_path / "settings.json"
    settings = Settings(path)
    before = settings.get(name)
    with pytest.raises(UserError, match="cannot be"):
        settings.set(name, value)
    assert settings.get(name) == before
    path.write_text(json.dumps({name: value}), "utf-8")
    assert Settings(path).get(name) == before


def test_an_unknown_name_raises_key_error(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "settings.json")
    with pytest.raises(KeyError):
        settings.get("colour")
    with pytest.raises(KeyError):
        settings.set("colour", "red")


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b"\xff\xfe", b'"dark"', b"null"])
def test_a_damaged_file_gives_defaults_and_is_replaced_by_the_next_change(
    content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(content)
    settings = Settings(path)
    assert settings.get("theme") == "system"
    settings.set("theme", "light")
    assert Settings(path).get("theme") == "light"


def test_unknown_settings_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"from_the_future": [1, 2], "theme": "dark"}), "utf-8")
    Settings(path).set("device", "cpu")
    stored = json.loads(path.read_text("utf-8"))
    assert stored == {"from_the_future": [1, 2], "theme": "dark", "device": "cpu"}


def test_window_state_is_stored(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    settings = Settings(path)
    assert settings.get_state("recent", []) == []
    settings.set_state("recent", ["/a/ü"])
    settings.set_state("theme", "a window state of that name")
    again = Settings(path)
    assert again.get_state("recent") == ["/a/ü"]
    assert again.get("theme") == "system"


def test_an_unwritable_home_folder_raises_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    settings = Settings(tmp_path / "file" / "settings.json")
    settings.set("theme", "dark")
    settings.set_state("recent", [])
    assert settings.get("theme") == "dark"


def test_the_folder_can_be_overridden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKLOOP_CONFIG_DIR", str(tmp_path / "portable"))
    assert settings_folder() == tmp_path / "portable"
    Settings().set("theme", "dark")
    assert (tmp_path / "portable" / "settings.json").is_file()
    monkeypatch.delenv("MASKLOOP_CONFIG_DIR")
    assert "maskloop" in str(settings_folder())
