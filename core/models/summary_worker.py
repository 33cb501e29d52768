"""The process that looks into a network: a spec as a line of JSON on standard input, its stages on standard output.

A process of its own, because the window never loads torch; it answers once and ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys

from core.base.errors import ModelError
from core.models.spec import ModelSpec


def main() -> None:
    if hasattr(os, "nice"):
        os.nice(10)
    told = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)  # whatever a library prints is not for whoever reads our lines
    os.environ["OMP_NUM_THREADS"] = "1"  # only shapes are worked out
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        try:
            from core.models.summary import summarise_network

            words = {
                "stages": summarise_network(ModelSpec.from_json(json.loads(sys.stdin.readline()))).to_json()
            }
        except ModelError as problem:
            words = {"failed": str(problem)}  # type: ignore[dict-item]
        told.write(json.dumps(words) + "\n")
        told.flush()


if __name__ == "__main__":
    main()
