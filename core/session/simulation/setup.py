"""Who plays what in a simulation: the pictures a robot works on, those that judge, and the project it works in."""

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
    """Which labelled pictures of the source the robot works on, and which only judge."""

    train: tuple[PictureRecord, ...]
    validation: tuple[PictureRecord, ...]


def split_for_simulation(source: Project) -> SimulationSplit:
    """Pictures of the split val judge. Without any, about each fifth does, whole groups where the program would
    divide so; pictures of the split test and skipped ones take no part. Raises UserError when that is too little."""
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
            "No picture of this project carries a label, so the robot does not know what is true. Import masks, or "
            "label pictures first."
        )
    judging = {r.id for r in labelled if r.split == Split.VAL}
    if not judging:
        groups = sequence_groups({r.id: r.path for r in source.pictures.all()})
        groups |= {r.id: tag for r in labelled for tag in r.tags if tag.startswith(GROUP_TAG)}
        judging = {
            i
            for i, split in assign_splits([(r.id, None) for r in labelled], groups).items()
            if split == "val"
        }
    cast = SimulationSplit(
        tuple(r for r in labelled if r.id not in judging), tuple(r for r in labelled if r.id in judging)
    )
    if not cast.validation or len(cast.train) < 2:
        raise UserError(
            f"The robot needs at least two labelled pictures to work on and one to judge by; there are "
            f"{len(cast.train)} and {len(cast.validation)}. Label more pictures, or change their splits."
        )
    painted = source.pictures.total_pixels_by_class([r.id for r in cast.train])
    if len(painted.keys() & set(classes.values)) < 2:
        raise UserError("The labels hold fewer than two classes, so there is nothing to tell apart.")
    for record in (*cast.train, *cast.validation):
        if not source.picture_path(record.path).is_file():
            raise UserError(f"{record.path} is not in {source.folder} any more. Put it back first.")
    return cast


def make_simulation_project(source: Project, home: Path, cast: SimulationSplit, seed: int) -> Project:
    """A project in the folder `home` over the same pictures, read where they are: the same classes and network, the
    labels of the judges, nothing else. Raises ProjectError."""
    home = home.absolute()
    if (home / PROJECT_FILE).exists():
        raise ProjectError(f"{home} already holds a project. Choose a new folder for the robot's.")
    if home.is_relative_to(source.folder) or home.is_relative_to(source.home):
        raise ProjectError(
            f"{home} lies in the project that is only looked at. Choose a folder outside for the robot's."
        )
    robots = Project.open(source.folder, home, "maskloop simulate")
    try:
        robots.classes.save(source.classes.read())
        wish = NextRun.from_json(source.fact(FACT))
        wish = replace(wish, choices={"seed": str(seed), **wish.choices})
        robots.set_fact(FACT, wish.to_json())
        chosen = sorted((*cast.train, *cast.validation), key=lambda record: record.id)
        theirs = {record.path: record for record in chosen}
        judges = {record.path for record in cast.validation}
        for record in robots.pictures.add(theirs):
            was = theirs[record.path]
            width, height = was.width or 0, was.height or 0
            robots.pictures.set_size(record.id, width, height)
            if record.path in judges:
                truth = source.labels.read(was.id, width, height)
                store_label(robots, record, truth, "Truth to judge by", "import")
                robots.pictures.set_status([record.id], Status.DONE)
            robots.pictures.set_split([record.id], Split.VAL if record.path in judges else Split.TRAIN)
    except BaseException:
        robots.close()
        raise
    return robots
