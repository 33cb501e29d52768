"""The vector map of a sample scene: roads, water and parcels as curves and polygons, in metres."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from core.samples.scene_geometry import Points


@dataclass(frozen=True)
class SceneKind:
    """Parameters of a kind of scene. Shares are relative weights, probabilities are 0..1."""

    streets: int
    settled: float
    river: float
    lake: float
    crops: float
    meadow: float
    wood: float
    orchard: float
    village: float
    """How far it is from the middle of the village to its last house, in metres."""
    parcel: float
    """Parcels above this many square metres are cut again."""


FARMLAND = SceneKind(1, 0.6, 0.25, 0.15, crops=6, meadow=1.2, wood=1.6, orchard=0.5, village=40, parcel=7500)
HAMLET = SceneKind(2, 0.75, 0.2, 0.1, crops=4, meadow=1.5, wood=1.5, orchard=1.0, village=80, parcel=5500)
SUBURB = SceneKind(4, 1.0, 0.1, 0.1, crops=2, meadow=2.0, wood=1.5, orchard=0.5, village=999, parcel=4000)
RIVERSIDE = SceneKind(1, 0.3, 1.0, 0.0, crops=4, meadow=1.5, wood=2.5, orchard=0.5, village=50, parcel=6000)
LAKESIDE = SceneKind(2, 0.5, 0.0, 1.0, crops=3, meadow=1.5, wood=2.0, orchard=0.5, village=70, parcel=5500)
KINDS = (FARMLAND, HAMLET, SUBURB, RIVERSIDE, LAKESIDE)


@dataclass(frozen=True)
class Route:
    """A curve with a width in metres: a road, a track or a river."""

    line: Points
    width: float
    settled: bool = False
    main: bool = False


@dataclass(frozen=True)
class Parcel:
    """A convex piece of land; `angle` (radians) is the direction in which it is worked."""

    outline: Points
    use: str
    angle: float


@dataclass(frozen=True)
class ScenePlan:
    """The vector map of a scene; houses stand within `village` metres of its centre."""

    width: float
    height: float
    village: float
    roads: list[Route] = field(default_factory=list)
    tracks: list[Route] = field(default_factory=list)
    rivers: list[Route] = field(default_factory=list)
    lakes: list[Points] = field(default_factory=list)
    parcels: list[Parcel] = field(default_factory=list)
    hedges: list[Points] = field(default_factory=list)


def plan_scene(rng: np.random.Generator, kind: SceneKind, width: float, height: float) -> ScenePlan:
    """A plan for a scene of `width` x `height` metres."""
    plan = ScenePlan(width, height, kind.village * rng.uniform(0.7, 1.3))
    angle = rng.uniform(-0.45, 0.45) + (np.pi / 2 if rng.random() < 0.25 else 0.0)
    plan.roads.extend(_roads(rng, kind, plan, angle))
    if rng.random() < kind.river:
        across = angle + np.pi / 2 + rng.uniform(-0.5, 0.5) if rng.random() < 0.5 else angle
        start = np.array([width, height]) * (0.5 + rng.uniform(-0.32, 0.32, 2))
        plan.rivers.append(Route(_winding(rng, start, across, width + height, 0.16), rng.uniform(9, 20)))
    if rng.random() < kind.lake:
        spots = np.array([width, height]) * rng.uniform(0.1, 0.9, (24, 2))
        dry = [
            min(float(np.linalg.norm(way.line - spot, axis=1).min()) for way in plan.roads) for spot in spots
        ]
        best = int(np.argmax(np.minimum(dry, 60)))
        if dry[best] > 24:
            plan.lakes.append(_blob(rng, spots[best], (dry[best] - 8) * 0.55))
    _divide_into_parcels(rng, kind, plan, angle)
    return plan


def _roads(rng: np.random.Generator, kind: SceneKind, plan: ScenePlan, angle: float) -> Iterator[Route]:
    """One main road across the scene, and streets that leave it at about a right angle or run beside it."""
    reach = plan.width + plan.height
    middle = np.array([plan.width, plan.height]) * (0.5 + rng.uniform(-0.18, 0.18, 2))
    main = _winding(rng, middle, angle, reach, 0.05)
    yield Route(main, 7.0, settled=rng.random() < kind.settled, main=True)
    inside = [
        i for i, p in enumerate(main) if 0.12 < p[0] / plan.width < 0.88 and 0.05 < p[1] / plan.height < 0.95
    ]
    if not inside:
        return
    for street in range(kind.streets):
        along = (street + rng.uniform(0.3, 0.7)) / kind.streets
        at = inside[int(along * (len(inside) - 1))]
        tangent = main[min(at + 1, len(main) - 1)] - main[at - 1]
        turn = np.arctan2(tangent[1], tangent[0]) + rng.choice((-1, 1)) * (np.pi / 2 + rng.uniform(-0.3, 0.3))
        line = _winding(rng, main[at], turn, reach, 0.05, both=bool(street % 2 and rng.random() < 0.5))
        yield Route(line, rng.uniform(5.0, 6.0), settled=rng.random() < kind.settled)
    if kind.streets >= 3:
        side = rng.choice((-1, 1)) * np.array([-np.sin(angle), np.cos(angle)])
        yield Route(_smooth(main + side * rng.uniform(62, 74)), 5.5, settled=True)


def _winding(
    rng: np.random.Generator, at: Points, angle: float, reach: float, bend: float, *, both: bool = True
) -> Points:
    """A gentle curve through `at`; `bend` is how far it swings, as a share of its length."""
    forward, side = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    steps = np.linspace(-0.9 if both else 0.0, 0.9, 180)
    phase, waves = rng.uniform(0, 2 * np.pi, 2), rng.uniform(0.55, 1.1, 2) * (1, 2.3)
    swing = sum(
        amount * (np.sin(2 * np.pi * wave * steps + p) - np.sin(p))
        for amount, wave, p in zip((1.0, 0.3), waves, phase, strict=True)
    )
    return np.asarray(at + reach * (steps[:, None] * forward + bend * np.asarray(swing)[:, None] * side))


def _smooth(line: Points) -> Points:
    kernel = np.ones(9) / 9
    padded = np.pad(line, ((4, 4), (0, 0)), mode="edge")
    return np.stack([np.convolve(padded[:, i], kernel, mode="valid") for i in (0, 1)], axis=1)


def _blob(rng: np.random.Generator, centre: Points, radius: float) -> Points:
    """A lake: a circle with a few slow waves in its radius."""
    turn = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    size = 1 + sum(rng.uniform(0.05, 0.2) / k * np.sin(k * turn + rng.uniform(0, 7)) for k in (1, 2, 3, 5))
    stretch = np.array([rng.uniform(1.1, 1.7), 1.0])
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    return np.asarray(centre + radius * np.asarray(size)[:, None] * circle * stretch)


def _divide_into_parcels(rng: np.random.Generator, kind: SceneKind, plan: ScenePlan, angle: float) -> None:
    """Divide the land into convex parcels with nearly parallel borders."""
    margin = 30.0
    corners = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    whole = np.array(
        [((1 + x) / 2 * plan.width + margin * x, (1 + y) / 2 * plan.height + margin * y) for x, y in corners]
    )
    uses, weights = ("crops", "meadow", "wood", "orchard"), (kind.crops, kind.meadow, kind.wood, kind.orchard)
    share = np.array(weights) / sum(weights)
    open_pieces = [whole]
    enough = max(kind.parcel, plan.width * plan.height / 100)  # the map numbers its parcels in 8 bits
    while open_pieces:
        piece = open_pieces.pop()
        extent = [np.ptp(piece @ np.array([np.cos(a), np.sin(a)])) for a in (angle, angle + np.pi / 2)]
        if _area(piece) < enough * rng.uniform(0.6, 1.5):
            along = angle + (0 if extent[0] > extent[1] * rng.uniform(0.6, 1.1) else np.pi / 2)
            plan.parcels.append(Parcel(piece, str(rng.choice(uses, p=share)), along))
            continue
        across = angle + (0.0 if extent[0] > extent[1] else np.pi / 2) + rng.normal(0, 0.06)
        normal = np.array([np.cos(across), np.sin(across)])
        reach = piece @ normal
        at = reach.min() + np.ptp(reach) * rng.uniform(0.35, 0.65)
        first, second, border = _cut(piece, normal, at)
        open_pieces += [first, second]
        fate = rng.random()
        if fate < 0.22:
            plan.tracks.append(Route(_bent(rng, border), rng.uniform(2.6, 3.2)))
        elif fate < 0.55:
            plan.hedges.append(border)
        elif fate < 0.63 and kind.streets < 4:  # not through the gardens of a suburb
            plan.rivers.append(Route(_bent(rng, border), rng.uniform(2.0, 3.2)))


def _bent(rng: np.random.Generator, border: Points) -> Points:
    """A straight border as a slightly curved line, for a track or a brook."""
    steps = np.linspace(0, 1, 40)
    side = np.array([-(border[1] - border[0])[1], (border[1] - border[0])[0]])
    swing = 0.02 * np.sin(steps * rng.uniform(6, 11) + rng.uniform(0, 7))
    return np.asarray(border[0] + steps[:, None] * (border[1] - border[0]) + swing[:, None] * side)


def _cut(piece: Points, normal: Points, at: float) -> tuple[Points, Points, Points]:
    """The parts of a convex polygon below and above the line `p @ normal == at`, and their common border."""
    below: list[Points] = []
    above: list[Points] = []
    border: list[Points] = []
    for a, b in zip(piece, np.roll(piece, -1, axis=0), strict=True):
        side_a, side_b = a @ normal - at, b @ normal - at
        (below if side_a <= 0 else above).append(a)
        if (side_a <= 0) != (side_b <= 0):
            crossing = a + (b - a) * (side_a / (side_a - side_b))
            for part in (below, above, border):
                part.append(crossing)
    return np.array(below), np.array(above), np.array(border)


def _area(outline: Points) -> float:
    x, y = outline.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
