"""The process that reads a stranger's weights (`python -m`): one ModelImportJob in, one ImportReply out.

A process of its own with limits, because a file of a few bytes may compute for hours or ask for any memory.
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback

from core.base.errors import MaskloopError
from core.base.json_process import decode_message
from core.base.json_worker import lower_priority, reserve_stdout, send_message
from core.base.process_limits import limit_process
from core.models.import_job import ImportFailed, ImportReady, ImportReply, ModelImportJob


def main() -> None:
    lower_priority()
    messages = reserve_stdout()
    os.environ["OMP_NUM_THREADS"] = "1"
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        send_message(messages, _reply(decode_message(sys.stdin.readline(), ModelImportJob)))


def _reply(job: ModelImportJob) -> ImportReply:
    import safetensors.torch

    from core.models.model_import import read_weights

    try:
        limit_process(job.memory_bytes, job.seconds)
        weights = read_weights(job.path, job.network, job.encoder, job.size)
        # Copied, because two names may share their numbers, which safetensors refuses.
        tensors = {name: value.detach().clone().contiguous() for name, value in weights.tensors.items()}
        safetensors.torch.save_file(tensors, job.out, {"format": "pt"})
        return ImportReady(weights.spec, weights.classes)
    except MaskloopError as error:
        return ImportFailed(str(error))
    except MemoryError:
        return ImportFailed(
            f"{job.path.name} asks for far more memory than a file of its size needs; it was not imported."
        )
    except Exception as error:  # libraries raise anything for files that were made by hand
        traceback.print_exc()
        return ImportFailed(
            f"{job.path.name} cannot be read as weights: it is damaged ({type(error).__name__}). Copy it again."
        )


if __name__ == "__main__":
    main()
