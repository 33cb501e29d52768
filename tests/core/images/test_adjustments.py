"""Display adjustments: what each of them does, on 8 bits and on more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.geometry import Box
from core.images.adjustments import AdjustedView, Adjustments, Histogram, compute_histogram
from core.images.pyramid import Pyramid
from core.images.raster import Raster, Window

SHARES = np.arange(256) / 255
tones = st.builds(
    Adjustments,
    low=st.floats(-1, 0.4),
    high=st.floats(0.5, 2),
    gamma=st.floats(0.1, 10),
    contrast=st.floats(-1, 1),
    brightness=st.floats(-1, 1),
    channels=st.sampled_from(["rgb", "red", "green", "blue", "grey"]),
    picks=st.tuples(*[st.integers(0, 15)] * 3),
)


@given(tones)
def test_json_round_trip_and_monotonic_lookup_table(tone: Adjustments) -> None:
    assert Adjustments.from_json(tone.to_json()) == tone
    assert np.all(np.diff(tone.lookup_table(SHARES).astype(int)) >= 0)


@pytest.mark.parametrize(
    "raw", [None, 3, [], {}, {"low": "x", "channels": "alpha", "picks": [1, 2]}, {"low": 1, "high": 0}]
)
def test_invalid_json_gives_no_adjustments(raw: object) -> None:
    assert Adjustments.from_json(raw).is_identity


def test_each_adjustment() -> None:
    assert np.array_equal(Adjustments().lookup_table(SHARES), np.arange(256))
    window = Adjustments(low=0.2, high=0.6).lookup_table(SHARES)
    assert window[51] == 0
    assert window[153] == 255
    assert window[102] == pytest.approx(127.5, abs=1)
    assert Adjustments(gamma=2.2).lookup_table(SHARES)[64] > 100
    assert Adjustments(gamma=0.5).lookup_table(SHARES)[64] < 30
    assert Adjustments(brightness=0.2).lookup_table(SHARES)[100] == 151
    steep, flat = (
        Adjustments(contrast=0.5).lookup_table(SHARES),
        Adjustments(contrast=-0.5).lookup_table(SHARES),
    )
    assert int(steep[160]) - int(steep[96]) > 100
    assert int(flat[160]) - int(flat[96]) < 40
    assert set(Adjustments(contrast=1).lookup_table(SHARES[SHARES != 0.5])) == {0, 255}
    assert np.ptp(Adjustments(contrast=-1).lookup_table(SHARES)) <= 1


def test_single_channels() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    pyramid, box = Pyramid.build(picture), Box(3, 4, 25, 19)
    for place, name in enumerate(("red", "green", "blue")):
        eye = AdjustedView(pyramid, Adjustments(channels=name))
        seen = eye.render(eye.part(0, box))
        for channel in range(3):
            np.testing.assert_array_equal(seen[:, :, channel], picture[box.slices][:, :, place])
    grey = AdjustedView(pyramid, Adjustments(channels="grey"))
    luma = picture[box.slices] @ np.array([0.299, 0.587, 0.114])
    assert np.abs(grey.render(grey.part(0, box))[:, :, 1] - luma).max() <= 1


def test_a_narrow_window_shows_16_bit_detail() -> None:
    deep = np.linspace(0, 60_000, 20_000).astype(np.uint16).reshape(100, 200, 1)
    pyramid = Pyramid.from_raster(Raster(deep, (Window(0, 60_000),)))
    part = Box(0, 0, 200, 1)
    plain = AdjustedView(pyramid, Adjustments())
    assert len(np.unique(plain.render(plain.part(0, part)))) <= 4
    close = AdjustedView(pyramid, Adjustments(low=0.0, high=0.01))
    assert len(np.unique(close.render(close.part(0, part)))) > 100


def test_any_channels_can_be_shown_as_rgb() -> None:
    values = np.random.default_rng(1).integers(0, 4000, (30, 40, 6)).astype(np.uint16)
    windows = tuple(Window(100 * n, 4000 - 100 * n) for n in range(6))
    pyramid = Pyramid.from_raster(Raster(values, windows))
    eye = AdjustedView(pyramid, Adjustments(picks=(5, 0, 3)))
    seen = eye.render(eye.part(0, Box(0, 0, 40, 30)))
    for place, pick in enumerate((5, 0, 3)):
        low, high = windows[pick]
        expected = np.clip((values[:, :, pick] - float(low)) / (high - low), 0, 1) * 255
        assert np.abs(seen[:, :, place] - expected).max() <= 0.51
    too_many = AdjustedView(pyramid, Adjustments(picks=(40, 0, 0)))  # remembered from another picture
    assert too_many.part(0, Box(0, 0, 2, 2)).shape == (2, 2, 3)


def test_auto_levels_clip_outliers() -> None:
    picture = np.random.default_rng(0).integers(80, 160, (300, 400, 3), np.uint8)
    picture[0, 0], picture[0, 1] = 0, 255
    low, high = compute_histogram(Pyramid.build(picture), Adjustments()).auto_levels()
    assert low == pytest.approx(80 / 255, abs=0.01)
    assert high == pytest.approx(159 / 255, abs=0.01)
    assert Histogram(np.zeros((3, 256), np.int64), 0, 1).auto_levels() == (0.0, 1.0)
    even = compute_histogram(Pyramid.build(np.full((5, 5, 3), 7, np.uint8)), Adjustments())
    assert even.auto_levels() == (0.0, 1.0)


def test_the_histogram_of_a_16_bit_picture_extends_beyond_its_window() -> None:
    values = np.full((64, 64, 1), 1000, np.uint16)
    values[:32] = 3000
    shown = compute_histogram(Pyramid.from_raster(Raster(values, (Window(1500, 3500),))), Adjustments())
    assert (shown.low, shown.high) == (-0.5, 1.5)
    (below, inside) = np.nonzero(shown.counts[0])[0]
    step = 2 / 255
    assert shown.low + below * step == pytest.approx(-0.25, abs=0.01)
    assert shown.low + inside * step == pytest.approx(0.75, abs=0.01)
