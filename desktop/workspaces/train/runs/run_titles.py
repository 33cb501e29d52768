"""What runs and their states are called, and which of them are offered where weights are needed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from core.base.errors import MaskloopError
from core.evaluation.run_summary import RunSummary
from core.models.catalogue import architecture_title
from core.project.records import RunRecord

RUN_STATES = {"running": "Running", "finished": "Finished", "stopped": "Stopped", "failed": "Failed",
              "deleted": "Deleted", "gone": "Files gone"}  # fmt: skip
"""Titles of the states of runs."""
MISSING = {
    "deleted": "The files of this run were deleted.",
    "gone": "The weights of this run are gone from the folder of the project. Put them back to use it.",
}
"""Why a run has no weights any more, by state."""


def network_title(run: RunRecord) -> str:
    """Network and encoder for people, as `architecture_title`; “a network” when they cannot be read."""
    try:
        raw = json.loads(run.model)
        return architecture_title(raw["architecture"], raw.get("encoder"))
    except (MaskloopError, ValueError, KeyError, TypeError):
        return "a network"


def runs_with_weights(runs: Sequence[RunSummary]) -> list[tuple[int, str]]:
    """(number, title) of those that can be evaluated."""
    return [
        (run.record.id, f"Run {run.record.id}, {network_title(run.record)}")
        for run in runs
        if run.has_weights
    ]


def left_out_text(runs: Sequence[RunSummary]) -> str:
    """Why the others are not offered; empty where there are none."""
    count = Counter(run.state for run in runs if not run.has_weights)
    ended = count.total() - count["running"] - sum(count[state] for state in MISSING)
    parts = (
        (count["running"], "still training"),
        (ended, "never became better than the network before"),
        (count["deleted"], "with deleted files"),
        (count["gone"], "whose weights are gone from the folder of the project"),
    )
    found = [f"{number:,} {why}" for number, why in parts if number]
    return f"Runs without weights are not listed: {', '.join(found)}." if found else ""
