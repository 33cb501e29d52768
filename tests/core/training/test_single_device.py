"""Training on one device without Lightning Fabric, and without torch's compiler."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from core.base.errors import TrainingError
from core.training.devices import make_runtime, resolve_device
from core.training.eager_optimizers import eager
from core.training.recipe import Recipe
from core.training.single_device import SingleDevice, _ScaledOptimizer
from tests.core.project.faults import ROOT

SLOW_TO_IMPORT = {
    "lightning_fabric",
    "torch._dynamo",
    "sympy",
    "torchvision",
    "timm",
    "segmentation_models_pytorch",
}
TRAIN = """
import sys
from pathlib import Path
from core.models.checkpoint import load_starting_model
from core.training.loop import train
from tests.core.training.head.test_head_fit import RECIPE, SPEC, snapshot
folder = Path(sys.argv[1])
events = []
train(load_starting_model(None, SPEC), SPEC, snapshot(folder / "s"), RECIPE, run_folder=folder / "run",
      on_event=events.append)
print("published", len([*folder.glob("run/*.safetensors")]), *sys.modules)
"""


def test_a_training_of_the_default_network_imports_nothing_slow(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TRAIN, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    word, published, *imported = done.stdout.split()
    assert (word, published) == ("published", "1") and "torch" in imported
    # pytest, which the test module imports, may know of others; it does not import them.
    assert not SLOW_TO_IMPORT & {*imported}


@pytest.mark.parametrize(
    "kind",
    [torch.optim.AdamW, torch.optim.Adam, torch.optim.NAdam, torch.optim.SGD, torch.optim.RMSprop],
    ids=lambda kind: kind.__name__,
)
def test_an_eager_optimizer_takes_the_same_steps(kind: type[torch.optim.Optimizer]) -> None:
    found = []
    kinds: list[Callable[..., torch.optim.Optimizer]] = [kind, eager(kind)]
    for each in kinds:
        weight = nn.Parameter(torch.linspace(-1, 1, 7))
        optimizer = each([weight], lr=0.05)
        for _ in range(4):
            optimizer.zero_grad()
            (weight**4).sum().backward()
            optimizer.step()
        again = each([weight], lr=0.05)
        again.load_state_dict(optimizer.state_dict())
        assert len(again.state) == len(optimizer.state)
        assert not weight.requires_grad or weight.grad is not None
        found.append(weight.detach().clone())
    assert torch.equal(*found)
    assert not torch.equal(found[0], torch.linspace(-1, 1, 7))


def test_half_precision_gives_float32_logits() -> None:
    network = nn.Conv2d(3, 2, 3)
    runtime = SingleDevice(torch.device("cpu"), "bf16-mixed")
    wrapped, _ = runtime.setup(network, torch.optim.SGD(network.parameters(), lr=0.1))
    picture = torch.randn(1, 3, 16, 16)
    logits = wrapped(picture)
    assert logits.dtype == torch.float32 and not torch.equal(logits, network(picture))
    runtime.backward(logits.sum())
    assert network.weight.grad is not None and network.weight.grad.dtype == torch.float32


def test_scaled_gradients_are_clipped_and_applied_as_plain_ones() -> None:
    found = []
    for scaled in (False, True):
        weight = nn.Parameter(torch.tensor([1.0, -2.0, 3.0]))
        optimizer = torch.optim.SGD([weight], lr=0.1)
        runtime = SingleDevice(torch.device("cpu"), "32-true")
        used: object = optimizer
        if scaled:  # as on a graphics card
            runtime._scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
            used = _ScaledOptimizer(optimizer, runtime._scaler)
        runtime.backward((weight**2).sum())
        runtime.clip_gradients(nn.Identity(), used, max_norm=1.0, error_if_nonfinite=False)
        used.step()  # type: ignore[attr-defined]
        found.append(weight.detach().clone())
    torch.testing.assert_close(found[1], found[0])
    assert not torch.equal(found[0], torch.tensor([1.0, -2.0, 3.0]))


def test_a_single_device_needs_no_process_group() -> None:
    runtime = make_runtime(Recipe(device="cpu", threads=1))
    assert isinstance(runtime, SingleDevice) and str(runtime.device) == "cpu"


@pytest.mark.parametrize(
    ("device", "reason"),
    [("cuda:0", "no graphics card"), ("cuda", "no graphics card"), ("mps", "Apple silicon")],
)
def test_a_device_that_is_not_there_is_refused_in_plain_words(device: str, reason: str) -> None:
    if resolve_device("auto").startswith(device.partition(":")[0]):
        pytest.skip("this computer has it")
    with pytest.raises(TrainingError, match=reason) as error:
        resolve_device(device)
    assert (
        "auto" in str(error.value) and "Error" not in str(error.value) and "lightning" not in str(error.value)
    )
