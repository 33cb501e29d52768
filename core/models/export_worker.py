"""The process that delivers a network: a job as a line of JSON on standard input, progress and outcome on standard
output. A process of its own, because exporting takes half a minute of one core and cannot be interrupted within."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from dataclasses import asdict

from core.base.errors import MaskloopError
from core.models.export_job import ModelExportJob


def main() -> None:
    if hasattr(os, "nice"):
        os.nice(10)
    told = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)  # whatever a library prints is not for whoever reads our lines

    def say(**words: object) -> None:
        told.write(json.dumps(words) + "\n")
        told.flush()

    with contextlib.suppress(BrokenPipeError):
        try:
            from core.models.export import export_model

            job = ModelExportJob.from_line(sys.stdin.readline())
            delivered = export_model(job, lambda what, done, of: say(what=what, done=done, of=of))
            say(delivered=asdict(delivered))
        except MaskloopError as problem:
            say(failed=str(problem))


if __name__ == "__main__":
    main()
