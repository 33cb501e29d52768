"""The network, recipe and starting weights of the next training, as chosen in a project."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from core.base.errors import ModelError, TrainingError
from core.models.catalogue import resolve_network
from core.models.networks.packaged_weights import missing_package_text
from core.models.spec import DEFAULT_ENCODER, WEIGHTS, InputSize, ModelSpec, spec_from_base
from core.project.project import Project, run_class_mapping
from core.project.records import PictureRecord, RunRecord
from core.session.training.input_size import first_size
from core.session.training.snapshot_builder import initial_spec
from core.training.callbacks.callback_options import CallbackOptions
from core.training.device_probe import likely_device
from core.training.recipe import Recipe, default_recipe, parse_recipe_options
from core.training.scoring.incumbent import Incumbent

FACT = "next_run"
"""Name of the fact in the project file that holds a `NextRun` as JSON."""


@dataclass(frozen=True, slots=True)
class NextRun:
    """What was chosen for the next training. Stored as JSON by field name.

    architecture, size: None for those of the network in use, or the default of the device
    weights: what an encoder starts from that was never trained in this project, "none" or "imagenet"
    tensorboard: whether event files are written, in the folder of the run
    choices: recipe options as text, by field name of `core.training.recipe.Recipe`; the others have their defaults
    """

    architecture: str | None = None
    encoder: str | None = None
    weights: str = "none"
    size: InputSize | None = None
    choices: Mapping[str, str] = field(default_factory=dict)
    tensorboard: bool = False

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | None) -> NextRun:
        """Read what `to_json` wrote. Defaults when that is missing, damaged or of another version."""
        try:
            raw: Mapping[str, Any] = json.loads(text or "{}")
            chosen = cls(
                raw.get("architecture"),
                raw.get("encoder"),
                raw.get("weights", "none"),
                _stored_size(raw.get("size")),
                {str(name): str(text) for name, text in raw.get("choices", {}).items()},
                raw.get("tensorboard") is True,
            )
            parse_recipe_options(chosen.choices)
            if chosen.architecture is not None:
                resolve_network(chosen.architecture, chosen.encoder)
            return chosen if chosen.weights in WEIGHTS else replace(chosen, weights="none")
        except (ValueError, TypeError, AttributeError, KeyError, ModelError, TrainingError):
            return cls()


def _stored_size(raw: Any) -> InputSize | None:
    if isinstance(raw, list):
        width, height = raw
        return int(width), int(height)
    return int(raw) if raw else None


def plan_next(
    project: Project, records: Iterable[PictureRecord], in_use: RunRecord | None, device: str
) -> tuple[ModelSpec, RunRecord | None]:
    """The network of the next training, and the run whose weights it starts from, None for new weights.

    That is the run in use, or the newest run of the chosen network, so that an earlier network resumes where it was;
    it must have started from the chosen weights as well.
    records: to train on; in_use: the run that predicts now; device: as in the settings. Raises ModelError.
    """
    chosen = NextRun.from_json(project.fact(FACT))
    values = project.classes.read().values
    base = (
        in_use
        if chosen.architecture is None
        else _run_of(
            project,
            in_use,
            *resolve_network(chosen.architecture, chosen.encoder),
            weights=chosen.weights,
        )
    )
    if base is not None:
        mapping = project.classes.mapping_since(base.after_move_id)
        spec = spec_from_base(spec_of(base), values, mapping.tolist())
    else:
        records = list(records)
        spec = initial_spec(project, records, likely_device(device))
        if chosen.architecture is not None:
            architecture, encoder = resolve_network(chosen.architecture, chosen.encoder)
            spec = spec.with_network(architecture, encoder, chosen.weights if encoder else "none")
            kind = likely_device(device)
            spec = replace(spec, size=first_size(project, records, kind, pretrained=spec.is_pretrained))
    return spec.with_size(chosen.size or spec.chosen_size), base


def default_network_note(project: Project, base: RunRecord | None) -> str:
    """A sentence when a new default network has to do without its pretrained weights; else empty.

    base: the run whose weights the next training starts from
    """
    is_chosen = NextRun.from_json(project.fact(FACT)).architecture is not None
    return "" if is_chosen or base is not None else missing_package_text(DEFAULT_ENCODER)


def other_weights_note(project: Project, base: RunRecord | None) -> str:
    """A sentence when the chosen network was trained before, but from other weights than were chosen; else empty.

    base: the run whose weights the next training starts from
    """
    chosen = NextRun.from_json(project.fact(FACT))
    if base is not None or chosen.architecture is None:
        return ""
    other = _run_of(project, None, *resolve_network(chosen.architecture, chosen.encoder))
    if other is None:
        return ""
    if chosen.weights == "imagenet":
        return f"This training starts from ImageNet weights; run {other.id} of this network started from random ones."
    return f"This training starts from random weights; run {other.id} of this network started from ImageNet weights."


def next_recipe(project: Project, minutes: float, device: str, spec: ModelSpec) -> Recipe:
    """The recipe of the next training: the defaults for device and network, and the options chosen in this project.

    minutes, device: as in the settings; spec: the network. Raises TrainingError.
    """
    chosen = parse_recipe_options(NextRun.from_json(project.fact(FACT)).choices)
    default = default_recipe(likely_device(device), pretrained=spec.is_pretrained, size=spec.size)
    return replace(default, minutes=minutes, device=device).with_changes(chosen)


def chosen_callbacks(project: Project, run_folder: Path, command: str) -> CallbackOptions:
    """What listens to the next training. command: from the settings of the person, as a project must not name one; it
    runs in the person's own folder, where no project can put a program of that name"""
    wants_tensorboard = NextRun.from_json(project.fact(FACT)).tensorboard
    return CallbackOptions(
        project.classes.read().classes,
        tensorboard=run_folder.absolute() if wants_tensorboard else None,
        command=command.strip(),
        command_folder=Path.home(),
    )


def spec_of(run: RunRecord) -> ModelSpec:
    """The network of a run. Raises ModelError when its description is damaged."""
    try:
        return ModelSpec.from_json(json.loads(run.model))
    except ValueError as problem:
        raise ModelError(f"The description of run {run.id} is damaged ({problem}).") from problem


def incumbent_of(
    project: Project, in_use: RunRecord | None, base: RunRecord | None, spec: ModelSpec
) -> Incumbent | None:
    """The network in use, for a training that has to beat it; None where there is none, or where the training starts
    from it with the same input, and so compares with it anyway. Raises ModelError."""
    if in_use is None or not project.run_folder(in_use.id).is_dir():
        return None
    known = spec_of(in_use)
    if base is not None and base.id == in_use.id and known.chosen_size == spec.chosen_size:
        return None
    mapping = run_class_mapping(project, in_use.id)
    folder = project.run_folder(in_use.id).absolute()
    return Incumbent(in_use.id, folder, tuple(int(mapping[value]) for value in known.class_values))


def _run_of(
    project: Project,
    in_use: RunRecord | None,
    architecture: str,
    encoder: str | None,
    *,
    weights: str | None = None,
) -> RunRecord | None:
    """weights: that the encoder started from, None for any"""
    for run in [*([in_use] if in_use else []), *project.runs.all()]:
        if run.published and project.run_folder(run.id).is_dir():
            spec = spec_of(run)
            is_same = (spec.architecture, spec.encoder) == (architecture, encoder)
            if is_same and (encoder is None or weights in (None, spec.weights)):
                return run
    return None
