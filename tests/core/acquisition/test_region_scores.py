"""The most useful regions of a picture: where the prediction is unsure and nothing is labelled, spread out."""

from __future__ import annotations

import numpy as np

from core.acquisition.region_scores import CELL_SIDE, MAX_REGIONS, find_useful_regions
from core.base.geometry import Box
from core.labels.label_map import LabelMap
from core.labels.prediction import PredictedMask


def certain(width: int, height: int, value: int = 1) -> PredictedMask:
    return PredictedMask(np.full((height, width), value, np.uint8), np.full((height, width), 255, np.uint8))


def test_the_doubtful_place_is_framed_and_its_classes_are_named() -> None:
    prediction = certain(1600, 1200)
    prediction.values[730:790, 900:1000] = 7
    prediction.values[790:830, 900:1000] = 9
    prediction.confidence[730:830, 900:1000] = 60
    (region,) = find_useful_regions(prediction, LabelMap.blank(1600, 1200).snapshot())
    assert region.box.x0 <= 900 < region.box.x1
    assert region.box.y0 <= 730 < region.box.y1
    assert abs(region.box.width - CELL_SIDE) < 60
    assert region.classes == (7, 9)
    assert 0 < region.score < 1


def test_doubt_about_a_rare_class_counts_more() -> None:
    prediction = certain(1024, 1024)
    prediction.values[768:, 768:] = 7
    prediction.confidence[:256, :256] = 80
    prediction.confidence[768:, 768:] = 120
    label = LabelMap.blank(1024, 1024).snapshot()
    common, rare = find_useful_regions(prediction, label)
    assert (common.classes, rare.classes) == ((1,), (7,))
    weights = np.ones(256, np.float32)
    weights[7] = 3
    assert find_useful_regions(prediction, label, weights) == (rare, common), "the score stays the mean doubt"
    weights[7] = 30
    assert find_useful_regions(prediction, label, weights) == (rare, common), "none is hidden by the weights"
    prediction.confidence[768:, 768:] = 253
    assert find_useful_regions(prediction, label, weights) == (common,), "it is sure of the rare class"


def test_labelled_pixels_do_not_count() -> None:
    prediction = certain(1024, 1024)
    prediction.confidence[:256, :256] = 80
    prediction.confidence[768:, 768:] = 120
    label = LabelMap.blank(1024, 1024)
    assert find_useful_regions(prediction, label.snapshot())[0].box == Box(0, 0, 256, 256)
    label.begin_edit("Paint", "brush", 1)
    label.paint(Box(0, 0, 256, 256), np.ones((256, 256), bool), 1)
    label.finish_edit()
    regions = find_useful_regions(prediction, label.snapshot())
    assert [region.box for region in regions] == [Box(768, 768, 1024, 1024)]


def test_a_certain_or_wholly_labelled_picture_has_no_regions() -> None:
    assert find_useful_regions(certain(300, 200), LabelMap.blank(300, 200).snapshot()) == ()
    label = LabelMap(np.full((200, 300), 255, np.uint8))
    unsure = PredictedMask(np.full((200, 300), 3, np.uint8), np.zeros((200, 300), np.uint8))
    assert find_useful_regions(unsure, label.snapshot()) == ()


def test_regions_are_spread_out_and_inside_the_picture() -> None:
    rng = np.random.default_rng(3)
    values = rng.integers(1, 4, (777, 1333), dtype=np.uint8)
    unsure = PredictedMask(values, np.full(values.shape, 100, np.uint8))
    regions = find_useful_regions(unsure, LabelMap.blank(1333, 777).snapshot())
    assert len(regions) == MAX_REGIONS
    first, second = regions[0].box, regions[1].box
    assert first.x1 < second.x0 or second.x1 < first.x0 or first.y1 < second.y0 or second.y1 < first.y0
    for region in regions:
        assert region.box == region.box.clipped(1333, 777)
    assert len({region.box for region in regions}) == len(regions)


def test_small_and_narrow_pictures_have_smaller_regions() -> None:
    for width, height in ((256, 192), (1, 1), (3000, 5), (40, 1000)):
        unsure = PredictedMask(np.ones((height, width), np.uint8), np.zeros((height, width), np.uint8))
        regions = find_useful_regions(unsure, LabelMap.blank(width, height).snapshot())
        assert regions
        assert all(0 < region.box.width < CELL_SIDE and not region.box.is_empty for region in regions)
    assert regions[0].classes == (1,)


def test_large_pictures_are_thinned_out() -> None:
    prediction = certain(6000, 4000)
    prediction.confidence[3800:4000, 5700:6000] = 10
    regions = find_useful_regions(prediction, LabelMap.blank(6000, 4000).snapshot())
    assert regions
    assert all(region.box.y0 > 3500 and region.box.x1 > 5600 for region in regions)
    assert max(region.box.x1 for region in regions) == 6000
