"""Reads a stranger's file of weights in a process with limits of time and memory, and builds the network here."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import safetensors
import safetensors.torch

from core.base.errors import ModelError
from core.base.json_process import JsonProcess, decode_message
from core.models.checkpoint import MAX_WEIGHTS_FILE_BYTES
from core.models.import_job import ImportFailed, ImportReady, ImportReply, ModelImportJob
from core.models.model_import import CheckedWeights, ImportedModel, load_network, read_safetensors_header

MODULE = "core.models.import_worker"
SECONDS, SECONDS_PER_GIGABYTE = 60.0, 60.0
"""Processor time for a file, and for each gigabyte of it."""
MEMORY_BYTES, COPIES = 1 << 30, 3
"""Memory for a file: what the libraries need, and so many copies of it."""
WAIT_FACTOR = 5.0
"""The process is ended after this many times its processor time, for example when the disk does not answer."""
START_SECONDS = 120.0
"""Added to that for loading the libraries, on a busy machine."""


def read_foreign_model(
    path: Path,
    network: str | None = None,
    encoder: str | None = None,
    size: int = 256,
    *,
    seconds: float = SECONDS,
) -> ImportedModel:
    """As `core.models.model_import.read_model`, whatever is in the file. Raises ModelError.

    seconds: of processor time, for a small file
    """
    if path.suffix.lower() == ".safetensors" and path.is_file():
        with contextlib.suppress(OSError):  # the process says why
            read_safetensors_header(path)  # bounded, and sooner than a process has started
    length = _length_of(path)
    seconds += SECONDS_PER_GIGABYTE * length / 1e9
    with tempfile.TemporaryDirectory(prefix="maskloop-import-") as scratch:
        out = Path(scratch) / "weights.safetensors"
        memory = MEMORY_BYTES + COPIES * length
        job = ModelImportJob(path.absolute(), out, network, encoder, size, memory, seconds)
        reply = _run(job, START_SECONDS + WAIT_FACTOR * seconds)
        if isinstance(reply, ImportFailed):
            raise ModelError(reply.message)
        try:
            # Read instead of memory-mapped: a mapped file cannot be deleted on Windows.
            tensors = safetensors.torch.load(out.read_bytes())
        except (OSError, safetensors.SafetensorError) as error:
            raise ModelError(f"{path.name} could not be read: {error}. Try again.") from error
        return load_network(CheckedWeights(tensors, reply.spec, reply.classes), path)


def _length_of(path: Path) -> int:
    try:
        return min(path.stat().st_size, MAX_WEIGHTS_FILE_BYTES)
    except (OSError, ValueError):
        return 0  # the process says why


def _run(job: ModelImportJob, timeout: float) -> ImportReady | ImportFailed:
    try:
        process = JsonProcess(MODULE)
    except OSError as error:
        raise ModelError(
            f"The import cannot be started: {error}. Close other programs and try again."
        ) from error
    try:
        with contextlib.suppress(OSError, ValueError):  # ended; TimeoutError is an OSError
            process.send(job)
            line = process.receive(timeout)
            if line is not None:
                reply: ImportReady | ImportFailed = decode_message(line, ImportReply)
                return reply
    finally:
        process.kill()
        process.reap(1.0)
    raise ModelError(
        f"{job.path.name} could not be read within the limits of time and memory for a file of its size; "
        "it was not imported. Ask for the weights as .safetensors."
    )
