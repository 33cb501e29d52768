"""Inference: size, class values, equal results in bands and tiles."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from torch import nn

from core.base.errors import ModelError
from core.models import inference as predicting
from core.models.checkpoint import LoadedModel
from core.models.inference import TTA_VIEWS, predict, predict_file, upscaled_bands
from core.models.network_builder import build_network
from core.models.spec import NORMALISATIONS, TTA_MODES, ModelSpec
from core.models.tiled_inference import OVERLAP, tiled_logits

SPEC = ModelSpec("asymmetric-unet", None, "none", 64, (3, 200))
SYMMETRIC = NORMALISATIONS["symmetric"]


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
def test_prediction_has_the_size_of_the_picture(height: int, width: int) -> None:
    mask = predict(
        LoadedModel(build_network(SPEC).eval(), SPEC, {}), np.full((height, width, 3), 90, np.uint8), run_id=4
    )
    assert mask.values.shape == mask.confidence.shape == (height, width)
    assert mask.values.dtype == mask.confidence.dtype == np.uint8
    assert set(np.unique(mask.values)) <= {3, 200}
    assert mask.confidence.min() >= 127  # of two classes the likelier has at least half
    assert mask.run_id == 4


def test_class_values_are_at_the_right_pixels() -> None:
    mask = predict(LoadedModel(ByRed().eval(), SPEC, {}), half_red(120, 200))
    assert (mask.values[:, :97] == 3).all()
    assert (mask.values[:, 103:] == 200).all()
    assert mask.confidence[60, 10] > 250
    assert mask.confidence[60, 99:101].min() < 240


def test_bands_give_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    logits = torch.randn(5, 24, 40)
    whole = nn.functional.interpolate(logits[None], size=(301, 517), mode="bilinear", align_corners=False)[0]
    monkeypatch.setattr(predicting, "BAND_BYTES", 4 * 5 * 517 * 7)
    bands = list(upscaled_bands(iter(logits.split([3, 10, 1, 10], 1)), 5, 24, 301, 517))
    assert len(bands) == 43
    torch.testing.assert_close(torch.cat([band for _, band in bands], 1), whole, atol=1e-5, rtol=1e-5)


def test_picture_with_other_channels_is_refused() -> None:
    with pytest.raises(ModelError, match="3 colour channels"):
        predict(LoadedModel(build_network(SPEC).eval(), SPEC, {}), np.zeros((8, 8, 4), np.uint8))


class Near(nn.Module):
    """Sees 9 x 9 pixels and halves its picture once, like the networks we use; remembers what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.see = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.ReLU(), nn.Conv2d(6, 4, 3, 1, 1))
        self.shown: list[tuple[int, ...]] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.shown.append(tuple(x.shape[2:]))
        return nn.functional.interpolate(self.see(x), scale_factor=2.0)


@pytest.mark.parametrize(("height", "width"), [(700, 1100), (1500, 513), (40, 3000), (600, 600), (1, 5000)])
def test_tiles_give_the_logits_of_the_whole_picture(height: int, width: int) -> None:
    torch.manual_seed(0)
    model, device = Near().eval(), torch.device("cpu")
    picture = torch.randint(0, 256, (3, height, width), dtype=torch.uint8)
    with torch.inference_mode():
        (whole,) = tiled_logits(model, picture, device, 10**9, SYMMETRIC)
        model.shown.clear()
        strips = list(tiled_logits(model, picture, device, (2 * OVERLAP) ** 2, SYMMETRIC))
    tiled = torch.cat(strips, 1)
    # Tile borders are not believed, so even the pixels next to them come out as in the whole.
    torch.testing.assert_close(tiled, whole, atol=1e-5, rtol=1e-5)
    assert all(tall * wide <= (2 * OVERLAP) ** 2 for tall, wide in model.shown)
    assert max(strip.shape[1] for strip in strips) <= 2 * OVERLAP


def test_picture_with_too_many_pixels_is_tiled(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    spec = ModelSpec("asymmetric-unet", None, "none", 1024, (3, 200, 7, 9))
    picture = np.random.default_rng(0).integers(0, 256, (900, 1300, 3), np.uint8)
    model = Near().eval()
    whole = predict(LoadedModel(model, spec, {}), picture)
    assert len(model.shown) == 1
    monkeypatch.setattr(predicting, "max_pixels_at_once", lambda device: 512 * 512)
    tiled = predict(LoadedModel(model, spec, {}), picture)
    assert len(model.shown) > 5
    assert (tiled.values == whole.values).mean() > 0.9999  # rounding may turn a tie
    assert np.abs(tiled.confidence.astype(int) - whole.confidence).max() <= 1


def test_tiles_become_smaller_when_memory_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Narrow(Near):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.shape[2] * x.shape[3] > 512 * 512:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            return super().forward(x)

    spec = ModelSpec("asymmetric-unet", None, "none", 1024, (3, 200, 7, 9))
    model = Narrow().eval()
    mask = predict(LoadedModel(model, spec, {}), np.zeros((1000, 1000, 3), np.uint8))
    assert mask.values.shape == (1000, 1000)
    assert set(model.shown) == {(512, 512)}


def test_views_are_averaged() -> None:
    assert tuple(TTA_VIEWS) == TTA_MODES

    class BySide(ByRed):
        """As ByRed, but what lies at the left is doubted."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            doubt = torch.linspace(0, 4, x.shape[3]).view(1, 1, -1)
            return super().forward(x) * doubt[:, None]

    picture, loaded = half_red(64, 64), LoadedModel(BySide().eval(), SPEC, {})
    plain = predict(loaded, picture)
    flipped = predict(loaded, picture, tta="flip")
    assert plain.confidence[30, 0] < 140
    assert flipped.confidence[30, 0] == pytest.approx((int(plain.confidence[30, 0]) + 255) / 2, abs=2)
    for tta in ("scales", "all"):
        mask = predict(loaded, picture, tta=tta)
        assert (mask.values[:, :29] == 3).all()
        assert (mask.values[:, 35:] == 200).all()
    with pytest.raises(ModelError, match="choose none, flip"):
        predict(loaded, picture, tta="twice")


def test_large_tiff_is_predicted_from_a_reduced_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = half_red(600, 900)
    tifffile.imwrite(
        tmp_path / "giant.tif", picture, tile=(128, 128), compression="deflate", photometric="rgb"
    )
    loaded = LoadedModel(ByRed().eval(), SPEC, {})
    known = predict_file(loaded, tmp_path / "giant.tif", 3)
    monkeypatch.setattr(predicting, "MAX_PIXELS", 100_000)
    monkeypatch.setattr(predicting, "read_model_input", None)
    monkeypatch.setattr("core.images.tiff_regions.BAND_PIXELS", 900 * 130)
    mask = predict_file(loaded, tmp_path / "giant.tif", 3)
    assert mask.values.shape == (600, 900)
    assert (mask.values == known.values).mean() > 0.99
    monkeypatch.setattr(predicting, "MAX_MASK_PIXELS", 200_000)
    with pytest.raises(ModelError, match="Cut it into pieces"):
        predict_file(loaded, tmp_path / "giant.tif")
