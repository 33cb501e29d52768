"""Masks alone: which files are none, and what is left out where a picture of the project cannot be read."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from core.base.errors import FormatError
from core.formats.mask_sets.masks_alone import open_masks
from core.session.transfer.dataset_survey import survey_dataset

NAMES = ("a.png", "b.png", "c.png")


def grey_picture(path: Path, steps: int, seed: int) -> None:
    """A smooth grey picture with about that many different values."""
    path.parent.mkdir(exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 255, (12, 16)).astype(np.uint8)
    smooth = cv2.resize(noise, (64, 48), interpolation=cv2.INTER_CUBIC)
    width = 256 // steps
    Image.fromarray((smooth // width * width).astype(np.uint8)).save(path)


def mask(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    values = np.zeros((48, 64), np.uint8)
    values[10:30, 10:30], values[30:44, 36:60] = 1, 2
    Image.fromarray(values).save(path)


@pytest.mark.parametrize("steps", [32, 64, 128])
def test_grey_pictures_of_few_values_are_no_masks(tmp_path: Path, steps: int) -> None:
    for seed, name in enumerate(NAMES):
        grey_picture(tmp_path / "project" / name, 256, seed)
        grey_picture(tmp_path / "more" / name, steps, seed + 10)
    with pytest.raises(FormatError, match="pictures and no masks"):
        open_masks(tmp_path / "more", tmp_path / "project", NAMES)


def test_the_mask_of_an_unreadable_picture_is_left_out_with_the_reason(tmp_path: Path) -> None:
    for seed, name in enumerate(NAMES):
        grey_picture(tmp_path / "project" / name, 256, seed)
        mask(tmp_path / "masks" / name)
    (tmp_path / "project" / "b.png").write_bytes(b"no picture")
    dataset = open_masks(tmp_path / "masks", tmp_path / "project", NAMES)
    account = survey_dataset(dataset).account
    assert account.files == 2
    assert [(row.places, row.count) for row in account.left_out] == [(("b.png",), 1)]
    assert account.left_out[0].reason.startswith("its picture b.png cannot be used: ")
