"""A dataset that grew is imported again: only what is new comes in. Train without val is divided."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.base.errors import FormatError
from core.formats.dataset_types import Dataset, Recognition, Sample, numbered_classes
from core.formats.readers.registry import open_dataset
from core.labels.class_list import ClassList
from core.project.project import Project
from core.project.records import Split
from core.session.transfer.dataset_survey import describe_blur, doubts_about_pixels, survey_dataset
from core.session.transfer.import_plan import labelled_sizes, plan_import
from core.session.transfer.import_run import import_dataset, run_import, store_label
from core.session.transfer.validation_share import MIN_TRAINING, with_validation
from tests.dataset_files import HEIGHT, WIDTH, grey, photo, write_json
from tests.external_datasets import FLAT, IMAGE_PAIRS, coco_table


def coco(root: Path, count: int, flat: list[float] = FLAT) -> Dataset:
    """One annotation file for all pictures, so that it changes when the dataset grows."""
    table = coco_table([flat])
    table["images"], table["annotations"] = [], []
    for number in range(count):
        photo(root / f"{number}.jpg", seed=number)
        size = {"width": WIDTH, "height": HEIGHT}
        table["images"].append({"id": number, "file_name": f"{number}.jpg", **size})
        area = {"id": number, "image_id": number, "category_id": 90, "segmentation": [flat]}
        table["annotations"].append(area)
    write_json(root / "coco.json", table)
    return open_dataset(root)


def test_a_grown_dataset_brings_only_what_is_new(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with Project.open(tmp_path / "mine") as project:
        first = import_dataset(project, coco(tmp_path / "set", 2))
        assert (first.pictures, first.new, first.skipped) == (2, 2, 0)
        erased = project.pictures.all()[0].id
        before = project.labels.read(erased, WIDTH, HEIGHT)
        again = import_dataset(project, coco(tmp_path / "set", 5))
        assert (again.pictures, again.new, again.skipped, again.kept) == (3, 3, 2, 0)
        assert again.account.objects == 5, "the account is of the whole dataset"
        np.testing.assert_array_equal(project.labels.read(erased, WIDTH, HEIGHT), before)
        other = [12.0, 0.0, 24.0, 0.0, 24.0, 8.0, 12.0, 8.0]
        changed = import_dataset(project, coco(tmp_path / "set", 5, other))
        assert (changed.pictures, changed.skipped, changed.kept) == (0, 5, 0), "nothing is painted over"


def test_the_dry_run_says_what_is_new_and_what_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with Project.open(tmp_path / "mine") as project:
        import_dataset(project, coco(tmp_path / "set", 2))
        dataset = coco(tmp_path / "set", 5)
        photo(tmp_path / "mine" / "4.jpg", seed=99)
        known = project.pictures.paths()
        plan = plan_import(project.classes.read(), project.folder, dataset, known_paths=known)
        survey = survey_dataset(dataset, folder=project.folder)
        report = run_import(project, plan)
    assert plan.new == 3 and "3 pictures of the dataset are new; 2 are in the project" in plan.what_is_new()
    assert report.new == 2, "the file in the way belongs to another picture"
    assert survey.account == report.account
    assert "it was kept" in survey.account.sentences(dataset.root)[0]
    assert plan_import(ClassList(), tmp_path / "other", dataset).what_is_new() == ""


def test_the_dry_run_foresees_a_label_of_another_size(tmp_path: Path) -> None:
    photo(tmp_path / "mine" / "0.jpg")
    with Project.open(tmp_path / "mine") as project:
        (record,) = project.pictures.add(["0.jpg"])
        project.classes.save(ClassList().with_class("soil"))
        project.pictures.set_size(record.id, WIDTH + 2, HEIGHT)
        store_label(project, record, np.ones((HEIGHT, WIDTH + 2), np.uint8), "Paint", "brush")
        dataset = coco(tmp_path / "set", 2)
        sizes = labelled_sizes(project.pictures.all())
        survey = survey_dataset(dataset, folder=project.folder, labelled_sizes=sizes)
        report = import_dataset(project, dataset)
    assert survey.account == report.account
    assert (survey.labels, report.labels, survey.account.objects) == (1, 1, 1)
    (row,) = survey.account.left_out
    assert "0.jpg is labelled at 26 x 16 pixels in this project" in row.reason and row.count == 1


def test_notes_on_single_masks_and_smeared_colours_are_in_the_dry_run(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    IMAGE_PAIRS.write(tmp_path / "pairs")
    for name, mask in (
        ("a", (WIDTH, HEIGHT)),
        ("b", (HEIGHT, WIDTH)),
    ):  # b is turned by EXIF, its mask is not
        photo(tmp_path / "set" / "images" / f"{name}.jpg")
        place = tmp_path / "set" / "masks" / f"{name}.png"
        place.parent.mkdir(exist_ok=True)
        Image.fromarray(np.tri(HEIGHT, WIDTH, dtype=np.uint8)).save(place)
        if mask != (WIDTH, HEIGHT):
            with Image.open(tmp_path / "set" / "images" / f"{name}.jpg") as image:
                exif = image.getexif()
                exif[0x0112] = 6
                image.save(tmp_path / "set" / "images" / f"{name}.jpg", exif=exif)
    with Project.open(tmp_path / "mine") as project:
        for folder in ("pairs", "set"):
            dataset = open_dataset(tmp_path / folder)
            survey, report = survey_dataset(dataset), import_dataset(project, dataset)
            assert (*dataset.notes, *survey.notes) == report.notes
            assert survey.uncertain == report.uncertain
            assert bool(survey.notes) == (folder == "set")
            said = describe_blur(survey.uncertain, survey.pixels)
            assert said.startswith("The colours of 2 masks are blurred") == (folder == "pairs")


def test_a_label_that_differs_is_kept_and_counted(tmp_path: Path) -> None:
    photo(tmp_path / "set" / "images" / "a.jpg")
    grey(tmp_path / "set" / "masks" / "a.png", 0, 1)
    (tmp_path / "mine").mkdir()
    with Project.open(tmp_path / "mine") as project:
        import_dataset(project, open_dataset(tmp_path / "set"))
        grey(tmp_path / "set" / "masks" / "a.png", 1, 0)
        report = import_dataset(project, open_dataset(tmp_path / "set"))
        assert (report.pictures, report.skipped, report.kept) == (0, 1, 1)


def listed(names: list[str], split: str | None = "train") -> Dataset:
    samples = tuple(Sample(Path("/set") / name, name, split) for name in names)
    return Dataset(Path("/set"), Recognition.requested("own"), numbered_classes(["roof"]), samples)


def splits(dataset: Dataset) -> Counter[str | None]:
    return Counter(sample.split for sample in dataset.samples)


@pytest.mark.parametrize("sequences", [1, 2, 6, 20])
def test_training_pictures_are_set_aside_by_group(sequences: int) -> None:
    names = [f"drive{n:02}_{frame:04}.png" for n in range(sequences) for frame in range(60 // sequences)]
    dataset = with_validation(listed(names))
    assert 0 < splits(dataset)["val"] <= 0.4 * len(names)
    assert "set aside for validation" in dataset.notes[-1]
    if sequences > 2:
        halves = {sample.target_path.split("_")[0]: set() for sample in dataset.samples}
        for sample in dataset.samples:
            halves[sample.target_path.split("_")[0]].add(sample.split)
        assert all(len(found) == 1 for found in halves.values())
    assert splits(with_validation(dataset)) == splits(dataset)


def test_nothing_is_set_aside_where_it_need_not() -> None:
    names = [f"{letter}.png" for letter in "abcdefghijklmnop"]
    few = listed(names[: MIN_TRAINING - 1])
    assert with_validation(few) is few
    for split in (None, "test", "val"):
        assert splits(with_validation(listed(names, split))) == {split: len(names)}
    plan = plan_import(ClassList(), Path("/mine"), listed(names), {}, Split.TEST)
    assert dict(plan.splits) == {"test": len(names)}
    assert plan_import(ClassList(), Path("/mine"), listed(names)).splits["val"] > 0


def test_classes_without_names_are_mapped_by_number_and_colour(tmp_path: Path) -> None:
    photo(tmp_path / "set" / "images" / "a.jpg")
    grey(tmp_path / "set" / "masks" / "a.png", 1, 3)
    from core.session.transfer.import_plan import ClassChoice, ClassTarget

    pet = ClassChoice(ClassTarget.CLASS, "pet")
    plan = plan_import(ClassList(), tmp_path / "mine", open_dataset(tmp_path / "set"), {"1": pet})
    assert plan.rows[0].choice.name == "pet"
    colours = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    colours[:, :9] = (255, 0, 0)
    colours[:, 9:] = (1, 2, 3)
    Image.fromarray(colours).save(tmp_path / "set" / "masks" / "a.png")
    plan = plan_import(ClassList(), tmp_path / "mine", open_dataset(tmp_path / "set"), {"#ff0000": pet})
    assert "pet" in plan.new_classes
    with pytest.raises(FormatError, match="has no class “9”"):
        plan_import(ClassList(), tmp_path / "mine", open_dataset(tmp_path / "set"), {"9": pet})


def test_specks_of_blurred_colours_are_doubted() -> None:
    dataset = listed(["a.png"])
    counts = np.zeros(256, np.int64)
    counts[1], counts[0] = 4, 1_000_000
    (doubt,) = doubts_about_pixels(dataset, counts, is_blurred=True)
    assert doubt.key == "speck-classes" and "roof (4 pixels)" in doubt.sentence
    assert doubt.answers[1].option == '--map "roof=void"'
    assert doubts_about_pixels(dataset, counts) == ()
