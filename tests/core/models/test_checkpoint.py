"""Checkpoints: round trips, and refusal of hostile or damaged files."""

import errno
import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from core.base.errors import ModelError
from core.base.json_process import child_environment
from core.models.checkpoint import (
    load_checkpoint,
    load_starting_model,
    read_checkpoint_metadata,
    save_checkpoint,
    trained_label_digests,
)
from core.models.network_builder import build_network
from core.models.spec import ModelSpec
from core.models.weights_budget import outline_network

OURS = ModelSpec("asymmetric-unet", None, "none", 64, (1, 2, 5))
THEIRS = ModelSpec("unet", "resnet18", "none", 64, (1, 2, 5))


@pytest.mark.parametrize("spec", [OURS, THEIRS], ids=lambda spec: spec.architecture)
def test_round_trip_gives_the_same_logits(tmp_path: Path, spec: ModelSpec) -> None:
    model = build_network(spec).to(memory_format=torch.channels_last)
    model.train()(torch.randn(2, 3, 64, 64))  # batch norm statistics are part of what must come back
    model.eval()
    save_checkpoint(tmp_path / "run", model, spec, {"miou": 0.5, "step": 7})
    loaded = load_checkpoint(tmp_path / "run")
    picture = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        torch.testing.assert_close(loaded.model(picture), model(picture))
    assert loaded.spec == spec
    assert loaded.metadata == {"miou": 0.5, "step": 7}
    assert not any(path.name.endswith(".tmp") for path in (tmp_path / "run").iterdir())


def test_segmentation_models_pytorch_loads_the_folder(tmp_path: Path) -> None:
    import segmentation_models_pytorch as smp

    model = build_network(THEIRS).eval()
    save_checkpoint(tmp_path, model, THEIRS, {})
    again = smp.from_pretrained(tmp_path).eval()
    picture = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(again(picture), model(picture))


class _Bomb:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return (Path.touch, (Path("exploded"),))  # type: ignore[return-value]


def _saved(folder: Path) -> Path:
    save_checkpoint(folder, build_network(OURS), OURS, {})
    return folder


def test_pickle_is_refused_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = _saved(tmp_path / "run")
    (folder / "model.safetensors").write_bytes(pickle.dumps(_Bomb()))
    with pytest.raises(ModelError, match="damaged or not of this network"):
        load_checkpoint(folder)
    torch.save({"head.weight": torch.zeros(1)}, folder / "model.safetensors")
    with pytest.raises(ModelError, match="damaged or not of this network"):
        load_checkpoint(folder)
    assert not (tmp_path / "exploded").exists()


def _claiming(shape: list[int]) -> bytes:
    header = json.dumps({"head.weight": {"dtype": "F32", "shape": shape, "data_offsets": [0, 64]}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(64)


def _spoil(folder: Path, number: float) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["head.bias"][1] = number
    save_file(tensors, folder / "model.safetensors")


@pytest.mark.parametrize(
    "damage",
    [
        lambda f: (f / "model.safetensors").write_bytes(b""),
        lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:-100]),
        lambda f: (f / "model.safetensors").unlink(),
        lambda f: (f / "run.json").unlink(),
        lambda f: (f / "run.json").write_text("{"),
        lambda f: (f / "run.json").write_text("[]"),
        lambda f: (f / "run.json").write_text(json.dumps({"spec": OURS.to_json(), "card": 3})),
        lambda f: (f / "run.json").write_text(json.dumps({"spec": THEIRS.to_json(), "card": {}})),
        lambda f: (f / "run.json").write_bytes(b"\xff\xfe\x00"),
        lambda f: (f / "run.json").write_text("[" * 100_000),
        lambda f: (f / "run.json").write_text(
            json.dumps({"spec": {**OURS.to_json(), "size": 1e999}, "card": {}})
        ),
        # A header that claims more than there is, one that is far too long, and a tensor of a billion numbers.
        lambda f: (f / "model.safetensors").write_bytes(b"\xff" * 8 + b"{}"),
        lambda f: (f / "model.safetensors").write_bytes((1 << 31).to_bytes(8, "little") + b" " * 4096),
        lambda f: (f / "model.safetensors").write_bytes(_claiming([1 << 15, 1 << 15])),
        lambda f: (f / "model.safetensors").write_bytes(_claiming([1 << 62, 1 << 62])),
        lambda f: save_file({"head.weight": torch.zeros(3)}, f / "model.safetensors"),
        lambda f: _spoil(f, float("nan")),
        lambda f: _spoil(f, float("-inf")),
    ],
)
def test_damaged_files_raise_an_error(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    folder = _saved(tmp_path / "run")
    damage(folder)
    with pytest.raises(ModelError, match=r"\.$"):
        load_checkpoint(folder)


def test_starting_model_from_a_checkpoint_with_fewer_classes(tmp_path: Path) -> None:
    folder = _saved(tmp_path / "run")
    more = ModelSpec("asymmetric-unet", None, "none", 64, (1, 2, 5, 6))
    model = load_starting_model(folder, more)
    assert model.training
    assert all(p.requires_grad for p in model.parameters())
    assert model(torch.zeros(2, 3, 64, 64)).shape[1] == 4


def test_metadata_is_read_without_the_weights(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    save_checkpoint(folder, build_network(OURS), OURS, {"miou": float(np.float32(0.25))})
    (folder / "model.safetensors").unlink()
    assert read_checkpoint_metadata(folder) == (OURS, {"miou": 0.25})


@pytest.mark.parametrize(
    ("said", "seen"),
    [({"7": "ab"}, {7: "ab"}), ({"one": "ab"}, {}), ([7], {}), (None, {}), ({"7": 3}, {7: "3"})],
)
def test_malformed_label_digests_are_ignored(tmp_path: Path, said: object, seen: dict[int, str]) -> None:
    save_checkpoint(tmp_path / "run", build_network(OURS), OURS, {"seen": said})
    assert trained_label_digests(tmp_path / "run") == seen


def test_full_disk_keeps_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    save_checkpoint(folder, build_network(OURS), OURS, {"step": 1})
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    flush = os.fsync
    for written in range(3):  # the disk is full at the first, second and third file
        left = iter([True] * written)

        def refusing(descriptor: int) -> None:
            if not next(left, False):  # noqa: B023  (used up before the next turn)
                raise OSError(errno.ENOSPC, "No space left on device")
            flush(descriptor)

        monkeypatch.setattr("os.fsync", refusing)
        with pytest.raises(ModelError, match="free space"):
            save_checkpoint(folder, build_network(OURS), OURS, {"step": 2})
        monkeypatch.setattr("os.fsync", flush)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_weights_that_are_not_finite_are_not_saved(tmp_path: Path) -> None:
    model = build_network(OURS)
    next(model.parameters()).data[0] = float("nan")
    with pytest.raises(ModelError, match="not finite numbers"):
        save_checkpoint(tmp_path / "run", model, OURS, {})
    assert not (tmp_path / "run").exists()


LARGE_TRANSFORMER = """
import resource, sys
from pathlib import Path
from core.base.errors import ModelError
from core.models import weights_budget
from core.models.checkpoint import load_checkpoint

weights_budget.BUILD_RESERVE = 32 << 20
before = resource.getrlimit(resource.RLIMIT_DATA)
try:
    load_checkpoint(Path(sys.argv[1]))
except ModelError as error:
    print(error)
assert resource.getrlimit(resource.RLIMIT_DATA) == before
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux refuses memory at once")
def test_a_large_transformer_may_take_what_its_weights_justify(tmp_path: Path) -> None:
    """It asks for 330 MB and cannot be outlined without numbers; its weights are those of a small network.

    In a process of its own: memory that this one has freed and kept does not count against the limit.
    """
    folder, large = tmp_path / "run", ModelSpec("unet", "mit_b5", "none", 64, (1, 2, 5))
    save_checkpoint(folder, build_network(OURS), OURS, {})
    assert outline_network(large) is None
    run = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**run, "spec": large.to_json()}))
    command = [sys.executable, "-c", LARGE_TRANSFORMER, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=child_environment(), check=True)
    assert re.search("memory|alloc", done.stdout)
