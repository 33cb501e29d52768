"""Bounded parsers of JSON, YAML, XML and CSV text: depth and count are limited, and problems are said in our words.

All raise MalformedValueError with a clause, without the name of the file.
"""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

import yaml
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from core.base.display_text import quoted
from core.formats.malformed import MalformedValueError

MAX_JSON_CONTAINERS, MAX_JSON_VALUES = 10_000_000, 50_000_000
"""Lists and objects, and values, in one JSON text: a few gigabytes once they are parsed."""
MAX_YAML_NODES, MAX_YAML_DEPTH = 100_000, 50
MAX_XML_ELEMENTS, MAX_XML_DEPTH = 5_000_000, 100
MAX_ROWS = 5_000_000
"""Lines of a text file, and cells of a CSV file."""
TOO_DEEP = "it is nested too deeply"
_JSON_PROBLEMS = (
    ("Expecting value", "a value is missing"),
    ("Expecting property name", "a key in quotation marks is missing"),
    ("Expecting ',' delimiter", "a comma is missing"),
    ("Expecting ':' delimiter", "a colon is missing"),
    ("Illegal trailing comma", "a comma stands before the end of a list"),
    ("Unterminated string", "a text has no end"),
    ("Invalid control character", "a text contains a control character"),
    ("Invalid \\", "a backslash is followed by something unknown"),
    ("Extra data", "something follows after its end"),
)


def parse_json_text(text: str) -> Any:
    """NaN and Infinity are read as numbers, as many programs write them."""
    containers = text.count("{") + text.count("[")
    if containers > MAX_JSON_CONTAINERS or containers + text.count(",") > MAX_JSON_VALUES:
        raise MalformedValueError(f"it has more than {MAX_JSON_VALUES:,} values; split it")
    try:
        return json.loads(text)
    except (ValueError, RecursionError, MemoryError) as problem:
        raise MalformedValueError(describe_json_problem(problem)) from problem


def describe_json_problem(problem: BaseException) -> str:
    """A clause about JSON that could not be parsed."""
    match problem:
        case MalformedValueError():
            return str(problem)
        case json.JSONDecodeError():
            what = next(
                (own for said, own in _JSON_PROBLEMS if problem.msg.startswith(said)), "it is damaged"
            )
            return f"{what} in line {problem.lineno:,}, column {problem.colno:,}"
        case RecursionError():
            return TOO_DEEP
        case UnicodeError():
            return "it is not UTF-8 text"
        case MemoryError():
            return "it needs more memory than there is"
        case _ if "digits" in str(problem):
            return "a number has too many digits"
        case _:
            return "a value is damaged"


class _PlainLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Plain values only, with few kinds: a date, “no” and “12:30” stay text, as they are names of classes."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012  (PyYAML reads it from the class)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    line = key.start_mark.line + 1
                    raise MalformedValueError(f"the key {quoted(key.value)} occurs again in line {line:,}")
                seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("int", r"^[-+]?(?:0|[1-9][0-9]{0,18})$", "-+0123456789"),
    ("float", r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?$", "-+0123456789."),
    ("merge", r"^(?:<<)$", "<"),
):
    _PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def parse_yaml_text(text: str) -> Any:
    """Numbers, true and false, null, texts, lists and tables; no dates, and no references, which unfold a small file
    into gigabytes."""
    try:
        _check_yaml(text)
        return yaml.load(text, Loader=_PlainLoader)
    except MalformedValueError:
        raise
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        where = f" in line {mark.line + 1:,}, column {mark.column + 1:,}" if mark else ""
        raise MalformedValueError(f"it is damaged{where}") from problem
    except RecursionError as problem:
        raise MalformedValueError(TOO_DEEP) from problem
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as problem:
        raise MalformedValueError("a value cannot be read") from problem


def _check_yaml(text: str) -> None:
    """Budgets, counted before anything is built."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_PlainLoader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            raise MalformedValueError(f"it refers to the value {quoted(event.anchor)}; write it out instead")
        if depth > MAX_YAML_DEPTH:
            raise MalformedValueError(TOO_DEEP)
        if count > MAX_YAML_NODES:
            raise MalformedValueError(f"it has more than {MAX_YAML_NODES:,} values")


class _BoundedBuilder(TreeBuilder):
    def __init__(self) -> None:
        super().__init__()
        self._depth = self._count = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self._depth += 1
        self._count += 1
        if self._depth > MAX_XML_DEPTH:
            raise MalformedValueError(TOO_DEEP)
        if self._count > MAX_XML_ELEMENTS:
            raise MalformedValueError(f"it has more than {MAX_XML_ELEMENTS:,} elements; split it")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def parse_xml_text(text: str) -> Element:
    """Entities, external references and document types are refused."""
    try:
        parser = DefusedXMLParser(target=_BoundedBuilder(), forbid_dtd=True)
        parser.feed(text)
        found: Element = parser.close()
        return found
    except MalformedValueError:
        raise
    except DefusedXmlException as problem:
        raise MalformedValueError("it has a document type or entities, which are not read") from problem
    except ParseError as problem:
        line, column = problem.position
        raise MalformedValueError(f"it is damaged in line {line:,}, column {column + 1:,}") from problem
    except (ValueError, LookupError, TypeError, RecursionError, AssertionError) as problem:
        raise MalformedValueError("it is damaged") from problem


def parse_csv_text(text: str) -> list[list[str]]:
    """The non-empty rows with stripped cells."""
    if text.count(",") + text.count("\n") > MAX_ROWS:
        raise MalformedValueError(f"it has more than {MAX_ROWS:,} cells")
    rows = []
    reader = csv.reader(io.StringIO(text), skipinitialspace=True)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                rows.append(cells)
    except csv.Error as problem:
        raise MalformedValueError(f"line {reader.line_num:,} is damaged") from problem
    return rows


def split_lines(text: str) -> list[str]:
    """The non-empty lines, stripped."""
    if text.count("\n") > MAX_ROWS:
        raise MalformedValueError(f"it has more than {MAX_ROWS:,} lines")
    return [stripped for line in text.splitlines() if (stripped := line.strip())]
