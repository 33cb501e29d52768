"""The description of one option: name, title, type, limits and default.

Settings, training recipes, tool options, forms, command line options and tables in the docs are made from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from core.base.errors import UserError
from core.base.number_text import parse_decimal

_YES, _NO = {"yes", "true", "on", "1"}, {"no", "false", "off", "0"}
_RANGE_TEXTS = {
    int: ("a whole number", "a whole number from {}", "a whole number to {}", "a whole number from {} to {}"),
    float: ("a number", "a number from {}", "a number to {}", "a number from {} to {}"),
    tuple: (
        "two numbers such as 0.75-1.6",
        "two numbers such as 0.75-1.6 from {}",
        "two numbers such as 0.75-1.6 to {}",
        "two numbers such as 0.75-1.6 from {} to {}",
    ),
}
"""By kind: without limits, with a minimum, with a maximum, with both."""


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """Description of one option; immutable.

    kind: str, int, float, bool, or tuple for two numbers, the smaller first
    choices: the only values that a text may have; choice_titles: their titles in a form, in the same order; empty:
    the values themselves
    minimum, maximum: range of a number, both ends included; unit: shown after a number, such as " px"
    aliases: words that stand for values, such as ("light", 0.15)
    none_word: the word for None; empty where None is not allowed
    group: heading under which a form or a docs table lists it; short: short form of the command line option
    validator: raises `error` for what the fields above cannot express; suggestions: offered for a free text
    error: class of what `parse` and `validate` raise
    """

    name: str
    title: str
    help: str
    kind: type
    default: Any
    group: str = ""
    choices: tuple[str, ...] = ()
    choice_titles: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    aliases: tuple[tuple[str, Any], ...] = ()
    none_word: str = ""
    short: str = ""
    validator: Callable[[str], object] | None = None
    suggestions: tuple[str, ...] = ()
    error: type[UserError] = UserError

    @property
    def titled_choices(self) -> tuple[tuple[str, str], ...]:
        """(value, title) of each choice, for a combo box or a menu."""
        return tuple(zip(self.choices, self.choice_titles or self.choices, strict=True))

    @property
    def cli_option(self) -> str:
        """The option on the command line, such as "--learning-rate"."""
        return "--" + self.name.replace("_", "-")

    @property
    def range_text(self) -> str:
        """The allowed values in words: "a number from 0 to 1, or auto"."""
        words = [
            *self.choices,
            *(word for word, _ in self.aliases),
            *([self.none_word] if self.none_word else []),
        ]
        if self.kind is bool:
            return "yes, no"
        if self.kind is not str:
            limits = [f"{limit:g}" for limit in (self.minimum, self.maximum) if limit is not None]
            at = (self.minimum is not None) + 2 * (self.maximum is not None)
            words.insert(0, _RANGE_TEXTS[self.kind][at].format(*limits))
        first, last = words[:-1], words[-1:]
        return ", or ".join([", ".join(first), *last] if first else last) or "text"

    def format(self, value: Any) -> str:
        """A value as text that `parse` reads back."""
        for word, aliased in self.aliases:
            if value == aliased:
                return word
        if value is None:
            return self.none_word
        if isinstance(value, bool):
            return "yes" if value else "no"
        if self.kind is tuple and isinstance(value, tuple | list):
            return "-".join(f"{part:g}" for part in value)
        return f"{value:g}" if isinstance(value, float) else str(value)

    def parse(self, text: str) -> Any:
        """The value of a text. Raises `error` when the text is not a value or the value is not allowed."""
        word = text.strip().lower() if self.kind is not str or self.choices else text.strip()
        value: Any = dict(self.aliases).get(word, word)
        if self.none_word and word == self.none_word:
            value = None
        elif isinstance(value, str):
            try:
                value = self._convert(word)
            except ValueError as problem:
                raise self._invalid(text) from problem
        self.validate(value)
        return value

    def _convert(self, word: str) -> Any:
        if self.kind is bool:
            if word not in _YES | _NO:
                raise ValueError(word)
            return word in _YES
        if self.kind is tuple:
            low, high = word.split("-") if "-" in word else word.split(",")
            return parse_decimal(low), parse_decimal(high)
        return parse_decimal(word) if self.kind is float else self.kind(word)

    def validate(self, value: Any) -> None:
        """Raises `error`, with the allowed values in its message, when the value is not allowed."""
        if value is None and self.none_word:
            return
        if not self._has_allowed_value(value):
            raise self._invalid(self.format(value))
        if self.validator:
            self.validator(value)

    def allows(self, value: Any) -> bool:
        """Whether `validate` accepts the value."""
        try:
            self.validate(value)
        except UserError:
            return False
        return True

    def _has_allowed_value(self, value: Any) -> bool:
        if self.kind is str:
            return isinstance(value, str) and (not self.choices or value in self.choices)
        if self.kind is bool:
            return isinstance(value, bool)
        if self.kind is tuple:
            return isinstance(value, tuple) and len(value) == 2 and all(map(self._is_in_range, value)) and (
                value[0] <= value[1]
            )  # fmt: skip
        return self._is_in_range(value) and (self.kind is float or isinstance(value, int))

    def _is_in_range(self, number: Any) -> bool:
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            return False
        return (self.minimum is None or number >= self.minimum) and (
            self.maximum is None or number <= self.maximum
        )

    def _invalid(self, shown: str) -> UserError:
        return self.error(f"{self.title} cannot be “{shown}”; it takes {self.range_text}.")


def markdown(table: tuple[OptionSpec, ...], presets: Mapping[str, Mapping[str, Any]]) -> str:
    """The options as Markdown, one table for each group, then a table of the presets (name: values that differ)."""
    lines: list[str] = []
    by_name = {option.name: option for option in table}
    for group in dict.fromkeys(option.group for option in table):
        lines += [f"### {group}", "", "| option | values | default | description |", "|---|---|---|---|"]
        for option in table:
            if option.group == group:
                names = f"`{option.cli_option}`" + (f", `{option.short}`" if option.short else "")
                default = option.format(option.default) or "none"
                lines.append(f"| {names} | {option.range_text} | {default} | {option.help} |")
        lines.append("")
    lines += ["### Presets", "", "| preset | differs in |", "|---|---|"]
    for name, differences in presets.items():
        settings = [f"{by_name[key].cli_option} {by_name[key].format(v)}" for key, v in differences.items()]
        described = ", ".join(f"`{setting}`" for setting in settings) or "nothing: the default recipe"
        lines.append(f"| {name} | {described} |")
    return "\n".join(lines) + "\n"
