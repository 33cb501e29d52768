"""Evaluations on disk: what is written is read back, and nothing else is."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.base.errors import ImageError, UserError
from core.evaluation.evaluation import Evaluation
from core.evaluation.kept.evaluation_file import decode_evaluation, encode_evaluation
from core.evaluation.kept.evaluation_store import (
    MAX_KEPT,
    PICTURE_SIDE,
    EvaluationStore,
    EvaluationWriter,
)
from core.evaluation.picture_counts import IGNORED, count_picture


def evaluation(count: int = 4, classes: int = 3) -> Evaluation:
    rng = np.random.default_rng(0)
    pictures = []
    for number in range(count):
        truth = rng.integers(0, classes, (40, 50)).astype(np.uint8)
        truth[:5] = IGNORED
        predicted = np.where(rng.random(truth.shape) < 0.3, classes, truth % classes).astype(np.uint8)
        sure = rng.integers(0, 256, truth.shape).astype(np.uint8)
        pictures.append(count_picture(number + 7, truth, predicted, sure, classes))
    paths = {picture.picture_id: f"häuser \udcff{picture.picture_id}.png" for picture in pictures}
    return Evaluation((2, 9, 254)[:classes], tuple(pictures), count * 2000, paths, ("left out",), ("noted",))


def test_an_evaluation_is_read_back_as_it_was() -> None:
    before = evaluation()
    after = decode_evaluation(encode_evaluation(before))
    assert (after.values, after.all_pixels, after.problems, after.notes) == (
        before.values, before.all_pixels, before.problems, before.notes,
    )  # fmt: skip
    assert after.paths[7] == "häuser ?7.png", "without the lone surrogate"
    np.testing.assert_array_equal(after.confusion, before.confusion)
    np.testing.assert_array_equal(after.boundary_iou(), before.boundary_iou())
    np.testing.assert_array_equal(after.class_intervals(), before.class_intervals())
    assert after.calibration() == before.calibration()
    assert after.iou_by_region_size() == before.iou_by_region_size()
    assert after.picture_miou() == before.picture_miou()
    assert after.miou_interval() == before.miou_interval()


def damaged(change: str, value: Any) -> bytes:
    """The file with another value at a path such as `pictures.0.cells`."""
    raw = json.loads(encode_evaluation(evaluation()))
    fields = {name: at for at, name in enumerate(("number", "path", "cells", "pixels", "boundary"))}
    place: Any = raw
    *way, last = change.split(".")
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    place[fields.get(last, last) if isinstance(place, list) else last] = value
    return json.dumps(raw).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"{", b"[" * 100_000,
        damaged("version", 99), damaged("values", [2, 2, 9]), damaged("values", [2, 9, 255]),
        damaged("values", []), damaged("pictures", []), damaged("all_pixels", -1),
        damaged("pictures.0.cells", [0, 99_999]), damaged("pictures.0.cells", [3, 1]),
        damaged("pictures.0.cells", ["a"]), damaged("pictures.0.pixels", [-5]),
        damaged("pictures.0.boundary", [[1, 2]]), damaged("pictures.0.number", 8),
        damaged("pictures.0.pixels", [10**30]),
    ],
)  # fmt: skip
def test_a_file_of_a_stranger_is_refused(content: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        decode_evaluation(content)


def keep(store: EvaluationStore, number: int) -> str:
    key = f"{number:040x}"
    writer = EvaluationWriter(store, key)
    writer.finish(evaluation(2))
    return key


def test_kept_pictures_highlight_exactly_the_pixels_of_a_cell(tmp_path: Path) -> None:
    store = EvaluationStore(tmp_path)
    writer = EvaluationWriter(store, "a" * 40)
    truth = np.zeros((1500, 3000), np.uint8)
    truth[:, :1500], truth[:, 2000:] = 2, 255
    predicted = truth.copy()
    predicted[700, 700] = 9
    picture = np.full((1500, 3000, 3), 200, np.uint8)
    writer.add(7, picture, truth, predicted)
    writer.finish(evaluation())
    writer.discard()
    assert store.has("a" * 40)
    assert store.read("a" * 40).values == (2, 9, 254)
    found = store.picture("a" * 40, 7)
    assert found.pixels.shape == (PICTURE_SIDE // 2, PICTURE_SIDE, 3)
    assert set(np.unique(found.truth)) == {0, 2}, "void does not count"
    highlighted = found.highlight(2, 9)
    ys, xs = np.nonzero(highlighted[..., 0] != highlighted[..., 2])
    scale = PICTURE_SIDE / 3000
    assert len(ys) >= 1, "one pixel of a picture that was made smaller"
    assert abs(ys - 700 * scale).max() < 2
    assert abs(xs - 700 * scale).max() < 2
    all_right = found.highlight(2, 2)
    share = np.count_nonzero(all_right[..., 0] != all_right[..., 2]) / (PICTURE_SIDE**2 / 2)
    assert share == pytest.approx(0.5, abs=0.01)
    none = found.highlight(9, 2)
    assert not (none[..., 0] != none[..., 2]).any()


def test_damaged_or_missing_files_are_said(tmp_path: Path) -> None:
    store = EvaluationStore(tmp_path)
    key = keep(store, 1)
    with pytest.raises(ImageError, match="not kept"):
        store.picture(key, 7)
    for ending in ("png", "jpg"):
        (store.folder(key) / f"7.{ending}").write_bytes(b"\x89PNG\r\n\x1a\nnonsense")
    with pytest.raises(ImageError, match="damaged"):
        store.picture(key, 7)
    (store.folder(key) / "evaluation.json").write_bytes(b"{}")
    with pytest.raises(UserError, match="Evaluate again"):
        store.read(key)
    assert not store.has(key), "a damaged one is computed again"


def test_the_oldest_evaluations_are_deleted(tmp_path: Path) -> None:
    store = EvaluationStore(tmp_path)
    keys = []
    for number in range(MAX_KEPT):
        keys.append(keep(store, number))
        os.utime(store.folder(keys[-1]), (number, number))
    assert store.has(keys[0]), "used again"
    (store.root / "mine").mkdir()
    keep(store, 1000)
    assert store.has(keys[0])
    assert not store.folder(keys[1]).exists()
    assert store.folder(keys[2]).exists()
    assert (store.root / "mine").exists()


def test_a_process_that_was_ended_leaves_nothing(tmp_path: Path) -> None:
    store = EvaluationStore(tmp_path)
    EvaluationWriter(store, "b" * 40)
    store.remove_leftovers(os.getpid() + 1)
    assert len(list(store.root.iterdir())) == 1
    store.remove_leftovers(os.getpid())
    assert list(store.root.iterdir()) == []
