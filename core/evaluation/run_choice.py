"""Which run's network a command works with: the one in use, the newest, or one by its number. Does not import torch."""

from __future__ import annotations

from core.base.errors import ModelError
from core.models.spec import WEIGHTS_FILE
from core.project.files.home_check import is_file
from core.project.project import Project
from core.project.records import RunRecord

BEST, NEWEST = "best", "newest"


def find_run(project: Project, which: str | int | None = None) -> RunRecord:
    """The run that `which` names: "best" or None for the network in use, "newest", or a number.

    Raises ModelError when there is none, or when it has no weights.
    """
    if which in (None, BEST):
        run = project.runs.in_use()
    elif which == NEWEST:
        run = project.runs.latest_published()
    else:
        run = _numbered(project, int(which or 0))
    if run is None:
        raise ModelError("There are no trained weights yet. Train first: maskloop train --project DIR")
    if not has_weights(project, run):
        raise ModelError(
            f"The weights of run {run.id} are gone from {project.run_folder(run.id)}: the folder was deleted or "
            "moved. Put it back, or choose another run; “maskloop status” lists them."
        )
    return run


def has_weights(project: Project, run: RunRecord) -> bool:
    """Whether the file with the weights of a run is there."""
    return is_file(project.run_folder(run.id) / WEIGHTS_FILE)


def _numbered(project: Project, number: int) -> RunRecord:
    try:
        run = project.runs.get(number)
    except KeyError as unknown:
        raise ModelError(f"There is no run {number}; “maskloop status” lists them.") from unknown
    if run.is_deleted:
        raise ModelError(
            f"The files of run {number} were deleted. Choose another run; “maskloop status” lists them."
        )
    if not run.published:
        raise ModelError(
            f"Run {number} has no weights of its own: no checkpoint was better than what it started from. "
            "Choose another run; “maskloop status” lists them."
        )
    return run
