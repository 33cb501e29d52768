"""Files of weights that compute or allocate without end are refused, in a process with limits."""

from __future__ import annotations

import json
import pickle
import struct
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from core.base.errors import ModelError
from core.models.checkpoint import load_checkpoint, save_checkpoint
from core.models.import_process import read_foreign_model
from core.models.model_import import read_model
from core.models.network_builder import build_network
from core.models.spec import ModelSpec
from core.models.weights_budget import MAX_HEADER_BYTES, MAX_TENSORS, read_header

SPEC = ModelSpec("asymmetric-unet-small", None, "none", 64, (1, 2, 5))
LARGE = ModelSpec("unet", "resnext101_32x48d", "none", 64, (1, 2))


def write_header(path: Path, header: Any, body: bytes = b"") -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def nested_key_archive(path: Path, depth: int) -> None:
    """A dictionary whose key is a tuple of two equal tuples, and so on: its hash takes 2 ** depth steps."""
    code = bytearray(b"\x80\x02}(K\x01K\x02\x86")
    code += b"q\x00h\x00\x86" * depth  # BINPUT, BINGET, TUPLE2
    code += b"K\x00u."
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", bytes(code))
        archive.writestr("archive/version", b"3\n")


def test_a_file_is_read_in_a_process_as_it_is_here(tmp_path: Path) -> None:
    torch.manual_seed(0)
    path = tmp_path / "theirs.pt"
    torch.save(build_network(SPEC).state_dict(), path)
    here, there = (read(path, "asymmetric-unet-small", None, 64) for read in (read_model, read_foreign_model))
    assert there.spec == here.spec and there.classes == here.classes
    for name, value in here.model.state_dict().items():
        assert torch.equal(value, there.model.state_dict()[name]), name


def test_refusals_cross_the_border_as_sentences(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        read_foreign_model(tmp_path / "nothing.pt", "unet")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of processor time")
def test_a_key_that_is_hashed_without_end_is_given_up(tmp_path: Path) -> None:
    nested_key_archive(tmp_path / "keys.pt", 60)
    began = time.process_time()
    with pytest.raises(ModelError, match=r"limits of time and memory|contains more than weights"):
        read_foreign_model(tmp_path / "keys.pt", "unet", seconds=3)
    assert time.process_time() - began < 5  # nothing of it was computed here


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (
            {f"t{n}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in range(MAX_TENSORS + 1)},
            "lists 20,001 tensors; a network has up to 20,000",
        ),
        (b"[" * 100_000 + b"]" * 100_000, "nested"),
        (b"[]", "not a table"),
        ({"a": {"dtype": "F32", "shape": [1 << 62, 1 << 62], "data_offsets": [0, 0]}}, "impossible shape"),
        ({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 0]}}, "impossible shape"),
        ({"a": {"dtype": "F32", "shape": [1] * 9, "data_offsets": [0, 4]}}, "no shape"),
        ({"a": 3}, "no shape"),
        ({"__metadata__": {"a": 1}}, "not texts"),
        (b"{" + b" " * MAX_HEADER_BYTES + b"}", "claims 4,194,306 bytes; that of a network has up to"),
    ],
)
def test_headers_are_bounded_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, header: Any, said: str
) -> None:
    path = tmp_path / "a.safetensors"
    write_header(path, header)
    with pytest.raises(ValueError, match=said):
        read_header(path)
    with pytest.raises(ModelError, match="damaged"):
        read_model(path, "asymmetric-unet-small")
    monkeypatch.setattr("core.models.import_process.JsonProcess", lambda *_: pytest.fail("it was started"))
    with pytest.raises(ModelError, match=rf"a\.safetensors is damaged .*{said}"):
        read_foreign_model(path)


def test_a_description_is_compared_with_the_file_before_it_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """829 million parameters, described in a file of a kilobyte."""
    path = tmp_path / "large.safetensors"
    described = {
        "spec": LARGE.to_json(),
        "classes": [{"index": v, "name": f"c{v}", "color": [v, 0, 0]} for v in (1, 2)],
    }
    safetensors.torch.save_file({"a": torch.zeros(1)}, path, {"maskloop": json.dumps(described)})
    for module in ("model_import", "checkpoint"):
        monkeypatch.setattr(f"core.models.{module}.build_network", lambda *_: pytest.fail("it was built"))
    with pytest.raises(ModelError, match="do not fit the network unet on resnext101_32x48d"):
        read_model(path)
    folder = tmp_path / "run"
    save_checkpoint(folder, torch.nn.Conv2d(1, 1, 1), LARGE, {})
    with pytest.raises(ModelError, match="not of this network"):
        load_checkpoint(folder)


def test_archives_may_not_grow(tmp_path: Path) -> None:
    """Views that repeat a number, and parts that lie on top of each other."""
    path = tmp_path / "a.pt"
    torch.save({"a": torch.zeros(1).expand(1 << 40)}, path)
    with pytest.raises(ModelError, match="contains more than weights"):
        read_model(path, "asymmetric-unet-small")
    for content in (
        {"a": torch.zeros(3).to_sparse()},
        {"a": torch.zeros(3, device="meta")},
        {"a": [1]},
        [1],
        {},
    ):
        torch.save(content, path)
        with pytest.raises(ModelError, match="contains more than weights"):
            read_model(path, "asymmetric-unet-small")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}))
        part = archive.infolist()[0]
        archive.filelist += [part] * 50  # the same bytes under the same place, again and again
    with pytest.raises(ModelError, match="contains more than weights"):
        read_model(path, "asymmetric-unet-small")


@pytest.mark.parametrize("field", ["architecture", "encoder", "weights", "normalisation"])
def test_messages_do_not_repeat_a_long_value_whole(tmp_path: Path, field: str) -> None:
    save_checkpoint(tmp_path, build_network(SPEC), SPEC, {})
    run = json.loads((tmp_path / "run.json").read_text("utf-8"))
    run["spec"] |= {"architecture": "unet", "encoder": "resnet18", field: "a\x1b" * 50_000}
    (tmp_path / "run.json").write_text(json.dumps(run), "utf-8")
    with pytest.raises(ModelError) as caught:
        load_checkpoint(tmp_path)
    assert len(str(caught.value)) < 1000 and "\x1b" not in str(caught.value)
