"""Prepares a simulation: the pictures to label, the validation pictures, and the project to label them in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from core.base.errors import ProjectError, UserError
from core.project.project import PROJECT_FILE, Project
from core.project.records import PictureRecord, Split, Status
from core.project.splits.auto_split import GROUP_TAG, assign_splits, sequence_groups
from core.session.training.next_run import FACT, NextRun
from core.session.transfer.import_run import store_label


@dataclass(frozen=True, slots=True)
class SimulationSplit:
    """Labelled pictures of the source project: those to label again, and those that only validate."""

    train: tuple[PictureRecord, ...]
    validation: tuple[PictureRecord, ...]


def split_for_simulation(source: Project) -> SimulationSplit:
    """Take the split val for validation, or when it is empty about every fifth picture, keeping groups together.

    Test pictures and skipped ones are left out. Raises UserError when too few are left.
    """
    classes = source.classes.read()
    if len(classes) < 2:
        raise UserError("A simulation needs a project of at least two classes.")
    labelled = [
        r
        for r in source.pictures.labelled()
        if r.split != Split.TEST and r.status != Status.SKIPPED and r.problem is None
    ]
    if not labelled:
        raise UserError(
            "No picture of this project has a label, so there is no ground truth to simulate with. Import masks or "
            "label pictures first."
        )
    validation_ids = {r.id for r in labelled if r.split == Split.VAL}
    if not validation_ids:
        groups = sequence_groups({r.id: r.path for r in source.pictures.all()})
        groups |= {r.id: tag for r in labelled for tag in r.tags if tag.startswith(GROUP_TAG)}
        validation_ids = {
            i
            for i, split in assign_splits([(r.id, None) for r in labelled], groups).items()
            if split == "val"
        }
    split = SimulationSplit(
        tuple(r for r in labelled if r.id not in validation_ids),
        tuple(r for r in labelled if r.id in validation_ids),
    )
    if not split.validation or len(split.train) < 2:
        raise UserError(
            "A simulation needs at least two labelled pictures to work on and one for validation; there are "
            f"{len(split.train)} and {len(split.validation)}. Label more pictures, or change their splits."
        )
    painted = source.pictures.total_pixels_by_class([r.id for r in split.train])
    if len(painted.keys() & set(classes.values)) < 2:
        raise UserError(
            "The labels have fewer than two classes, so there is nothing to segment. Label a second class."
        )
    for record in (*split.train, *split.validation):
        if not source.picture_path(record.path).is_file():
            raise UserError(f"{record.path} is not in {source.folder} any more. Put it back first.")
    return split


def make_simulation_project(source: Project, home: Path, split: SimulationSplit, seed: int) -> Project:
    """Create a project in `home` over the same pictures, with the classes of `source`, the labels of its validation
    pictures, and its choices for the next run.

    seed: of training, in place of a chosen one. Raises ProjectError.
    """
    home = home.absolute()
    if (home / PROJECT_FILE).exists():
        raise ProjectError(f"{home} already holds a project. Choose a new folder for the simulation.")
    if home.is_relative_to(source.folder) or home.is_relative_to(source.home):
        raise ProjectError(f"{home} is inside the project that is simulated. Choose a folder outside it.")
    target = Project.open(source.folder, home, "maskloop simulate")
    try:
        target.classes.save(source.classes.read())
        next_run = NextRun.from_json(source.fact(FACT))
        next_run = replace(next_run, choices={**next_run.choices, "seed": str(seed)})
        target.set_fact(FACT, next_run.to_json())
        chosen = sorted((*split.train, *split.validation), key=lambda record: record.id)
        sources = {record.path: record for record in chosen}
        validation = {record.path for record in split.validation}
        for record in target.pictures.add(sources):
            original = sources[record.path]
            width, height = original.width or 0, original.height or 0
            target.pictures.set_size(record.id, width, height)
            if record.path in validation:
                truth = source.labels.read(original.id, width, height)
                store_label(target, record, truth, "Truth to judge by", "import")
                target.pictures.set_status([record.id], Status.DONE)
            target.pictures.set_split([record.id], Split.VAL if record.path in validation else Split.TRAIN)
    except BaseException:
        target.close()
        raise
    return target
