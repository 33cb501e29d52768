"""Prediction: the size of the picture, the values of the classes, the same in bands as at once."""

import numpy as np
import pytest
import torch
from torch import nn

from core.errors import ModelError
from core.models import predict as predicting
from core.models.checkpoint import Loaded
from core.models.predict import enlarged_bands, predict
from core.models.registry import build
from core.models.spec import ModelSpec

SPEC = ModelSpec("asymmetric-unet", None, "none", 64, (3, 200))


class ByRed(nn.Module):
    """Says class 0 where the picture is red, class 1 elsewhere; the redder, the surer."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([x[:, 0] * self.scale, -x[:, 0] * self.scale], 1)


def half_red(height: int, width: int) -> np.ndarray:
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, : width // 2, 0] = 255
    return picture


@pytest.mark.parametrize(("height", "width"), [(48, 64), (300, 200), (17, 500), (1, 1), (33, 65)])
def test_every_size_comes_back_in_its_size(height: int, width: int) -> None:
    mask = predict(Loaded(build(SPEC).eval(), SPEC, {}), np.full((height, width, 3), 90, np.uint8), run_id=4)
    assert mask.values.shape == mask.confidence.shape == (height, width)
    assert mask.values.dtype == mask.confidence.dtype == np.uint8
    assert set(np.unique(mask.values)) <= {3, 200}
    assert mask.confidence.min() >= 127  # of two classes the likelier has at least half
    assert mask.run_id == 4


def test_values_lie_where_they_belong() -> None:
    mask = predict(Loaded(ByRed().eval(), SPEC, {}), half_red(120, 200))
    assert (mask.values[:, :97] == 3).all()
    assert (mask.values[:, 103:] == 200).all()
    assert mask.confidence[60, 10] > 250
    assert mask.confidence[60, 99:101].min() < 240


def test_bands_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    logits = torch.randn(5, 24, 40)
    whole = nn.functional.interpolate(logits[None], size=(301, 517), mode="bilinear", align_corners=False)[0]
    monkeypatch.setattr(predicting, "BAND_BYTES", 4 * 5 * 517 * 7)
    bands = list(enlarged_bands(logits, 301, 517))
    assert len(bands) == 43
    torch.testing.assert_close(torch.cat([band for _, band in bands], 1), whole, atol=1e-5, rtol=1e-5)


def test_a_picture_of_other_colours_is_refused() -> None:
    with pytest.raises(ModelError, match="3 colour channels"):
        predict(Loaded(build(SPEC).eval(), SPEC, {}), np.zeros((8, 8, 4), np.uint8))
