"""Every registered reader, on datasets with files that are missing, damaged, doubled, of another size, or foreign: each
file is counted once, and dry run, import and project say the same."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from core.base.errors import FormatError
from core.formats.dataset_tree import DatasetTree
from core.formats.readers.registry import importable_formats, open_dataset
from core.images.image_reader import PICTURE_SUFFIXES
from core.project.project import Project
from core.session.transfer.dataset_survey import survey_dataset
from core.session.transfer.import_run import import_dataset
from core.session.transfer.last_import import read_last_import
from tests.dataset_files import photo, write_text
from tests.external_datasets import EXTERNAL_DATASETS, IMAGE_PAIRS
from tests.mask_datasets import mask_dataset

WRITERS = {form.format: form.write for form in reversed((*EXTERNAL_DATASETS, IMAGE_PAIRS))}
WRITERS |= {f"cityscapes-{count}": WRITERS["cityscapes"] for count in (30, 34)}
WRITERS["masks"] = lambda root: mask_dataset(root) and None
DAMAGE = ("remove", "cut", "copy", "resize", "empty")


def damage(root: Path, name: str, how: str) -> None:
    path = root / name
    if how == "remove":
        path.unlink()
    elif how == "cut":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif how == "copy":
        path.with_name(f"b{path.name}").write_bytes(path.read_bytes())
    elif how == "empty":
        path.write_bytes(b"")
    elif path.suffix in PICTURE_SUFFIXES:
        with Image.open(path) as image:
            smaller = image.resize((image.width // 2, image.height))
        smaller.save(path)


def test_every_reader_is_here() -> None:
    assert set(WRITERS) == {row.name for row in importable_formats()}


@pytest.mark.parametrize("format_name", sorted(WRITERS))
def test_every_file_is_counted_and_all_counts_agree(format_name: str) -> None:
    @settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.data())
    def check(data: st.DataObject) -> None:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "set"
            root.mkdir()
            WRITERS[format_name](root)
            names = sorted(DatasetTree(root).files)
            hurt = data.draw(
                st.dictionaries(st.sampled_from(names), st.sampled_from(DAMAGE), max_size=3), label="damage"
            )
            for name, how in hurt.items():
                damage(root, name, how)
            for name in data.draw(st.sets(st.sampled_from(["thanks.rtf", "spare/x.jpg"])), label="foreign"):
                if name.endswith(".jpg"):
                    photo(root / name, seed=9)
                else:
                    write_text(root / name, "thank you\n")
            try:
                dataset = open_dataset(root, format_name)
            except FormatError as problem:
                assert hurt and str(problem).endswith((".", ")")), "refused with a sentence, or read"
                return
            survey = survey_dataset(dataset)
            files = len(DatasetTree(root).files)
            (Path(folder) / "project").mkdir()
            with Project.open(Path(folder) / "project") as project:
                report = import_dataset(project, dataset)
                records = project.pictures.all()
                stored = read_last_import(project)
        account = report.account
        assert account == survey.account
        assert sum(account.as_json()["files"].values()) == files
        assert (report.pixels, report.doubts, report.notes) == (
            survey.pixels,
            survey.doubts,
            (*dataset.notes, *survey.notes),
        )
        assert report.labels == survey.labels == sum(record.is_labelled for record in records)
        assert report.pictures == len(records)
        assert stored is not None and stored["sentence"] == account.summary()
        assert all(sentence.endswith((".", ")")) for sentence in account.sentences(root))

    check()
