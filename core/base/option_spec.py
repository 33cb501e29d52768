"""A choice of training as a row of a table: what it may be, in numbers and in words. No torch in here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from core.base.errors import TrainingError

_YES, _NO = {"yes", "true", "on", "1"}, {"no", "false", "off", "0"}
_KINDS = {int: "a whole number", float: "a number", bool: "yes or no", tuple: "two numbers such as 0.75-1.6"}


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """One row. From these rows come the options of the command line, the page of the docs, and forms.

    kind: str, int, float, bool, or tuple for two numbers, the smaller first
    choices: the only words that a text may be; low, high: the range of numbers, both ends included
    named: words that stand for values, such as ("light", 0.15); nothing: the word for None, empty where None is
    impossible; group: under which heading it stands; short: another name of the option; check: raises
    TrainingError for what the rest cannot say; proposals: of a text that may be anything, some worth offering
    """

    name: str
    title: str
    help: str
    group: str
    kind: type
    default: Any
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    aliases: tuple[tuple[str, Any], ...] = ()
    none_word: str = ""
    short: str = ""
    validator: Callable[[str], object] | None = None
    suggestions: tuple[str, ...] = ()

    @property
    def cli_option(self) -> str:
        """As the command line calls it."""
        return "--" + self.name.replace("_", "-")

    @property
    def range_text(self) -> str:
        """What is possible, in words."""
        words = [
            *self.choices,
            *(word for word, _ in self.aliases),
            *([self.none_word] if self.none_word else []),
        ]
        if self.kind is bool:
            return "yes, no"
        if self.kind is not str:
            low = "" if self.minimum is None else f"from {self.minimum:g}"
            high = "" if self.maximum is None else f"to {self.maximum:g}"
            words.insert(0, " ".join(part for part in (_KINDS[self.kind], low, high) if part))
        first, last = words[:-1], words[-1:]
        return ", or ".join([", ".join(first), *last] if first else last) or "text"

    def format(self, value: Any) -> str:
        """A value in the words that `parse` reads."""
        for word, meant in self.aliases:
            if value == meant:
                return word
        if value is None:
            return self.none_word
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, tuple | list):
            return "-".join(f"{part:g}" for part in value)
        return f"{value:g}" if isinstance(value, float) else str(value)

    def parse(self, text: str) -> Any:
        """The value that a text says. Raises TrainingError when it says none, or an impossible one."""
        said = text.strip().lower() if self.kind is not str or self.choices else text.strip()
        value: Any = dict(self.aliases).get(said, said)
        if self.none_word and said == self.none_word:
            value = None
        elif isinstance(value, str):
            try:
                value = self._read(said)
            except ValueError as problem:
                raise self._wrong(text) from problem
        self.validate(value)
        return value

    def _read(self, said: str) -> Any:
        if self.kind is bool:
            if said not in _YES | _NO:
                raise ValueError(said)
            return said in _YES
        if self.kind is tuple:
            low, high = said.replace(",", "-").split("-")
            return float(low), float(high)
        return self.kind(said)

    def validate(self, value: Any) -> None:
        """Raises TrainingError, saying what is possible, unless the value is."""
        if value is None and self.none_word:
            return
        if not self._fits(value):
            raise self._wrong(self.format(value))
        if self.validator:
            self.validator(value)

    def _fits(self, value: Any) -> bool:
        if self.kind is str:
            return isinstance(value, str) and (not self.choices or value in self.choices)
        if self.kind is bool:
            return isinstance(value, bool)
        if self.kind is tuple:
            return isinstance(value, tuple) and len(value) == 2 and all(map(self._counts, value)) and (
                value[0] <= value[1]
            )  # fmt: skip
        return self._counts(value) and (self.kind is float or isinstance(value, int))

    def _counts(self, number: Any) -> bool:
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            return False
        return (self.minimum is None or number >= self.minimum) and (
            self.maximum is None or number <= self.maximum
        )

    def _wrong(self, shown: str) -> TrainingError:
        return TrainingError(f"{self.title} cannot be “{shown}”; it takes {self.range_text}.")


def markdown(table: tuple[OptionSpec, ...], presets: Mapping[str, Mapping[str, Any]]) -> str:
    """The table as docs/training.md shows it, one table a group, and the presets."""
    lines: list[str] = []
    by_name = {field.name: field for field in table}
    for group in dict.fromkeys(field.group for field in table):
        lines += [f"### {group}", "", "| option | takes | by itself | what it is |", "|---|---|---|---|"]
        for field in table:
            if field.group == group:
                names = f"`{field.cli_option}`" + (f", `{field.short}`" if field.short else "")
                default = field.format(field.default) or "none"
                lines.append(f"| {names} | {field.range_text} | {default} | {field.help} |")
        lines.append("")
    lines += ["### Presets", "", "| preset | differs in |", "|---|---|"]
    for name, differences in presets.items():
        said = ", ".join(
            f"`{by_name[key].cli_option} {by_name[key].format(v)}`" for key, v in differences.items()
        )
        lines.append(f"| {name} | {said or 'nothing: what training does by itself'} |")
    return "\n".join(lines) + "\n"
