"""Options that several commands take, and what those have in common that open a project to learn or to predict."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from core.cli.terminal import UsageError, open_for_writing
from core.models.spec import TTA_MODES
from core.project.project import Project, find_home
from core.training.distributed_config import DistributedConfig
from core.training.recipe import Recipe

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


def open_existing(where: Path, purpose: str) -> Project:
    """Open for writing, but never make a project: there would be nothing in it to learn from."""
    find_home(where)
    return open_for_writing(where, None, purpose)


def scale_batch(recipe: Recipe, spread: DistributedConfig) -> Recipe:
    """With a batch of which every process gets as many pictures. Raises WrongUseError."""
    if spread.world_size > 1 and ":" in recipe.device:
        raise UsageError(f"--device {recipe.device} names a single device; leave the number out.")
    return replace(recipe, batch=-(-recipe.batch // spread.world_size) * spread.world_size)
