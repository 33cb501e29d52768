"""How somebody likes the tools: kept from one start of the program to the next."""

from __future__ import annotations

from dataclasses import fields
from enum import StrEnum
from typing import Any

from core.base.settings import Settings
from core.tools.tool_options import ToolOptions, within_limits

_PROJECT_OPTIONS = ("locked",)
"""What belongs to a project and not to a person."""


def save_options(settings: Settings, options: ToolOptions) -> None:
    kept = {f.name: getattr(options, f.name) for f in fields(options) if f.name not in _PROJECT_OPTIONS}
    settings.set_state("tools", kept)


def load_options(settings: Settings, options: ToolOptions) -> None:
    """Put what was kept into `options`; what does not fit any more stays as it is."""
    kept = settings.get_state("tools", {})
    for field in fields(options) if isinstance(kept, dict) else ():
        if field.name in kept and field.name not in _PROJECT_OPTIONS:
            value = _converted(getattr(options, field.name), kept[field.name])
            if value is not None:
                setattr(options, field.name, value)


def _converted(current: Any, value: Any) -> Any:
    """`value` as the kind of thing that stands there now, or None."""
    if isinstance(current, bool) or isinstance(value, bool):
        return value if isinstance(current, bool) and isinstance(value, bool) else None
    if isinstance(current, StrEnum):
        return type(current)(value) if value in list(type(current)) else None
    if isinstance(current, float) and isinstance(value, int | float):
        return within_limits(float(value))
    return value if isinstance(current, int) and isinstance(value, int) else None
