"""Mask files of a dataset that was imported in place: they are not pictures to label."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from core.formats.dataset_types import Dataset
from core.project.project import Project
from core.project.records import PictureRecord, Status

FACT = "masks"
"""Name of the fact in the project file that holds `ExcludedPaths` as JSON."""


@dataclass(frozen=True, slots=True)
class ExcludedPaths:
    """Folders, with everything below them, and single files, relative to the project's folder."""

    folders: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()

    def excludes(self, path: str) -> bool:
        return path in self.files or any(
            str(folder) in self.folders for folder in PurePosixPath(path).parents
        )


def read_excluded(project: Project) -> ExcludedPaths:
    """The masks of earlier imports; none when the stored fact is damaged."""
    try:
        stored = json.loads(project.fact(FACT) or "{}")
        return ExcludedPaths(frozenset(map(str, stored["folders"])), frozenset(map(str, stored["files"])))
    except (ValueError, KeyError, TypeError):
        return ExcludedPaths()


def exclude_masks(project: Project, dataset: Dataset, known: Iterable[PictureRecord]) -> list[int]:
    """Store which files in the project's folder are masks of `dataset`.

    A folder without pictures is stored as a whole, other masks file by file. Masks that are in the picture list
    already, as new pictures without a label, are marked as skipped. Returns their ids.
    """
    masks, pictures = _inside(project, dataset)
    if not masks:
        return []
    with_pictures = {folder for name in pictures for folder in map(str, PurePosixPath(name).parents)}
    folders = {str(PurePosixPath(name).parent) for name in masks} - with_pictures
    before = read_excluded(project)
    files = {name for name in masks if str(PurePosixPath(name).parent) not in folders}
    excluded = ExcludedPaths(before.folders | folders, before.files | files)
    if excluded != before:
        content = {"folders": sorted(excluded.folders), "files": sorted(excluded.files)}
        project.set_fact(FACT, json.dumps(content, ensure_ascii=False))
    listed = [
        r.id for r in known if r.status == Status.NEW and not r.is_labelled and excluded.excludes(r.path)
    ]
    for start in range(0, len(listed), 500):
        project.pictures.set_status(listed[start : start + 500], Status.SKIPPED)
    return listed


def _inside(project: Project, dataset: Dataset) -> tuple[set[str], set[str]]:
    """Relative paths of the masks and of the pictures of a dataset that are in the project's folder."""
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
