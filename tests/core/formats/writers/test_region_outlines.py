"""Outlines, run lengths and spans of many regions at once are the same as one by one, or as others make them."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco

from core.base.geometry import Box
from core.formats.json_stream import iter_json, read_spans
from core.formats.run_length import decode_rle
from core.formats.writers.region_outlines import encode_rles, find_regions
from core.labels.outlines import trace_outlines
from core.labels.rasterization import polygon, polygon_runs

labels = arrays.arrays(
    np.uint8,
    st.tuples(st.integers(1, 16), st.integers(1, 16)),
    elements=st.sampled_from([0, 1, 1, 2, 255]),
)


@settings(deadline=None, max_examples=60)
@given(labels)
def test_regions_are_those_that_opencv_finds(values: np.ndarray) -> None:
    found = find_regions(values, [255, 1])
    expected = []
    for value in (255, 1):
        count, marks = cv2.connectedComponents((values == value).astype(np.uint8), connectivity=4)
        expected += [(value, marks == number) for number in range(1, count)]
    assert [region.value for region in found] == [value for value, _ in expected]
    for value, mask in expected:
        top, left = (int(n) for n in np.argwhere(mask)[0])
        region = next(
            r for r in found if r.value == value and mask[r.box.slices].shape == r.mask.shape
            and r.box.y0 <= top < r.box.y1 and r.box.x0 <= left < r.box.x1
            and r.mask[top - r.box.y0, left - r.box.x0]
        )  # fmt: skip
        np.testing.assert_array_equal(region.mask, mask[region.box.slices])
        assert region.area == mask.sum() == region.mask.sum()
        assert len(region.corners) == len(trace_outlines(region.box, region.mask))


@settings(deadline=None, max_examples=60)
@given(labels)
def test_run_lengths_are_those_of_pycocotools(values: np.ndarray) -> None:
    height, width = values.shape
    regions = find_regions(values, [1, 2, 255])
    for region, code in zip(regions, encode_rles(regions, width, height), strict=True):
        whole = np.zeros(values.shape, np.uint8, order="F")
        whole[region.box.slices] = region.mask
        assert coco.encode(whole)["counts"].decode() == code
        runs = decode_rle(code, height, width)
        inside = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T
        np.testing.assert_array_equal(inside, whole)


corner = st.tuples(*[st.floats(-9, 30).map(lambda n: round(n * 4) / 4)] * 2)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(corner, min_size=3, max_size=8), min_size=1, max_size=4))
def test_spans_of_many_rings_are_the_pixels_of_each(rings: list[list[tuple[float, float]]]) -> None:
    whole = Box(0, 0, 21, 17)
    found = np.zeros((len(rings), 17, 21), bool)
    for ring, row, left, right in zip(*polygon_runs([np.array(r) for r in rings], whole), strict=True):
        assert not found[ring, row, left:right].any()
        found[ring, row, left:right] = True
    for ring, mask in zip(rings, found, strict=True):
        expected = np.zeros((17, 21), bool)
        box, inside = polygon(ring, whole)
        expected[box.slices] = inside
        np.testing.assert_array_equal(mask, expected)


def test_a_large_object_is_read_piece_by_piece(tmp_path: Path) -> None:
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
def test_pieces_are_what_a_parser_finds(
    tmp_path: Path, several: list[object], mixed: object, chunk: int, indent: int | None, ascii_: bool
) -> None:
    """However the file is cut, and whatever the strings hold that looks like the end of an object."""
    content = {"rows": several, "one": mixed, "mixed": [*several, mixed, *several]}
    path = tmp_path / "any.json"
    path.write_text(json.dumps(content, indent=indent, ensure_ascii=ascii_), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.formats.json_stream._CHUNK", chunk)
        patch.setattr("core.formats.json_stream._CLOSE", min(chunk, 16))
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
def test_what_is_no_object_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"."):
        list(iter_json(path))
