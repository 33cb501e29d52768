"""Uncertain regions of a prediction: which are found, walking through them, and verdicts as edits."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from core.base.errors import UserError
from core.base.geometry import Box
from core.labels import uncertain_regions
from core.labels.accept import accept_confident, accept_uncertain, correct_uncertain
from core.labels.label_map import LabelMap, Origin
from core.labels.prediction import PredictedMask
from core.labels.region_walk import RegionWalk
from core.labels.uncertain_regions import (
    DEFAULT_LIMIT,
    UncertainRegion,
    Uncertainty,
    find_uncertainty,
    grid_step,
)

WIDTH, HEIGHT = 240, 160
LARGE, SMALL = Box(20, 30, 80, 90), Box(150, 40, 180, 60)


def predicted(*places: tuple[Box, int, int], sure: int = 250) -> PredictedMask:
    """Class 1 all over; places: box, class, confidence."""
    values = np.ones((HEIGHT, WIDTH), np.uint8)
    confidence = np.full(values.shape, sure, np.uint8)
    for box, value, confident in places:
        values[box.slices], confidence[box.slices] = value, confident
    return PredictedMask(values, confidence, 7)


TWO = ((LARGE, 1, 150), (SMALL, 2, 100))


def find(
    prediction: PredictedMask, labels: LabelMap | None = None, limit: int = DEFAULT_LIMIT
) -> Uncertainty:
    labels = labels or LabelMap.blank(WIDTH, HEIGHT)
    return find_uncertainty(prediction, labels.snapshot(), limit)


def paint(labels: LabelMap, box: Box, value: int = 3) -> None:
    labels.begin_edit("Stroke", "brush", value)
    labels.paint(box, np.ones((box.height, box.width), bool), value)
    labels.finish_edit()


def shown(walk: RegionWalk) -> UncertainRegion:
    assert walk.current is not None
    return walk.current


def mask_of(box: Box) -> NDArray[np.bool_]:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[box.slices] = True
    return mask


def test_unsure_regions_are_found_largest_first() -> None:
    found = find(predicted(*TWO))
    assert [(each.box, each.value, each.cells) for each in found.regions] == [
        (LARGE, 1, LARGE.area),
        (SMALL, 2, SMALL.area),
    ]
    assert [round(each.mean_confidence, 3) for each in found.regions] == [
        round(150 / 255, 3),
        round(100 / 255, 3),
    ]
    for each in found.regions:
        assert each.covers(*each.anchor)
        assert each.pixels_in(each.box).all()


def test_the_limit_decides_and_labelled_pixels_belong_to_no_region() -> None:
    assert [each.box for each in find(predicted(*TWO), limit=150).regions] == [SMALL]
    assert find(predicted(*TWO), limit=100).regions == ()
    labels = LabelMap.blank(WIDTH, HEIGHT)
    paint(labels, Box(20, 30, 50, 90))
    paint(labels, SMALL)
    assert [each.box for each in find(predicted(*TWO), labels).regions] == [Box(50, 30, 80, 90)]


def test_touching_classes_are_two_regions_and_lines_and_specks_are_none() -> None:
    left, right = Box(20, 30, 60, 70), Box(60, 30, 80, 70)
    line, speck = Box(0, 120, WIDTH, 122), Box(200, 20, 203, 23)
    found = find(predicted((left, 1, 90), (right, 2, 90), (line, 1, 90), (speck, 1, 90)))
    assert [(each.box, each.value) for each in found.regions] == [(left, 1), (right, 2)]
    # A line that begins at a region is not part of it either, but for its beginning.
    beside = find(predicted((left, 1, 90), (Box(60, 50, 200, 51), 1, 90)))
    assert [each.box for each in beside.regions] == [Box(20, 30, 62, 70)]


def test_what_is_surer_is_counted_without_what_is_labelled() -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    paint(labels, Box(0, 0, WIDTH, 10))
    found = find(predicted(*TWO), labels)
    total = WIDTH * HEIGHT
    assert found.share_above(0) == pytest.approx(1 - 10 / HEIGHT)
    assert found.share_above(DEFAULT_LIMIT) == pytest.approx(
        1 - (10 * WIDTH + LARGE.area + SMALL.area) / total
    )
    assert found.share_above(251) == 0


def test_a_large_picture_is_looked_at_coarsely_and_labelled_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uncertain_regions, "_MAX_CELLS", WIDTH * HEIGHT // 10)
    assert grid_step(WIDTH, HEIGHT) == 4
    odd = Box(101, 41, 182, 103)
    prediction = predicted((odd, 2, 100))
    found = find(prediction)
    (region,) = found.regions
    whole = np.zeros((HEIGHT, WIDTH), bool)
    whole[region.box.slices] = region.pixels_in(region.box)
    for part in (Box(105, 47, 130, 90), *region.box.bands()):
        rows, columns = np.arange(part.y0, part.y1), np.arange(part.x0, part.x1)
        assert np.array_equal(region.pixels_in(part), region.pixels_at(rows, columns))
        assert np.array_equal(region.pixels_in(part), whole[part.slices])
        for step in (3, 11):  # as on a screen that shows every third pixel
            assert np.array_equal(
                region.pixels_at(rows[::step], columns[::step]), whole[part.slices][::step, ::step]
            )
    assert region.box.x0 % 4 == 0 and region.cells < odd.area / 12
    labels = LabelMap.blank(WIDTH, HEIGHT)
    assert accept_uncertain(labels, prediction, region, "fence").apply(labels) is not None
    painted = labels.values == 2
    assert not painted[~mask_of(odd)].any(), "pixels of the other class in the cells of the edge"
    assert painted.sum() > 0.9 * odd.area
    assert found.share_above(DEFAULT_LIMIT) == pytest.approx(1 - odd.area / (WIDTH * HEIGHT), abs=0.01)


def test_no_more_than_the_largest_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uncertain_regions, "MAX_REGIONS", 1)
    assert [each.box for each in find(predicted(*TWO)).regions] == [LARGE]


def test_verdicts_fill_unlabelled_pixels_as_one_edit() -> None:
    labels, prediction = LabelMap.blank(WIDTH, HEIGHT), predicted(*TWO)
    found = find(prediction)
    mine = Box(20, 30, 40, 90)
    paint(labels, mine)
    accepted = accept_uncertain(labels, prediction, found.regions[0], "road").apply(labels)
    assert accepted is not None
    assert (accepted.name, accepted.origin, accepted.run_id) == ("Accept region, road", Origin.ACCEPTED, 7)
    assert accepted.pixels == LARGE.area - mine.area
    corrected = correct_uncertain(labels, found.regions[1], 4, "pole").apply(labels)
    assert corrected is not None
    assert (corrected.name, corrected.origin, corrected.run_id) == (
        "Correct region, pole",
        Origin.PAINTED,
        None,
    )
    assert (labels.values[mine.slices] == 3).all() and (labels.values[SMALL.slices] == 4).all()
    surer = accept_confident(labels, prediction, DEFAULT_LIMIT, 80).apply(labels)
    assert surer is not None and surer.name == "Accept what is at least 80 % sure"
    assert (labels.values != 0).all()
    with pytest.raises(UserError, match="size of the picture"):
        correct_uncertain(LabelMap.blank(8, 8), found.regions[0], 1, "road")


# Walking


def test_the_walk_goes_round_and_skips_what_is_judged() -> None:
    walk = RegionWalk.over(find(predicted(*TWO, (Box(100, 100, 120, 120), 1, 90))).regions)
    assert (len(walk), walk.index) == (3, 0)
    assert [walk.moved(1).index, walk.moved(-1).index] == [1, 2]
    walk = walk.judged()
    assert (walk.index, walk.judged_count, walk.moved(-1).index) == (1, 1, 2)
    walk = walk.moved(1).judged()
    assert walk.index == 1, "what was skipped comes again"
    walk = walk.judged()
    assert walk.index is None and walk.current is None and len(walk) == 3
    assert walk.moved(1) is walk and RegionWalk.over(()).index is None


def test_undo_of_a_verdict_leads_back_to_its_region() -> None:
    labels, prediction = LabelMap.blank(WIDTH, HEIGHT), predicted(*TWO)
    walk = RegionWalk.over(find(prediction).regions)
    edit = correct_uncertain(labels, shown(walk), 3, "pole").apply(labels)
    assert edit is not None
    walk = walk.judged()
    same = walk.updated(find(prediction, labels), prediction)
    assert (same.index, same.judged_count, shown(same).box) == (1, 1, SMALL)
    labels.replace_tiles({tile.key: tile.before for tile in edit.tiles})
    # Also when the prediction has become sure there meanwhile.
    sure = predicted((LARGE, 3, 240), (SMALL, 2, 100))
    for now, value in ((prediction, 1), (sure, 3)):
        back = walk.updated(find(now, labels), now)
        assert (back.index, back.judged_count, len(back)) == (0, 0, 2)
        assert (shown(back).box, shown(back).value) == (LARGE, value)


def test_judged_regions_keep_no_earlier_prediction_in_memory() -> None:
    labels, prediction = LabelMap.blank(WIDTH, HEIGHT), predicted(*TWO)
    walk = RegionWalk.over(find(prediction).regions)
    paint(labels, LARGE)
    newer = predicted(*TWO)
    walk = walk.judged().updated(find(newer, labels), newer)
    assert walk.judged_count == 1
    assert all(stop.region.predicted is newer.values for stop in walk.stops)


def test_another_prediction_keeps_what_is_shown_and_drops_what_became_sure() -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    third = Box(100, 100, 120, 120)
    walk = RegionWalk.over(find(predicted(*TWO, (third, 2, 90))).regions)
    grown = predicted((LARGE.grown(5), 2, 120), (third, 2, 90))
    now = walk.updated(find(grown, labels), grown)
    assert (now.index, len(now), shown(now).box, shown(now).value) == (0, 2, LARGE.grown(5), 2)
    sure = predicted((LARGE, 2, 240), (third, 2, 90))
    now = walk.updated(find(sure, labels), sure)
    assert (now.index, len(now), shown(now).box, shown(now).value) == (0, 2, LARGE, 2)
    assert shown(now).mean_confidence == pytest.approx(240 / 255)
    # What was skipped keeps its place before the one that is shown.
    skipped = walk.moved(1).updated(find(sure, labels), sure)
    assert (skipped.index, len(skipped)) == (0, 2), "the first became sure, the second is shown"


def test_a_newer_prediction_can_be_confined_to_a_region() -> None:
    shown_before = predicted(*TWO)
    region = find(shown_before).regions[0]
    newest = PredictedMask(np.full((HEIGHT, WIDTH), 5, np.uint8), np.full((HEIGHT, WIDTH), 222, np.uint8), 8)
    both = region.confined(shown_before, newest)
    inside = mask_of(LARGE)
    assert np.array_equal(both.values, np.where(inside, 5, shown_before.values))
    assert np.array_equal(both.confidence, np.where(inside, 222, shown_before.confidence))
    assert (both.run_id, shown_before.values.max()) == (8, 2)


def test_a_region_that_is_being_painted_in_stays_until_little_is_left() -> None:
    labels, prediction = LabelMap.blank(WIDTH, HEIGHT), predicted(*TWO)
    walk = RegionWalk.over(find(prediction).regions)
    paint(labels, Box(30, 40, 70, 80))  # all around its middle
    now = walk.updated(find(prediction, labels), prediction)
    assert (now.index, len(now)) == (0, 2)
    left = shown(now)
    assert left.covers(*left.anchor) and not left.covers(50, 60) and left.cells <= LARGE.area - 40 * 40
    paint(labels, Box(20, 30, 78, 90))
    now = now.updated(find(prediction, labels), prediction)
    assert (now.index, len(now), shown(now).box) == (0, 1, SMALL)


def test_what_was_painted_over_is_left() -> None:
    labels, prediction = LabelMap.blank(WIDTH, HEIGHT), predicted(*TWO)
    walk = RegionWalk.over(find(prediction).regions)
    paint(labels, LARGE)
    now = walk.updated(find(prediction, labels), prediction)
    assert (now.index, len(now), shown(now).box) == (0, 1, SMALL)
    paint(labels, SMALL)
    assert now.updated(find(prediction, labels), prediction).index is None
