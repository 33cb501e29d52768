"""The command train, in one process or several. torch is imported only when it runs."""

from __future__ import annotations

import contextlib
import importlib
import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from core.base.errors import MaskloopError
from core.base.text import count_of
from core.cli.callback_choices import (
    CommandOption,
    CsvOption,
    LogOption,
    TensorboardOption,
    callback_options,
    options_of_run,
    tensorboard_note,
)
from core.cli.common_options import (
    DevicesOption,
    JsonOption,
    NodesOption,
    ProjectOption,
    StrategyOption,
    check_input_size,
    open_existing,
    parse_run,
    scale_batch,
)
from core.cli.distributed_tasks import TrainingTask, run_distributed_training, run_follower
from core.cli.terminal import UsageError, console, print_result, progress_bar, report_errors
from core.cli.training_options import (
    GivenOptions,
    build_recipe,
    given_values,
    is_budget_given,
    with_recipe_options,
)
from core.cli.training_resume import plan_resume, stop_on_interrupt
from core.evaluation.run_choice import find_run
from core.models.catalogue import resolve_network
from core.models.networks.packaged_weights import missing_package_text
from core.models.spec import (
    DEFAULT_ENCODER,
    WEIGHTS,
    InputSize,
    ModelSpec,
    default_spec,
    parse_input_size,
    spec_from_base,
)
from core.project.project import Project
from core.project.records import PictureRecord, RunRecord
from core.session.training.input_size import SizeProposal, first_size, propose_size, stretched_text
from core.session.training.next_run import default_network_note, incumbent_of, plan_next, spec_of
from core.session.training.run_recorder import RunRecorder
from core.session.training.snapshot_builder import (
    check_trainable,
    initial_spec,
    open_snapshot,
    trainable_pictures,
    update_snapshot,
)
from core.training import events
from core.training.callbacks.callback_options import NO_CALLBACKS, CallbackOptions
from core.training.device_probe import likely_device
from core.training.distributed_config import DistributedConfig
from core.training.recipe import PRESETS, Recipe
from core.training.scoring.incumbent import Incumbent


def train(
    project: ProjectOption = Path(),
    arch: Annotated[str | None, typer.Option(help="Architecture; “maskloop models” lists them.")] = None,
    encoder: Annotated[
        str | None, typer.Option(help="Encoder of the architecture, such as resnet34.")
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="Initial weights of the encoder: none (random) or imagenet, the default where a package has them."
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            help="Input size: the longer side of pictures in pixels, or WIDTHxHEIGHT, to which all are scaled.",
            callback=check_input_size,
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help=f"A preset of options: {', '.join(PRESETS)}. Explicit options override it."),
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Use the network and all options of this run (or best, newest), with new weights.",
            callback=parse_run,
        ),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Resume this run (or best, newest); a given budget is added to the one used.",
            callback=parse_run,
        ),
    ] = None,
    devices: DevicesOption = 1,
    nodes: NodesOption = 1,
    strategy: StrategyOption = "auto",
    tensorboard: TensorboardOption = None,
    csv: CsvOption = None,
    log: LogOption = None,
    after_evaluation: CommandOption = "",
    as_json: JsonOption = False,
    *,
    given: GivenOptions,
) -> None:
    """Train on all labelled pictures.

    Weights are new unless --resume names a run. The network is the one that the window would train next, unless
    another is given.
    """
    distribution = DistributedConfig.resolve(devices, nodes, strategy)
    named = resume if like is None else like
    if distribution.is_follower():
        run_follower(lambda: _follower_recipe(project, named, preset, given, distribution), distribution)
    with report_errors(), open_existing(project, "maskloop train") as opened:
        result, lines = run_training(
            opened,
            given,
            quiet=as_json,
            arch=arch,
            encoder=encoder,
            weights=weights,
            size=parse_input_size(size) if size else None,
            preset=preset,
            like=like,
            resume=resume,
            distribution=distribution,
            callbacks=callback_options(tensorboard, csv, log, after_evaluation),
        )
        print_result(result, as_json, lines)


train_command = with_recipe_options(train)


def run_training(
    opened: Project,
    given: GivenOptions,
    *,
    quiet: bool,
    arch: str | None = None,
    encoder: str | None = None,
    weights: str | None = None,
    size: InputSize | None = None,
    preset: str | None = None,
    like: str | None = None,
    resume: str | None = None,
    distribution: DistributedConfig = DistributedConfig(),  # noqa: B008  (frozen)
    callbacks: CallbackOptions = NO_CALLBACKS,
) -> tuple[dict[str, Any], list[str]]:
    """Train one run as the options of the command say; its result as JSON values and as lines of text.

    The first Ctrl+C ends the training, whose state is "stopped" then. Raises MaskloopError.
    """
    named = resume if like is None else like
    opened.pictures.assign_missing_splits()
    records = trainable_pictures(opened)
    check_trainable(opened)
    if like is not None and resume is not None:
        raise UsageError(
            "--like starts with new weights and --resume continues a run; give only one of them."
        )
    base, model_run = _run(opened, resume), _run(opened, named)
    kind = _device_kind(model_run, given)
    in_use = opened.runs.in_use()
    spec, network_note = _spec(
        opened, records, model_run, in_use, kind, arch, encoder, weights, size, resumed=base is not None
    )
    recipe = _requested_recipe(
        model_run, preset, given, distribution, pretrained=spec.is_pretrained, size=spec.size
    )
    resume_plan = plan_resume(opened, base, spec, recipe, is_budget_given(given)) if base else None
    recipe = resume_plan.recipe if resume_plan else recipe
    snapshot = open_snapshot(opened.cache_folder / "training", spec, recipe)
    with _import_meanwhile("core.training.loop"), progress_bar("Reading pictures", quiet=quiet) as bar:
        problems = update_snapshot(opened, snapshot, records, progress=bar)
    entries = snapshot.entries().values()
    proposal = propose_size([entry.scaled_regions for entry in entries], spec.size, opened.classes.read())
    incumbent = incumbent_of(opened, in_use, base, spec)
    note = opened.pictures.split_warning()
    recorder = RunRecorder(opened, spec, recipe, base, records, note)
    monitor = _TrainingMonitor(recorder, quiet=quiet)
    with_state = bool(resume_plan and resume_plan.with_state)
    callbacks = options_of_run(callbacks, opened, recorder.run.id)
    monitor.train(
        opened, recipe, distribution, snapshot.folder, base, incumbent, callbacks, with_state=with_state
    )
    resumed = resume_plan.sentence if resume_plan else ""
    stretched = stretched_text(spec, entries)
    more = (stretched, _size_note(proposal), recorder.kept_note, tensorboard_note(callbacks))
    notes = [part for part in (network_note, resumed, note, *more) if part]
    run = opened.runs.get(recorder.run.id)
    result = {
        "run": run.id,
        "state": run.state,
        "device": run.device,
        "steps": monitor.step,
        "seconds": round(monitor.seconds, 1),
        "pictures": len(records),
        "best_miou": run.best_miou,
        "published": run.published,
        "in_use": recorder.is_in_use,
        "folder": str(opened.run_folder(run.id)),
        "problems": problems,
        "resumed": resume_plan and ("state" if resume_plan.with_state else "weights"),
        "notes": notes,
    }
    steps, seconds = count_of(monitor.step, "step"), f"{monitor.seconds:.0f}"
    lines = [f"Run {run.id} trained {steps} in {seconds} s{_outcome(run, recorder, in_use)}"]
    return result, lines + notes + [f"Left out: {problem}" for problem in problems]


def _size_note(proposal: SizeProposal) -> str:
    option = f" Use it: --size {proposal.better}" if proposal.better > proposal.size else ""
    return f"{proposal.sentence}{option}" if proposal.sentence else ""


def _outcome(run: RunRecord, recorder: RunRecorder, in_use: RunRecord | None) -> str:
    """How the sentence about a run ends: its score, or why it has none."""
    if run.best_miou is not None:
        return f" and reached mIoU {run.best_miou:.3f}."
    if recorder.evaluated_on is None:
        return "; it ended before the first evaluation."
    if run.published:
        return "; there was no val picture to evaluate on."
    stays = f", so run {in_use.id} stays in use" if in_use else ""
    return f"; no checkpoint was better than what it started from{stays}."


@contextlib.contextmanager
def _import_meanwhile(module: str) -> Iterator[None]:
    """Import a module that takes seconds on another thread; it is imported at the end of the block."""
    thread = threading.Thread(target=importlib.import_module, args=[module], name="import")
    thread.start()
    try:
        yield
    finally:
        thread.join()


class _TrainingMonitor:
    """Runs a training, records its events in the project, and updates the progress bar."""

    def __init__(self, recorder: RunRecorder, *, quiet: bool) -> None:
        self._recorder = recorder
        self._quiet = quiet
        self._has_begun = False
        self.step = 0
        self.seconds = 0.0

    def train(
        self,
        project: Project,
        recipe: Recipe,
        distribution: DistributedConfig,
        snapshot: Path,
        base: RunRecord | None,
        incumbent: Incumbent | None,
        callbacks: CallbackOptions,
        *,
        with_state: bool,
    ) -> None:
        """Train to the end of the budget, or to the first Ctrl+C. Raises TrainingError or ModelError; the run is then
        recorded as failed, or forgotten if it could not begin."""
        from core.models.checkpoint import trained_label_digests
        from core.training.resume_state import delete_old_states

        folder = project.run_folder(base.id) if base else None
        try:
            task = TrainingTask(
                recipe,
                snapshot,
                run_folder=project.run_folder(self._recorder.run.id),
                base=folder,
                base_seen=trained_label_digests(folder) if folder else None,
                with_state=with_state,
                incumbent=incumbent,
                callbacks=callbacks,
            )
            with progress_bar("Training", quiet=self._quiet) as self._bar, stop_on_interrupt() as should_stop:
                outcome = run_distributed_training(
                    task, distribution, self._on_event, _print_note, should_stop
                )
            delete_old_states(task.run_folder.parent)
            self._recorder.record(
                events.TrainingFinished("stopped" if outcome.stopped else "budget", outcome.step)
            )
            self.step = outcome.step
        except KeyboardInterrupt:
            self._recorder.record(events.TrainingFinished("stopped", self.step))
            raise
        except Exception as problem:
            refused = isinstance(problem, MaskloopError) and not self._has_begun
            self._recorder.record(events.WorkerFailed(str(problem), repr(problem), refused=refused))
            raise

    def _on_event(self, event: events.TrainingEvent) -> None:
        self._recorder.record(event)
        match event:
            case events.TrainingStarted():
                self._has_begun = True
            case events.TrainingProgress():
                self.step, self.seconds = event.step, event.seconds
                total = event.seconds + (event.seconds_left or 0)
                self._bar(round(event.seconds), round(total), "Training")
            case events.TrainingStage():
                self._bar(event.done, event.total, event.text)
            case events.ModelEvaluated() if not self._quiet:
                basis = f" ({event.basis.text()})" if event.basis else ""
                console.print(
                    f"{event.seconds:6.0f} s  step {event.step:6}  mIoU on {event.split} {event.miou:.3f}{basis}"
                )
            case events.TrainingNote() if not event.stored:  # those come at the end
                console.print(event.message, markup=False)


def _print_note(sentence: str) -> None:
    console.print(sentence, markup=False)


def _requested_recipe(
    run: RunRecord | None,
    preset: str | None,
    given: GivenOptions,
    distribution: DistributedConfig,
    *,
    pretrained: bool = False,
    size: int = 0,
) -> Recipe:
    """The recipe of the run to resume or repeat, with preset and given options; budgets are not added yet."""
    start = Recipe.from_json(json.loads(run.recipe)) if run else None
    kind = _device_kind(run, given)
    return scale_batch(
        build_recipe(start, preset, given, kind, pretrained=pretrained, size=size), distribution
    )


def _device_kind(run: RunRecord | None, given: GivenOptions) -> str:
    """The device that is given, else that of the run to resume or repeat, else the best of this machine."""
    before = Recipe.from_json(json.loads(run.recipe)).device if run else "auto"
    return likely_device(given_values(given).get("device") or before)


def _follower_recipe(
    where: Path, named: str | None, preset: str | None, given: GivenOptions, distribution: DistributedConfig
) -> Recipe:
    """The recipe in a follower process. The project is opened read-only, and only if a run is named."""
    if named is None:
        return _requested_recipe(None, preset, given, distribution)
    with Project.open_read_only(where) as opened:
        return _requested_recipe(_run(opened, named), preset, given, distribution)


def _run(project: Project, which: str | None) -> RunRecord | None:
    return None if which is None else find_run(project, which)


def _spec(
    project: Project,
    records: Sequence[PictureRecord],
    base: RunRecord | None,
    in_use: RunRecord | None,
    device: str,
    arch: str | None,
    encoder: str | None,
    weights: str | None,
    size: InputSize | None,
    *,
    resumed: bool,
) -> tuple[ModelSpec, str]:
    """The network, and a sentence about it where it is not the one that somebody would expect. base: the run to resume
    or repeat; in_use: the run that predicts now"""
    note = ""
    if base is not None:
        mapping = project.classes.mapping_since(base.after_move_id)
        spec = spec_from_base(spec_of(base), project.classes.read().values, mapping.tolist())
    elif arch or encoder or weights:
        spec = initial_spec(project, records, device)
        note = "" if arch or encoder else missing_package_text(DEFAULT_ENCODER)
    else:
        spec, note = _project_network(project, records, in_use, device)
    if resumed and (arch or encoder):
        raise UsageError("--resume uses the network of the run; leave --arch and --encoder out.")
    if arch is not None or encoder is not None:
        name, chosen = resolve_network(arch or "unet", encoder)
        spec = spec.with_network(name, chosen)
    if weights not in (None, *WEIGHTS):
        raise UsageError("--weights takes none or imagenet.")
    if resumed and weights not in (None, spec.weights):
        raise UsageError("--resume uses the weights of the run; leave --weights out, or start a new run.")
    spec = replace(spec, weights=weights or spec.weights)
    if base is None and (arch is not None or encoder is not None):
        spec = spec.with_size(first_size(project, records, device, pretrained=spec.is_pretrained))
    return (spec.with_size(size) if size else spec), note


def _project_network(
    project: Project, records: Sequence[PictureRecord], in_use: RunRecord | None, device: str
) -> tuple[ModelSpec, str]:
    """The network that the window would train next, and a sentence where new projects train another one, or where the
    package with its weights is missing."""
    spec, base = plan_next(project, records, in_use, device)
    missing = missing_package_text(DEFAULT_ENCODER)
    if missing and spec.is_pretrained and spec.encoder == DEFAULT_ENCODER:
        return initial_spec(project, records, device), missing
    usual = default_spec(device, spec.class_values)
    if (usual.architecture, usual.encoder) == (spec.architecture, spec.encoder):
        return spec, default_network_note(project, base)
    choice = f"--arch {usual.architecture}" + (f" --encoder {usual.encoder}" if usual.encoder else "")
    return (
        spec,
        f"It trained {spec.network_name}, the network of this project. New projects train another: {choice}",
    )
