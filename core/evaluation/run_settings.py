"""The settings of a run as text by name, for tables of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from core.base.errors import MaskloopError
from core.models.catalogue import architecture_title
from core.project.records import RunRecord


def run_title(run: RunRecord) -> str:
    """Network and encoder for people; “a network” when they cannot be read."""
    model = _parsed(run.model)
    try:
        return architecture_title(model["architecture"], model.get("encoder"))
    except (MaskloopError, KeyError, TypeError, ValueError):
        return "a network"


def run_settings(run: RunRecord) -> dict[str, str]:
    """Network and recipe of a run; what cannot be read is left out."""
    merged = {**_parsed(run.model), **_parsed(run.recipe)}
    return {
        name.replace("_", " "): _text(value)
        for name, value in merged.items()
        if name != "class_values" and value not in ("", [], {})
    }


def differing(settings: Sequence[Mapping[str, str]]) -> dict[str, list[str]]:
    """By name the value of each run, where they are not all the same; all settings of a single run."""
    names = {name: None for each in settings for name in each}
    rows = {name: [each.get(name, "–") for each in settings] for name in names}
    if len(settings) == 1:
        return rows
    return {name: values for name, values in rows.items() if len(set(values)) > 1}


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " to ".join(_text(each) for each in value)
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
