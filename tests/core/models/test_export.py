"""Export and import of networks: exported ones predict the same, imported ones are checked and never run."""

import json
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import tifffile
import torch
from PIL import Image

from core.base.errors import ModelError
from core.models.catalogue import architectures, resolve_network
from core.models.checkpoint import LoadedModel, save_checkpoint
from core.models.export import export_model
from core.models.export_job import ExportedClass, ModelExportJob
from core.models.export_module import ExportModule, export_input_size
from core.models.inference import predict
from core.models.model_import import read_model
from core.models.network_builder import build_network, head_layers
from core.models.spec import ModelSpec
from core.samples.scenes import draw_scene

LIGHT = {
    **dict.fromkeys(("unet", "unetplusplus", "linknet", "pspnet", "deeplabv3plus", "pan", "fpn"), "resnet18"),
    **dict.fromkeys(("upernet", "deeplabv3", "manet"), "resnet18"),
    "dpt": "tu-vit_tiny_patch16_224",
    "fcn-8s": "vgg11_bn",
}
"""Encoders that are exported quickly; the default, or none, for the others."""
SPEC = ModelSpec("asymmetric-unet-small", None, "none", 64, (1, 2, 5))
NAMES = {1: "road", 2: "tree", 5: "water", 7: "forest"}


def network(spec: ModelSpec = SPEC) -> torch.nn.Module:
    """With an opinion: its head leans on what it sees, not on chance alone."""
    torch.manual_seed(3)
    model = build_network(spec).train()
    with torch.no_grad():
        for _ in range(4):
            model(torch.randn(2, spec.channels, spec.size, spec.size))
        for head in head_layers(model):
            head.weight.mul_(5)
    return model.eval()


def job(tmp_path: Path, name: str, now: dict[int, int] | None = None) -> ModelExportJob:
    save_checkpoint(tmp_path / "run", network(), SPEC, {})
    pictures = []
    for seed in range(2):
        path = tmp_path / f"{seed}.png"
        Image.fromarray(draw_scene(seed, (96, 72)).picture).save(path)
        pictures.append(path)
    table = list(range(256))
    for old, new in (now or {}).items():
        table[old] = new
    classes = tuple(ExportedClass(v, n, (v, 0, 0)) for v, n in NAMES.items() if v in table[:7])
    return ModelExportJob(
        tmp_path / "run", tmp_path / "out" / name, classes, tuple(table), tuple(pictures), ((96, 72),)
    )


@pytest.mark.parametrize("size", [(96, 72), (500, 375), (40, 30), (7, 200), (1, 1)])
def test_matrices_scale_like_inference(size: tuple[int, int]) -> None:
    picture = np.array(Image.fromarray(draw_scene(1).picture).resize(size))
    model = network()
    with torch.inference_mode():
        said = (
            ExportModule(model, SPEC, export_input_size(SPEC, *size))
            .eval()(torch.from_numpy(picture))
            .numpy()
        )
    assert (said == predict(LoadedModel(model, SPEC, {}), picture).values).mean() > 0.99


@pytest.mark.parametrize("suffix", [".onnx", ".pt2", ".safetensors"])
def test_exported_network_predicts_the_same(tmp_path: Path, suffix: str) -> None:
    told: list[tuple[str, int, int]] = []
    delivered = export_model(job(tmp_path, f"net{suffix}"), lambda *step: told.append(step))
    assert delivered.pictures == 2
    assert delivered.equal is not None and delivered.equal > 0.995
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["net.classes.json", f"net{suffix}"]
    meaning = json.loads((tmp_path / "out" / "net.classes.json").read_text("utf-8"))
    assert [c["name"] for c in meaning["classes"]] == ["road", "tree", "water"]
    assert [done for _what, done, _of in told] == [0, 1, 3, 4]
    assert "of the pixels" in delivered.message


def test_the_default_network_is_exported_with_the_normalisation_of_its_encoder(tmp_path: Path) -> None:
    spec = ModelSpec("hypercolumn", "tu-tf_efficientnet_lite0", "imagenet", 64, (1, 2, 5))
    assert spec.normalisation == "symmetric" != SPEC.normalisation
    asked = job(tmp_path, "net.onnx")
    save_checkpoint(asked.folder, network(spec), spec, {})
    delivered = export_model(asked)
    assert delivered.pictures == 2
    assert delivered.equal is not None and delivered.equal > 0.995


def test_export_with_other_channels_is_compared_on_such_pictures(tmp_path: Path) -> None:
    spec = replace(SPEC, channels=5)
    deep = np.random.default_rng(0).integers(0, 255, (48, 64, 5)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "deep.tif", deep, photometric="minisblack", planarconfig="contig")
    Image.fromarray(deep[..., :3]).save(tmp_path / "colours.png")  # of another kind: left out
    asked = replace(
        job(tmp_path, "net.safetensors"),
        folder=tmp_path / "run",
        pictures=(tmp_path / "deep.tif", tmp_path / "colours.png"),
    )
    save_checkpoint(tmp_path / "run", network(spec), spec, {})
    delivered = export_model(asked)
    assert (delivered.pictures, delivered.equal) == (1, 1.0)


@pytest.mark.no_cover  # the tests above count these lines; being traced, torch's export takes half as long again
@pytest.mark.parametrize(
    "name",
    [row.name for row in architectures() if row.name not in (SPEC.architecture, "asymmetric-unet-large")],
)
def test_every_network_can_be_exported(tmp_path: Path, name: str) -> None:
    """That of SPEC is exported above; the large one has more channels and nothing else."""
    asked = job(tmp_path, "net.pt2")
    architecture, encoder = resolve_network(name, LIGHT.get(name))
    size = 256 if name == "pan" else 64  # its pyramid halves a sixteenth of 192 three times more
    spec = replace(SPEC, architecture=architecture, encoder=encoder, size=size)
    save_checkpoint(asked.folder, network(spec), spec, {})
    delivered = export_model(asked)
    assert delivered.equal is not None and delivered.equal > 0.98


def test_onnx_takes_any_size_and_has_the_current_classes(tmp_path: Path) -> None:
    import onnxruntime

    moved = job(tmp_path, "net.onnx", {5: 7, 2: 1})
    delivered = export_model(moved)
    assert delivered.equal is not None and delivered.equal > 0.995
    session = onnxruntime.InferenceSession(delivered.out, providers=["CPUExecutionProvider"])
    picture = draw_scene(1, (201, 99)).picture
    (mask,) = session.run(None, {"picture": picture})
    assert mask.shape == (99, 201) and mask.dtype == np.uint8
    assert set(np.unique(mask)) <= {1, 7}


def test_failed_export_keeps_the_old_file(tmp_path: Path) -> None:
    asked = job(tmp_path, "net.pt2")
    asked.out.parent.mkdir()
    asked.out.write_bytes(b"older")
    (tmp_path / "run" / "model.safetensors").write_bytes(b"")
    with pytest.raises(ModelError):
        export_model(asked)
    assert [path.name for path in asked.out.parent.iterdir()] == ["net.pt2"]
    assert asked.out.read_bytes() == b"older"


def test_unknown_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"\.onnx, \.pt2, \.safetensors"):
        job(tmp_path, "net.pkl")


# In --------------------------------------------------------------------------------------------


def test_exported_weights_can_be_imported(tmp_path: Path) -> None:
    delivered = export_model(job(tmp_path, "net.safetensors"))
    arrived = read_model(Path(delivered.out))
    assert arrived.spec == SPEC
    assert [c.name for c in arrived.classes] == ["road", "tree", "water"]
    picture = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(arrived.model(picture), network()(picture), rtol=1e-3, atol=1e-4)


def test_exported_weights_say_what_they_started_from(tmp_path: Path) -> None:
    spec = ModelSpec("hypercolumn", "tu-tf_efficientnet_lite0", "imagenet", 64, (1, 2, 5), channels=1)
    exported = replace(job(tmp_path, "net.safetensors"), pictures=())
    save_checkpoint(exported.folder, build_network(spec), spec, {})
    arrived = read_model(Path(export_model(exported).out))
    assert arrived.spec == spec and arrived.spec.is_pretrained and arrived.spec.normalisation == "symmetric"


def test_merged_classes_are_exported_as_one_row(tmp_path: Path) -> None:
    delivered = export_model(job(tmp_path, "net.safetensors", {5: 7, 2: 1}))
    arrived = read_model(Path(delivered.out))
    assert arrived.spec.class_values == (1, 7)
    assert [c.name for c in arrived.classes] == ["road", "forest"]


@pytest.mark.parametrize(
    "wrap", [lambda s: s, lambda s: {"state_dict": {f"module.{k}": v for k, v in s.items()}}]
)
def test_plain_weights_of_a_known_network_are_imported(tmp_path: Path, wrap: Callable[..., object]) -> None:
    spec = replace(SPEC, architecture="unet", encoder="resnet18", class_values=(1, 2, 3, 4))
    torch.save(wrap(build_network(spec).state_dict()), tmp_path / "theirs.pt")
    arrived = read_model(tmp_path / "theirs.pt", "unet", "resnet18", 64)
    assert arrived.spec == spec
    assert arrived.classes == ()


class Bomb:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[Path]]:
        return Path.touch, (Path("exploded"),)


def test_unknown_pickles_are_refused_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": torch.zeros(1), "more": Bomb()}, "bomb.pt")
    Path("plain.pt").write_bytes(pickle.dumps(Bomb()))
    torch.save(build_network(SPEC), "whole.pt")
    with zipfile.ZipFile("packed.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"0" * 100_000)
    for name in ("bomb.pt", "plain.pt", "whole.pt", "packed.pt"):
        with pytest.raises(ModelError, match="contains more than weights"):
            read_model(Path(name), "unet")
    assert not Path("exploded").exists()


def test_weights_that_do_not_fit_raise_a_model_error(tmp_path: Path) -> None:
    theirs, ours, broken = (
        tmp_path / "theirs.pt",
        tmp_path / "ours.safetensors",
        tmp_path / "broken.safetensors",
    )
    torch.save(build_network(SPEC).state_dict(), theirs)
    with pytest.raises(ModelError, match="Give --arch"):
        read_model(theirs)
    with pytest.raises(ModelError, match="do not fit the network unet on resnet18"):
        read_model(theirs, "unet", "resnet18")
    with pytest.raises(ModelError, match="damaged"):
        broken.write_bytes(b"\xff" * 64)
        read_model(broken)
    nan = {**build_network(SPEC).state_dict(), "head.bias": torch.full((3,), torch.nan)}
    torch.save(nan, theirs)
    with pytest.raises(ModelError, match="not finite numbers"):
        read_model(theirs, "asymmetric-unet-small")
    for about in ("{", "[]", json.dumps({"spec": {}}), json.dumps({"spec": SPEC.to_json(), "classes": []})):
        safetensors.torch.save_file(build_network(SPEC).state_dict(), ours, {"maskloop": about})
        with pytest.raises(ModelError, match="description"):
            read_model(ours)
    with pytest.raises(ModelError, match="cannot be read"):
        read_model(tmp_path / "nothing.safetensors")
    with pytest.raises(ModelError, match="cannot be read as weights"):
        read_model(Path(__file__))
