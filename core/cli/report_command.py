"""The command report. torch is imported only when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.base.text import count_of
from core.cli.common_options import DeviceOption, JsonOption, ProjectOption, parse_run
from core.cli.terminal import print_result, progress_bar, report_errors
from core.evaluation.run_choice import find_run
from core.project.project import Project
from core.project.records import Split


def report_command(
    out: Annotated[Path, typer.Option("--out", help="The file to write, .html or .pdf.")],
    project: ProjectOption = Path(),
    run: Annotated[
        list[str] | None,
        typer.Option(
            "--run",
            help="Report on this run: best, newest, or a number. Several are compared; without: the project.",
        ),
    ] = None,
    split: Annotated[Split, typer.Option(help="Evaluate on the pictures of this split.")] = Split.VAL,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Write a report as one page: on runs (scores, confusion, curves, best and worst pictures), or on the project."""
    with report_errors(), Project.open_read_only(project) as opened:
        from core.evaluation.report.page import write_report

        asked = [find_run(opened, parse_run(which)) for which in run or []]
        chosen = {each.id: each for each in asked}.values()
        with progress_bar("Evaluating", quiet=as_json) as bar:

            def report(run_id: int, done: int, total: int) -> None:
                bar(done, total, f"Evaluating run {run_id}")

            reports = write_report(opened, chosen, split, out, device, report)
        result = {
            "file": str(out),
            "runs": {str(r.run.id): r.evaluation.mean_scores()["miou"] for r in reports},
            "problems": [problem for r in reports for problem in r.evaluation.problems],
        }
        subject = count_of(len(reports), "run") if reports else "the project"
        line = f"The report on {subject} is {out}."
        print_result(result, as_json, [line, *(f"Left out: {p}" for p in result["problems"])])
