"""The benchmarks of the window still run: each at a tiny size, with the keys that their readers expect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.samples.scenes import SCENE_CLASSES, draw_scene
from tests.benchmarks.recipe import LABELLED_BY

ROOT = Path(__file__).resolve().parents[1]


def answer(name: str, *words: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.{name}", *words, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_brush_is_measured_and_its_stroke_taken_back() -> None:
    found = answer("brush", "--size", "300", "--moves", "5")
    assert {"size", "radius", "median_ms", "p99_ms", "undo_ms"} <= set(found)
    assert found["moves"] == 5


def test_live_answers_are_measured_from_the_end_of_the_stroke() -> None:
    found = answer("live", "--sizes", "160x120", "--strokes", "2")
    [size] = found["sizes"]
    assert (size["size"], size["strokes"]) == ("160x120", 2)
    assert 0 < size["median_ms"] <= size["p90_ms"]
    assert size["refined_median_ms"] >= size["median_ms"]
    assert size["stall_p99_ms"] is not None


def test_shapes_as_large_as_the_picture_are_measured() -> None:
    found = answer("large", "--size", "300")
    for times in (found["longest_ms"], found["done_ms"]):
        assert {"rectangle", "undo of rectangle", "polygon", "fill", "accept prediction"} <= set(times)


def test_the_loop_is_measured_beside_ready_tensors_and_a_plain_script() -> None:
    words = ("--seconds", "0.1", "--size", "64", "--batch", "2", "--pictures", "2", "--device", "cpu")
    found = answer("throughput", *words, "--network", "asymmetric-unet")
    rates = [found[name] for name in ("ours_img_per_s", "ready_tensor_img_per_s", "plain_smp_img_per_s")]
    assert found["device"] == "cpu"
    assert all(isinstance(rate, float) and rate > 0 for rate in rates)


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="only Linux tells a process its peak")
def test_memory_is_measured_without_torch() -> None:
    found = answer("memory", "--size", "300")
    assert {"resident_mb", "peak_mb"} <= set(found)
    assert found["torch_loaded"] is False


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="only Linux tells a process its peak")
def test_a_huge_picture_is_measured() -> None:
    found = answer("huge", "--size", "2200", "--format", "jpg")
    assert {"shown_s", "again_s", "together_peak_mb", "window_peak_mb", "converter_peak_mb"} <= set(found)
    assert found["converter_peak_mb"] and found["tiles_gb"]


def test_pairs_go_out_to_coco_and_come_in_again() -> None:
    found = answer("formats", "--pairs", "3")
    assert found["pairs"] == 3 and found["regions_a_pair"] > 10
    for way in ("export", "import"):
        assert {"ms", "cpu_ms", "peak_mb", "growth_mb"} <= set(found[way]["ours"])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="each case is a fork")
def test_hostile_inputs_end_in_a_sentence() -> None:
    """The standing test of everything that is read from strangers, with a fixed seed."""
    found = answer("hostile", "--cases", "280", "--seed", "16")
    outcomes = ("crash", "hang", "blow_up", "foreign", "outside")
    assert {outcome: found[outcome] for outcome in outcomes} == dict.fromkeys(outcomes, 0), found["failures"]


def test_a_soak_of_the_window_loses_nothing() -> None:
    found = answer("soak", "--simulated-minutes", "1")
    assert (found["lost"], found["stalled"], found["errors"]) == (0, 0, 0), found
    assert found["simulated_minutes"] >= 1 and sum(found["acts"].values()) > 1


def test_the_queue_is_compared_with_a_random_order() -> None:
    words = ("--pool", "4", "--scored", "1", "--share", "1", "--start", "2", "--batch", "2", "--seeds", "0")
    found = answer("acquisition", *words)
    assert (found["pool"], found["labelled"]) == (4, 4)
    assert found["miou"]["queue"] == found["miou"]["random"], "in the end all are labelled"
    assert found["gain"]["seeds"] == 1


def test_charts_hand_out_no_more_points_than_they_can_draw() -> None:
    found = answer("charts", "--points", "30000")
    assert found["points"] >= 30_000 and 0 < found["points_drawn"] < 25 * 401
    assert {"first_ms", "tick_ms"} <= set(found)


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        ("brush", ("--size", "64"), "neither napari nor labelme"),
        ("formats", ("--pairs", "1"), "has no datumaro"),
    ],
)
def test_an_interpreter_without_a_rival_is_told_so(name: str, words: tuple[str, ...], said: str) -> None:
    called = [sys.executable, "-m", f"tests.benchmarks.{name}", *words, "--rival", sys.executable]
    done = subprocess.run(called, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert said in done.stderr


@pytest.mark.parametrize(
    ("asked", "scored_on"),
    [
        (("--hold-out", "street", "--rival", "plain-unet"), {"part": "street", "pictures": 1}),
        (("--test", "--labelled", "0.2"), {"part": "test", "pictures": 2}),
    ],
)
def test_a_recipe_is_scored_on_what_it_never_saw(
    tmp_path: Path, asked: tuple[str, ...], scored_on: dict[str, object]
) -> None:
    names = [("train", "known_1"), ("train", "known_2"), ("train", "street_1"), ("val", "known_3")]
    names += [("test", "far_1"), ("test", "far_2")]
    for number, (part, name) in enumerate(names):
        scene = draw_scene(number, (64, 48))
        for kind, pixels in (("images", scene.picture), ("masks", scene.truth - 1)):
            folder = tmp_path / kind / part
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / f"{name}.png")
    listed = [{"index": n, "name": name} for n, (name, _) in enumerate(SCENE_CLASSES)]
    (tmp_path / "classes.json").write_text(json.dumps({"ignore_index": 254, "classes": listed}))
    found = answer("recipe", str(tmp_path), "--minutes", "0.01", "--size", "32", *asked, "--set", "batch=1")
    assert found["scored_on"] == scored_on
    assert ("--labelled" in asked) == (found["labelled"] < 0.25)
    assert isinstance(found["curve"], list)
    assert found["curve"][-1][1] == found["miou"]
    assert set(found["per_class"]) == {name for name, _ in SCENE_CLASSES}
    assert len(found["rivals"]) == ("--rival" in asked)
    for rival in found["rivals"]:
        assert rival["network"] == "plain-unet" and rival["steps"] > 0
        assert set(rival["per_class"]) == set(found["per_class"])


@pytest.mark.parametrize("by", LABELLED_BY)
def test_a_share_of_the_pixels_is_labelled_by_strokes_or_by_squares(by: str) -> None:
    truth = draw_scene(7, (240, 192)).truth
    kept = LABELLED_BY[by](truth, 0.1, np.random.default_rng(0))
    assert kept.shape == truth.shape
    assert 0.05 < kept.mean() < 0.15
    if by == "strokes":
        assert set(np.unique(truth[kept])) == set(np.unique(truth))
    else:
        assert (np.diff(truth, axis=1) != 0)[kept[:, :-1] & kept[:, 1:]].any()  # edges are in them
