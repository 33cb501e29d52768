"""What a report says before the scores when the runs belong to an experiment: its steps, published scores, targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.errors import MaskloopError
from core.images.image_reader import read_picture
from core.labels.class_list import ClassList
from core.project.project import Project
from core.project.records import Split
from core.training.experiments.experiment import Experiment, ReferenceScores

PLANES_SHOWN = 12
"""Planes of a one-hot target at the most; those of classes that do not occur in the picture are not shown."""
_SIDE = 132
"""Long side of a plane in pixels."""


@dataclass(frozen=True, slots=True)
class OneHotPlane:
    """png: a plane of the target, white where the class is; the picture itself under the name “input”."""

    name: str
    png: bytes


@dataclass(frozen=True, slots=True)
class Introduction:
    """title, steps, references: of the experiment; network_titles: by number of the run
    planes: the one-hot target of a picture, empty where it is not shown; path: of that picture
    notes: what was done differently, in sentences
    """

    title: str
    steps: tuple[str, ...]
    references: tuple[ReferenceScores, ...]
    network_titles: Mapping[int, str]
    planes: tuple[OneHotPlane, ...] = ()
    path: str = ""
    notes: tuple[str, ...] = ()


def introduce(
    project: Project, experiment: Experiment, network_titles: Mapping[int, str], notes: Sequence[str] = ()
) -> Introduction:
    """The introduction of a report on the runs of an experiment, whose pictures are those of the project."""
    path = ""
    planes: tuple[OneHotPlane, ...] = ()
    if experiment.shows_one_hot:
        path, planes = _example(project)
    return Introduction(
        experiment.title, experiment.steps, experiment.references, network_titles, planes, path, tuple(notes)
    )


def _example(project: Project) -> tuple[str, tuple[OneHotPlane, ...]]:
    """The first picture whose label can be read, and its planes."""
    for record in project.pictures.labelled(Split.TRAIN):
        try:
            label = project.labels.read(record.id, record.width or 0, record.height or 0)
            picture = read_picture(project.picture_path(record.path))
        except MaskloopError:
            continue
        return record.path, _planes(picture, label, project.classes.read())
    return "", ()


def _planes(
    picture: NDArray[np.uint8], label: NDArray[np.uint8], classes: ClassList
) -> tuple[OneHotPlane, ...]:
    """picture: (H, W, 3) RGB; label: (H, W) class values"""
    height, width = label.shape
    scale = min(_SIDE / max(width, height), 1.0)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(picture[..., :3], size, interpolation=cv2.INTER_AREA)
    reduced = cv2.resize(label, size, interpolation=cv2.INTER_NEAREST)
    planes = [OneHotPlane("input", _png(cv2.cvtColor(small, cv2.COLOR_RGB2BGR)))]
    occurring = [(number, each) for number, each in enumerate(classes) if (reduced == each.value).any()]
    for number, each in occurring[:PLANES_SHOWN]:
        plane = (reduced == each.value).astype(np.uint8) * 255
        planes.append(OneHotPlane(f"{number} {each.name}", _png(plane)))
    return tuple(planes)


def _png(pixels: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()
