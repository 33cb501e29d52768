"""Places houses, trees, hedges, cars and road markings in a sample scene."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from core.samples import land_cover
from core.samples.ground_texture import paint_ground
from core.samples.land_cover import BUILDING, CAR, FIELD, ROAD, TREE
from core.samples.objects import (
    HALL_ROOFS,
    ROOFS,
    House,
    SceneRaster,
    add_car,
    add_hedges,
    add_house,
    add_tree,
)
from core.samples.scene_geometry import Points, RotatedRect, axes, draw_lines, offset_line, resample
from core.samples.scene_plan import ScenePlan
from core.samples.terrain import MapParcel, TerrainMap


def place_objects(rng: np.random.Generator, plan: ScenePlan, ground: TerrainMap) -> SceneRaster:
    """The scene with colours and heights, without sunlight."""
    colours, fine = paint_ground(rng, ground.ids, ground.covers)
    truth = np.array([cover.value for cover in ground.covers], np.uint8)[ground.ids]
    taken = ground.taken | (truth == ROAD)
    land = SceneRaster(colours, np.zeros(truth.shape, np.float32), truth, taken, fine, ground.metre)
    _tint_shallow_water(land, ground)
    _draw_road_markings(rng, plan, land)
    _raise_bridges(plan, land)
    _place_houses(rng, land, ground)
    _place_hedges(rng, plan, land, ground)
    _place_cars(rng, plan, land)
    _place_woods(rng, land, ground)
    _place_single_trees(rng, plan, land, ground)
    return land


def _tint_shallow_water(land: SceneRaster, ground: TerrainMap) -> None:
    """Water is paler and browner where it is not deep."""
    wet = ground.wet
    away = cv2.distanceTransform(wet.astype(np.uint8), cv2.DIST_L2, 3)[wet]
    shallow = 0.55 * np.exp(-away / np.float32(land.metre * 1.1))[:, None]
    land.colours[wet] += (np.array((112, 112, 82), np.float32) - land.colours[wet]) * shallow


def _draw_road_markings(rng: np.random.Generator, plan: ScenePlan, land: SceneRaster) -> None:
    """Dashes in the middle of a road and lines along the edges of the main one, but not where roads meet."""
    counts = np.zeros(land.truth.shape, np.uint8)
    for way in plan.roads:
        one = np.zeros_like(counts)
        draw_lines(one, [way.line * land.metre], (way.width + 1.5) * land.metre, 1)
        counts += one
    paint = np.zeros_like(counts)
    for way in plan.roads:
        line = resample(way.line * land.metre, land.metre)
        if way.main or rng.random() < 0.4:
            draw_lines(paint, [line[i : i + 4] for i in range(0, len(line) - 4, 9)], 1, 255)
        if way.main:
            for side in (-1, 1):
                draw_lines(paint, [offset_line(line, side * (way.width / 2 - 0.45) * land.metre)], 1, 130)
    strength = (paint.astype(np.float32) / 255 * 0.8 * (counts == 1))[:, :, None]
    land.colours += (np.float32(232) - land.colours) * strength


def _raise_bridges(plan: ScenePlan, land: SceneRaster) -> None:
    """Where a road crosses a river its deck stands higher and has a parapet."""
    size = round(land.metre * 3) * 2 + 1
    wide = np.zeros_like(land.truth)
    for way in plan.rivers:
        if way.width > 6:
            draw_lines(wide, [way.line * land.metre], way.width * land.metre, 1)
    near = cv2.dilate(wide, np.ones((size, size), np.uint8)).astype(np.float32)
    near = cv2.GaussianBlur(near, (0, 0), land.metre * 1.2)
    for way in plan.roads:
        deck, rails = np.zeros((2, *land.truth.shape), np.uint8)
        line = resample(way.line * land.metre, land.metre)
        draw_lines(deck, [line], (way.width + 1.6) * land.metre, 1)
        sides = [offset_line(line, side * (way.width / 2 + 0.5) * land.metre) for side in (-1, 1)]
        draw_lines(rails, sides, land.metre * 0.8, 1)
        over = (deck > 0) & (near > 0.5)
        if not over.any():
            continue
        land.heights[over] = near[over] * land.metre * 1.6
        parapet = (rails > 0) & (near > 0.62)
        land.heights[parapet] = land.metre * 2.6
        land.colours[parapet] = (186, 182, 174)
        land.truth[parapet | over] = ROAD


def _place_houses(rng: np.random.Generator, land: SceneRaster, ground: TerrainMap) -> None:
    metre = land.metre
    styles = rng.permutation(len(ROOFS))[:4]
    for lot in ground.lots:
        rect = lot.house
        if rect.length < rect.depth:  # the ridge runs along the longer side
            rect = RotatedRect(rect.x, rect.y, rect.depth, rect.length, rect.angle + np.pi / 2)
        rect = replace(rect, angle=rect.angle + rng.normal(0, 0.03))
        walls = rng.uniform(2.8, 4.2) * metre
        if rect.length > 18 * metre:
            colour = land_cover.vary_colour(rng, HALL_ROOFS[int(rng.integers(len(HALL_ROOFS)))], 0.05)
            house = House(rect, walls, rng.choice((0.0, 0.0, 0.3)), colour)
        else:
            colour = land_cover.vary_colour(rng, ROOFS[int(rng.choice(styles))], 0.05)
            wing = rect.depth * rng.uniform(0.9, 1.15) if rng.random() < 0.3 else 0.0
            house = House(rect, walls, rng.uniform(0.55, 0.9), colour, wing)
        add_house(land, house, rng, BUILDING)
        if rng.random() < 0.45:
            size = rng.uniform(3, 6) * metre, rng.uniform(2.6, 3.6) * metre
            shed = RotatedRect.at(
                lot.at(rng.uniform(-0.3, 0.3), rng.uniform(0.7, 0.85)), *size, lot.house.angle
            )
            if shed.scaled(1.2).is_free(land.taken):
                grey = land_cover.vary_colour(rng, (150, 142, 132))
                add_house(land, House(shed, 2.2 * metre, rng.choice((0.0, 0.4)), grey), rng, BUILDING)


def _place_hedges(rng: np.random.Generator, plan: ScenePlan, land: SceneRaster, ground: TerrainMap) -> None:
    lines = [line * land.metre for line in plan.hedges]
    for lot in ground.lots:
        borders = [((-0.5, 0), (-0.5, 1)), ((0.5, 0), (0.5, 1)), ((-0.5, 1), (0.5, 1))]
        lines += [np.array([lot.at(*a), lot.at(*b)]) for a, b in borders if rng.random() < 0.5]
    add_hedges(land, lines, land_cover.leaves(rng), TREE)


def _place_cars(rng: np.random.Generator, plan: ScenePlan, land: SceneRaster) -> None:
    """Cars on the right and the wrong lane, and parked along settled roads."""
    for way in plan.roads:
        line = resample(way.line * land.metre, land.metre)
        ahead = np.gradient(line, axis=0)
        turns = np.arctan2(ahead[:, 1], ahead[:, 0])
        at = rng.uniform(0, 20)
        while at < len(line):
            i = int(at)
            parked = way.settled and rng.random() < 0.7
            aside = (way.width / 2 - 0.6 if parked else way.width / 4) * rng.choice((-1, 1)) * land.metre
            spot = line[i] + axes(turns[i])[1] * aside
            if land.truth[land.pixel(*spot)] == ROAD:
                add_car(land, spot, turns[i] + rng.normal(0, 0.03), rng, CAR)
            at += rng.uniform(7, 26) if way.settled else rng.uniform(18, 70)


def _place_woods(rng: np.random.Generator, land: SceneRaster, ground: TerrainMap) -> None:
    """Woods, orchards, and bales on stubble fields."""
    metre = land.metre
    for piece in ground.pieces:
        match piece.use:
            case "wood":
                _place_wood(rng, land, ground, piece)
            case "orchard":
                colour, gap = land_cover.leaves(rng), rng.uniform(6, 7.5) * metre
                radius = gap * rng.uniform(0.3, 0.4)
                for spot in _free_spots(rng, land, ground, piece, gap, 0.05):
                    add_tree(
                        land,
                        *spot,
                        radius * rng.normal(1, 0.1),
                        land_cover.vary_colour(rng, colour),
                        rng,
                        TREE,
                    )
            case "stubble" if rng.random() < 0.6:
                for spot in _free_spots(rng, land, ground, piece, 13 * metre, 0.2):
                    add_tree(land, *spot, 1.2 * metre, (212, 184, 120), rng, FIELD)


def _place_wood(rng: np.random.Generator, land: SceneRaster, ground: TerrainMap, piece: MapParcel) -> None:
    greens = [land_cover.leaves(rng) for _ in range(3)]
    needles = land_cover.leaves(rng, conifer=True)
    share = rng.choice((0.0, 0.1, 0.4, 0.95))
    mean = rng.uniform(2.7, 3.6) * land.metre
    for spot in _free_spots(rng, land, ground, piece, mean * 1.5, 0.32):
        conifer = bool(rng.random() < share)
        colour = land_cover.vary_colour(rng, needles if conifer else greens[int(rng.integers(3))], 0.07)
        radius = mean * rng.uniform(0.65, 1.3) * (0.8 if conifer else 1)
        add_tree(land, *spot, radius, colour, rng, TREE, conifer=conifer)


def _free_spots(
    rng: np.random.Generator,
    land: SceneRaster,
    ground: TerrainMap,
    piece: MapParcel,
    gap: float,
    jitter: float,
) -> Iterator[tuple[float, float]]:
    """Free points of a piece, `gap` apart in rows, each shifted by up to `jitter` gaps."""
    turn = np.stack(axes(piece.angle))
    inside = piece.outline @ turn.T
    (left, top), (right, bottom) = inside.min(axis=0), inside.max(axis=0)
    across, down = np.meshgrid(np.arange(left, right, gap), np.arange(top, bottom, gap * 0.9))
    across[1::2] += gap / 2
    points = np.stack([across, down], -1).reshape(-1, 2)
    points += rng.uniform(-jitter, jitter, points.shape) * gap
    height, width = ground.ids.shape
    for x, y in points @ turn:
        if -8 <= x < width + 8 and -8 <= y < height + 8:
            pixel = land.pixel(x, y)
            if ground.ids[pixel] == piece.index and not land.taken[pixel]:
                yield float(x), float(y)


def _place_single_trees(
    rng: np.random.Generator, plan: ScenePlan, land: SceneRaster, ground: TerrainMap
) -> None:
    """Trees in gardens, along hedges and rivers, and the odd one in a meadow."""
    metre = land.metre
    spots: list[tuple[Points, float]] = []
    for lot in ground.lots:
        for _ in range(int(rng.integers(1, 5))):
            deep = rng.uniform(0.02, 0.12) if rng.random() < 0.5 else rng.uniform(0.6, 0.98)
            spots.append((lot.at(rng.uniform(-0.45, 0.45), deep), rng.uniform(1.3, 3.0)))
    for start, end in plan.hedges:
        for share in rng.random(int(rng.integers(0, 9))):
            spots.append(((start + share * (end - start)) * metre, rng.uniform(2.0, 3.8)))
    for way in plan.rivers:
        line = resample(way.line * metre, metre)
        for side in (-1, 1):
            shore = offset_line(line, side * (way.width / 2 + 2.6) * metre)
            for at in rng.integers(0, len(line), len(line) // 9):
                spots.append((shore[at] + rng.normal(0, 1.2 * metre, 2), rng.uniform(1.4, 3.6)))
    for piece in ground.pieces:
        middle = piece.outline.mean(axis=0)
        for corner in rng.permutation(piece.outline)[: rng.integers(0, 5)] if piece.use == "meadow" else ():
            spots.append((middle + (corner - middle) * rng.uniform(0.1, 0.95), rng.uniform(1.8, 4.0)))
    for (x, y), radius in spots:
        if not land.taken[land.pixel(x, y)]:
            conifer = bool(rng.random() < 0.12)
            add_tree(
                land,
                x,
                y,
                radius * metre,
                land_cover.leaves(rng, conifer=conifer),
                rng,
                TREE,
                conifer=conifer,
            )
