"""A mask that was not turned along with its picture is turned; one of another size is fitted or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.formats.mask_fit import fit_mask, with_fitted_masks
from core.formats.readers.registry import open_dataset
from core.images.image_reader import read_size
from core.images.orientation import turn_upright
from core.session.transfer.dataset_survey import survey_dataset


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_mask_is_turned_as_its_picture(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (24, 16)).save(tmp_path / "a.jpg", exif=exif)
    stored = np.arange(24 * 16, dtype=np.uint8).reshape(16, 24)
    fitted = fit_mask(stored, tmp_path / "a.jpg", read_size(tmp_path / "a.jpg"))
    np.testing.assert_array_equal(fitted.values, turn_upright(stored, orientation))
    assert "EXIF" in fitted.note
    upright = turn_upright(stored, orientation)
    assert fit_mask(upright, tmp_path / "a.jpg", read_size(tmp_path / "a.jpg")).note == ""


def test_another_size_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (24, 16)).save(tmp_path / "a.jpg")
    fitted = fit_mask(np.zeros((24, 16), np.uint8), tmp_path / "a.jpg", (24, 16))
    assert fitted.values is None
    assert fitted.reason.startswith("it is 16 x 24 pixels, the picture 24 x 16")


def scene(
    path: Path, orientation: int, *, is_blank: bool = False, side: tuple[int, int] = (48, 32)
) -> np.ndarray:
    """A picture with a bright corner in its stored pixels. Returns the stored mask (H, W) of that corner."""
    stored = np.zeros((side[1], side[0]), np.uint8)
    stored[3:14, 4:20] = 1
    pixels = np.full((*stored.shape, 3), 60, np.uint8)
    if not is_blank:
        pixels[stored > 0] = (200, 180, 40)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, exif=exif, quality=95)
    return stored


@pytest.mark.parametrize("orientation", [2, 3, 4])
def test_the_content_decides_where_sizes_agree(orientation: int, tmp_path: Path) -> None:
    stored = scene(tmp_path / "a.jpg", orientation)
    upright = turn_upright(stored, orientation)
    for mask, word in ((stored, "turned along"), (upright, "as it is")):
        fitted = fit_mask(mask, tmp_path / "a.jpg", read_size(tmp_path / "a.jpg"), may_be_turned=True)
        np.testing.assert_array_equal(fitted.values, upright)
        assert word in fitted.note
        assert "content" in fitted.note
    assert fit_mask(stored, tmp_path / "a.jpg", read_size(tmp_path / "a.jpg")).note == ""


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_the_content_decides_in_a_square(orientation: int, tmp_path: Path) -> None:
    stored = scene(tmp_path / "a.jpg", orientation, side=(40, 40))
    fitted = fit_mask(stored, tmp_path / "a.jpg", (40, 40), may_be_turned=True)
    np.testing.assert_array_equal(fitted.values, turn_upright(stored, orientation))


def test_a_mask_is_turned_along_where_nothing_decides_and_this_is_said(tmp_path: Path) -> None:
    stored = scene(tmp_path / "a.jpg", 3, is_blank=True)
    fitted = fit_mask(stored, tmp_path / "a.jpg", (48, 32), may_be_turned=True)
    np.testing.assert_array_equal(fitted.values, stored[::-1, ::-1])
    assert "check it" in fitted.note


@pytest.mark.parametrize("are_stored", [True, False])
def test_the_sizes_of_other_pictures_decide_before_the_content(are_stored: bool, tmp_path: Path) -> None:
    masks = {}
    for name, orientation in (("a", 6), ("b", 3)):
        stored = scene(tmp_path / f"images/{name}.jpg", orientation, is_blank=True)
        masks[name] = stored if are_stored else turn_upright(stored, orientation)
        (tmp_path / "masks").mkdir(exist_ok=True)
        Image.fromarray(masks[name]).save(tmp_path / f"masks/{name}.png")
    dataset = open_dataset(tmp_path)
    assert {sample.is_mask_stored for sample in dataset.samples} == {are_stored}
    (doubt,) = dataset.doubts
    assert (doubt.key, "the sizes say" in doubt.sentence) == ("turned-by-exif", True)
    assert survey_dataset(dataset).labels == 2


def test_a_mask_that_misses_a_pixel_is_fitted_where_asked_for(tmp_path: Path) -> None:
    for name, side in (("a", (23, 16)), ("b", (12, 8)), ("c", (24, 16))):
        for folder, size in (("images", (24, 16)), ("masks", side)):
            (tmp_path / folder).mkdir(exist_ok=True)
            mask = np.zeros((size[1], size[0]), np.uint8)
            mask[2:6, 2:6] = 1
            Image.fromarray(mask).save(tmp_path / folder / f"{name}.png")
    dataset = open_dataset(tmp_path)
    (doubt,) = dataset.doubts
    assert doubt.key == "mask-size"
    assert "23 x 16 for 24 x 16 pixels" in doubt.sentence
    assert {row.places[0] for row in survey_dataset(dataset).account.left_out} == {
        "masks/a.png",
        "masks/b.png",
    }
    assert "--fit-masks: fit these masks to their pictures" in doubt.line()
    (answered,) = with_fitted_masks(dataset).doubts
    assert [answer.is_assumed for answer in answered.answers] == [False, True]
    fitted = survey_dataset(with_fitted_masks(dataset))
    assert [row.places for row in fitted.account.left_out] == [("masks/b.png",)]
    assert fitted.labels == 2
    assert fitted.pixels["unlabelled"] == 16
