"""The evaluation process (`python -m`): one EvaluationJob from standard input, progress and the key of the kept
evaluation to standard output."""

from __future__ import annotations

import contextlib
import sys
from typing import TextIO

from core.base.errors import MaskloopError
from core.base.json_process import decode_message
from core.base.json_worker import lower_priority, reserve_stdout, send_message
from core.evaluation.kept.evaluation_job import (
    EvaluationFailed,
    EvaluationJob,
    EvaluationMessage,
    EvaluationMissing,
    EvaluationReady,
    EvaluationStep,
)
from core.evaluation.kept.evaluation_task import keep_evaluation
from core.project.project import Project


def main() -> None:
    lower_priority()
    messages = reserve_stdout()
    with contextlib.suppress(BrokenPipeError):
        try:
            job: EvaluationJob = decode_message(sys.stdin.readline(), EvaluationJob)
            send_message(messages, _answer(job, messages))
        except MaskloopError as error:
            send_message(messages, EvaluationFailed(str(error)))


def _answer(job: EvaluationJob, messages: TextIO) -> EvaluationMessage:
    """Raises MaskloopError."""
    with Project.open_read_only(job.home) as project:
        key = keep_evaluation(
            project, job, lambda done, total: send_message(messages, EvaluationStep(done, total))
        )
    return EvaluationMissing() if key is None else EvaluationReady(key)


if __name__ == "__main__":
    main()
