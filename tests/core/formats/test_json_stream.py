"""Streaming of large JSON objects: the same elements as a parser finds, and errors for malformed files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.formats.json_stream import iter_json, read_spans


def test_large_object_is_read_element_by_element(tmp_path: Path) -> None:
    path = tmp_path / "long.json"
    rows = ", ".join(f'{{"name": "straße {n}", "numbers": {list(range(n % 50))}}}' for n in range(9000))
    text = f'\ufeff{{"a": [], "rows": [{rows}],\n "number": 12.5, "b": {{"c": [1]}}}}'
    path.write_text(text, "utf-8")
    found = list(iter_json(path))
    assert [p.key for p in found[-2:]] == ["number", "b"] and found[-2].value == 12.5
    assert [p.value["name"] for p in found[:-2]] == [f"straße {n}" for n in range(9000)]
    with path.open("rb") as file:
        several = read_spans(file, [(found[5].start, found[6].end), (found[8999].start, found[8999].end)])
    assert several == [found[5].value, found[6].value, found[8999].value]


texts = st.text(alphabet='a"\\\\{}[],: ü\n', max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
rows = st.lists(st.dictionaries(texts, values, max_size=3), max_size=12)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows, values, st.sampled_from([1, 7, 64, 1 << 18]), st.sampled_from([None, 1]), st.booleans())
def test_elements_agree_with_the_json_parser(
    tmp_path: Path, several: list[object], mixed: object, chunk: int, indent: int | None, ascii_: bool
) -> None:
    """For any chunk size, and for strings that look like the end of an object."""
    content = {"rows": several, "one": mixed, "mixed": [*several, mixed, *several]}
    path = tmp_path / "any.json"
    path.write_text(json.dumps(content, indent=indent, ensure_ascii=ascii_), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.formats.json_stream._CHUNK", chunk)
        patch.setattr("core.formats.json_stream._FIRST_SIZE", min(chunk, 16))
        found = list(iter_json(path))
    values = [("rows", row) for row in several]
    values += [("one", mixed)] if not isinstance(mixed, list) else [("one", row) for row in mixed]
    values += [("mixed", row) for row in content["mixed"]]
    assert repr([(p.key, p.value) for p in found]) == repr(values)
    with path.open("rb") as file:
        assert repr([read_spans(file, [(p.start, p.end)])[0] for p in found]) == repr([v for _, v in values])


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", '{"a": [1', '{"a" 1}', '{"a": [1 2]}', '{"a": nul', '{"a": 1']
)
def test_malformed_object_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"."):
        list(iter_json(path))
