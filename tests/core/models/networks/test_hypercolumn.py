"""The hypercolumn network: resolution of its logits, and a decoder that changes nothing at first."""

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from core.models.network_builder import build_network, encoder_of
from core.models.networks.hypercolumn import HypercolumnNet, pooled_levels
from core.models.spec import ModelSpec


def network(encoder: str = "tu-tf_efficientnet_lite0", channels: int = 3) -> HypercolumnNet:
    torch.manual_seed(0)
    model = build_network(ModelSpec("hypercolumn", encoder, "none", 64, (1, 2, 3), channels))
    assert isinstance(model, HypercolumnNet)
    return model


def test_logits_are_coarse_only_in_train_mode() -> None:
    model, picture = network(), torch.randn(2, 3, 64, 96)
    assert model.train()(picture).shape == (2, 3, 16, 24)
    assert model.eval()(picture).shape == (2, 3, 64, 96)


@pytest.mark.parametrize(("encoder", "channels"), [("resnet18", 3), ("tu-tf_efficientnet_lite0", 5)])
def test_other_encoders_and_other_channels(encoder: str, channels: int) -> None:
    logits = network(encoder, channels).eval()(torch.randn(1, channels, 64, 64))
    assert logits.shape == (1, 3, 64, 64) and logits.isfinite().all()


def test_the_hidden_layer_is_the_sum_of_its_levels_until_the_decoder_has_learned() -> None:
    model, picture = network().eval(), torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        levels = pooled_levels(encoder_of(model)(picture))
        wanted = sum(
            F.interpolate(layer(level), size=(16, 16), mode="bilinear", align_corners=False)
            for layer, level in zip(model.level_convolutions(), levels, strict=True)
        )
        # Coarse levels are upsampled step by step, which smooths them a little more than at once.
        found = model.hidden(picture)
        assert float((found - wanted).abs().mean()) < 0.1 * float(wanted.std())
        torch.nn.init.ones_(model.decoder.out.weight)
        assert not torch.allclose(model.hidden(picture), found)
