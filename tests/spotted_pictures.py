"""Pictures of two halves with spots of a third kind, for corrections that are spread: real files and their truth."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.labels.class_list import ClassList
from core.project.project import Project

SIZE = (192, 128)
"""(width, height)"""
SPOTS = ((30, 30), (70, 95), (40, 70), (130, 35), (165, 90))
"""Centres of the spots of each picture as x, y, but for what `seed` moves them."""
RADIUS = 11


def spots(seed: int = 0) -> list[tuple[int, int]]:
    """Centres as x, y."""
    rng = np.random.default_rng(seed)
    return [(x + int(rng.integers(-4, 5)), y + int(rng.integers(-4, 5))) for x, y in SPOTS]


def spotted_truth(seed: int = 0) -> NDArray[np.uint8]:
    """(128, 192) uint8: class 1 left, 2 right, 3 in the spots."""
    values = np.ones(SIZE[::-1], np.uint8)
    values[:, SIZE[0] // 2 :] = 2
    for centre in spots(seed):
        cv2.circle(values, centre, RADIUS, 3, -1)
    return values


def spotted_picture(seed: int = 0) -> NDArray[np.uint8]:
    """(128, 192, 3) uint8: green left, red right, blue spots, with noise."""
    colours = np.array([(0, 0, 0), (30, 90, 40), (200, 80, 70), (60, 90, 190)], np.int16)
    noise = np.random.default_rng(100 + seed).integers(-20, 21, (*SIZE[::-1], 3))
    return np.clip(colours[spotted_truth(seed)] + noise, 0, 255).astype(np.uint8)


def spotted_project(folder: Path, count: int = 2) -> Project:
    """An open project of the classes grass, roof and pond over p0.png ..., whose sizes are known."""
    folder.mkdir(parents=True)
    for number in range(count):
        Image.fromarray(spotted_picture(number)).save(folder / f"p{number}.png")
    project = Project.open(folder, purpose="a test")
    classes = ClassList()
    for name in ("grass", "roof", "pond"):
        classes = classes.with_class(name)
    project.classes.save(classes)
    for record in project.pictures.add(f"p{number}.png" for number in range(count)):
        project.pictures.set_size(record.id, *SIZE)
    return project
