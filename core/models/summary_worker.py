"""The network summary process (`python -m`): one ModelSpec from standard input, its summary to standard output.

A process of its own, because the window never loads torch; it answers once and ends.
"""

from __future__ import annotations

import contextlib
import os
import sys

from core.base.errors import ModelError
from core.base.json_process import decode_message
from core.base.json_worker import lower_priority, reserve_stdout, send_message
from core.models.spec import ModelSpec
from core.models.summary_types import SummaryFailed, SummaryReady, SummaryReply


def main() -> None:
    lower_priority()
    messages = reserve_stdout()
    os.environ["OMP_NUM_THREADS"] = "1"  # only shapes are computed
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        send_message(messages, _reply(sys.stdin.readline()))


def _reply(line: str) -> SummaryReply:
    try:
        from core.models.summary import summarise_network

        return SummaryReady(summarise_network(decode_message(line, ModelSpec)))
    except ModelError as error:
        return SummaryFailed(str(error))


if __name__ == "__main__":
    main()
