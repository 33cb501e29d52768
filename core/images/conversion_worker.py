"""The process that converts one huge picture (`python -m`): a ConversionJob in, progress and one result out.

A process of its own: a decoder that goes wrong takes nothing along, memory and time have limits, and it can be killed.
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
from core.images.conversion_job import ConversionDone, ConversionFailed, ConversionJob, ConversionProgress


def main() -> None:
    lower_priority()
    messages = reserve_stdout()
    os.environ["VIPS_CONCURRENCY"] = "2"  # each thread holds rows of the picture
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        job = decode_message(sys.stdin.readline(), ConversionJob)

        def report(share: float) -> None:
            send_message(messages, ConversionProgress(share))

        send_message(messages, _result(job, report))


def _result(job: ConversionJob, report: object) -> ConversionDone | ConversionFailed:
    from core.images.tiled_conversion import convert

    try:
        limit_process(job.memory_bytes, job.seconds)
        convert(job.source, job.target, report)  # type: ignore[arg-type]
        return ConversionDone()
    except MaskloopError as error:
        return ConversionFailed(str(error))
    except OSError as error:
        return ConversionFailed(f"{job.target.parent} cannot be written: {error.strerror or error}.")
    except MemoryError:
        return ConversionFailed(
            f"“{job.source}” takes more memory than a file of its kind should. Save it as a tiled TIFF."
        )
    except Exception as error:  # decoders raise anything for damaged files
        traceback.print_exc()
        return ConversionFailed(
            f"“{job.source}” cannot be opened: its content is damaged ({type(error).__name__}). Copy it again."
        )


if __name__ == "__main__":
    main()
