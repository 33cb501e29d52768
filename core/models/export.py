"""Export of a trained network to one file, compared with our own predictions."""

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
"""Called with what is being done, and how many of how many steps are done."""
PredictFunction = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
"""uint8 (H, W, channels) picture -> uint8 (H, W) class values."""

METADATA_KEY = "maskloop"
MAX_EXPORT_SIDE = 32768


def export_model(
    job: ModelExportJob, report: ExportProgress = lambda _what, _done, _of: None
) -> ExportedModel:
    """Write `job.out` and, beside it, the description of its values. Raises ModelError; then no file is left behind.

    The network runs on the CPU. An older file of the same name is replaced once the new one is complete.
    """
    steps = 3 + min(len(job.pictures), MAX_COMPARED_PICTURES)
    report("Loading the network", 0, steps)
    loaded = load_checkpoint(job.folder)
    canvas = _canvas(job, loaded.spec)
    temporary = job.out.with_name(f".{job.out.stem}.{os.getpid()}{job.out.suffix}")
    report(f"Writing {job.out.name}", 1, steps)
    try:
        job.out.parent.mkdir(parents=True, exist_ok=True)
        with _suppress_logging():
            predict_exported = _WRITERS[job.out.suffix.lower()](job, loaded, canvas, temporary)
        equal, pictures, note = _compare(
            job, loaded, predict_exported, lambda done: report("Comparing", 3 + done, steps)
        )
        classes_file = _write_description(job, loaded.spec, canvas)
        temporary.replace(job.out)
        size = job.out.stat().st_size
    except OSError as error:
        raise ModelError(
            f"{job.out} cannot be written: {error.strerror or error}. "
            "Check that there is space and that you may write there."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return ExportedModel(str(job.out), str(classes_file), round(size / 1e6, 2), canvas, pictures, equal, note)


def _canvas(job: ModelExportJob, spec: ModelSpec) -> tuple[int, int]:
    """(width, height) of an input large enough for every picture shape at the scale of our own inference."""
    canvases = [export_input_size(spec, width, height) for width, height in job.sizes] or [
        (spec.size, spec.size)
    ]
    return max(width for width, _ in canvases), max(height for _, height in canvases)


# Each writes `temporary` and returns a function that predicts with the written file, None where that needs a package.


def _write_onnx(
    job: ModelExportJob, loaded: LoadedModel, canvas: tuple[int, int], temporary: Path
) -> PredictFunction | None:
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ModelError(
            "Writing ONNX needs two more packages. Install them with: pip install onnx onnxscript onnxruntime"
        ) from error
    program = torch.onnx.export(
        _exported(job, loaded, canvas),
        dynamo=True,
        verbose=False,
        input_names=["picture"],
        output_names=["mask"],
    )
    assert program is not None
    program.model.metadata_props[METADATA_KEY] = json.dumps(_description(job, loaded.spec, canvas))
    program.save(str(temporary))
    try:
        import onnxruntime
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(temporary), options, providers=["CPUExecutionProvider"])

    def predict_exported(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        mask: NDArray[np.uint8] = session.run(None, {"picture": picture})[0]
        return mask

    return predict_exported


def _write_pt2(
    job: ModelExportJob, loaded: LoadedModel, canvas: tuple[int, int], temporary: Path
) -> PredictFunction:
    description = json.dumps(_description(job, loaded.spec, canvas))
    torch.export.save(
        _exported(job, loaded, canvas), temporary, extra_files={f"{METADATA_KEY}.json": description}
    )
    module = torch.export.load(io.BytesIO(temporary.read_bytes())).module()

    @torch.inference_mode()
    def predict_exported(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        mask: NDArray[np.uint8] = module(torch.from_numpy(picture)).numpy()
        return mask

    return predict_exported


def _write_weights(
    job: ModelExportJob, loaded: LoadedModel, canvas: tuple[int, int], temporary: Path
) -> PredictFunction:
    """Weights with metadata. Classes merged or deleted since the training are merged or deleted in the file too."""
    known = {job.value_map[value] for value in loaded.spec.class_values}
    values = tuple(each.value for each in job.classes if each.value in known)
    spec = spec_from_base(loaded.spec, values, job.value_map)
    model = load_starting_model(job.folder, spec).eval().requires_grad_(False)
    spec = replace(spec, inherits=())
    tensors = {name: value.detach().contiguous() for name, value in model.state_dict().items()}
    metadata = {**_description(job, loaded.spec, canvas), "spec": spec.to_json()}
    temporary.write_bytes(
        safetensors.torch.save(tensors, {"format": "pt", METADATA_KEY: json.dumps(metadata)})
    )
    model.load_state_dict(safetensors.torch.load(temporary.read_bytes()))
    return lambda picture: predict(LoadedModel(model, spec, {}), picture).values


_WRITERS: dict[
    str, Callable[[ModelExportJob, LoadedModel, tuple[int, int], Path], PredictFunction | None]
] = {
    ".onnx": _write_onnx,
    ".pt2": _write_pt2,
    ".safetensors": _write_weights,
}


def _exported(
    job: ModelExportJob, loaded: LoadedModel, canvas: tuple[int, int]
) -> torch.export.ExportedProgram:
    """The network with scaling and normalisation, with dynamic picture sizes."""
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
    except Exception as error:  # torch.export raises many types
        reason = str(error).strip().split("\n", maxsplit=1)[0][:160]
        raise ModelError(
            f"The network {loaded.spec.network_name} cannot be exported in this form ({reason}). "
            "Export it as .safetensors instead."
        ) from error


def _compare(
    job: ModelExportJob,
    loaded: LoadedModel,
    predict_exported: PredictFunction | None,
    report: Callable[[int], None],
) -> tuple[float | None, int, str]:
    """(share of equal pixels, number of pictures, note) over the readable pictures of the job."""
    if predict_exported is None:
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
            )  # torch requires a writable array
            expected = predict(loaded, picture).remapped(table).values
            equal += int((predict_exported(picture) == expected).sum())
            pixels += expected.size
            pictures += 1
    if not pictures:
        return None, 0, "There was no picture to compare it with Maskloop's own predictions on."
    return equal / pixels, pictures, ""


def _write_description(job: ModelExportJob, spec: ModelSpec, canvas: tuple[int, int]) -> Path:
    path = job.out.with_name(f"{job.out.stem}.classes.json")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(
            json.dumps(_description(job, spec, canvas), indent=1, ensure_ascii=False), "utf-8"
        )
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _description(job: ModelExportJob, spec: ModelSpec, canvas: tuple[int, int]) -> dict[str, Any]:
    """Description of input, output and the values of the mask."""
    values = {job.value_map[value] for value in spec.class_values}
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
            if each.value in values
        ],
    }


@contextlib.contextmanager
def _suppress_logging() -> Iterator[None]:
    """Suppress log messages of the exporters, on which nobody can act."""
    loggers = logging.getLogger("torch.onnx"), logging.getLogger("onnxscript"), logging.getLogger("onnx_ir")
    levels = [log.level for log in loggers]
    with contextlib.suppress(ImportError):
        import tqdm

        tqdm.tqdm.monitor_interval = 0  # its progress bars keep a thread running
    for log in loggers:
        log.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    for log, level in zip(loggers, levels, strict=True):
        log.setLevel(level)
