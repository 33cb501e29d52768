"""Colours of land covers, as seen from a few hundred metres up: crops, meadows, roads, water."""

from __future__ import annotations

import numpy as np

from core.samples.ground_texture import Colour, GroundCover

ROAD, BUILDING, TREE, FIELD, WATER, CAR, GRASS = 1, 2, 3, 4, 5, 6, 7

_CROPS: tuple[tuple[str, Colour, Colour, float, float], ...] = (
    # name, two colours, strength of rows, metres between rows
    ("wheat", (218, 192, 124), (178, 146, 82), 0.34, 2.2),
    ("young corn", (132, 166, 80), (88, 122, 54), 0.4, 2.2),
    ("maize", (76, 116, 50), (118, 130, 70), 0.55, 2.6),
    ("rape", (214, 200, 84), (176, 170, 62), 0.34, 2.3),
    ("ploughed", (148, 116, 90), (104, 80, 60), 0.46, 2.1),
    ("stubble", (210, 190, 144), (176, 154, 110), 0.42, 2.6),
    ("beets", (86, 126, 62), (136, 108, 82), 0.6, 2.8),
    ("clover", (112, 152, 80), (86, 126, 66), 0.42, 3.2),
)

VERGE = GroundCover(GRASS, (112, 134, 72), (150, 152, 98), 0.3, 0.35, 0.07)
BANK = GroundCover(GRASS, (96, 116, 66), (128, 126, 84), 0.2, 0.5, 0.09)
PAVEMENT = GroundCover(ROAD, (176, 171, 162), (162, 158, 150), 0.2, 0.2, 0.04)
TRACK = GroundCover(ROAD, (186, 168, 136), (154, 140, 108), 0.2, 0.5, 0.06)
YARD = GroundCover(ROAD, (178, 170, 156), (156, 148, 134), 0.2, 0.45, 0.05)
POOL = GroundCover(WATER, (98, 196, 212), (84, 182, 202), 0.1, 0.2, 0.02)
FOREST_FLOOR = GroundCover(TREE, (52, 76, 42), (70, 90, 52), 0.2, 0.5, 0.09)


def crop(rng: np.random.Generator, angle: float, metre: float) -> tuple[str, GroundCover]:
    """The name and the cover of a random field crop in rows along `angle` (radians); `metre` is in pixels."""
    name, first, second, rows, period = _CROPS[int(rng.integers(len(_CROPS)))]
    tramlines = metre * rng.uniform(13, 18) if rng.random() < 0.6 else 0.0
    return name, GroundCover(
        FIELD, vary_colour(rng, first), vary_colour(rng, second), 0.22, 0.16, 0.05,
        rows, angle + rng.normal(0, 0.02), period * metre, tramlines,
    )  # fmt: skip


def meadow(rng: np.random.Generator) -> GroundCover:
    """Grass that is cut twice a year, or grazed."""
    return GroundCover(
        GRASS, vary_colour(rng, (118, 148, 74)), vary_colour(rng, (154, 160, 96)), 0.32, 0.25, 0.06
    )


def lawn(rng: np.random.Generator, angle: float, metre: float) -> GroundCover:
    """A garden's grass; some are mown in stripes."""
    mown = 0.2 if rng.random() < 0.3 else 0.0
    return GroundCover(
        GRASS, vary_colour(rng, (106, 150, 72)), vary_colour(rng, (134, 160, 86)), 0.25, 0.25, 0.06,
        mown, angle, metre * 2.2,
    )  # fmt: skip


def asphalt(rng: np.random.Generator) -> GroundCover:
    """Fresh and dark, or old and pale."""
    grey = rng.uniform(98, 140)
    return GroundCover(ROAD, (grey, grey, grey + 3), (grey - 10, grey - 10, grey - 8), 0.3, 0.25, 0.035)


def water(rng: np.random.Generator) -> GroundCover:
    """Dark, blue or muddy water."""
    first, second = (
        ((40, 62, 70), (54, 78, 80)),
        ((44, 84, 102), (58, 100, 112)),
        ((58, 78, 66), (76, 92, 72)),
    )[int(rng.integers(3))]
    return GroundCover(WATER, vary_colour(rng, first), vary_colour(rng, second), 0.35, 0.22, 0.018)


def leaves(rng: np.random.Generator, *, conifer: bool = False) -> Colour:
    """Green of one kind of tree."""
    base: Colour = (
        (48, 82, 56) if conifer else ((84, 124, 54), (70, 108, 50), (98, 132, 62))[int(rng.integers(3))]
    )
    return vary_colour(rng, base)


def vary_colour(rng: np.random.Generator, colour: Colour, spread: float = 0.06) -> Colour:
    """A little lighter or darker, warmer or colder."""
    light, warm = rng.normal(1, spread), rng.normal(0, spread * 0.4)
    red, green, blue = colour
    return red * (light + warm), green * light, blue * (light - warm)
