"""Options shared by several commands, and helpers for commands that train or predict."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from core.base.errors import ModelError
from core.cli.terminal import UsageError, open_for_writing
from core.evaluation.run_choice import BEST, NEWEST
from core.models.spec import TTA_MODES, parse_input_size
from core.project.project import Project, find_home
from core.training.distributed_config import DistributedConfig
from core.training.recipe import Recipe

ProjectOption = Annotated[
    Path, typer.Option("--project", help="The folder of pictures, or the project folder itself.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def _device(device: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", device):
        raise typer.BadParameter("choose auto, cpu, cuda, cuda:0 (the first of several), or mps.")
    return device


DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.", callback=_device)]


def _tta(tta: str) -> str:
    if tta not in TTA_MODES:
        raise typer.BadParameter(f"choose one of {', '.join(TTA_MODES)}.")
    return tta


def _strategy(strategy: str) -> str:
    if strategy not in ("auto", "ddp"):
        raise typer.BadParameter("choose auto or ddp.")
    return strategy


TtaOption = Annotated[
    str,
    typer.Option(
        help="Test-time augmentation: average predictions over none, flip, scales or all.", callback=_tta
    ),
]
DevicesOption = Annotated[
    int, typer.Option(min=1, help="Number of devices per machine, with a process for each.")
]
NodesOption = Annotated[
    int, typer.Option(min=1, help="Number of machines; all need access to the project folder.")
]
StrategyOption = Annotated[
    str, typer.Option(help="Strategy for several processes: auto or ddp.", callback=_strategy)
]


def parse_run(run: str | None) -> str | None:
    """A run as `core.evaluation.run_choice.find_run` takes it. Raises BadParameter."""
    if run is not None and run not in (BEST, NEWEST) and not re.fullmatch(r"[0-9]{1,9}", run):
        raise typer.BadParameter("choose best (the network in use), newest, or the number of a run.")
    return run


def check_input_size(text: str | None) -> str | None:
    """An input size as `parse_input_size` takes it. Raises BadParameter."""
    try:
        if text is not None:
            parse_input_size(text)
    except ModelError as problem:
        raise typer.BadParameter(str(problem)) from problem
    return text


RunOption = Annotated[
    str | None,
    typer.Option(
        "--run",
        metavar="RUN",
        help="Use the weights of this run: best (the network in use, default), newest, or its number.",
        callback=parse_run,
    ),
]


def open_existing(where: Path, purpose: str) -> Project:
    """Open an existing project for writing. Raises ProjectError if there is none; none is created."""
    find_home(where)
    return open_for_writing(where, None, purpose)


def scale_batch(recipe: Recipe, distribution: DistributedConfig) -> Recipe:
    """The recipe with the batch size rounded up to a multiple of the number of processes. Raises UsageError."""
    if distribution.world_size > 1 and ":" in recipe.device:
        raise UsageError(f"--device {recipe.device} names a single device; omit the number.")
    return replace(recipe, batch=-(-recipe.batch // distribution.world_size) * distribution.world_size)
