"""Parts of giants: which one serves a view, its pixels and labels, and what parts teach each other."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import ImageError
from core.base.geometry import Box
from core.images.pyramid import Pyramid
from core.images.raster import Raster
from core.images.tiff_regions import TiffRegionReader
from core.images.tiled_pyramid import TiledPyramid
from core.labels.label_map import LabelMap
from core.labels.prediction import PredictedMask
from core.project.project import Project
from core.session.live import picture_part
from core.session.live.live_answer import LiveAnswer
from core.session.live.live_prediction import LivePredictionService
from core.session.live.picture_part import PicturePart, PictureParts
from tests.factories import picture, project_in, stroke, truth

TIMEOUT = 120


class Sized(Pyramid):
    """Only its size matters."""

    __slots__ = ("_size",)

    def __init__(self, width: int, height: int) -> None:
        object.__setattr__(self, "_size", (width, height))

    @property
    def size(self) -> tuple[int, int]:
        return self._size


@given(st.integers(7000, 60_000), st.integers(9000, 60_000), st.data())
def test_a_part_contains_what_is_visible_and_serves_it_again(
    width: int, height: int, data: st.DataObject
) -> None:
    x0, y0 = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    x1, y1 = data.draw(st.integers(x0 + 1, width)), data.draw(st.integers(y0 + 1, height))
    visible, parts = Box(x0, y0, x1, y1), PictureParts()
    part = parts.part_for(1, Sized(width, height), visible)
    assert part is not None
    assert visible.intersection(part.box) == visible
    assert part.box.clipped(width, height) == part.box
    assert (part.box.x0 % part.step, part.box.y0 % part.step) == (0, 0)
    assert (
        max(part.box.width, part.box.height) / part.step <= 1.5 * picture_part.PART_SIDE
    )  # of the encoder's work
    assert parts.part_for(1, Sized(width, height), visible) is part


def test_a_short_pan_keeps_the_part_and_the_way_back_finds_it_again() -> None:
    giant, parts = Sized(20_000, 20_000), PictureParts()
    first = parts.part_for(1, giant, Box(5000, 5000, 6100, 5700))
    assert parts.part_for(1, giant, Box(5030, 5000, 6130, 5700)) is first
    second = parts.part_for(1, giant, Box(9000, 5000, 10_100, 5700))
    assert second is not first
    assert parts.part_for(1, giant, Box(5000, 5000, 6100, 5700)) is first
    closer = parts.part_for(1, giant, Box(5300, 5300, 5400, 5400))
    assert closer is not first
    assert closer is not None
    assert closer.box.width == picture_part.PART_SIDE
    parts.clear()
    assert parts.part_for(1, giant, Box(5000, 5000, 6100, 5700)) is not first
    assert parts.part_for(1, Sized(6000, 6000), Box(0, 0, 100, 100)) is None


def test_pixels_and_labels_of_a_part_are_those_of_the_whole(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (700, 900, 3), np.uint8)
    box, level = Box(128, 64, 641, 700), 1
    inside = np.s_[32:350, 64:321]
    plain = Pyramid.build(colours)
    deep = Pyramid.from_raster(Raster.from_values(colours[..., :2].astype(np.uint16) * 200, one_window=False))
    file = tmp_path / "tiles.tif"
    tifffile.imwrite(file, colours, tile=(128, 128), photometric="rgb")
    tiled = TiledPyramid(TiffRegionReader(file), lambda _: None, lambda _: None, lambda _: None)
    np.testing.assert_array_equal(PicturePart(1, plain, box, level).pixels(), plain.levels[level][inside])
    np.testing.assert_array_equal(PicturePart(1, tiled, box, level).pixels(), plain.levels[level][inside])
    two = PicturePart(1, deep, box, level).pixels()
    assert (two.shape, two.dtype) == ((318, 257, 2), np.uint8)
    labels = LabelMap(rng.integers(0, 3, (700, 900), np.uint8))
    expected, snapshot = labels.values[box.slices][::2, ::2].copy(), labels.snapshot()
    stroke(labels, 4, (300, 300), (500, 310), 20)
    np.testing.assert_array_equal(snapshot.part(box, 2), expected)
    np.testing.assert_array_equal(snapshot.part(box, 2), expected)
    pixels = PicturePart(1, plain, box, level).labelled(snapshot)
    assert pixels.size == (257, 318)
    x, y = pixels.points.T
    np.testing.assert_array_equal(expected[y, x], pixels.values)


def test_a_prediction_of_a_part_is_placed_in_the_picture() -> None:
    whole = Pyramid.build(np.zeros((100, 90, 3), np.uint8))
    part = PicturePart(1, whole, Box(20, 40, 90, 97), 2)
    said = PredictedMask(np.full((15, 18), 3, np.uint8), np.full((15, 18), 200, np.uint8))
    alone = part.placed(said, None)
    assert alone.values.shape == (100, 90)
    assert (alone.values[40:97, 20:90] == 3).all()
    assert np.count_nonzero(alone.values) == part.box.area == np.count_nonzero(alone.confidence)
    network = PredictedMask(np.full((100, 90), 7, np.uint8), np.full((100, 90), 9, np.uint8), 5)
    around = part.placed(said, network)
    assert np.count_nonzero(around.values == 7) == 9000 - part.box.area
    assert (network.values == 7).all()
    assert part.cut(network).values.shape == (15, 18)


def test_too_large_a_part_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_part, "MAX_PART_PIXELS", 1000)
    part = PicturePart(1, Pyramid.build(picture()), Box(0, 0, 96, 64), 0)
    with pytest.raises(ImageError, match="Zoom in"):
        part.labelled(LabelMap.blank(96, 64).snapshot())


# With the real process


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with project_in(tmp_path / "pictures", 2) as opened:
        yield opened


@pytest.fixture
def ask(project: Project) -> Iterator[Callable[[LabelMap, PicturePart, PredictedMask | None], LiveAnswer]]:
    answers: queue.SimpleQueue[LiveAnswer] = queue.SimpleQueue()
    service = LivePredictionService(project)
    service.start(answers.put)

    def refined(labels: LabelMap, part: PicturePart, network: PredictedMask | None = None) -> LiveAnswer:
        number = service.predict(part.picture_id, labels.snapshot(), network, part=part)
        while True:
            answer = answers.get(timeout=TIMEOUT)
            if answer.number == number and answer.refined:
                return answer

    yield refined
    service.close()


def test_the_strokes_of_one_part_predict_the_next(project: Project, ask: Callable[..., LiveAnswer]) -> None:
    shown, pyramid = project.pictures.all()[0].id, Pyramid.build(picture())
    middle, below = (PicturePart(shown, pyramid, box, 0) for box in (Box(16, 0, 80, 32), Box(16, 32, 80, 64)))
    labels = LabelMap.blank(96, 64)
    stroke(labels, 1, (24, 8), (34, 8), 3)
    stroke(labels, 2, (60, 8), (70, 8), 3)
    for part in (middle, below):
        answer = ask(labels, part)
        assert answer.problem == ""
        assert (answer.picture_id, answer.box) == (shown, part.box)
        assert answer.mask is not None
        assert answer.mask.values.shape == (64, 96)
        assert (answer.mask.values == truth())[part.box.slices].mean() > 0.9
        outside = answer.mask.values.copy()
        outside[part.box.slices] = 0
        assert not outside.any()
    # What is taken back there no longer teaches here.
    labels.begin_edit("Erase", "test", 0)
    labels.put_values(Box(0, 0, 96, 64), np.zeros((64, 96), np.uint8))
    labels.finish_edit()
    while (answer := ask(labels, below)).mask is not None:
        pass
    assert "second class" in answer.problem


def test_a_part_corrects_the_network_and_keeps_it_elsewhere(
    project: Project, ask: Callable[..., LiveAnswer]
) -> None:
    shown = project.pictures.all()[0].id
    part = PicturePart(shown, Pyramid.build(picture()), Box(16, 0, 80, 64), 0)
    network = PredictedMask(np.ones((64, 96), np.uint8), np.full((64, 96), 150, np.uint8), 4)
    labels = LabelMap.blank(96, 64)
    stroke(labels, 2, (60, 20), (70, 40), 4)
    answer = ask(labels, part, network)
    assert answer.has_network
    assert answer.mask is not None
    assert (answer.mask.values[16:44, 56:74] == 2).mean() > 0.7  # around the stroke
    assert (answer.mask.values[:, 80:] == 1).all()
