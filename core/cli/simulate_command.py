"""The command simulate: measures how much labelling work a network saves, with a simulated annotator."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.base.errors import ProjectError
from core.base.html_file import write_whole
from core.cli.common_options import DeviceOption, JsonOption, ProjectOption
from core.cli.simulation_output import comparison_lines, run_lines
from core.cli.terminal import UsageError, print_result, progress_bar, report_errors
from core.evaluation.annotator.planned_edit import ALL_TOOLS, BRUSH_ALONE
from core.evaluation.annotator.time_model import AnnotatorModel, PointingModel
from core.evaluation.effort import AnnotatedPicture, PictureOrder, summarise_effort
from core.evaluation.effort_comparison import SimulatedRun, means_by_arm, paired_differences
from core.evaluation.effort_files import effort_chart, effort_csv, is_page, picture_rows
from core.project.project import Project
from core.project.records import Split

if TYPE_CHECKING:
    from core.session.simulation.simulation import SimulationOptions

TARGET_SHARE = 0.4
"""Target for the last quarter of the pictures, as a share of the time from blank."""
WHOLE_TARGET_SHARE = 0.6
"""The same for all pictures together."""


class LiveChoice(StrEnum):
    """Live prediction on or off, or one simulation with and one without."""

    ON = "on"
    OFF = "off"
    BOTH = "both"


class AnnotatorTools(StrEnum):
    """The tools of the annotator: the quickest of all for each place, or the brush alone, used with care."""

    ALL = "all"
    BRUSH = "brush"


def simulate_command(
    project: ProjectOption = Path(),
    order: Annotated[PictureOrder, typer.Option(help="Order of the pictures.")] = PictureOrder.NAME,
    compare: Annotated[
        PictureOrder | None,
        typer.Option(help="Simulate this order too, with the same seeds, and compare both."),
    ] = None,
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
    least_error: Annotated[
        int,
        typer.Option(min=1, help="Pixels of the smallest wrong region that is corrected, also from blank."),
    ] = 1,
    tools: Annotated[
        AnnotatorTools, typer.Option(help="The quickest tool for each place, or the brush alone, with care.")
    ] = AnnotatorTools.ALL,
    pointing: Annotated[
        PointingModel, typer.Option(help="How fast the annotator points.")
    ] = PointingModel.QUICK,
    live: Annotated[
        LiveChoice,
        typer.Option(help="Use live prediction after the first edits; both compares with and without."),
    ] = LiveChoice.OFF,
    seed: Annotated[
        int, typer.Option(min=0, help="Random seed of the order of pictures and of training.")
    ] = 0,
    seeds: Annotated[
        str | None, typer.Option(help="Several seeds, one simulation after the other: 0,1,2.")
    ] = None,
    device: DeviceOption = "auto",
    into: Annotated[
        Path | None, typer.Option(help="Keep the project of the simulation in this new folder.")
    ] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Write a CSV file with a row per picture.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Write a chart of the share of the time from blank: .svg or .html.")
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
        if plot and not (is_page(plot) or plot.suffix.lower() == ".svg"):
            raise UsageError("--plot takes a file that ends in .svg or .html.")
        for file in (csv_file, plot):
            if file and not file.absolute().parent.is_dir():
                raise ProjectError(f"There is no folder {file.parent} to write {file.name} into.")
        seed_numbers = _seeds(seeds) if seeds is not None else [seed]
        orders = list(dict.fromkeys([order] if compare is None else [order, compare]))
        arms = _arms(orders, live)
        model = replace(AnnotatorModel(), zoom=zoom, pointing=pointing, least_error=least_error)
        # Imported here: the session imports most of the program.
        from core.session.simulation.simulation import SimulationOptions

        several = len(seed_numbers) * len(arms) > 1
        results, runs, done = [], [], {}
        for number in seed_numbers:
            for arm, (each, is_live) in arms.items():
                options = SimulationOptions(
                    each, pictures, minutes, pace, cap, number, device, model,
                    ALL_TOOLS if tools is AnnotatorTools.ALL else BRUSH_ALONE, is_live,
                )  # fmt: skip
                name = f"{arm}, seed {number}"
                home = into / f"{re.sub('[, ]+', '-', arm)}-seed-{number}" if into and several else into
                result, efforts = _simulate(project, options, home, name if several else "", quiet=as_json)
                results.append(result)
                runs.append(SimulatedRun(arm, number, summarise_effort(efforts), result["miou"]))
                done[name] = efforts
        settings = {"pace": pace, "cap": cap, "zoom": zoom, "tools_available": tools.value}
        settings |= {
            "pointing": pointing.value,
            "live": live.value,
            "tolerance": model.tolerance,
            "least_error": least_error,
        }
        settings |= {"target_share_last_quarter": TARGET_SHARE, "target_share": WHOLE_TARGET_SHARE}
        if csv_file:
            write_whole(csv_file, effort_csv(done).encode())
        if plot:
            write_whole(plot, effort_chart(done, as_page=is_page(plot)).encode())
        lines = [
            line
            for result, run, efforts in zip(results, runs, done.values(), strict=True)
            for line in run_lines(
                run, efforts, result, several=several, targets=(TARGET_SHARE, WHOLE_TARGET_SHARE)
            )
        ]
        if not several:
            print_result(settings | results[0], as_json, lines)
            return
        means, differences = means_by_arm(runs), paired_differences(runs)
        together = {
            "runs": results,
            "means": {arm: {m: i and asdict(i) for m, i in by.items()} for arm, by in means.items()},
            "paired_differences": {m: i and asdict(i) for m, i in differences.items()},
        }
        print_result(settings | together, as_json, [*lines, *comparison_lines(means, differences)])


def _arms(orders: Sequence[PictureOrder], live: LiveChoice) -> dict[str, tuple[PictureOrder, bool]]:
    """What is compared, by name: order of the pictures, and whether live prediction is used."""
    if live is not LiveChoice.BOTH:
        return {order.value: (order, live is LiveChoice.ON) for order in orders}
    return {
        f"{order}, live {'on' if is_live else 'off'}": (order, is_live)
        for order in orders
        for is_live in (True, False)
    }


def _seeds(text: str) -> list[int]:
    """Raises UsageError."""
    if not re.fullmatch(r"\d{1,9}(,\d{1,9})*", text):
        raise UsageError("--seeds takes numbers separated by commas, such as 0,1,2.")
    return list(dict.fromkeys(int(number) for number in text.split(",")))


def _simulate(
    project: Path, options: SimulationOptions, into: Path | None, name: str, *, quiet: bool
) -> tuple[dict[str, Any], list[AnnotatedPicture]]:
    """One simulation in a project of its own: its result as JSON, and its pictures."""
    from core.session.simulation.setup import make_simulation_project, split_for_simulation
    from core.session.simulation.simulation import Simulation

    with Project.open_read_only(project) as source, _home(into) as home:
        split = split_for_simulation(source)
        simulated = make_simulation_project(source, home, split, options.seed)
        simulation_home, simulation = simulated.home, Simulation(source, simulated, options)
        try:
            with progress_bar(f"Simulating {name}".strip(), quiet=quiet) as bar:
                bar(0, simulation.total)
                simulation.run(bar)
            efforts, real = simulation.efforts, simulation.real_seconds
        finally:
            simulation.close()
        miou = _final_miou(simulation_home, options.device, quiet=quiet)
    result = {
        "order": options.order.value,
        "live": "on" if options.live else "off",
        "seed": options.seed,
        "kept_in": str(simulation_home) if into else None,
        "held_out": len(split.validation),
        "trainer_seconds": round(real, 1),
        "miou": miou,
        "complaint": simulation.start_failure if miou is None else "",
        **asdict(summarise_effort(efforts)),  # the field names are JSON keys
        "by_picture": picture_rows(efforts),
    }
    return result, efforts


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
