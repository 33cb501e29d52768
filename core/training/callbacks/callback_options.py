"""What listens to a training, as it is asked for. Does not import torch."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from core.labels.class_list import LabelClass

NO_TENSORBOARD_TEXT = "TensorBoard needs another package. Install it with: pip install tensorboard"


@dataclass(frozen=True, slots=True)
class CallbackOptions:
    """Beside the two logs that every run has in its folder.

    classes: of the project, for names and colours
    tensorboard: the folder for event files; csv, json_lines: further files for the logs
    command: run after each evaluation, see `core.training.callbacks.own_command`. It comes from the command line or the
    settings of the person and from nowhere else: what a project file or a recipe says must not be run
    command_folder: where it runs; waits: whether the end of a training waits for it
    """

    classes: tuple[LabelClass, ...] = ()
    tensorboard: Path | None = None
    csv: Path | None = None
    json_lines: Path | None = None
    command: str = ""
    command_folder: Path | None = None
    waits: bool = False


NO_CALLBACKS = CallbackOptions()


def has_tensorboard() -> bool:
    """Whether the package is installed; it is not imported."""
    return importlib.util.find_spec("tensorboard") is not None
