"""Parsers with budgets: hostile text ends soon, in a clause of our words, and ordinary text is read as before."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.errors import FormatError
from core.formats.dataset_tree import DatasetTree
from core.formats.files import parsers
from core.formats.malformed import MalformedValueError

HOSTILE: list[tuple[Callable[[str], Any], str, str]] = [
    (parsers.parse_json_text, "[" * 300_000, "nested too deeply"),
    (parsers.parse_json_text, '{"a":' * 100_000, "nested too deeply"),
    (parsers.parse_json_text, "[1,]", "a value is missing in line 1, column 4"),
    (parsers.parse_json_text, '{"a" 1}', "a colon is missing"),
    (parsers.parse_json_text, '{"a": "b', "a text has no end"),
    (parsers.parse_json_text, "9" * 9_000, "too many digits"),
    (parsers.parse_json_text, "{} {}", "something follows"),
    (parsers.parse_yaml_text, "[" * 300_000, "damaged|nested"),
    (parsers.parse_yaml_text, "[" * 60 + "]" * 60, "nested too deeply"),
    (parsers.parse_yaml_text, "[" + "1," * 400_000 + "1]", "more than 100,000 values"),
    (parsers.parse_yaml_text, "a: &x [1]\nb: [*x, *x]", "refers to the value “x”"),
    (parsers.parse_yaml_text, f"a: &x {'y' * 900_000}\nb: [{'*x,' * 20_000}]", "refers to the value “x”"),
    (parsers.parse_yaml_text, "names: [a]\nnc: 1\nnames: [b]", "the key “names” occurs again in line 3"),
    (parsers.parse_yaml_text, "a: !!python/object/apply:os.system [x]", "damaged"),
    (parsers.parse_yaml_text, "a: !!int many", "cannot be read"),
    (parsers.parse_yaml_text, "a: !!timestamp 2026-99-99", "cannot be read"),
    (parsers.parse_yaml_text, "? [a]\n: b", "damaged"),
    (parsers.parse_xml_text, "<a>" * 300_000, "nested too deeply"),
    (parsers.parse_xml_text, "<a><b></a>", "damaged in line 1"),
    (parsers.parse_xml_text, '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "document type"),
    (parsers.parse_csv_text, ",\n" * 3_000_000, "more than 5,000,000 cells"),
    (parsers.split_lines, "a\n" * 5_000_001, "more than 5,000,000 lines"),
]


@pytest.mark.parametrize(("parse", "text", "said"), HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_ends_soon_and_in_our_words(parse: Callable[[str], Any], text: str, said: str) -> None:
    began = time.process_time()
    with pytest.raises(MalformedValueError, match=said):
        parse(text)
    assert time.process_time() - began < 5


def test_names_of_classes_stay_text_in_yaml() -> None:
    read = parsers.parse_yaml_text(
        "nc: 4\nnames: [no, 2026-01-02, 12:30, 007, 1e5]\nval: ~\non: true\nf: 0.5\n"
    )
    assert read == {
        "nc": 4,
        "names": ["no", "2026-01-02", "12:30", "007", "1e5"],
        "val": None,
        "on": True,
        "f": 0.5,
    }


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(plain)
@settings(max_examples=100)
def test_ordinary_json_is_read(value: Any) -> None:
    assert parsers.parse_json_text(json.dumps(value)) == value


@given(st.text(max_size=80) | st.text("[]{}:,-&*!? \n\"'ax1", max_size=60))
@settings(max_examples=300)
def test_any_text_is_read_or_refused_in_our_words(text: str) -> None:
    for parse in (
        parsers.parse_json_text,
        parsers.parse_yaml_text,
        parsers.parse_xml_text,
        parsers.parse_csv_text,
    ):
        try:
            parse(text)
        except MalformedValueError as problem:
            assert str(problem) and not str(problem).endswith(".")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_text_with_a_byte_order_mark_is_read(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes('{"name": "Übung"}'.encode(encoding))
    assert DatasetTree(tmp_path).read_json("a.json") == {"name": "Übung"}


def test_text_in_another_encoding_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes('{"name": "Übung"}'.encode("latin-1"))
    with pytest.raises(FormatError, match="Save it as UTF-8"):
        DatasetTree(tmp_path).read_json("a.json")
