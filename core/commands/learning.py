"""train, predict, evaluate: the commands that need torch, which is imported only once one of them runs."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.commands.spreading import PredictionTask, TrainingTask, follow, lead_predicting, lead_training
from core.commands.terminal import WrongUseError, answer, console, open_to_write, plain_errors, progress
from core.models.spec import LOOKS, ModelSpec, spec_from_base
from core.project.project import Project, home_of
from core.project.records import PictureRecord, RunRecord, Split
from core.session.freezing import check_learnable, first_spec, freeze_all, learnable, open_snapshot
from core.session.recording import RunRecorder
from core.training import events
from core.training.device import likely_device
from core.training.recipe import LOSSES, OPTIMIZERS, Recipe, default_recipe
from core.training.spread import Spread

if TYPE_CHECKING:
    from core.loop.evaluate import Score

ProjectOption = Annotated[
    Path, typer.Option("--project", help="The folder of pictures, or the project folder itself.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def _known(device: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", device):
        raise typer.BadParameter("choose auto, cpu, cuda, cuda:0 (the first of several), or mps.")
    return device


DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.", callback=_known)]


def _look(tta: str) -> str:
    if tta not in LOOKS:
        raise typer.BadParameter(f"choose one of {', '.join(LOOKS)}.")
    return tta


def _strategy(strategy: str) -> str:
    if strategy not in ("auto", "ddp"):
        raise typer.BadParameter("choose auto or ddp.")
    return strategy


TtaOption = Annotated[
    str,
    typer.Option(
        help="Average several looks at a picture: none, flip, scales or all of them.", callback=_look
    ),
]
DevicesOption = Annotated[
    int, typer.Option(min=1, help="How many devices of a machine work together, a process each.")
]
NodesOption = Annotated[
    int, typer.Option(min=1, help="How many machines, which all see the folder of the project.")
]
StrategyOption = Annotated[str, typer.Option(help="How several keep in step: ddp.", callback=_strategy)]
RunOption = Annotated[int | None, typer.Option("--run", help="Which run's weights; the newest by default.")]


def train_command(
    project: ProjectOption = Path(),
    arch: Annotated[str | None, typer.Option(help="Architecture: asymmetric-unet, unet, fpn ...")] = None,
    encoder: Annotated[
        str | None, typer.Option(help="Encoder of the architecture, such as resnet34.")
    ] = None,
    weights: Annotated[str, typer.Option(help="What the encoder starts from: none or imagenet.")] = "none",
    loss: Annotated[str | None, typer.Option(help=", ".join(LOSSES))] = None,
    optimizer: Annotated[str | None, typer.Option(help=", ".join(OPTIMIZERS))] = None,
    size: Annotated[int | None, typer.Option(help="Long side in pixels at which the network looks.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Budget in passes over the labelled pictures.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Budget in minutes.")] = None,
    steps: Annotated[int | None, typer.Option(help="Budget in steps.")] = None,
    device: DeviceOption = "auto",
    seed: Annotated[int, typer.Option(help="Of every random choice.")] = 0,
    resume: Annotated[int | None, typer.Option(help="Start from the weights of this run.")] = None,
    devices: DevicesOption = 1,
    nodes: NodesOption = 1,
    strategy: StrategyOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Train on everything that is labelled; from random weights unless --resume names a run."""
    spread = Spread.asked(devices, nodes, strategy)
    with plain_errors():
        recipe = _recipe(likely_device(device), device, seed, loss, optimizer, epochs, minutes, steps)
        recipe = _spread_recipe(recipe, spread)
    if spread.follows():
        follow(recipe, spread)
    with plain_errors(), _existing(project, "maskloop train") as opened:
        opened.pictures.settle_splits()
        records = learnable(opened)
        check_learnable(opened, records)
        base = _base(opened, resume)
        spec = _spec(opened, base, likely_device(device), arch, encoder, weights, size)
        snapshot = open_snapshot(opened.cache / "training", spec, recipe)
        with progress("Reading pictures", quiet=as_json) as bar:
            problems = freeze_all(opened, snapshot, records, progress=bar)
        recorder = RunRecorder(opened, spec, recipe, base, len(records))
        heard = _Heard(recorder, quiet=as_json)
        heard.train(opened, recipe, spread, snapshot.folder, base)
        run = opened.runs.get(recorder.run.id)
        result = {
            "run": run.id,
            "state": run.state,
            "device": run.device,
            "steps": heard.step,
            "seconds": round(heard.seconds, 1),
            "pictures": len(records),
            "best_miou": run.best_miou,
            "published": run.published,
            "folder": str(opened.run_folder(run.id)),
            "problems": problems,
        }
        score = (
            f"best mIoU {run.best_miou:.3f}" if run.best_miou is not None else "no val picture to score on"
        )
        lines = [f"Run {run.id}: {heard.step} steps in {heard.seconds:.0f} s, {score}."]
        answer(result, as_json, lines + [f"Left out: {problem}" for problem in problems])


def predict_command(
    project: ProjectOption = Path(),
    run: RunOption = None,
    images: Annotated[str, typer.Option(help="unlabelled, all, train, val or test.")] = "unlabelled",
    device: DeviceOption = "auto",
    tta: TtaOption = "none",
    devices: DevicesOption = 1,
    nodes: NodesOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Predict pictures into the project."""
    spread = Spread.asked(devices, nodes, "auto")
    with plain_errors():
        recipe = _spread_recipe(replace(default_recipe(likely_device(device)), device=device), spread)
    if spread.follows():
        follow(recipe, spread)
    with plain_errors(), _existing(project, "maskloop predict") as opened:
        from core.loop.evaluate import labelled_size, run_of

        chosen = run_of(opened, run)
        records = _chosen(opened, images)
        began = time.perf_counter()
        confidence: list[float] = []
        problems: list[str] = []
        with progress("Predicting", quiet=as_json) as bar:

            def hear(number: int, said: float | str) -> None:
                if isinstance(said, str):
                    problems.append(said)
                else:
                    opened.runs.predicted(records[number].id, chosen.id, said)
                    confidence.append(said)
                bar(number + 1, len(records))

            work = [
                (opened.picture_path(r.path), opened.prediction_path(r.id), labelled_size(r)) for r in records
            ]
            task = PredictionTask(opened.run_folder(chosen.id), work, chosen.id, tta)
            lead_predicting(task, recipe, spread, hear)
        seconds = time.perf_counter() - began
        mean = sum(confidence) / len(confidence) if confidence else 0.0
        result = {
            "run": chosen.id,
            "pictures": len(confidence),
            "mean_confidence": mean,
            "seconds": round(seconds, 2),
            "problems": problems,
        }
        lines = [f"{len(confidence)} pictures predicted by run {chosen.id} in {seconds:.1f} s."]
        answer(result, as_json, lines + [f"Left out: {problem}" for problem in problems])


def evaluate_command(
    project: ProjectOption = Path(),
    split: Annotated[Split, typer.Option(help="Which pictures to score on.")] = Split.VAL,
    run: RunOption = None,
    device: DeviceOption = "auto",
    tta: TtaOption = "none",
    as_json: JsonOption = False,
) -> None:
    """Score a run on the labelled pictures of a split; void and unlabelled pixels are left out."""
    with plain_errors(), Project.read(project) as opened:
        from core.loop.evaluate import evaluate, run_of

        chosen = run_of(opened, run)
        with progress("Scoring", quiet=as_json) as bar:
            score = evaluate(opened, chosen, split, device, bar, tta)
        names = {c.value: c.name for c in opened.classes.read()}
        answer(_score_json(score, chosen, split, names), as_json, _score_lines(score, chosen, split, names))


class _Heard:
    """Follows a training in this process: writes it into the document and moves the bar."""

    def __init__(self, recorder: RunRecorder, *, quiet: bool) -> None:
        self._recorder = recorder
        self._quiet = quiet
        self.step = 0
        self.seconds = 0.0

    def train(
        self, project: Project, recipe: Recipe, spread: Spread, snapshot: Path, base: RunRecord | None
    ) -> None:
        """Run the loop to its end. Raises TrainingError or ModelError; the run's row then says failed."""
        from core.models.checkpoint import read_run_file

        folder = project.run_folder(base.id) if base else None
        try:
            seen = read_run_file(folder)[1].get("seen", {}) if folder else {}
            task = TrainingTask(
                snapshot,
                project.run_folder(self._recorder.run.id),
                folder,
                {int(number): digest for number, digest in seen.items()} or None,
                recipe,
            )
            with progress("Training", quiet=self._quiet) as self._bar:
                self.step = lead_training(
                    task, spread, self._hear, lambda said: console.print(said, markup=False)
                )
            self._recorder.record(events.Finished("budget", self.step))
        except KeyboardInterrupt:
            self._recorder.record(events.Finished("stopped", self.step))
            raise
        except Exception as problem:
            self._recorder.record(events.Failed(str(problem), repr(problem)))
            raise

    def _hear(self, event: events.Event) -> None:
        self._recorder.record(event)
        match event:
            case events.Progress():
                self.step, self.seconds = event.step, event.seconds
                whole = event.seconds + (event.seconds_left or 0)
                self._bar(round(event.seconds), round(whole))
            case events.Evaluated() if not self._quiet:
                console.print(
                    f"{event.seconds:6.0f} s  step {event.step:6}  mIoU on {event.split} {event.miou:.3f}"
                )
            case events.Note():
                console.print(event.sentence, markup=False)


def _existing(where: Path, purpose: str) -> Project:
    """Open for writing, but never make a project: there would be nothing in it to learn from."""
    home_of(where)
    return open_to_write(where, None, purpose)


def _base(project: Project, resume: int | None) -> RunRecord | None:
    if resume is None:
        return None
    from core.loop.evaluate import run_of

    return run_of(project, resume)


def _spec(
    project: Project,
    base: RunRecord | None,
    device: str,
    arch: str | None,
    encoder: str | None,
    weights: str,
    size: int | None,
) -> ModelSpec:
    import json

    values = project.classes.read().values
    spec = (
        first_spec(project, learnable(project), device)
        if base is None
        else spec_from_base(
            ModelSpec.from_json(json.loads(base.model)),
            values,
            project.classes.mapping_since(base.after_move_id).tolist(),
        )
    )
    if base is not None and (arch or encoder):
        raise WrongUseError("--resume goes on with the run's own network; leave --arch and --encoder out.")
    if arch is not None:
        own = arch == "asymmetric-unet"
        spec = replace(spec, architecture=arch, encoder=None if own else encoder or "resnet34")
    elif encoder is not None:
        spec = replace(spec, architecture="unet", encoder=encoder)
    if weights not in ("none", "imagenet"):
        raise WrongUseError("--weights takes none or imagenet.")
    return replace(spec, weights=weights, size=size or spec.size)


def _recipe(
    device_kind: str,
    device: str,
    seed: int,
    loss: str | None,
    optimizer: str | None,
    epochs: float | None,
    minutes: float | None,
    steps: int | None,
) -> Recipe:
    recipe = replace(default_recipe(device_kind), device=device, seed=seed)
    if [epochs, minutes, steps].count(None) < 2:
        raise WrongUseError("Give one budget: --epochs, --minutes or --steps.")
    if any(budget is not None for budget in (epochs, minutes, steps)):
        recipe = replace(recipe, epochs=epochs, minutes=minutes, steps=steps)
    return replace(recipe, loss=loss or recipe.loss, optimizer=optimizer or recipe.optimizer)


def _spread_recipe(recipe: Recipe, spread: Spread) -> Recipe:
    """With a batch of which every process gets as many pictures. Raises WrongUseError."""
    if spread.world > 1 and ":" in recipe.device:
        raise WrongUseError(f"--device {recipe.device} names a single device; leave the number out.")
    return replace(recipe, batch=-(-recipe.batch // spread.world) * spread.world)


def _chosen(project: Project, images: str) -> list[PictureRecord]:
    records = [r for r in project.pictures.all() if r.problem is None]
    if images == "all":
        return records
    if images == "unlabelled":
        return [r for r in records if not r.is_labelled]
    if images in tuple(Split):
        return [r for r in records if r.split == images]
    raise WrongUseError("--images takes unlabelled, all, train, val or test.")


def _score_json(score: Score, run: RunRecord, split: Split, names: dict[int, str]) -> dict[str, Any]:
    return {
        "run": run.id,
        "split": split.value,
        "pictures": score.pictures,
        "miou": score.miou,
        "per_class": {names.get(v, str(v)): iou for v, iou in score.per_class.items()},
        "pixel_accuracy": score.pixel_accuracy,
        "classes": [names.get(v, str(v)) for v in score.values],
        "confusion": score.confusion.tolist(),
        "problems": list(score.problems),
    }


def _score_lines(score: Score, run: RunRecord, split: Split, names: dict[int, str]) -> list[str]:
    lines = [
        f"Run {run.id} on {score.pictures} pictures of {split.value}: mIoU {score.miou:.3f}, "
        f"pixel accuracy {score.pixel_accuracy:.3f}"
    ]
    lines += [f"{names.get(v, str(v)):20} {iou:.3f}" for v, iou in score.per_class.items()]
    return lines + [f"Left out: {problem}" for problem in score.problems]
