"""Which pictures teach the live head, and what of them."""

from __future__ import annotations

from pathlib import Path

from core.labels.label_map import Values
from core.live.labelled_pixels import MAX_PICTURE_PIXELS, NO_PIXELS, LabelledPixels, sample_labelled_pixels
from core.live.live_messages import LearnCommand, PackedPixels
from core.project.project import Project
from core.project.records import PictureRecord, Split

MAX_LEARNT = 60
"""Labelled pictures that the first answer of a session learns from, evenly spread over all."""


def is_usable(record: PictureRecord) -> bool:
    """Whether its label belongs to its file, and live prediction takes pictures of its size."""
    pixels = (record.width or 0) * (record.height or 0)
    return 0 < pixels <= MAX_PICTURE_PIXELS and not record.is_replaced


def may_teach(record: PictureRecord) -> bool:
    # Pictures of val and test are what heads are measured on.
    return record.split in (None, Split.TRAIN) and is_usable(record)


def first_pictures(project: Project, shown: int) -> tuple[int, ...]:
    """Ids of labelled pictures that a new process learns."""
    records = [r for r in project.pictures.labelled() if may_teach(r) and r.id != shown]
    return tuple(record.id for record in records[:: max(1, -(-len(records) // MAX_LEARNT))])


def known_pixels(project: Project, pixels: LabelledPixels) -> LabelledPixels:
    """Without those of classes that are gone: the label on screen may not have been read again yet."""
    return pixels.of_classes(project.classes.read().values)


def learn_command(project: Project, picture_id: int) -> LearnCommand:
    """The labelled pixels of a picture; none for one that must not teach."""
    record = project.pictures.get(picture_id)
    pixels = NO_PIXELS
    if may_teach(record):
        pixels = known_pixels(project, sample_labelled_pixels(read_label(project, record)))
    path = project.picture_path(record.path) if len(pixels.values) else Path(record.path)
    return LearnCommand(picture_id, path, PackedPixels.pack(pixels))


def read_label(project: Project, record: PictureRecord) -> Values:
    """(H, W) uint8 class values of a picture whose size is known."""
    assert record.width is not None
    assert record.height is not None
    return project.labels.read(record.id, record.width, record.height)
