"""The border of the readers: whatever one raises becomes a sentence with the place, and the rest goes on."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from core.base.errors import FormatError, ImageError
from core.formats.account import AccountBuilder, AccountKind
from core.formats.dataset_tree import DatasetTree
from core.formats.dataset_types import LoadedMask
from core.formats.malformed import MAX_SENTENCE, as_format_error, shorten
from core.formats.readers import registry
from core.formats.readers.registry import IMPORT_FORMATS, open_dataset, recognise_all
from tests.dataset_files import grey, photo

UNEXPECTED = (
    RecursionError("depth"),
    MemoryError(),
    cv2.error("x"),
    RuntimeError("x"),
    AssertionError(),
    OSError(5, "x"),
)


def raising(problem: Exception) -> Callable[..., Any]:
    def fail(*_: Any) -> Any:
        raise problem

    return fail


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    photo(tmp_path / "images" / "a.jpg")
    grey(tmp_path / "masks" / "a.png", 0, 1)
    return tmp_path


@pytest.mark.parametrize("problem", UNEXPECTED, ids=repr)
def test_a_reader_that_fails_is_a_sentence_and_a_traceback_in_the_log(
    problem: Exception, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = replace(
        IMPORT_FORMATS["voc" if "voc" in IMPORT_FORMATS else "pascal-voc"], open=raising(problem)
    )
    monkeypatch.setitem(registry.IMPORT_FORMATS, broken.name, replace(broken, recognise=raising(problem)))
    with caplog.at_level(logging.WARNING):
        assert [verdict.format for verdict in recognise_all(DatasetTree(folder))] == ["mask-folders"]
        with pytest.raises(FormatError) as raised:
            open_dataset(folder, broken.name)
    said = str(raised.value)
    assert str(folder) in said and said.endswith(".") and type(problem).__name__ not in said
    assert any(record.exc_info for record in caplog.records) or isinstance(problem, OSError)


def test_a_mask_that_cannot_be_read_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = IMPORT_FORMATS["mask-folders"]
    assert row.open is not None
    dataset = row.open(DatasetTree(folder))
    failing = replace(
        dataset, samples=tuple(replace(s, read_mask=raising(KeyError("x"))) for s in dataset.samples)
    )
    monkeypatch.setitem(registry.IMPORT_FORMATS, row.name, replace(row, open=lambda _: failing))
    read = open_dataset(folder, "mask-folders").samples[0].read_mask
    assert read is not None
    with pytest.raises(FormatError, match=r"The label of .*a\.jpg cannot be understood \(“x” is missing\)"):
        read()


def test_names_of_classes_and_tags_have_no_control_characters(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = IMPORT_FORMATS["mask-folders"]
    assert row.open is not None
    dataset = row.open(DatasetTree(folder))
    classes = tuple(replace(c, name="a\x00b\nc\x1b[31m") for c in dataset.classes)
    samples = tuple(replace(s, tags=("x\ry", "\x00")) for s in dataset.samples)
    odd = replace(dataset, classes=classes, samples=samples)
    monkeypatch.setitem(registry.IMPORT_FORMATS, row.name, replace(row, open=lambda _: odd))
    found = open_dataset(folder, "mask-folders")
    assert {c.name for c in found.classes} == {"ab c[31m"}
    assert found.samples[0].tags == ("x y",)


def test_sentences_do_not_repeat_values_of_any_length(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = IMPORT_FORMATS["mask-folders"]
    assert row.open is not None
    account = AccountBuilder()
    account.left_out("a.json, " + "x" * 700_000, "its value is " + "\x1b" * 5000, AccountKind.OBJECT)
    account.failed("b.json", FormatError("y" * 90_000), AccountKind.ENTRY)
    dataset = replace(row.open(DatasetTree(folder)), account=account.result())
    mask = LoadedMask(np.zeros((16, 24), np.uint8), account=account.result())
    long = replace(dataset, samples=tuple(replace(s, read_mask=lambda: mask) for s in dataset.samples))
    monkeypatch.setitem(registry.IMPORT_FORMATS, row.name, replace(row, open=lambda _: long))
    opened = open_dataset(folder, "mask-folders")
    read = opened.samples[0].read_mask
    assert read is not None
    for found in (opened.account, read().account):
        assert found.count_left_out() == 2
        assert all(len(text) < 9_000 and text.isprintable() for text in found.sentences(folder))


def test_an_error_is_kept_unless_it_is_very_long() -> None:
    assert len(str(as_format_error(FormatError("z" * 9_000), "a"))) <= MAX_SENTENCE + 9
    problem = ImageError("A sentence.")
    assert as_format_error(problem, "a") is problem
    assert shorten("a\nb", 9) == "a\\nb"


def test_an_archive_within_a_folder_without_annotations_is_named(tmp_path: Path) -> None:
    photo(tmp_path / "images" / "a.jpg")
    with zipfile.ZipFile(tmp_path / "masks.ZIP", "w") as packed:
        packed.writestr("masks/a.png", b"")
    with pytest.raises(FormatError, match=r"masks\.ZIP may hold them: unpack archives first"):
        open_dataset(tmp_path)
