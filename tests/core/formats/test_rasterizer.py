"""Drawing of objects in steps: the same pixels for any size of a step, and budgets that hostile outlines meet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.errors import FormatError
from core.base.geometry import Box
from core.formats import rasterizer
from core.formats.malformed import MalformedValueError
from core.formats.rasterizer import (
    FilledShape,
    Ring,
    check_stated_size,
    find_excessive,
    parse_ring,
    rasterize,
)
from core.labels.rasterization import polygon
from tests.dataset_files import photo

SOURCE = Path("a.json")
SIZE = (19, 13)
coordinates = st.floats(-4, 24, width=32).map(float)
rings = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=9).map(np.array)
ring_lists = st.lists(rings, min_size=1, max_size=3).map(tuple)
shapes = st.builds(
    FilledShape, st.integers(1, 5), ring_lists, st.just(()) | st.lists(rings, max_size=2).map(tuple)
)


def drawn_one_by_one(found: list[FilledShape]) -> np.ndarray:
    values = np.zeros(SIZE[::-1], np.uint8)
    whole = Box(0, 0, *SIZE)
    for shape in found:
        inside = np.zeros(values.shape, bool)
        for several, is_inside in ((shape.rings, True), (shape.holes, False)):
            for ring in several:
                box, mask = polygon([(x, y) for x, y in ring.tolist()], whole)
                inside[box.slices][mask] = is_inside
        values[inside] = shape.value
    return values


@given(st.lists(shapes, max_size=5), st.sampled_from([1, 9, 60, 1 << 20]))
@settings(max_examples=60)
def test_pixels_do_not_depend_on_the_size_of_a_step(found: list[FilledShape], step: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rasterizer, "CROSSINGS_PER_BATCH", step)
        values = rasterize(SIZE, found, later_on_top=True, source=SOURCE)
    np.testing.assert_array_equal(values, drawn_one_by_one(found))


def zigzag(corners: int, height: float) -> Ring:
    y = np.where(np.arange(corners) % 2 == 0, 0.0, height)
    return np.stack([np.linspace(0, 9, corners), y], axis=1)


def test_an_outline_that_would_take_minutes_is_named_and_the_others_are_drawn() -> None:
    size = (10, 4000)
    large = FilledShape(1, (zigzag(200_000, 4000),))
    small = FilledShape(2, (zigzag(4, 10),))
    assert list(find_excessive([small, large, small], size)) == [1]
    with pytest.raises(
        FormatError, match=r"a\.json contains objects that cannot be drawn: its outline crosses"
    ):
        rasterize(size, [small, large], source=SOURCE)


def test_an_outline_of_very_many_corners_is_refused() -> None:
    with pytest.raises(MalformedValueError, match="more than 1,000,000 corners"):
        parse_ring(np.zeros((1_000_001, 2)))
    with pytest.raises(MalformedValueError, match="more than 1,000,000 corners"):
        parse_ring([0.0] * 2_000_001)


def test_objects_that_cover_a_picture_again_and_again_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rasterizer, "MAX_PAINTED", 1000)
    whole = FilledShape(1, (np.array([(0, 0), (19, 0), (19, 13), (0, 13)], float),))
    rasterize(SIZE, [whole] * 5, source=SOURCE)
    with pytest.raises(FormatError, match="too many objects"):
        rasterize(SIZE, [whole] * 50, source=SOURCE)


def test_a_size_far_beyond_that_of_the_picture_is_not_believed(tmp_path: Path) -> None:
    picture = photo(tmp_path / "a.png")
    check_stated_size((1500, 2000), picture, SOURCE)
    with pytest.raises(
        FormatError, match=r"states a size of 17000 x 17000 pixels for a\.png, which has 24 x 16"
    ):
        check_stated_size((17_000, 17_000), picture, SOURCE)


def test_dense_outlines_and_holes_are_drawn_in_little_memory() -> None:
    """Twelve million crossings, which took two gigabytes at once."""
    code = (
        "import resource, numpy as np; from pathlib import Path; from core.formats.rasterizer import *\n"
        "from tests.core.formats.test_rasterizer import zigzag\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "ring = zigzag(3_000, 4000)\n"
        "for shape in (FilledShape(1, (ring,)), FilledShape(1, (ring[:3] * 9,), (ring,))):\n"
        "    rasterize((9, 4000), [shape], source=Path('a'))\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)\n"
    )
    pytest.importorskip("resource")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 400
