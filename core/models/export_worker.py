"""The export process (`python -m`): one ModelExportJob from standard input, progress and result to standard output.

A process of its own, because an export takes half a minute of one core and cannot be interrupted otherwise.
"""

from __future__ import annotations

import contextlib
import sys

from core.base.errors import MaskloopError
from core.base.json_process import decode_message
from core.base.json_worker import lower_priority, reserve_stdout, send_message
from core.models.export_job import ExportFailed, ExportReady, ExportStep, ModelExportJob


def main() -> None:
    lower_priority()
    messages = reserve_stdout()

    def report(what: str, done: int, total: int) -> None:
        send_message(messages, ExportStep(what, done, total))

    with contextlib.suppress(BrokenPipeError):
        try:
            from core.models.export import export_model

            job: ModelExportJob = decode_message(sys.stdin.readline(), ModelExportJob)
            send_message(messages, ExportReady(export_model(job, report)))
        except MaskloopError as error:
            send_message(messages, ExportFailed(str(error)))


if __name__ == "__main__":
    main()
