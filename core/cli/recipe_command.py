"""The command recipe: a ready experiment from the dataset to the report. torch is imported only when it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from core.base.destination import check_output_folder
from core.base.errors import PretrainedWeightsError, UserError
from core.base.text import count_of
from core.cli.common_options import DeviceOption, JsonOption, check_input_size
from core.cli.terminal import UsageError, console, open_for_writing, print_result, progress_bar, report_errors
from core.cli.train_command import run_training
from core.evaluation.run_choice import find_run
from core.formats.readers.registry import AUTO, open_dataset
from core.models.spec import InputSize, parse_input_size
from core.project.project import Project
from core.project.records import Split
from core.session.transfer.import_run import import_dataset
from core.training.experiments.experiment import (
    EXPERIMENTS,
    Experiment,
    ExperimentNetwork,
    ReferenceScores,
    experiment,
)

REPORT_FILE, PROJECT_FOLDER = "report.html", "project"
SCORES = {"miou": "mIoU", "pixel_accuracy": "pixel acc.", "dice": "Dice"}


def recipe_command(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="The recipe; without it all are listed.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Argument(metavar="DATA", help="The folder of a dataset; without it the recipe is explained."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="A new folder for project and report [maskloop-NAME]."),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Budget of each network in minutes, instead of the recipe's.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Budget of each network in optimizer steps.")
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(help="Input size of all networks, instead of the recipe's.", callback=check_input_size),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of all random choices.")] = 0,
    format_: Annotated[
        str, typer.Option("--format", help="Format of DATA: auto, or one of “maskloop formats”.")
    ] = AUTO,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Carry out a ready experiment: import a dataset, train its networks, write a report that compares them."""
    with report_errors():
        if name is None:
            print_result({each.name: _described(each) for each in EXPERIMENTS}, as_json, _list_lines())
            return
        chosen = experiment(name)
        if data is None:
            print_result(_described(chosen), as_json, _explanation_lines(chosen))
            return
        if minutes is not None and steps is not None:
            raise UsageError("Give one budget: --minutes or --steps.")
        if minutes is not None and not minutes > 0:
            raise UsageError("--minutes takes a number above 0.")
        budget = {"steps": float(steps)} if steps is not None else {"minutes": minutes or chosen.minutes}
        folder = Path(f"maskloop-{name}") if out is None else out
        _check_out(folder, data)
        run = _RecipeRun(
            chosen, folder, budget, parse_input_size(size) if size else None, seed, device, quiet=as_json
        )
        try:
            result, lines = run.carry_out(data, format_)
        except KeyboardInterrupt:
            console.print(f"What was done until now is in {folder}.", markup=False, soft_wrap=True)
            raise
        print_result(result, as_json, lines)


@dataclass
class _RecipeRun:
    """One use of the command. budget: of a network, by recipe field; network_titles: by number of the run, in order"""

    experiment: Experiment
    out: Path
    budget: dict[str, float]
    size: InputSize | None
    seed: int
    device: str
    quiet: bool
    network_titles: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def carry_out(self, data: Path, format_: str) -> tuple[dict[str, Any], list[str]]:
        """Import, train, evaluate and report; the result as JSON values and as lines. Raises MaskloopError."""
        dataset = open_dataset(data, format_)  # before anything is made
        self._say(f"{self.experiment.title}: {self.experiment.about}.")
        try:
            (self.out / PROJECT_FOLDER).mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise UserError(f"{self.out} cannot be made: {problem.strerror or problem}.") from problem
        with open_for_writing(self.out / PROJECT_FOLDER, None, "maskloop recipe") as project:
            with progress_bar("Importing", quiet=self.quiet) as bar:
                imported = import_dataset(project, dataset, progress=bar)
            classes = project.classes.read()
            self._say(
                f"Imported {count_of(imported.pictures, 'picture')} with {count_of(imported.labels, 'label')} of "
                f"{count_of(len(classes), 'class', 'classes')}."
            )
            self.notes += imported.notes
            seconds = self._train_all(project)
            scores = self._report(project)
        return self._result(scores, seconds)

    def _train_all(self, project: Project) -> dict[int, float]:
        """Train each network; seconds by number of the run. The first Ctrl+C ends the training under way, and those
        after it are left out."""
        seconds: dict[int, float] = {}
        networks = self.experiment.networks
        for number, network in enumerate(networks, 1):
            self._say(f"Network {number} of {len(networks)}: {network.title}.")
            result = self._train(project, network)
            if result["published"]:
                self.network_titles[result["run"]] = network.title
                seconds[result["run"]] = result["seconds"]
            else:
                self.notes.append(
                    f"{network.title} was not better after its training than before it, so it is not in the report."
                )
            if result["state"] == "stopped":
                left = [each.title for each in networks[number:]]
                self.notes.append(
                    f"Interrupted while {network.title} was trained"
                    + (f"; not trained: {', '.join(left)}." if left else ".")
                )
                self._say(self.notes[-1])
                break
        return seconds

    def _train(self, project: Project, network: ExperimentNetwork) -> dict[str, Any]:
        budget = {name: f"{amount * network.budget:.15g}" for name, amount in self.budget.items()}
        given = {**network.options, **budget, "seed": str(self.seed), "device": self.device}
        weights = None if network.architecture is None else network.weights
        try:
            return self._train_from(project, network, given, weights)
        except PretrainedWeightsError as problem:
            self.notes.append(f"{network.title} starts from random weights. {problem}")
            self._say(self.notes[-1])
            return self._train_from(project, network, given, "none")

    def _train_from(
        self, project: Project, network: ExperimentNetwork, given: dict[str, Any], weights: str | None
    ) -> dict[str, Any]:
        result, lines = run_training(
            project,
            given,
            quiet=self.quiet,
            arch=network.architecture,
            encoder=network.encoder,
            weights=weights,
            size=self.size or network.size,
        )
        for line in lines[:1]:
            self._say(line)
        return result

    def _report(self, project: Project) -> dict[int, dict[str, Any]]:
        """Write the page; scores by number of the run. Raises UserError without any trained network."""
        from core.evaluation.report.introduction import introduce
        from core.evaluation.report.page import write_report

        if not self.network_titles:
            raise UserError(f"No network was trained, so there is no report. {' '.join(self.notes)}".strip())
        runs = [find_run(project, number) for number in self.network_titles]
        introduction = introduce(project, self.experiment, self.network_titles, self.notes)
        with progress_bar("Evaluating", quiet=self.quiet) as bar:
            reports = write_report(
                project,
                runs,
                Split.VAL,
                self.out / REPORT_FILE,
                self.device,
                lambda run_id, done, total: bar(
                    done, total, f"Evaluating {self.network_titles.get(run_id, '')}"
                ),
                introduction=introduction,
            )
        self.notes += [problem for each in reports for problem in each.evaluation.problems]
        return {
            each.run.id: {
                **{name: each.evaluation.mean_scores()[name] for name in SCORES},
                "miou_interval": each.evaluation.miou_interval(),
                "pictures": len(each.evaluation.pictures),
            }
            for each in reports
        }

    def _result(
        self, scores: dict[int, dict[str, Any]], seconds: dict[int, float]
    ) -> tuple[dict[str, Any], list[str]]:
        networks = [
            {"title": title, "run": run, "seconds": seconds[run], **scores[run]}
            for run, title in self.network_titles.items()
        ]
        result = {
            "recipe": self.experiment.name,
            "project": str(self.out / PROJECT_FOLDER),
            "report": str(self.out / REPORT_FILE),
            "networks": networks,
            "references": [_reference_json(each) for each in self.experiment.references],
            "notes": self.notes,
        }
        lines = [f"{'':36}" + "".join(f"{title:>12}" for title in SCORES.values())]
        lines += [_score_line(each["title"], each) for each in networks]
        lines += [_score_line(each.title, each.scores) for each in self.experiment.references]
        return result, [*lines, *self.notes, f"The report is {self.out / REPORT_FILE}."]

    def _say(self, sentence: str) -> None:
        if not self.quiet:
            console.print(sentence, markup=False, soft_wrap=True)


def _check_out(out: Path, data: Path) -> None:
    """Raises UserError unless `out` is new or empty, and apart from the dataset."""
    check_output_folder(out)
    if out.is_dir() and any(out.iterdir()):
        raise UserError(f"{out} holds files already. Name a new folder with --out.")
    if out.resolve().is_relative_to(data.resolve()):
        raise UserError(f"{out} is inside the dataset, which is not changed. Name another folder with --out.")


def _described(each: Experiment) -> dict[str, Any]:
    return {
        "title": each.title,
        "about": each.about,
        "data": each.data,
        "steps": list(each.steps),
        "networks": [network.title for network in each.networks],
        "minutes": each.minutes,
        "references": [_reference_json(one) for one in each.references],
    }


def _list_lines() -> list[str]:
    rows = [f"{each.name:15} {each.about}; for {each.data}" for each in EXPERIMENTS]
    return [*rows, "maskloop recipe NAME explains one; maskloop recipe NAME DATA carries it out."]


def _explanation_lines(each: Experiment) -> list[str]:
    lines = [each.title, f"For {each.data}.", *(f"{n}. {step}" for n, step in enumerate(each.steps, 1))]
    lines.append("Networks:")
    lines += [f"- {one.title}, {each.minutes * one.budget:g} minutes" for one in each.networks]
    for one in each.references:
        found = ", ".join(f"{SCORES[name]} {score:.2f}" for name, score in one.scores.items())
        lines.append(f"{one.title}: {found}.")
    return [*lines, f"Carry it out: maskloop recipe {each.name} DATA"]


def _reference_json(each: ReferenceScores) -> dict[str, Any]:
    return {"title": each.title, **each.scores}


def _score_line(title: str, scores: Any) -> str:
    cells = [f"{scores[name]:.3f}" if scores.get(name) is not None else "–" for name in SCORES]
    return f"{title[:35]:36}" + "".join(f"{cell:>12}" for cell in cells)
