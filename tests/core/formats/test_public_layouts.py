"""Folder layouts of public collections whose names say little: retina and skin pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.formats.account import AccountKind
from core.formats.dataset_tree import DatasetTree
from core.formats.dataset_types import Dataset
from core.formats.readers.registry import open_dataset
from core.session.transfer.dataset_survey import survey_dataset
from tests.dataset_files import HEIGHT, WIDTH
from tests.factories import picture

ROWS, COLUMNS = np.mgrid[:HEIGHT, :WIDTH]
VIEW = (ROWS - HEIGHT / 2) ** 2 + (COLUMNS - WIDTH / 2) ** 2 < (HEIGHT / 2) ** 2
VESSEL = (COLUMNS > 9) & (COLUMNS < 12) & VIEW
OTHER_VESSEL = (COLUMNS > 10) & (COLUMNS < 13) & VIEW


def retina(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.where(VIEW[..., None], np.maximum(picture(WIDTH, HEIGHT), 60), 3).astype(np.uint8)
    Image.fromarray(pixels).save(path, quality=98)


def drawn(path: Path, area: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(area.astype(np.uint8) * 255).save(path)


def check(dataset: Dataset, area: np.ndarray, labels: int) -> None:
    """The label of each labelled picture is `area`, and every file is in the account."""
    names = ["", *(c.name for c in dataset.classes)]
    for sample in dataset.samples:
        if sample.read_mask is not None:
            values = sample.read_mask().values
            np.testing.assert_array_equal(values == names.index("foreground"), area)
    survey = survey_dataset(dataset)
    assert survey.labels == labels
    files = survey.account.as_json()["files"]
    assert sum(files.values()) == len(DatasetTree(dataset.root).files)


@pytest.mark.parametrize("with_test", [True, False])
def test_the_mask_folder_of_retina_pictures_is_the_field_of_view(tmp_path: Path, with_test: bool) -> None:
    """The folder with the most masks, and the only one called mask, holds no labels."""
    for part, numbers in (("training", ("21", "22")), ("test", ("01", "02", "03"))):
        for number in numbers:
            retina(tmp_path / part / "images" / f"{number}_{part}.tif")
            drawn(tmp_path / part / "mask" / f"{number}_{part}_mask.gif", VIEW)
            if part == "training" or with_test:
                drawn(tmp_path / part / "1st_manual" / f"{number}_manual1.gif", VESSEL)
    if with_test:
        drawn(tmp_path / "test" / "2nd_manual" / "01_manual2.gif", OTHER_VESSEL)
    dataset = open_dataset(tmp_path)
    assert sorted({sample.split for sample in dataset.samples}) == ["test", "train"]
    check(dataset, VESSEL, 5 if with_test else 2)
    assert any("field of view" in note for note in dataset.notes)
    assert "manual" in dataset.recognition.reason, "the reason names the masks that are used"
    assert dataset.account.count_unrelated(AccountKind.FILE) == 5
    assert dataset.account.count_left_out() == with_test


def test_the_only_masks_are_labels_even_where_they_are_the_bright_part(tmp_path: Path) -> None:
    for number in range(3):
        retina(tmp_path / "images" / f"{number}.png")
        drawn(tmp_path / "mask" / f"{number}_mask.png", VIEW)
    check(open_dataset(tmp_path), VIEW, 3)


def test_the_drawings_of_the_first_observer_are_used(tmp_path: Path) -> None:
    for name in ("Image_01L", "Image_01R", "Image_02L"):
        retina(tmp_path / f"{name}.jpg")
        drawn(tmp_path / f"{name}_1stHO.png", VESSEL)
        drawn(tmp_path / f"{name}_2ndHO.png", OTHER_VESSEL)
    dataset = open_dataset(tmp_path)
    assert [sample.target_path for sample in dataset.samples] == [
        "Image_01L.jpg",
        "Image_01R.jpg",
        "Image_02L.jpg",
    ]
    check(dataset, VESSEL, 3)
    assert dataset.account.count_left_out() == 3


def test_a_folder_of_drawings_by_hand_beside_one_of_fields_of_view(tmp_path: Path) -> None:
    for name in ("01_dr", "01_g", "01_h"):
        retina(tmp_path / "images" / f"{name}.png")
        drawn(tmp_path / "manual1" / f"{name}.tif", VESSEL)
        drawn(tmp_path / "mask" / f"{name}_mask.tif", VIEW)
    check(open_dataset(tmp_path), VESSEL, 3)


@pytest.mark.parametrize("folders", [True, False], ids=["in folders", "beside the pictures"])
def test_attributes_of_skin_are_classes(tmp_path: Path, folders: bool) -> None:
    pictures = tmp_path / "ISIC_Task1-2_Training_Input" if folders else tmp_path
    lesions = tmp_path / "ISIC_Task1_Training_GroundTruth" if folders else tmp_path
    attributes = tmp_path / "ISIC_Task2_Training_GroundTruth_v3" if folders else tmp_path
    for number in range(3):
        name = f"ISIC_{number:07}"
        retina(pictures / f"{name}.jpg")
        drawn(lesions / f"{name}_segmentation.png", VIEW & (ROWS > 2))
        drawn(attributes / f"{name}_attribute_globules.png", VESSEL)
        drawn(attributes / f"{name}_attribute_milia_like_cyst.png", VESSEL & False)
    dataset = open_dataset(tmp_path)
    assert [c.name for c in dataset.classes] == ["background", "globules", "milia like cyst"]
    assert len(dataset.samples) == 3
    values = dataset.samples[0].read_mask().values if dataset.samples[0].read_mask else None
    np.testing.assert_array_equal(values, np.where(VESSEL, 2, 1))
    assert dataset.account.count_left_out() == 3, "the outlines of the lesions"
    assert any("_segmentation" in note for note in dataset.notes)
