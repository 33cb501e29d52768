"""What the user has chosen for the next training of a project, and which weights it then starts from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from core.base.errors import ModelError, TrainingError
from core.models.catalogue import resolve_network
from core.models.spec import WEIGHTS, ModelSpec, spec_from_base
from core.project.project import Project
from core.project.records import PictureRecord, RunRecord
from core.session.training.snapshot_builder import initial_spec
from core.training.device_probe import likely_device
from core.training.recipe import Recipe, default_recipe, parse_recipe_options

FACT = "next_run"
"""Name of the fact in the project file that holds the wish as JSON."""


@dataclass(frozen=True, slots=True)
class NextRun:
    """architecture None: the network of the newest run, or the usual one for the device; size None: likewise.

    weights: what an encoder starts from that was not trained here yet, "none" or "imagenet"
    choices: how it learns, in words by name of the field of `core.training.recipe.TABLE`, as far as that is not left
    to the program
    """

    architecture: str | None = None
    encoder: str | None = None
    weights: str = "none"
    size: int | None = None
    choices: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | None) -> NextRun:
        """The wish that `to_json` wrote. One that is missing, damaged or of another version wishes for nothing."""
        try:
            raw: Mapping[str, Any] = json.loads(text or "{}")
            size = raw.get("size")
            wish = cls(
                raw.get("architecture"),
                raw.get("encoder"),
                raw.get("weights", "none"),
                size and int(size),
                {str(name): str(text) for name, text in raw.get("choices", {}).items()},
            )
            parse_recipe_options(wish.choices)
            if wish.architecture is not None:
                resolve_network(wish.architecture, wish.encoder)
            return wish if wish.weights in WEIGHTS else replace(wish, weights="none")
        except (ValueError, TypeError, AttributeError, KeyError, ModelError, TrainingError):
            return cls()


def plan_next(
    project: Project, records: Iterable[PictureRecord], newest: RunRecord | None, device: str
) -> tuple[ModelSpec, RunRecord | None]:
    """The network of the next training, and the run whose weights it starts from.

    That is the newest run of this very network, so that going back to one goes on where it was; None when it was
    never trained here. `records`: what it will learn from; `newest`: the run that predicts now; device: of the
    settings. Raises ModelError.
    """
    wish = NextRun.from_json(project.fact(FACT))
    values = project.classes.read().values
    base = (
        newest
        if wish.architecture is None
        else _newest_run_of(project, *resolve_network(wish.architecture, wish.encoder))
    )
    if base is not None:
        now = project.classes.mapping_since(base.after_move_id)
        spec = spec_from_base(spec_of(base), values, now.tolist())
    else:
        spec = initial_spec(project, records, likely_device(device))
        if wish.architecture is not None:
            architecture, encoder = resolve_network(wish.architecture, wish.encoder)
            weights = wish.weights if encoder else "none"
            spec = replace(spec, architecture=architecture, encoder=encoder, weights=weights)
    return replace(spec, size=wish.size or spec.size), base


def next_recipe(project: Project, minutes: float, device: str) -> Recipe:
    """How the next training learns: as is usual on a device (of the settings) for so many minutes, but for what was
    chosen for this project."""
    said = parse_recipe_options(NextRun.from_json(project.fact(FACT)).choices)
    return replace(default_recipe(likely_device(device)), minutes=minutes, device=device).with_changes(said)


def spec_of(run: RunRecord) -> ModelSpec:
    """Raises ModelError when the run's description is damaged."""
    try:
        return ModelSpec.from_json(json.loads(run.model))
    except ValueError as problem:
        raise ModelError(f"The description of run {run.id} is damaged ({problem}).") from problem


def _newest_run_of(project: Project, architecture: str, encoder: str | None) -> RunRecord | None:
    for run in project.runs.all():
        if run.published and project.run_folder(run.id).is_dir():
            spec = spec_of(run)
            if (spec.architecture, spec.encoder) == (architecture, encoder):
                return run
    return None
