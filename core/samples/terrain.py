"""Rasterises the ground of a sample scene: the land cover of each pixel, of fields, waters, gardens and roads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from core.samples import land_cover
from core.samples.ground_texture import GroundCover, noise
from core.samples.scene_geometry import Points, RotatedRect, axes, draw_lines, draw_polygon
from core.samples.scene_plan import Route, ScenePlan


@dataclass(frozen=True)
class MapParcel:
    """A parcel of the map: its index into the covers, its use, and the direction of its rows (radians)."""

    index: int
    use: str
    angle: float
    outline: Points


@dataclass(frozen=True)
class Lot:
    """Ground of one house, in pixels: `gate` is at the street, `back` and `across` are unit vectors."""

    gate: Points
    across: Points
    back: Points
    frontage: float
    depth: float
    house: RotatedRect

    def at(self, across: float, back: float) -> Points:
        """A point of the lot: -0.5..0.5 of its frontage along the street, 0..1 of its depth away from it."""
        return self.gate + self.across * self.frontage * across + self.back * self.depth * back


@dataclass
class TerrainMap:
    """The map while it is drawn: `ids` (H, W) uint8 are indices into `covers`, `metre` is in pixels.

    `wet` (H, W) bool is water, `taken` water or road: no house may stand there.
    """

    ids: NDArray[np.uint8]
    metre: float
    wet: NDArray[np.bool_]
    taken: NDArray[np.bool_]
    covers: list[GroundCover] = field(default_factory=lambda: [land_cover.VERGE])
    pieces: list[MapParcel] = field(default_factory=list)
    lots: list[Lot] = field(default_factory=list)

    def add(self, cover: GroundCover) -> int:
        """Index of a new cover."""
        self.covers.append(cover)
        return len(self.covers) - 1

    def draw_routes(self, ways: Iterable[Route], index: int, wider: float = 0.0) -> None:
        """Roads and the like, drawn `wider` metres more than they are."""
        for way in ways:
            draw_lines(self.ids, [way.line * self.metre], (way.width + wider) * self.metre, index)


def build_terrain(
    rng: np.random.Generator, plan: ScenePlan, size: tuple[int, int], metre: float
) -> TerrainMap:
    """The ground of `plan` at `size` (width, height) pixels with `metre` pixels a metre."""
    shape = size[1], size[0]
    ground = TerrainMap(
        np.zeros(shape, np.uint8), metre, np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    )
    _draw_parcels(rng, plan, ground)
    water = _draw_waters(rng, plan, ground)
    ground.ids = _perturb_borders(rng, ground.ids, metre)
    ground.wet = ground.ids == water
    roads = np.zeros_like(ground.ids)
    for way in plan.roads:
        draw_lines(roads, [way.line * metre], (way.width + 4.5) * metre, 1)
    ground.taken = (roads > 0) | ground.wet
    ground.draw_routes(plan.tracks, ground.add(land_cover.TRACK))
    _draw_gardens(rng, plan, ground)
    ground.ids[ground.wet] = water
    _draw_drives_and_pools(rng, ground)
    ground.draw_routes((way for way in plan.roads if way.settled), ground.add(land_cover.PAVEMENT), 3.4)
    ground.draw_routes((way for way in plan.roads if not way.settled), ground.add(land_cover.TRACK), 1.2)
    ground.draw_routes(plan.roads, ground.add(land_cover.asphalt(rng)))
    return ground


def _draw_parcels(rng: np.random.Generator, plan: ScenePlan, ground: TerrainMap) -> None:
    for parcel in plan.parcels:
        use = parcel.use
        match use:
            case "crops":
                use, cover = land_cover.crop(rng, parcel.angle, ground.metre)
            case "wood":
                cover = land_cover.FOREST_FLOOR
            case _:
                cover = land_cover.meadow(rng)
        inwards = parcel.outline.mean(axis=0) - parcel.outline
        away = np.linalg.norm(inwards, axis=1, keepdims=True)
        outline = (parcel.outline + inwards / away * min(2.2, 0.1 * away.min())) * ground.metre
        index = ground.add(cover)
        draw_polygon(ground.ids, outline, index)
        ground.pieces.append(MapParcel(index, use, parcel.angle, outline))


def _draw_waters(rng: np.random.Generator, plan: ScenePlan, ground: TerrainMap) -> int:
    """Draws lakes and rivers with their banks; the index of the water."""
    bank, water = ground.add(land_cover.BANK), ground.add(land_cover.water(rng))
    shores = np.zeros_like(ground.ids)
    for lake in plan.lakes:
        draw_polygon(shores, lake * ground.metre, 1)
    for way in plan.rivers:
        draw_lines(shores, [way.line * ground.metre], way.width * ground.metre, 1)
    size = round(ground.metre * 1.6) * 2 + 1
    wider = cv2.dilate(shores, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    ground.ids[wider > 0] = bank
    ground.ids[shores > 0] = water
    return water


def _perturb_borders(rng: np.random.Generator, ids: NDArray[np.uint8], metre: float) -> NDArray[np.uint8]:
    """The map with irregular borders, displaced by noise of about a metre."""
    shape = (ids.shape[0], ids.shape[1])
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    x += noise(rng, shape, (30, 12, 5)) * np.float32(metre * 0.45)
    y += noise(rng, shape, (30, 12, 5)) * np.float32(metre * 0.45)
    return np.asarray(cv2.remap(ids, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _draw_gardens(rng: np.random.Generator, plan: ScenePlan, ground: TerrainMap) -> None:
    """Lots along the settled roads; each has room for a house that hits no road, water or neighbour."""
    lawns = [ground.add(land_cover.lawn(rng, rng.uniform(0, np.pi), ground.metre)) for _ in range(5)]
    middle = np.array([plan.width, plan.height]) * rng.uniform(0.3, 0.7, 2)
    settled = [way for way in plan.roads if way.settled]
    if plan.village > plan.width + plan.height:  # a suburb: no farmland between the gardens
        ground.draw_routes(settled, lawns[0], 62.0)
    built = ground.taken.copy()
    for way in settled:
        for side in (-1, 1):
            for lot in _place_lots(rng, plan, way, side, middle, ground.metre, built):
                ground.lots.append(lot)
                outline = np.array(
                    [lot.at(a, b) for a, b in ((-0.5, -0.1), (0.5, -0.1), (0.5, 1), (-0.5, 1))]
                )
                draw_polygon(ground.ids, outline, lawns[int(rng.integers(len(lawns)))])


def _place_lots(
    rng: np.random.Generator, plan: ScenePlan, way: Route, side: int, middle: Points, metre: float,
    built: NDArray[np.bool_],
) -> Iterator[Lot]:  # fmt: skip
    """Walks along one side of a road and marks each house in `built`."""
    steps = np.linalg.norm(np.diff(way.line, axis=0), axis=1).cumsum()
    walked = rng.uniform(0, 12)
    while walked < steps[-1] - 20:
        hall = rng.random() < 0.07
        frontage = rng.uniform(26, 34) if hall else rng.uniform(15, 21)
        i = min(int(np.searchsorted(steps, walked + frontage / 2)) + 1, len(way.line) - 2)
        walked += frontage
        x, y = point = way.line[i]
        inside = -25 < x < plan.width + 25 and -25 < y < plan.height + 25
        if not inside or np.linalg.norm(point - middle) > plan.village:
            continue
        tangent = way.line[i + 1] - way.line[i - 1]
        lot = _lot(rng, way.width, point, float(np.arctan2(tangent[1], tangent[0])), side, frontage, metre)
        if lot.house.scaled(1.25).is_free(built):
            draw_polygon(built.view(np.uint8), lot.house.scaled(1.3).corners(), 1)
            yield lot
        else:
            walked -= frontage * 0.6


def _lot(
    rng: np.random.Generator, width: float, point: Points, angle: float, side: int, frontage: float,
    metre: float,
) -> Lot:  # fmt: skip
    """A lot beside a road of `width` metres at `point` (metres); a wide one is for a hall."""
    across, back = axes(angle)
    back = side * back
    length, depth = rng.uniform(9, min(14, frontage - 4)), rng.uniform(7.5, 9.5)
    if frontage > 25:
        length, depth = frontage - rng.uniform(5, 8), rng.uniform(11, 15)
    elif rng.random() < 0.3:
        length, depth = depth, length
    gate = point + back * (width / 2 + 1.6)
    house = RotatedRect.at(
        (gate + back * (rng.uniform(4.5, 8) + depth / 2)) * metre, length * metre, depth * metre, angle
    )
    return Lot(gate * metre, across, back, frontage * metre, rng.uniform(26, 36) * metre, house)


def _draw_drives_and_pools(rng: np.random.Generator, ground: TerrainMap) -> None:
    metre = ground.metre
    paved, pool = ground.add(land_cover.YARD), ground.add(land_cover.POOL)
    for lot in ground.lots:
        if rng.random() < 0.75:
            side = lot.across * (lot.house.length / 2 + metre * 1.9) * rng.choice((-1, 1))
            end = np.array([lot.house.x, lot.house.y]) + lot.back * lot.house.depth * rng.uniform(-0.2, 0.3)
            draw_lines(
                ground.ids, [np.array([lot.gate - lot.back * metre * 3, end]) + side], metre * 2.9, paved
            )
        if rng.random() < 0.12:
            size = rng.uniform(5, 8) * metre, rng.uniform(3, 4.5) * metre
            basin = RotatedRect.at(lot.at(rng.uniform(-0.25, 0.25), 0.72), *size, lot.house.angle)
            if basin.is_free(ground.taken):
                draw_polygon(ground.ids, basin.grown(metre * 0.8).corners(), paved)
                draw_polygon(ground.ids, basin.corners(), pool)
