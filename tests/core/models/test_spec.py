"""Model specs: JSON round trip, validation, defaults."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import ModelError
from core.models.spec import ModelSpec, default_spec, round_up_to_stride, work_size


def test_round_trip() -> None:
    spec = ModelSpec("unet", "resnet34", "imagenet", 512, (3, 1, 254))
    assert ModelSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


@pytest.mark.parametrize(
    "change",
    [
        {"size": 100},
        {"size": 0},
        {"size": 8192},
        {"weights": "stolen"},
        {"class_values": []},
        {"class_values": [1, 1]},
        {"class_values": [0, 1]},
        {"class_values": [255]},
        {"channels": 0},
        {"class_values": None},
        {"size": "wide"},
    ],
)
def test_invalid_specs_raise_a_model_error(change: dict[str, object]) -> None:
    raw = {**default_spec("cpu", (1, 2)).to_json(), **change}
    with pytest.raises(ModelError, match=r"\.$"):
        ModelSpec.from_json(raw)


def test_defaults_depend_on_the_device() -> None:
    assert default_spec("cpu", (1,)).architecture == "asymmetric-unet"
    assert default_spec("cuda", (1,)).encoder == "resnet34"


@given(st.integers(1, 20000), st.integers(1, 20000), st.sampled_from([32, 256, 512]))
def test_work_size_has_the_long_side_and_keeps_the_shape(width: int, height: int, size: int) -> None:
    small = work_size(width, height, size)
    assert max(small) == size
    assert min(small) >= 1
    exact = min(width, height) * size / max(width, height)
    assert abs(min(small) - exact) <= max(0.5, 1 - exact)
    assert round_up_to_stride(small[0]) % 32 == 0 and 0 <= round_up_to_stride(small[0]) - small[0] < 32
