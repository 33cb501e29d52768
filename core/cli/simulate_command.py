"""The command simulate: measures how much labelling work a network saves, with a simulated annotator."""

from __future__ import annotations

import contextlib
import csv
import io
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from core.base.errors import ProjectError
from core.base.text import count_of
from core.cli.common_options import DeviceOption, JsonOption, ProjectOption
from core.cli.terminal import UsageError, print_result, progress_bar, report_errors
from core.evaluation.effort import AnnotatedPicture, Effort, PictureOrder, summarise_effort
from core.evaluation.simulated_annotator import AnnotatorModel
from core.project.project import Project
from core.project.records import Split

TARGET_SHARE = 0.29
"""Target for the last quarter of the pictures, as a share of the time from blank: 2:02 of 7:01 min (RootPainter3D)."""
WIDE = 110


def simulate_command(
    project: ProjectOption = Path(),
    order: Annotated[PictureOrder, typer.Option(help="Order of the pictures.")] = PictureOrder.NAME,
    pictures: Annotated[int | None, typer.Option(min=1, help="Stop after this many pictures.")] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Stop after this many minutes of simulated work.")
    ] = None,
    pace: Annotated[
        float, typer.Option(help="Simulated seconds per real second; 1 is a person's pace.")
    ] = 1.0,
    cap: Annotated[
        float, typer.Option(help="At most this many real seconds of training per picture.")
    ] = 60.0,
    zoom: Annotated[float, typer.Option(help="Screen pixels per image pixel.")] = 1.0,
    seed: Annotated[
        int, typer.Option(min=0, help="Random seed of the order of pictures and of training.")
    ] = 0,
    device: DeviceOption = "auto",
    into: Annotated[
        Path | None, typer.Option(help="Keep the project of the simulation in this new folder.")
    ] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Write a CSV file with a row per picture.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure labelling effort by simulation. Predictions are corrected with the known labels of a labelled project.

    The project itself is opened read-only.
    """
    with report_errors():
        for name, number in (("--minutes", minutes), ("--pace", pace), ("--cap", cap), ("--zoom", zoom)):
            if number is not None and not 0 < number < float("inf"):
                raise UsageError(f"{name} takes a number above 0.")
        if csv_file and not csv_file.absolute().parent.is_dir():
            raise ProjectError(f"There is no folder {csv_file.parent} to write {csv_file.name} into.")
        # Imported here: the session imports most of the program.
        from core.session.simulation.setup import make_simulation_project, split_for_simulation
        from core.session.simulation.simulation import Simulation, SimulationOptions

        options = SimulationOptions(
            order, pictures, minutes, pace, cap, seed, device, replace(AnnotatorModel(), zoom=zoom)
        )
        with Project.open_read_only(project) as source, _home(into) as home:
            split = split_for_simulation(source)
            simulated = make_simulation_project(source, home, split, seed)
            simulation_home, simulation = simulated.home, Simulation(source, simulated, options)
            try:
                with progress_bar("Simulating", quiet=as_json) as bar:
                    bar(0, simulation.total)
                    simulation.run(bar)
                pictures_done, real = simulation.efforts, simulation.real_seconds
            finally:
                simulation.close()
            miou = _final_miou(simulation_home, device, quiet=as_json)
            start_failure = simulation.start_failure if miou is None else ""
        result = {
            "order": order.value,
            "seed": seed,
            "pace": pace,
            "cap": cap,
            "zoom": zoom,
            "kept_in": str(simulation_home) if into else None,
            "held_out": len(split.validation),
            "trainer_seconds": round(real, 1),
            "miou": miou,
            "complaint": start_failure,
            "target_share_last_quarter": TARGET_SHARE,
            **asdict(summarise_effort(pictures_done)),  # the field names are JSON keys
            "by_picture": _rows(pictures_done),
        }
        if csv_file:
            _write_csv(csv_file, pictures_done)
        print_result(
            result,
            as_json,
            _lines(
                pictures_done,
                summarise_effort(pictures_done),
                miou,
                len(split.validation),
                real,
                start_failure,
            ),
        )


@contextlib.contextmanager
def _home(into: Path | None) -> Iterator[Path]:
    """The folder of the simulation's project: the given one, or a temporary one."""
    if into is not None:
        yield into
        return
    with tempfile.TemporaryDirectory(prefix="maskloop-simulate-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _final_miou(home: Path, device: str, *, quiet: bool) -> float | None:
    """mIoU of the last network on the held-out pictures at full size; None if none was published."""
    with Project.open_read_only(home) as simulated:
        run = simulated.runs.in_use()
        if run is None:
            return None
        from core.evaluation.run_score import evaluate_run  # imports torch

        with progress_bar("Evaluating", quiet=quiet) as bar:
            return evaluate_run(simulated, run, Split.VAL, device, bar).mean_scores()["miou"]


def _rows(pictures_done: Sequence[AnnotatedPicture]) -> list[dict[str, Any]]:
    return [asdict(w) | {"share": w.share} for w in pictures_done]


def _write_csv(path: Path, pictures_done: Sequence[AnnotatedPicture]) -> None:
    """Write to a temporary file, then rename it. Raises ProjectError."""
    text = io.StringIO(newline="")
    rows = _rows(pictures_done)
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_text(text.getvalue(), "utf-8")
        temporary.replace(path)
    except OSError as problem:
        temporary.unlink(missing_ok=True)
        raise ProjectError(
            f"{path} cannot be written ({problem.strerror or problem}). Choose another file with --csv."
        ) from problem


def _lines(
    pictures_done: Sequence[AnnotatedPicture],
    total: Effort,
    miou: float | None,
    held_out: int,
    real: float,
    start_failure: str,
) -> list[str]:
    table = Table(box=None, pad_edge=False)
    table.add_column("picture")
    for title in (
        "strokes",
        "seconds",
        "from blank",
        "share",
        "px painted",
        "IoU before",
        "labelled",
        "mIoU",
    ):
        table.add_column(title, justify="right")
    for w in pictures_done:
        table.add_row(
            w.name,
            f"{w.strokes}",
            f"{w.seconds:.1f}",
            f"{w.blank_seconds:.1f}",
            f"{w.share:.0%}",
            f"{w.pixels}",
            _score(w.iou),
            f"{w.labelled_share:.0%}",
            _score(w.miou),
        )
    text = io.StringIO()
    Console(file=text, width=WIDE, color_system=None).print(table)
    if miou is not None:
        evaluation = f"The mIoU on {count_of(held_out, 'held-out picture')} is {miou:.3f} at the end."
    else:
        evaluation = start_failure or (
            "No network was published, so none could be evaluated. More pictures or a slower --pace give it more time."
        )
    return [
        *(line.rstrip() for line in text.getvalue().splitlines()),
        "",
        f"{count_of(total.pictures, 'picture')} took {total.seconds:.0f} simulated seconds with "
        f"{count_of(total.strokes, 'stroke')}, {total.share:.0%} of the {total.blank_seconds:.0f} s from blank; "
        f"training had {real:.0f} s.",
        f"The last quarter took {total.share_last_quarter:.0%} of the time from blank, which meets the target of "
        f"{TARGET_SHARE:.0%}."
        if total.share_last_quarter <= TARGET_SHARE
        else f"The last quarter took {total.share_last_quarter:.0%} of the time from blank, which misses the target of "
        f"{TARGET_SHARE:.0%}.",
        f"Strokes per picture: {total.strokes_first_quarter:.0f} in the first quarter, "
        f"{total.strokes_last_quarter:.0f} in the last.",
        evaluation,
    ]


def _score(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
