"""The encoder gives what segmentation_models_pytorch's encoder of the same name gives, with the same weights."""

import pytest
import segmentation_models_pytorch as smp
import torch

from core.models.networks.efficientnet_lite import VARIANTS, EfficientNetLite


@pytest.mark.parametrize("name", VARIANTS)
def test_same_names_and_same_features_as_the_library(name: str) -> None:
    torch.manual_seed(0)
    theirs = smp.encoders.get_encoder(name, weights=None).eval()
    ours = EfficientNetLite(name).eval()
    assert tuple(theirs.out_channels) == ours.out_channels
    ours.load_state_dict(theirs.state_dict())
    picture = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        for own, other in zip(ours(picture), theirs(picture), strict=True):
            torch.testing.assert_close(own, other)


def test_early_stages_are_the_layers_of_the_finest_levels() -> None:
    encoder = EfficientNetLite("tu-tf_efficientnet_lite0")
    assert encoder.early_stages(0) == []
    for levels in range(1, 6):
        for parameter in encoder.parameters():
            parameter.grad = None
        features = encoder(torch.randn(1, 3, 64, 64))
        features[levels].sum().backward()
        used = {id(p) for p in encoder.parameters() if p.grad is not None}
        assert {id(p) for layer in encoder.early_stages(levels) for p in layer.parameters()} == used
