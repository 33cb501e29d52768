"""Command options for all fields of a recipe, generated from the table in core/training/recipe.py."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from core.base.errors import TrainingError
from core.base.option_spec import OptionSpec
from core.cli.terminal import UsageError
from core.training.recipe import (
    BUDGETS,
    PRESETS,
    RECIPE_OPTIONS,
    RECIPE_OPTIONS_BY_NAME,
    Recipe,
    default_recipe,
)

GivenOptions = Mapping[str, Any]
"""Given option values by recipe field: text or bool; None if the option was omitted."""


def with_recipe_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option per recipe field to a command; the values arrive in its argument `given`."""

    def called(**arguments: Any) -> None:
        given = {name: arguments.pop(name) for name in RECIPE_OPTIONS_BY_NAME}
        command(**arguments, given=given)

    hints = typing.get_type_hints(command, include_extras=True)
    own = [
        part.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
        for name, part in inspect.signature(command).parameters.items()
        if name != "given"
    ]
    rows = [
        inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_option(field))
        for field in RECIPE_OPTIONS
    ]
    called.__signature__ = inspect.Signature([*own, *rows])  # type: ignore[attr-defined]
    called.__annotations__ = {part.name: part.annotation for part in (*own, *rows)}
    called.__name__, called.__doc__ = command.__name__, command.__doc__
    return called


def _option(field: OptionSpec) -> Any:
    """The annotation for typer. Values stay text, so that Maskloop's own message explains a wrong one."""
    if field.kind is bool:
        flag = f"{field.cli_option}/--no-{field.cli_option.removeprefix('--')}"
        return Annotated[bool | None, typer.Option(flag, help=field.help, rich_help_panel=field.group)]
    names = [field.cli_option, *([field.short] if field.short else [])]
    default = f" [{field.format(field.default)}]" if field.default is not None else ""
    return Annotated[
        str | None,
        typer.Option(
            *names,
            help=f"{field.help} Takes {field.range_text}.{default}",
            metavar=field.name.upper(),
            rich_help_panel=field.group,
        ),
    ]


def given_values(given: GivenOptions) -> dict[str, Any]:
    """Parsed values of the given options. Raises UsageError for an impossible value, and for several budgets."""
    try:
        found = {
            name: value if isinstance(value, bool) else RECIPE_OPTIONS_BY_NAME[name].parse(value)
            for name, value in given.items()
            if value is not None
        }
    except TrainingError as problem:
        raise UsageError(str(problem)) from problem
    if sum(found.get(name) is not None for name in BUDGETS) > 1:
        raise UsageError("Give one budget: --epochs, --minutes or --steps.")
    return {name: value for name, value in found.items() if name not in BUDGETS or value is not None}


def build_recipe(
    start: Recipe | None,
    preset: str | None,
    given: GivenOptions,
    device_kind: str,
    *,
    pretrained: bool = False,
    size: int = 0,
) -> Recipe:
    """The recipe `start` (of a run), or the default for device and network, changed by preset and given options."""
    if preset is not None and preset not in PRESETS:
        raise UsageError(f"There is no preset “{preset}”; choose {', '.join(PRESETS)}.")
    recipe = default_recipe(device_kind, pretrained=pretrained, size=size) if start is None else start
    return recipe.with_changes(PRESETS[preset] if preset else {}).with_changes(given_values(given))


def is_budget_given(given: GivenOptions) -> bool:
    return any(given.get(name) is not None for name in BUDGETS)
