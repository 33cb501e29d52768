"""Pictures of any number of channels are scaled as each channel alone."""

from __future__ import annotations

import numpy as np
import pytest

from core.images.picture_scale import scale_picture


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3, 5, 13])
@pytest.mark.parametrize("size", [(17, 31), (50, 25), (130, 90)])
def test_channels_do_not_matter(dtype: type[np.generic], channels: int, size: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    picture = (random.random((80, 100, channels)) * 200).astype(dtype)
    scaled = scale_picture(picture, *size)
    assert scaled.dtype == dtype
    assert scaled.shape == (size[1], size[0], channels)
    for channel in range(channels):
        alone = scale_picture(np.ascontiguousarray(picture[..., channel]), *size)
        assert alone.shape == size[::-1]
        np.testing.assert_allclose(scaled[..., channel], alone, atol=1 if dtype is not np.float32 else 1e-3)


def test_a_smaller_picture_is_the_mean_of_its_areas() -> None:
    picture = np.arange(36, dtype=np.float32).reshape(6, 6)
    np.testing.assert_allclose(
        scale_picture(picture, 3, 3), picture.reshape(3, 2, 3, 2).mean((1, 3)), rtol=1e-6
    )
