"""train, predict, evaluate: the commands that need torch, which is imported only once one of them runs."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.commands.choices import Said, budget_said, differences, recipe_for, with_choices
from core.commands.resuming import first_interrupt, plan_going_on
from core.commands.terminal import WrongUseError, answer, console, open_to_write, plain_errors, progress
from core.errors import ImageError
from core.models.catalogue import resolve
from core.models.spec import ModelSpec, spec_from_base
from core.project.project import Project, home_of
from core.project.records import PictureRecord, RunRecord, Split
from core.session.freezing import check_learnable, first_spec, freeze_all, learnable, open_snapshot
from core.session.recording import RunRecorder
from core.training import events
from core.training.device import likely_device
from core.training.recipe import PRESETS, Recipe

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
RunOption = Annotated[int | None, typer.Option("--run", help="Which run's weights; the newest by default.")]


def train(
    project: ProjectOption = Path(),
    arch: Annotated[str | None, typer.Option(help="Architecture; “maskloop models” lists them.")] = None,
    encoder: Annotated[
        str | None, typer.Option(help="Encoder of the architecture, such as resnet34.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="What the encoder starts from: none (by itself) or imagenet.")
    ] = None,
    size: Annotated[int | None, typer.Option(help="Long side in pixels at which the network looks.")] = None,
    preset: Annotated[
        str | None,
        typer.Option(help=f"A set of choices: {', '.join(PRESETS)}. What else is said goes first."),
    ] = None,
    like: Annotated[
        int | None, typer.Option(help="Repeat the network and all choices of this run, from fresh weights.")
    ] = None,
    resume: Annotated[
        int | None, typer.Option(help="Go on with this run; a budget said beside it comes on top.")
    ] = None,
    as_json: JsonOption = False,
    *,
    said: Said,
) -> None:
    """Train on everything that is labelled; from fresh weights unless --resume names a run."""
    with plain_errors(), _existing(project, "maskloop train") as opened:
        opened.pictures.settle_splits()
        records = learnable(opened)
        check_learnable(opened, records)
        if like is not None and resume is not None:
            raise WrongUseError("--like begins anew and --resume goes on; give one of them.")
        base, model_run = _run(opened, resume), _run(opened, resume if like is None else like)
        start = Recipe.from_json(json.loads(model_run.recipe)) if model_run else None
        wanted = differences(said)
        device = likely_device(wanted.get("device") or (start.device if start else "auto"))
        recipe = recipe_for(start, preset, said, device)
        spec = _spec(opened, model_run, device, arch, encoder, weights, size, resumed=base is not None)
        going_on = plan_going_on(opened, base, spec, recipe, budget_said(said)) if base else None
        recipe = going_on.recipe if going_on else recipe
        snapshot = open_snapshot(opened.cache / "training", spec, recipe)
        with progress("Reading pictures", quiet=as_json) as bar:
            problems = freeze_all(opened, snapshot, records, progress=bar)
        note = opened.pictures.split_note()
        recorder = RunRecorder(opened, spec, recipe, base, len(records), note)
        heard = _Heard(recorder, quiet=as_json)
        heard.train(opened, spec, recipe, snapshot, base, with_state=bool(going_on and going_on.with_state))
        notes = [part for part in (going_on.sentence if going_on else "", note) if part]
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
            "resumed": going_on and ("state" if going_on.with_state else "weights"),
            "notes": notes,
        }
        score = (
            f"best mIoU {run.best_miou:.3f}" if run.best_miou is not None else "no val picture to score on"
        )
        lines = [f"Run {run.id}: {heard.step} steps in {heard.seconds:.0f} s, {score}."]
        answer(result, as_json, lines + notes + [f"Left out: {problem}" for problem in problems])


train_command = with_choices(train)


def predict_command(
    project: ProjectOption = Path(),
    run: RunOption = None,
    images: Annotated[str, typer.Option(help="unlabelled, all, train, val or test.")] = "unlabelled",
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Predict pictures into the project."""
    with plain_errors(), _existing(project, "maskloop predict") as opened:
        from core.labels.prediction import write_prediction
        from core.loop.evaluate import predicted_pictures, run_of

        chosen = run_of(opened, run)
        records = _chosen(opened, images)
        began, confidence, problems = time.perf_counter(), [], []
        with progress("Predicting", quiet=as_json) as bar:
            for done, (record, mask) in enumerate(predicted_pictures(opened, chosen, records, device)):
                if isinstance(mask, ImageError):
                    problems.append(str(mask))
                else:
                    write_prediction(opened.prediction_path(record.id), mask)
                    opened.runs.predicted(record.id, chosen.id, mask.mean_confidence)
                    confidence.append(mask.mean_confidence)
                bar(done + 1, len(records))
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
    as_json: JsonOption = False,
) -> None:
    """Score a run on the labelled pictures of a split; void and unlabelled pixels are left out."""
    with plain_errors(), Project.read(project) as opened:
        from core.loop.evaluate import evaluate, run_of

        chosen = run_of(opened, run)
        with progress("Scoring", quiet=as_json) as bar:
            score = evaluate(opened, chosen, split, device, bar)
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
        self,
        project: Project,
        spec: ModelSpec,
        recipe: Recipe,
        snapshot: Any,
        base: RunRecord | None,
        *,
        with_state: bool,
    ) -> None:
        """Run the loop to its end, which Ctrl+C brings about in order. Raises TrainingError or ModelError; the
        run's row then says failed."""
        from core.models.checkpoint import read_run_file, start_from
        from core.training.loop import train
        from core.training.machine import settle_chance
        from core.training.state import thin_states

        folder = project.run_folder(base.id) if base else None
        try:
            seen = read_run_file(folder)[1].get("seen", {}) if folder else {}
            settle_chance(recipe)  # fresh weights are those of the seed
            model = start_from(folder, spec, lambda said: console.print(said, markup=False))
            with progress("Training", quiet=self._quiet) as self._bar, first_interrupt() as should_stop:
                outcome = train(
                    model,
                    spec,
                    snapshot,
                    recipe,
                    run_folder=project.run_folder(self._recorder.run.id),
                    on_event=self._hear,
                    base_seen={int(number): digest for number, digest in seen.items()} or None,
                    warm=folder is not None,
                    should_stop=should_stop,
                    resume=folder if with_state else None,
                    keep=True,
                )
            thin_states(project.run_folder(self._recorder.run.id).parent)
            self._recorder.record(events.Finished("stopped" if outcome.stopped else "budget", outcome.step))
            self.step = outcome.step
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


def _run(project: Project, number: int | None) -> RunRecord | None:
    if number is None:
        return None
    from core.loop.evaluate import run_of

    return run_of(project, number)


def _spec(
    project: Project,
    base: RunRecord | None,
    device: str,
    arch: str | None,
    encoder: str | None,
    weights: str | None,
    size: int | None,
    *,
    resumed: bool,
) -> ModelSpec:
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
    if resumed and (arch or encoder):
        raise WrongUseError("--resume goes on with the run's own network; leave --arch and --encoder out.")
    if arch is not None or encoder is not None:
        name, chosen = resolve(arch or "unet", encoder)
        spec = replace(spec, architecture=name, encoder=chosen)
    if weights not in (None, "none", "imagenet"):
        raise WrongUseError("--weights takes none or imagenet.")
    return replace(spec, weights=weights or spec.weights, size=size or spec.size)


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
