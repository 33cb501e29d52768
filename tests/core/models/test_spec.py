"""Model specs: JSON round trip, validation, defaults."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import ModelError
from core.models.networks.packaged_weights import PACKAGED_WEIGHTS
from core.models.spec import (
    DEFAULT_ENCODER,
    ModelSpec,
    crop_size,
    default_spec,
    round_up_to_stride,
    work_size,
)


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


def test_the_default_is_pretrained_where_the_package_of_its_weights_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for device in ("cpu", "mps", "cuda"):
        spec = default_spec(device, (1,))
        assert (spec.architecture, spec.encoder, spec.weights) == ("hypercolumn", DEFAULT_ENCODER, "imagenet")
    missing = replace(PACKAGED_WEIGHTS[DEFAULT_ENCODER], module="no_such_weights")
    monkeypatch.setitem(PACKAGED_WEIGHTS, DEFAULT_ENCODER, missing)
    assert default_spec("cpu", (1,)).architecture == "asymmetric-unet"
    assert default_spec("cuda", (1,)).encoder == "resnet34"


def test_the_normalisation_is_that_of_the_encoder_and_older_specs_keep_theirs() -> None:
    spec = default_spec("cpu", (1, 2))
    assert spec.pixel_statistics == ((127.0,), (128.0,))
    assert ModelSpec.from_json(spec.to_json()) == spec
    assert spec.with_network("unet", "resnet34").normalisation == "imagenet"
    assert spec.with_network("unet", "resnet34").weights == "none"
    assert spec.with_network("unet", "tu-tf_efficientnet_lite2").weights == "imagenet"
    older = {key: value for key, value in spec.to_json().items() if key != "normalisation"}
    assert ModelSpec.from_json(older).normalisation == "imagenet"
    assert len(ModelSpec.from_json(older).pixel_statistics[0]) == 3
    # ImageNet's colours say nothing about pictures with other channels.
    assert replace(ModelSpec.from_json(older), channels=5).pixel_statistics == ((127.5,), (64.0,))
    with pytest.raises(ModelError, match="normalisation “future” is not known"):
        ModelSpec.from_json({**older, "normalisation": "future"})


@given(st.integers(1, 20000), st.integers(1, 20000), st.sampled_from([32, 256, 512]))
def test_work_size_has_the_long_side_and_keeps_the_shape(width: int, height: int, size: int) -> None:
    small = work_size(width, height, size)
    assert max(small) == size
    assert min(small) >= 1
    exact = min(width, height) * size / max(width, height)
    assert abs(min(small) - exact) <= max(0.5, 1 - exact)
    assert round_up_to_stride(small[0]) % 32 == 0 and 0 <= round_up_to_stride(small[0]) - small[0] < 32


@pytest.mark.parametrize(
    ("picture", "longest", "crop"),
    [
        ((480, 360), None, (480, 384)),
        ((480, 360), 352, (352, 288)),
        ((480, 360), 480, (480, 384)),
        ((360, 480), 352, (288, 352)),
        ((480, 20), 352, (352, 32)),
        ((64, 64), 352, (64, 64)),
    ],
)
def test_a_crop_has_the_shape_of_the_picture(
    picture: tuple[int, int], longest: int | None, crop: tuple[int, int]
) -> None:
    assert crop_size(*picture, longest) == crop
