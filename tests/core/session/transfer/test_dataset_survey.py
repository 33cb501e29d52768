"""The survey before an import says what the import then does: labels, pixels, doubts, what is left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.base.errors import Cancelled
from core.formats.account import AccountKind
from core.formats.dataset_types import Dataset
from core.formats.readers.registry import open_dataset
from core.project.project import Project
from core.session.transfer.dataset_survey import survey_dataset
from core.session.transfer.import_run import import_dataset
from core.session.transfer.last_import import FACT, read_last_import
from tests.dataset_files import compressed, grey, photo, write_json
from tests.external_datasets import EXTERNAL_DATASETS, FLAT, ExternalDataset, coco_table


def masks(root: Path) -> Dataset:
    """Four pictures: a sound mask, one of another size, a damaged one, and one without a mask."""
    for number in range(4):
        photo(root / "images" / f"{number}.jpg", seed=number)
    for number in range(3):
        grey(root / "masks" / f"{number}.png", 0, 1)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(root / "masks" / "1.png")
    (root / "masks" / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return open_dataset(root)


def imported(dataset: Dataset, folder: Path) -> tuple[object, ...]:
    folder.mkdir()
    with Project.open(folder) as project:
        report = import_dataset(project, dataset)
        assert project.pictures.counts().labelled == report.labels
        stored = read_last_import(project)
        assert stored is not None
        assert (stored["labels"], stored["sentence"]) == (report.labels, report.account.summary())
        project.set_fact(FACT, "{")
        assert read_last_import(project) is None
    return report.labels, dict(report.pixels), report.doubts, report.account


def test_survey_and_import_agree(tmp_path: Path) -> None:
    dataset = masks(tmp_path / "set")
    survey = survey_dataset(dataset)
    assert survey.is_complete and survey.labels == 1
    assert survey.account.count_left_out(AccountKind.FILE) == 2
    assert survey.account.files == 5
    assert survey.shares() == {"background": 0.5, "foreground": 0.5}
    assert imported(dataset, tmp_path / "mine") == (
        survey.labels,
        survey.pixels,
        survey.doubts,
        survey.account,
    )


@pytest.mark.parametrize("form", EXTERNAL_DATASETS, ids=lambda form: form.format)
def test_they_agree_for_every_format(form: ExternalDataset, tmp_path: Path) -> None:
    form.write(tmp_path / "set")
    dataset = open_dataset(tmp_path / "set")
    survey = survey_dataset(dataset)
    labels, pixels, doubts, account = imported(dataset, tmp_path / "mine")
    assert (labels, pixels, doubts) == (survey.labels, survey.pixels, survey.doubts)
    assert account == survey.account
    assert labels == len(dataset.samples)


def test_an_object_of_another_size_is_left_out_alone(tmp_path: Path) -> None:
    table = coco_table([FLAT])
    table["annotations"].append(
        {"id": 2, "image_id": 7, "category_id": 2, "segmentation": compressed(np.ones((3, 3), bool))}
    )
    del table["images"][0]["width"], table["images"][0]["height"]
    photo(tmp_path / "set" / "a.jpg")
    write_json(tmp_path / "set" / "coco.json", table)
    account = survey_dataset(open_dataset(tmp_path / "set")).account
    assert (account.objects, account.count_left_out(AccountKind.OBJECT)) == (1, 1)
    assert "“street” in a.jpg" in account.left_out[0].places[0]


def test_void_is_doubted_when_it_is_frequent(tmp_path: Path) -> None:
    mask = np.repeat(np.uint8([[0, 1, 2, 255, 255, 255]]), 16, 0).repeat(4, 1)
    photo(tmp_path / "images" / "a.jpg")
    (tmp_path / "masks").mkdir()
    Image.fromarray(mask).save(tmp_path / "masks" / "a.png")
    (doubt,) = survey_dataset(open_dataset(tmp_path)).doubts
    assert (doubt.key, doubt.evidence) == ("frequent-void", (("void", 0.5),))
    assert "50 %" in doubt.sentence


def test_a_survey_reads_some_samples_and_can_be_stopped(tmp_path: Path) -> None:
    dataset = masks(tmp_path / "set")
    survey = survey_dataset(dataset, 2)
    assert (survey.read, survey.samples, survey.is_complete) == (2, 4, False)
    with pytest.raises(Cancelled):
        survey_dataset(dataset, cancelled=lambda: True)
