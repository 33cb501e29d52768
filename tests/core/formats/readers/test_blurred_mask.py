"""Colour masks after JPEG: edges get the class of an area beside them, and no class appears that was not there."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from core.formats.readers.blurred_mask import decide_colours
from core.labels.class_list import VOID

COLOURS = [(128, 64, 128), (70, 70, 70), (0, 0, 142), (0, 0, 70), (153, 153, 153), (0, 0, 0), (70, 130, 180)]
VALUES = [1, 2, 3, 4, 5, VOID, 6]
ROAD, WALL, CAR, TRUCK, POLE, SKY = 1, 2, 3, 4, 5, 6


def smeared(values: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """(H, W, 3) the colours of the values after a JPEG of this quality."""
    table = np.zeros((256, 3), np.uint8)
    table[VALUES] = COLOURS
    kept = io.BytesIO()
    Image.fromarray(table[values]).save(kept, "JPEG", quality=quality)
    return np.asarray(Image.open(kept).convert("RGB"))


def street() -> NDArray[np.uint8]:
    values = np.full((96, 96), ROAD, np.uint8)
    values[:50] = WALL
    values[:20] = SKY
    values[43:67, 21:55] = CAR
    values[10:60, 75:77] = POLE
    values[90:] = VOID
    return values


@pytest.mark.parametrize("quality", [60, 75, 90])
def test_edges_get_the_class_of_an_area_beside_them(quality: int) -> None:
    truth = street()
    decided = decide_colours(smeared(truth, quality), COLOURS, VALUES)
    assert set(np.unique(decided.values)) <= {ROAD, WALL, CAR, POLE, SKY, VOID}, "no truck was there"
    assert (decided.values == truth).mean() > 0.95
    assert (decided.values[70:88] == ROAD).all()
    assert (decided.values == VOID).mean() < (truth == VOID).mean() + 0.01
    assert 0.8 < decided.certain <= decided.certain + decided.decided <= 1.0


def test_a_thin_line_of_void_is_not_filled_from_both_sides() -> None:
    truth = np.full((64, 64), ROAD, np.uint8)
    truth[:, 30:] = SKY
    truth[:, 29] = VOID
    decided = decide_colours(smeared(truth, 90), COLOURS, VALUES)
    assert (decided.values[:, 29] == VOID).mean() > 0.5
    assert (decided.values[:, :26] == ROAD).all() and (decided.values[:, 33:] == SKY).all()
    assert set(np.unique(decided.values)) <= {ROAD, SKY, VOID}


def test_a_smeared_edge_brighter_than_both_sides_is_no_void() -> None:
    """What JPEG adds at an edge (ringing) lies outside the range of both colours."""
    pixels = np.full((32, 32, 3), COLOURS[0], np.uint8)
    pixels[:, 16:] = COLOURS[6]
    pixels[:, 15:17] = (170, 160, 200)
    decided = decide_colours(pixels, COLOURS, VALUES)
    assert set(np.unique(decided.values)) == {ROAD, SKY}


def test_a_colour_of_no_class_stays_void() -> None:
    pixels = np.full((32, 32, 3), (10, 250, 10), np.uint8)
    pixels[:, :12] = COLOURS[0]
    decided = decide_colours(pixels, COLOURS, VALUES)
    assert (decided.values[:, :12] == ROAD).all() and (decided.values[:, 12:] == VOID).all()
    assert (decided.certain, decided.decided) == (12 / 32, 0.0)


@settings(max_examples=20, deadline=None)
@given(st.binary(min_size=27, max_size=27), st.integers(1, 9))
def test_any_picture_is_decided(content: bytes, scale: int) -> None:
    pixels = np.frombuffer(content, np.uint8).reshape(3, 3, 3).repeat(scale, 0).repeat(scale, 1)
    decided = decide_colours(pixels, COLOURS, VALUES)
    assert decided.values.shape == pixels.shape[:2]
    assert set(np.unique(decided.values)) <= set(VALUES)
    assert decided.certain >= 0 and 0 <= decided.decided <= 1 - decided.certain + 1e-9
