"""A picture rotated by its EXIF orientation is the same for display, training and prediction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from core.images.image_reader import read_raster
from core.images.pyramid import Pyramid
from core.models.checkpoint import LoadedModel
from core.models.inference import predict, predict_file
from core.models.network_builder import build_network
from core.models.spec import ModelSpec
from core.project.project import Project
from core.project.records import Split
from core.session.training.snapshot_builder import add_to_snapshot
from core.training.data.snapshot import TrainingSnapshot
from core.training.recipe import Recipe
from tests.factories import label_all, picture, project_in

SPEC = ModelSpec("asymmetric-unet", None, "none", 96, (1, 2))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_display_training_and_prediction_see_the_same_upright_picture(
    tmp_path: Path, orientation: int
) -> None:
    project_in(tmp_path / "pictures", count=1).close()
    path = tmp_path / "pictures" / "p0.png"
    # Stored in such a way that it stands upright, 96 wide, once its EXIF is heard.
    upright = picture()
    exif = Image.Exif()
    exif[0x0112] = orientation
    turns = {5: 5, 6: 8, 7: 7, 8: 6}  # what turns back
    back = Image.Exif()
    back[0x0112] = turns.get(orientation, orientation)
    lying = Image.fromarray(upright)
    lying.info["exif"] = back.tobytes()
    Image.fromarray(np.asarray(ImageOps.exif_transpose(lying))).save(path, exif=exif)
    with Image.open(path) as stored:
        assert (stored.size == (96, 64)) == (orientation < 5)

    assert np.array_equal(Pyramid.from_raster(read_raster(path)).full_image(), upright)
    with Project.open(tmp_path / "pictures", purpose="a test") as project:
        record = project.pictures.get(1)
        label_all(project, [record])
        project.pictures.set_split([1], Split.TRAIN)
        snapshot = TrainingSnapshot.create(tmp_path / "snapshot", SPEC, Recipe())
        add_to_snapshot(project, snapshot, project.pictures.get(1))
        learned = snapshot.read(snapshot.entries()[1])
    assert learned is not None and np.array_equal(learned[0], upright)
    loaded = LoadedModel(build_network(SPEC).eval(), SPEC, {})
    seen, expected = predict_file(loaded, path), predict(loaded, upright)
    assert np.array_equal(seen.values, expected.values)
    assert np.array_equal(seen.confidence, expected.confidence)
