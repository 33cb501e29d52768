"""Layer demos compute what torch computes, and their formulas evaluate to the shown values."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F  # noqa: N812

from core.lessons import operations as do
from core.lessons.formulas import format_number
from core.lessons.kernels import BLUR, CUSTOM, EDGES_ACROSS, KERNELS, SHARPEN, name_of
from core.lessons.layer_demo import OPERATIONS, SCORE_OPERATIONS, DemoSetup, run_demo
from core.lessons.lessons import LESSONS
from core.lessons.patch import PATCH_SIDES, brightness, extract_patch, patch_position, practice_picture

sides = st.integers(1, 17)
numbers = st.integers(0, 2**32 - 1)


def some(side: int, width: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 3, (side, width))


def as_torch(x: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(x)[None, None]


@given(sides, sides, st.integers(1, 4), st.integers(1, 3), st.integers(0, 4), st.integers(1, 4), numbers)
def test_correlation_equals_torch_convolution(
    height: int, width: int, kernel: int, stride: int, pad: int, rate: int, seed: int
) -> None:
    x, k = some(height, width, seed), some(kernel, kernel, seed + 1)
    made = do.correlate(x, k, stride, pad, rate)
    if min(height, width) + 2 * pad < do.kernel_span(kernel, rate):
        assert made.size == 0
        assert 0 in [do.output_side(side, kernel, stride, pad, rate) for side in (height, width)]
        return
    right = F.conv2d(as_torch(x), as_torch(k), stride=stride, padding=pad, dilation=rate)[0, 0].numpy()
    np.testing.assert_allclose(made, right, atol=1e-9)
    assert made.shape == tuple(do.output_side(side, kernel, stride, pad, rate) for side in (height, width))


@given(sides, sides, numbers)
def test_convolution_rotates_the_kernel(height: int, width: int, seed: int) -> None:
    x, k = some(height, width, seed), some(3, 3, seed + 1)
    # One pixel of light shows the kernel itself under convolution, and turned under correlation.
    light = np.zeros((5, 5))
    light[2, 2] = 1
    np.testing.assert_array_equal(do.convolve(light, k)[:3, :3], k)
    np.testing.assert_array_equal(do.correlate(light, k)[:3, :3], k[::-1, ::-1])
    right = F.conv2d(as_torch(x), as_torch(k).flip(2, 3), padding=1)[0, 0].numpy()
    np.testing.assert_allclose(do.convolve(x, k, pad=1), right, atol=1e-9)


@given(st.integers(4, 20), st.integers(4, 20), st.integers(2, 4), numbers)
def test_pooling(height: int, width: int, side: int, seed: int) -> None:
    x = some(height, width, seed)
    np.testing.assert_array_equal(do.pool_max(x, side), F.max_pool2d(as_torch(x), side)[0, 0].numpy())
    np.testing.assert_allclose(do.pool_mean(x, side), F.avg_pool2d(as_torch(x), side)[0, 0].numpy())


@given(sides, sides, st.integers(1, 4), st.integers(1, 3), st.integers(0, 1), numbers)
def test_transposed_convolution(
    height: int, width: int, kernel: int, stride: int, pad: int, seed: int
) -> None:
    x, k = some(height, width, seed), some(kernel, kernel, seed + 1)
    shape = tuple(do.transposed_side(side, kernel, stride, pad) for side in (height, width))
    if 0 in shape:
        return
    right = F.conv_transpose2d(as_torch(x), as_torch(k), stride=stride, padding=pad)[0, 0].numpy()
    np.testing.assert_allclose(do.transposed_convolution(x, k, stride, pad), right, atol=1e-9)
    assert right.shape == shape


@given(sides, sides, numbers, st.sampled_from([1.0, 30.0, 500.0]))
def test_activation_functions(height: int, width: int, seed: int, strength: float) -> None:
    x = some(height, width, seed) * strength
    np.testing.assert_array_equal(do.relu(x), torch.from_numpy(x).relu().numpy())
    np.testing.assert_allclose(do.sigmoid(x), torch.from_numpy(x).sigmoid().numpy(), atol=1e-12)
    np.testing.assert_allclose(do.softmax(x), torch.from_numpy(x).softmax(1).numpy(), atol=1e-12)


setups = st.builds(
    DemoSetup,
    operation=st.sampled_from([key for key, _, _ in OPERATIONS]),
    kernel=st.sampled_from([kernel for _, _, kernel in KERNELS]),
    stride=st.sampled_from([1, 2]),
    same_padding=st.booleans(),
    pool_size=st.sampled_from([2, 3, 4]),
    rate=st.sampled_from([1, 2, 4]),
    patch_side=st.sampled_from([4, 8, 16]),
)


@given(setups, numbers)
def test_output_equals_the_sum_of_its_input_terms(setup: DemoSetup, seed: int) -> None:
    patch = np.random.default_rng(seed).integers(0, 256, (setup.patch_side, setup.patch_side)).astype(float)
    worked = run_demo(setup, patch)
    assert bool(worked.outputs) != bool(worked.problem)
    for output in worked.outputs:
        height, width = output.values.shape
        assert worked.size_formula.endswith(str(height)) and height == width
        x, y = seed % width, seed // 7 % height
        reads = output.input_terms(x, y)
        there = [r for r in reads if 0 <= r.x < setup.patch_side and 0 <= r.y < setup.patch_side]
        values = [worked.source[r.y, r.x] for r in there]
        if output.kernel is not None:
            said = sum(v * r.weight for v, r in zip(values, there, strict=True))
        elif setup.operation in SCORE_OPERATIONS:
            here = worked.source[y, x]
            said = {
                "relu": max(0.0, here),
                "sigmoid": 1 / (1 + np.exp(-here)),
                "softmax": np.exp(here) / sum(np.exp(v) for v in values),
            }[setup.operation]
        else:
            said = max(values) if setup.operation == "max" else sum(values) / len(values)
        assert output.values[y, x] == pytest.approx(said)
        assert output.formula(x, y).endswith(f"= {format_number(output.values[y, x])}")
        assert output.low < output.high
        assert output.low <= output.values.min() and output.values.max() <= output.high + 1e-9


@given(setups, numbers)
def test_formula_evaluates_to_the_output(setup: DemoSetup, seed: int) -> None:
    """Read as arithmetic by Python itself, the left side gives the right side."""
    patch = np.random.default_rng(seed).integers(0, 256, (setup.patch_side, setup.patch_side)).astype(float)
    for output in run_demo(setup, patch).outputs:
        left, right = output.formula(0, 0).rsplit(" = ", 1)
        plain = re.sub(r"e\^(−?[\d.]+)", r"E**(\1)", left).replace("−", "-").replace("·", "*")
        value = eval(plain, {"E": np.e, "max": max})
        assert value == pytest.approx(float(right.replace("−", "-")), abs=0.02)


def test_format_of_formulas() -> None:
    grey = np.zeros((64, 64))
    assert run_demo(DemoSetup(patch_side=64), grey).size_formula == "(64 + 2·1 − 3) / 1 + 1 = 64"
    assert run_demo(DemoSetup(stride=2, patch_side=64), grey).size_formula == "⌊(64 + 2·1 − 3) / 2⌋ + 1 = 32"
    assert (
        run_demo(DemoSetup("dilated", rate=4, same_padding=False, patch_side=64), grey).size_formula
        == "(64 + 2·0 − 9) / 1 + 1 = 56"
    )
    assert (
        run_demo(DemoSetup("max", pool_size=3, patch_side=64), grey).size_formula
        == "⌊(64 + 2·0 − 3) / 3⌋ + 1 = 21"
    )
    assert (
        run_demo(DemoSetup("transposed", same_padding=False, patch_side=64), grey).size_formula
        == "(64 − 1)·2 − 2·0 + 3 = 129"
    )


def test_kernel_that_does_not_fit_gives_a_message() -> None:
    worked = run_demo(DemoSetup("dilated", rate=4, same_padding=False, patch_side=4), np.zeros((4, 4)))
    assert worked.outputs == ()
    assert worked.problem == (
        "The kernel spans 9 pixels and does not fit into 4. Turn on padding or choose a larger patch."
    )


def test_formulas_omit_zero_weights() -> None:
    patch = np.arange(16.0).reshape(4, 4)
    spelled = run_demo(DemoSetup(kernel=EDGES_ACROSS, same_padding=False), patch).outputs[0].formula(0, 0)
    assert spelled == "−1·0 + 1·2 − 2·4 + 2·6 − 1·8 + 1·10 = 8"
    assert run_demo(DemoSetup(kernel=((0,) * 3,) * 3), patch).outputs[0].formula(1, 1) == "0 = 0"  # type: ignore[arg-type]


def test_blur_keeps_brightness_and_edges_of_a_flat_area_are_zero() -> None:
    even = np.full((8, 8), 120.0)
    np.testing.assert_allclose(
        run_demo(DemoSetup(kernel=BLUR, same_padding=False), even).outputs[0].values, 120
    )
    np.testing.assert_allclose(
        run_demo(DemoSetup(kernel=SHARPEN, same_padding=False), even).outputs[0].values, 120
    )
    np.testing.assert_allclose(
        run_demo(DemoSetup(kernel=EDGES_ACROSS, same_padding=False), even).outputs[0].values, 0
    )
    assert name_of(BLUR) == "blur" and name_of(((1, 2, 3), (4, 5, 6), (7, 8, 9))) == CUSTOM


@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.integers(-5, 99),
    st.integers(-5, 99),
    st.sampled_from(PATCH_SIDES),
)
def test_patch_is_inside_the_picture(width: int, height: int, x: int, y: int, side: int) -> None:
    picture = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
    left, top = patch_position(x, y, side, width, height)
    assert 0 <= left <= max(0, width - side) and 0 <= top <= max(0, height - side)
    patch = extract_patch(picture, left, top, side)
    assert patch.shape == (side, side)
    seen = patch[: height - top, : width - left]
    np.testing.assert_array_equal(seen, brightness(picture)[top : top + side, left : left + side])


def test_every_lesson_has_a_demo_or_an_action() -> None:
    picture = practice_picture()
    assert len({lesson.title for lesson in LESSONS}) == len(LESSONS)
    for lesson in LESSONS:
        assert lesson.setup is not None or (lesson.action_id and lesson.button_text)
        if lesson.setup is not None:
            worked = run_demo(lesson.setup, extract_patch(picture, 40, 30, lesson.setup.patch_side))
            assert worked.outputs and np.ptp(worked.outputs[0].values) > 0
