"""Copies labelled pictures into the snapshot that the worker trains on, so that the project can change meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.base.display_text import quoted
from core.base.errors import ImageError, ModelError, TrainingError
from core.base.progress import ProgressCallback
from core.images.image_reader import read_model_input, read_raster
from core.labels.label_map import Values
from core.labels.prediction import read_prediction
from core.models.spec import ModelSpec, default_spec
from core.project.content.picture_contents import check_label_fits_content
from core.project.project import Project, run_class_mapping
from core.project.records import PictureRecord, Split
from core.session.training.corrections import painted_differently
from core.session.training.input_size import first_size
from core.training.data.snapshot import TrainingSnapshot
from core.training.recipe import Recipe

MEASURED_PICTURES = 24
"""Pictures, evenly spread, in which small regions are looked for."""


def trainable_pictures(project: Project) -> list[PictureRecord]:
    """Labelled pictures of the splits train and val; training never sees the test split."""
    return [r for r in project.pictures.labelled() if r.split in (Split.TRAIN, Split.VAL)]


def check_trainable(project: Project) -> None:
    """Raises TrainingError with what is missing when there is too little to train on."""
    classes = project.classes.read()
    if len(classes) < 2:
        raise TrainingError("Training needs at least two classes. Add them, and paint a little of each.")
    seen: set[int] = set()
    held_out: set[int] = set()
    pixels = project.pictures.pixels_by_picture()
    for record in project.pictures.labelled():
        (seen if record.split == Split.TRAIN else held_out).update(pixels.get(record.id, ()))
    known = [label.name for label in classes if label.value in seen]
    if len(known) >= 2:
        return
    if len(held_out & set(classes.values)) >= 2:
        raise TrainingError(
            "Training needs labels of at least two classes in pictures of the split train; those that are labelled "
            "are in val or test. Move some of them to train."
        )
    missing = f"only {quoted(known[0])} is labelled so far" if known else "nothing is labelled so far"
    raise TrainingError(
        f"Training needs labels of at least two classes; {missing}. Paint a few strokes of each class in two or three "
        "pictures, or import masks."
    )


def initial_spec(project: Project, records: Iterable[PictureRecord], device_kind: str) -> ModelSpec:
    """The first network of a project: the default of the device, with the channels of the first readable picture, and
    an input at which labelled things do not vanish.

    device_kind: as `likely_device` returns it. Pictures with other channels are left out of the training.
    """
    records = list(records)
    spec = default_spec(device_kind, project.classes.read().values)
    spec = replace(spec, size=first_size(project, records, device_kind, pretrained=spec.is_pretrained))
    for record in records:
        try:
            raster = read_raster(project.picture_path(record.path))
        except ImageError:
            continue
        return replace(spec, channels=3 if raster.channels == 1 else raster.channels)
    return spec


def open_snapshot(folder: Path, spec: ModelSpec, recipe: Recipe) -> TrainingSnapshot:
    """The snapshot of the last training if it is compatible, so that only changes are copied; else a new one."""
    try:
        snapshot = TrainingSnapshot.open(folder)
        snapshot.reconfigure(spec, recipe)
    except (TrainingError, ModelError):
        return TrainingSnapshot.create(folder, spec, recipe)
    return snapshot


def add_to_snapshot(
    project: Project, snapshot: TrainingSnapshot, record: PictureRecord, *, measures_regions: bool = True
) -> None:
    """Copy a picture and its label into the snapshot. Raises ImageError, also when the file has other content than its
    label was made for, or TrainingError.

    measures_regions: as in `TrainingSnapshot.put`
    """
    check_label_fits_content(project, record)
    path = project.picture_path(record.path)
    picture = read_model_input(path, snapshot.spec.channels)
    height, width = picture.shape[:2]
    if (record.width, record.height) != (width, height):
        raise ImageError(f"{record.path} has another size than when it was labelled; it is left out.")
    values = project.labels.read(record.id, width, height)
    corrected = corrected_pixels(project, record.id, values) if record.split == Split.TRAIN else None
    snapshot.put(
        record.id,
        record.name,
        str(record.split),
        picture,
        values,
        corrected,
        path,
        measures_regions=measures_regions,
    )


def corrected_pixels(project: Project, picture_id: int, values: Values) -> NDArray[np.bool_] | None:
    """(H, W) bool: pixels that a person painted as another class than the newest prediction; None without a prediction.

    values: the label, (H, W) uint8
    """
    try:
        mask = read_prediction(project.prediction_path(picture_id))
        mapping = run_class_mapping(project, mask.run_id)
    except (ImageError, KeyError):
        return None  # the cache may have been deleted: then all pixels weigh the same
    if mask.values.shape != values.shape:
        return None
    return painted_differently(project, picture_id, values, mask.remapped(mapping).values)


def update_snapshot(
    project: Project,
    snapshot: TrainingSnapshot,
    records: list[PictureRecord],
    outdated: Sequence[PictureRecord] | None = None,
    progress: ProgressCallback | None = None,
) -> list[str]:
    """Make the snapshot hold exactly `records`; only the `outdated` ones are copied again, or all when that is None.

    Returns a sentence for each picture that had to be left out. Raises TrainingError when that was every picture.
    """
    problems: list[str] = []
    for removed in set(snapshot.entries()) - {record.id for record in records}:
        snapshot.remove(removed)
    outdated = records if outdated is None else outdated
    measured = {record.id for record in records[:: max(1, len(records) // MEASURED_PICTURES)]}
    for done, record in enumerate(outdated):
        try:
            add_to_snapshot(project, snapshot, record, measures_regions=record.id in measured)
        except ImageError as problem:
            snapshot.remove(record.id)
            problems.append(str(problem))
        if progress:
            progress(done + 1, len(outdated))
    if problems and not snapshot.entries():
        raise TrainingError(problems[0])
    return problems
