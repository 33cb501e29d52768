"""Tool options: every control of every tool describes a field of ToolOptions."""

from __future__ import annotations

import dataclasses

import pytest

from core.base.option_spec import OptionSpec
from core.tools.registry import TOOLS
from core.tools.tool import Tool
from core.tools.tool_options import OptionMenu, ToolOptions


@pytest.mark.parametrize("kind", TOOLS, ids=lambda kind: kind.name)
def test_controls_describe_fields_and_accept_their_defaults(kind: type[Tool]) -> None:
    fields = {field.name for field in dataclasses.fields(ToolOptions)}
    for control in kind.controls:
        options: tuple[OptionSpec, ...] = control.options if isinstance(control, OptionMenu) else (control,)
        for option in options:
            assert option.name in fields and option.title and option.help.endswith(".")
            assert option.default == getattr(ToolOptions(), option.name)
            assert option.allows(option.default)
