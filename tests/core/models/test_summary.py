"""Network summaries: sizes, channels and parameters equal those of the built network."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import pytest
import torch

from core.base.errors import Cancelled, ModelError
from core.base.json_process import decode_message, encode_message
from core.models.network_builder import build_network
from core.models.networks.asymmetric_unet import WIDTHS
from core.models.spec import ModelSpec
from core.models.summary import summarise_network
from core.models.summary_types import DECODER, ENCODER, HEAD, NetworkSummary
from core.session.models.network_summaries import NetworkSummaryService

OURS = ModelSpec("asymmetric-unet", None, "none", 256, (1, 2, 3))
THEIRS = ModelSpec("unet", "resnet18", "none", 128, (1, 2), channels=4)


@pytest.mark.parametrize(
    "spec",
    [
        OURS,
        ModelSpec("plain-unet", None, "none", 256, (1, 2)),
        THEIRS,
        ModelSpec("fcn-8s", "vgg11_bn", "none", 256, (1, 2)),
        ModelSpec("manet", "mobilenet_v2", "none", 256, (1, 2)),
        ModelSpec("segformer", "mit_b0", "none", 256, (1, 2)),
    ],
    ids=lambda spec: spec.architecture,
)
def test_every_parameter_is_counted_once(spec: ModelSpec) -> None:
    told = summarise_network(spec)
    whole = sum(p.numel() for p in build_network(spec).parameters())
    assert told.parameters == whole == sum(stage.parameters for stage in told.stages)
    assert all(stage.parameters >= 0 for stage in told.stages)
    (head,) = [stage for stage in told.stages if stage.kind == HEAD]
    assert head.channels == len(spec.class_values)


def test_stages_of_the_asymmetric_unet() -> None:
    told = summarise_network(OURS)
    down = [stage for stage in told.stages if stage.kind == ENCODER]
    assert [stage.channels for stage in down] == list(WIDTHS)
    assert [stage.sizes[256] for stage in down] == [(128, 128), (64, 64), (32, 32), (16, 16)]
    assert [stage.sizes[512] for stage in told.stages if stage.kind == DECODER] == [
        (64, 64),
        (128, 128),
        (256, 256),
    ]
    # A convolution of 3 to 16 channels has 3·3·3·16 numbers, its norm two for each channel.
    assert down[0].parameters == 3 * 3 * 3 * 16 + 2 * 16


def test_encoder_stages_match_its_outputs() -> None:
    told = summarise_network(THEIRS)
    model = build_network(THEIRS).eval()
    with torch.no_grad():
        answers = model.encoder(torch.zeros(1, 4, 128, 128))[1:]  # type: ignore[operator]
    down = [stage for stage in told.stages if stage.kind == ENCODER]
    assert [(stage.channels, stage.sizes[128]) for stage in down] == [
        (answer.shape[1], (answer.shape[3], answer.shape[2])) for answer in answers
    ]
    encoder = model.encoder
    assert down[-1].parameters == sum(p.numel() for p in encoder.layer4.parameters())  # type: ignore[union-attr]


def test_summary_round_trip_as_json() -> None:
    told = summarise_network(OURS)
    assert decode_message(encode_message(told), NetworkSummary) == told
    assert told.sides[0] == 128


@pytest.fixture
def describing() -> Iterator[NetworkSummaryService]:
    made = NetworkSummaryService()
    yield made
    made.close()


def test_summary_comes_from_a_process_and_is_cached(
    describing: NetworkSummaryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert describing.request(OURS).result(120) == summarise_network(OURS)
    monkeypatch.setattr(sys, "executable", "/nowhere")
    assert describing.request(OURS).result(120).parameters == summarise_network(OURS).parameters
    with pytest.raises(ModelError, match="Close other programs"):
        describing.request(THEIRS).result(120)


def test_network_that_cannot_be_built_raises_a_model_error(describing: NetworkSummaryService) -> None:
    with pytest.raises(ModelError, match="no encoder called “nobody”"):
        describing.request(ModelSpec("unet", "nobody", "none", 256, (1,))).result(120)


def test_close_cancels_a_running_request() -> None:
    made = NetworkSummaryService()
    future = made.request(OURS)
    made.close()
    with pytest.raises((Cancelled, CancelledError)):
        future.result(10)


def test_requests_and_lessons_do_not_import_torch() -> None:
    code = (
        "import sys, core.session.models.network_summaries, core.lessons.lessons, core.lessons.patch;"
        "sys.exit('torch' in sys.modules)"
    )
    root = Path(__file__).resolve().parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
