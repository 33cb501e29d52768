"""Mask files of a dataset that was imported where it lies: they are no pictures to label."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from core.formats.dataset_types import Dataset
from core.project.project import Project
from core.project.records import PictureRecord, Status

FACT = "masks"


@dataclass(frozen=True, slots=True)
class ExcludedPaths:
    """Folders (with all below them) and single files, relative to the project's folder."""

    folders: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()

    def excludes(self, path: str) -> bool:
        return path in self.files or any(
            str(folder) in self.folders for folder in PurePosixPath(path).parents
        )


def read_excluded(project: Project) -> ExcludedPaths:
    """What earlier imports set aside. A fact that cannot be understood sets nothing aside."""
    try:
        said = json.loads(project.fact(FACT) or "{}")
        return ExcludedPaths(frozenset(map(str, said["folders"])), frozenset(map(str, said["files"])))
    except (ValueError, KeyError, TypeError):
        return ExcludedPaths()


def exclude_masks(project: Project, dataset: Dataset, known: Iterable[PictureRecord]) -> list[int]:
    """Note the masks of a dataset that lies in the project's folder: by folder where no picture lies in it, else file
    by file. Those that were taken for pictures before, and carry no label, are marked as skipped; returns their ids."""
    masks, pictures = _inside(project, dataset)
    if not masks:
        return []
    kept = {folder for name in pictures for folder in map(str, PurePosixPath(name).parents)}
    folders = {str(PurePosixPath(name).parent) for name in masks} - kept
    before = read_excluded(project)
    files = {name for name in masks if str(PurePosixPath(name).parent) not in folders}
    aside = ExcludedPaths(before.folders | folders, before.files | files)
    if aside != before:
        content = {"folders": sorted(aside.folders), "files": sorted(aside.files)}
        project.set_fact(FACT, json.dumps(content, ensure_ascii=False))
    idle = [r.id for r in known if r.status == Status.NEW and not r.is_labelled and aside.excludes(r.path)]
    for start in range(0, len(idle), 500):
        project.pictures.set_status(idle[start : start + 500], Status.SKIPPED)
    return idle


def _inside(project: Project, dataset: Dataset) -> tuple[set[str], set[str]]:
    """Names of masks and of pictures that lie in the project's folder."""
    masks = {path for sample in dataset.samples for path in sample.sources}
    pictures = {sample.picture for sample in dataset.samples}
    masks, pictures = (
        {path for path in paths if path.is_relative_to(project.folder)}
        for paths in (masks - pictures, pictures)
    )
    return (
        {path.relative_to(project.folder).as_posix() for path in masks},
        {path.relative_to(project.folder).as_posix() for path in pictures},
    )
