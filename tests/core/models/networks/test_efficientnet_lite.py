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
