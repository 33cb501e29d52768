"""Masks alone are opened for the pictures of a project after which they are named; photographs are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.base.errors import FormatError
from core.formats.dataset_tree import DatasetTree
from core.formats.dataset_types import Dataset
from core.formats.doubt import ValueReading
from core.project.project import Project
from core.session.transfer.dataset_source import open_for_project
from core.session.transfer.dataset_survey import survey_dataset
from core.session.transfer.import_run import import_dataset
from tests.dataset_files import HEIGHT, RIGHT, WIDTH, grey, photo, write_text

PICTURES = ("a.jpg", "north/b.jpg", "south/b.jpg", "c.jpg")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    for number, name in enumerate(PICTURES):
        photo(tmp_path / "mine" / name, seed=number)
    return tmp_path / "mine"


def opened(root: Path, mine: Path, **options: object) -> Dataset:
    return open_for_project(DatasetTree(root), "auto", mine, lambda: PICTURES, **options)  # type: ignore[arg-type]


def test_masks_alone_become_labels_of_the_pictures_of_the_project(mine: Path, tmp_path: Path) -> None:
    root = tmp_path / "drawn"
    for name in ("a_mask.png", "north/b.png", "stranger.png"):
        grey(root / name, 0, 1)
    write_text(root / "classes.txt", "soil\nroof\n")
    dataset = opened(root, mine)
    assert sorted(sample.target_path for sample in dataset.samples) == ["a.jpg", "north/b.jpg"]
    assert [c.name for c in dataset.classes] == ["soil", "roof"]
    assert "stranger.png was left out: it has no picture." in dataset.problems[0]
    with Project.open(mine) as project:
        project.pictures.add(PICTURES)
        survey = survey_dataset(dataset, folder=project.folder)
        report = import_dataset(project, dataset)
        assert report.account == survey.account
        assert (report.account.files, report.labels, report.new) == (3, 2, 0)
        values = project.labels.read(project.pictures.by_path("north/b.jpg").id, WIDTH, HEIGHT)
        assert len(project.pictures.all()) == len(PICTURES)
    np.testing.assert_array_equal(values == values[0, -1], RIGHT)


def test_a_reading_is_chosen_and_masks_in_the_folder_of_the_project_are_read(mine: Path) -> None:
    for name in ("a.png", "c.png"):
        grey(mine / "masks" / name, 0, 200)
    dataset = opened(mine / "masks", mine, values=ValueReading.INDEX)
    assert [c.index for c in dataset.classes] == [0, 200]
    assert dataset.reading == ValueReading.INDEX


@pytest.mark.parametrize("kind", ["colour", "grey", "names"])
def test_photographs_and_other_names_are_no_masks(mine: Path, tmp_path: Path, kind: str) -> None:
    root = tmp_path / "photos"
    for name in ("a", "c"):
        path = photo(root / f"{name if kind != 'names' else name + name}.jpg", seed=9)
        if kind == "grey":
            noise = np.random.default_rng(3).integers(0, 200, (HEIGHT, WIDTH)).astype(np.uint8)
            path.unlink()
            Image.fromarray(noise).save(root / f"{name}.png")
        elif kind == "names":
            path.unlink()
            grey(path.with_suffix(".png"), 0, 1)
    with pytest.raises(FormatError, match="No dataset format was recognised"):
        opened(root, mine)
    with pytest.raises(FormatError, match=r"pictures and no masks|not named after|more than 254"):
        open_for_project(
            DatasetTree(root, [path.name for path in root.iterdir()]),
            "auto",
            mine,
            lambda: PICTURES,
            is_listed=True,
        )


def test_the_pictures_of_the_project_are_no_masks_of_themselves(mine: Path) -> None:
    for name in PICTURES:
        (mine / name).unlink()
    grey(mine / "a.png", 0, 1)
    for root in (mine, mine.parent):
        with pytest.raises(FormatError, match="No dataset format was recognised"):
            open_for_project(DatasetTree(root), "auto", mine, lambda: ["a.png"])


def test_only_the_listed_files_are_read(mine: Path, tmp_path: Path) -> None:
    for name in ("a.png", "c.png"):
        grey(tmp_path / "drawn" / name, 0, 1)
    tree = DatasetTree(tmp_path / "drawn", ["c.png"])
    dataset = open_for_project(tree, "auto", mine, lambda: PICTURES, is_listed=True)
    assert [sample.target_path for sample in dataset.samples] == ["c.jpg"]
    assert dataset.recognition.reason == "1 file is named after pictures of this project."
