"""A trained network leaves as one file that others can use, and is held against our own predictions."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray

from core.base.errors import ImageError, ModelError
from core.images.image_reader import read_model_input
from core.models.checkpoint import LoadedModel, load_checkpoint, load_starting_model
from core.models.export_job import MAX_COMPARED_PICTURES, ExportedModel, ModelExportJob
from core.models.export_module import ExportModule, export_input_size
from core.models.inference import predict
from core.models.spec import ModelSpec, spec_from_base

ExportProgress = Callable[[str, int, int], None]
"""Told what is being done, and how many of how many steps are behind us."""
PredictFunction = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
"""uint8 (H, W, 3) picture -> uint8 (H, W) class values."""

METADATA_KEY = "maskloop"
MAX_EXPORT_SIDE = 32768


def export_model(
    job: ModelExportJob, report: ExportProgress = lambda _what, _done, _of: None
) -> ExportedModel:
    """Write `job.out` and, beside it, what its values mean. Raises ModelError; nothing is left behind then.

    The network runs on the processor. What was there under the name is replaced once the new file is complete.
    """
    steps = 3 + min(len(job.pictures), MAX_COMPARED_PICTURES)
    report("Loading the network", 0, steps)
    loaded = load_checkpoint(job.folder)
    canvas = _canvas(job, loaded.spec)
    beside = job.out.with_name(f".{job.out.stem}.{os.getpid()}{job.out.suffix}")
    report(f"Writing {job.out.name}", 1, steps)
    try:
        job.out.parent.mkdir(parents=True, exist_ok=True)
        with _quiet():
            ask = _WRITERS[job.out.suffix.lower()](job, loaded, canvas, beside)
        equal, pictures, note = _compare(job, loaded, ask, lambda done: report("Comparing", 3 + done, steps))
        classes_file = _write_meaning(job, loaded.spec, canvas)
        beside.replace(job.out)
        size = job.out.stat().st_size
    except OSError as problem:
        raise ModelError(
            f"{job.out} cannot be written: {problem.strerror or problem}. "
            "Check that there is space and that you may write there."
        ) from problem
    finally:
        beside.unlink(missing_ok=True)
    return ExportedModel(str(job.out), str(classes_file), round(size / 1e6, 2), canvas, pictures, equal, note)


def _canvas(job: ModelExportJob, spec: ModelSpec) -> tuple[int, int]:
    """Large enough for every shape of picture, so that each is seen as large as when we predict ourselves."""
    canvases = [export_input_size(spec, width, height) for width, height in job.sizes] or [
        (spec.size, spec.size)
    ]
    return max(width for width, _ in canvases), max(height for _, height in canvases)


# Each writes `beside` and gives a way to ask what was written; None where the means to ask are not installed.


def _write_onnx(
    job: ModelExportJob, loaded: LoadedModel, canvas: tuple[int, int], beside: Path
) -> PredictFunction | None:
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as problem:
        raise ModelError(
            "Writing ONNX needs two more packages. Install them with: pip install onnx onnxscript onnxruntime"
        ) from problem
    program = torch.onnx.export(
        _exported(job, loaded, canvas),
        dynamo=True,
        verbose=False,
        input_names=["picture"],
        output_names=["mask"],
    )
    assert program is not None
    program.model.metadata_props[METADATA_KEY] = json.dumps(_meaning(job, loaded.spec, canvas))
    program.save(str(beside))
    try:
        import onnxruntime
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(beside), options, providers=["CPUExecutionProvider"])

    def ask(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        mask: NDArray[np.uint8] = session.run(None, {"picture": picture})[0]
        return mask

    return ask


def _write_program(
    job: ModelExportJob, loaded: LoadedModel, canvas: tuple[int, int], beside: Path
) -> PredictFunction:
    meaning = json.dumps(_meaning(job, loaded.spec, canvas))
    torch.export.save(_exported(job, loaded, canvas), beside, extra_files={f"{METADATA_KEY}.json": meaning})
    module = torch.export.load(io.BytesIO(beside.read_bytes())).module()

    @torch.inference_mode()
    def ask(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        mask: NDArray[np.uint8] = module(torch.from_numpy(picture)).numpy()
        return mask

    return ask


def _write_weights(
    job: ModelExportJob, loaded: LoadedModel, canvas: tuple[int, int], beside: Path
) -> PredictFunction:
    """Classes that were merged or deleted since the training are so in the file too."""
    known = {job.value_map[value] for value in loaded.spec.class_values}
    values = tuple(each.value for each in job.classes if each.value in known)
    spec = spec_from_base(loaded.spec, values, job.value_map)
    model = load_starting_model(job.folder, spec).eval().requires_grad_(False)
    spec = replace(spec, inherits=(), weights="none")
    tensors = {name: value.detach().contiguous() for name, value in model.state_dict().items()}
    about = {**_meaning(job, loaded.spec, canvas), "spec": spec.to_json()}
    beside.write_bytes(safetensors.torch.save(tensors, {"format": "pt", METADATA_KEY: json.dumps(about)}))
    model.load_state_dict(safetensors.torch.load(beside.read_bytes()))
    return lambda picture: predict(LoadedModel(model, spec, {}), picture).values


_WRITERS: dict[
    str, Callable[[ModelExportJob, LoadedModel, tuple[int, int], Path], PredictFunction | None]
] = {
    ".onnx": _write_onnx,
    ".pt2": _write_program,
    ".safetensors": _write_weights,
}


def _exported(
    job: ModelExportJob, loaded: LoadedModel, canvas: tuple[int, int]
) -> torch.export.ExportedProgram:
    """The network with all around it, open for pictures of any size."""
    whole = ExportModule(loaded.model, loaded.spec, canvas).eval()
    whole.values = torch.tensor(
        [job.value_map[value] for value in loaded.spec.class_values], dtype=torch.uint8
    )
    width, height = job.sizes[0] if job.sizes else (canvas[0] + 1, canvas[1] + 1)
    example = torch.zeros(max(height, 3), max(width, 2), loaded.spec.channels, dtype=torch.uint8)
    sides = {
        0: torch.export.Dim("height", min=2, max=MAX_EXPORT_SIDE),
        1: torch.export.Dim("width", min=2, max=MAX_EXPORT_SIDE),
    }
    try:
        return torch.export.export(whole, (example,), dynamic_shapes=(sides,))
    except Exception as problem:  # whatever a thousand encoders may do that cannot be exported
        reason = str(problem).strip().split("\n", maxsplit=1)[0][:160]
        network = loaded.spec.architecture + (f" on {loaded.spec.encoder}" if loaded.spec.encoder else "")
        raise ModelError(
            f"A {network} cannot leave in this form ({reason}). Export it as .safetensors instead."
        ) from problem


def _compare(
    job: ModelExportJob, loaded: LoadedModel, ask: PredictFunction | None, report: Callable[[int], None]
) -> tuple[float | None, int, str]:
    """(share of equal pixels, pictures, note) over the pictures of the job that can be read."""
    if ask is None:
        return (
            None,
            0,
            "It was not compared with Maskloop's own predictions: that needs the package onnxruntime.",
        )
    table = np.array(job.value_map, np.uint8)
    equal = pixels = pictures = 0
    for done, path in enumerate(job.pictures[:MAX_COMPARED_PICTURES]):
        report(done)
        with contextlib.suppress(ImageError):
            picture = np.array(
                read_model_input(path, loaded.spec.channels)
            )  # torch wants an array that may be written
            ours = predict(loaded, picture).remapped(table).values
            equal += int((ask(picture) == ours).sum())
            pixels += ours.size
            pictures += 1
    if not pictures:
        return None, 0, "There was no picture to compare it with Maskloop's own predictions on."
    return equal / pixels, pictures, ""


def _write_meaning(job: ModelExportJob, spec: ModelSpec, canvas: tuple[int, int]) -> Path:
    path = job.out.with_name(f"{job.out.stem}.classes.json")
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        beside.write_text(json.dumps(_meaning(job, spec, canvas), indent=1, ensure_ascii=False), "utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path


def _meaning(job: ModelExportJob, spec: ModelSpec, canvas: tuple[int, int]) -> dict[str, Any]:
    """What goes in, what comes out, and what the values of the mask are called."""
    said = {job.value_map[value] for value in spec.class_values}
    colours = ", RGB" if spec.channels == 3 else ""
    return {
        "made_by": "Maskloop",
        "version": 1,
        "input": f"picture: uint8 (height, width, {spec.channels}){colours}, as in the file, of any size",
        "output": "mask: uint8 (height, width), the value of a class in each pixel",
        "network_sees": {"width": canvas[0], "height": canvas[1]},
        "architecture": spec.architecture,
        "encoder": spec.encoder,
        "classes": [
            {"index": each.value, "name": each.name, "color": list(each.colour)}
            for each in job.classes
            if each.value in said
        ],
    }


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What exporters say about themselves; nobody can act on it."""
    loud = logging.getLogger("torch.onnx"), logging.getLogger("onnxscript"), logging.getLogger("onnx_ir")
    levels = [log.level for log in loud]
    with contextlib.suppress(ImportError):
        import tqdm

        tqdm.tqdm.monitor_interval = 0  # its progress bars keep a thread for ever
    for log in loud:
        log.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    for log, level in zip(loud, levels, strict=True):
        log.setLevel(level)
