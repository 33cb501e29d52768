"""Files that show a picture, its label, its prediction and their difference beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.base.errors import UserError
from core.base.progress import ProgressCallback
from core.evaluation.report.picture_strip import LARGE, as_jpeg, picture_strip
from core.images.image_reader import read_picture
from core.labels.prediction import read_prediction
from core.project.project import Project, run_class_mapping
from core.project.records import PictureRecord, RunRecord


def check_strip_folder(folder: Path, home: Path) -> None:
    """Raises UserError when no files may be written to `folder`. home: of the project, where nothing else belongs."""
    place = folder.resolve()
    if place.exists() and not place.is_dir():
        raise UserError(f"{folder} is not a folder. Choose one for the strips.")
    if place == home.parent or place.is_relative_to(home):
        raise UserError(
            f"{folder} belongs to the project, where the strips would be added. Choose another folder."
        )


def write_strips(
    project: Project,
    run: RunRecord,
    records: Sequence[PictureRecord],
    folder: Path,
    progress: ProgressCallback | None = None,
) -> None:
    """Write a JPEG for each of `records`, pictures with a stored prediction of `run`, in the folders of the pictures.

    Unlabelled pixels are grey in label and difference. Raises UserError when the disk refuses, ImageError when a
    picture or prediction cannot be read.
    """
    classes, table = project.classes.read(), run_class_mapping(project, run.id)
    for done, record in enumerate(records, 1):
        mask = read_prediction(project.prediction_path(record.id)).remapped(table)
        height, width = mask.values.shape
        label = project.labels.read(record.id, width, height)
        picture = read_picture(project.picture_path(record.path))
        strip = picture_strip(picture, label, mask.values, classes, LARGE)
        target = folder / f"{record.path}.jpg"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(as_jpeg(strip))
        except OSError as problem:
            raise UserError(f"{target} cannot be written: {problem.strerror or problem}.") from problem
        if progress:
            progress(done, len(records))
