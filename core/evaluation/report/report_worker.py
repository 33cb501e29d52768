"""The report process (`python -m`): one ReportJob from standard input, progress and result to standard output."""

from __future__ import annotations

import contextlib
import sys
from typing import TextIO

from core.base.errors import MaskloopError
from core.base.json_process import decode_message
from core.base.json_worker import lower_priority, reserve_stdout, send_message
from core.evaluation.report.report_job import ReportFailed, ReportJob, ReportReady, ReportStep


def main() -> None:
    lower_priority()
    messages = reserve_stdout()
    with contextlib.suppress(BrokenPipeError):
        try:
            job: ReportJob = decode_message(sys.stdin.readline(), ReportJob)
            send_message(messages, ReportReady(_write(job, messages)))
        except MaskloopError as error:
            send_message(messages, ReportFailed(str(error)))


def _write(job: ReportJob, messages: TextIO) -> tuple[str, ...]:
    """Returns a sentence for each picture that could not be scored. Raises MaskloopError."""
    from core.evaluation.report.page import write_report
    from core.evaluation.run_choice import find_run
    from core.project.project import Project

    def report(run_id: int, done: int, total: int) -> None:
        send_message(messages, ReportStep(run_id, done, total))

    with Project.open_read_only(job.home) as project:
        runs = [find_run(project, number) for number in job.runs]
        reports = write_report(project, runs, job.split, job.out, job.device, report)
    return tuple(problem for each in reports for problem in each.evaluation.problems)


if __name__ == "__main__":
    main()
