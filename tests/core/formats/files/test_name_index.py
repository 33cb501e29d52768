"""Which picture a reference means: other spellings of its name, addresses, and folders that tell namesakes apart."""

from __future__ import annotations

import base64
import unicodedata
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.formats.dataset_tree import DatasetTree
from core.formats.files.name_index import reference_forms
from tests.dataset_files import write_text

NAME = "Größe ë 7.jpg"
CODED = base64.b64encode(f"s3://bucket/set/{NAME}".encode()).decode()


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize(
    "reference",
    [
        NAME,
        NAME.upper(),
        unicodedata.normalize("NFD", NAME),
        quote(NAME),
        quote(quote(NAME)),
        f"C:\\data\\set\\{NAME}",
        f"https://host.org/set/{quote(NAME)}?sig=a.b/c&x=1#part",
        f"gs://bucket/set/{NAME}",
        f"s3://bucket/{quote(NAME)}",
        f"/data/local-files/?d=set/{quote(NAME)}",
        f"https://host.org/files/?filepath=up%2F7%2F{quote(quote(NAME))}",
        f"https://host.org/tasks/3/resolve/?fileuri={CODED}",
        f"file:///home/me/set/{quote(NAME)}",
        f" {NAME} ",
    ],
)
def test_spellings_of_a_name_find_its_picture(form: str, reference: str, tmp_path: Path) -> None:
    name = unicodedata.normalize(form, NAME)
    write_text(tmp_path / "pictures" / name, "")
    write_text(tmp_path / "pictures" / "other.jpg", "")
    assert DatasetTree(tmp_path).find_picture(reference) == f"pictures/{name}"


def test_a_percent_encoded_file_is_found_by_its_plain_name(tmp_path: Path) -> None:
    write_text(tmp_path / "d%C3%A9cor%201.png", "")
    write_text(tmp_path / "50%.png", "")
    tree = DatasetTree(tmp_path)
    assert tree.find_picture("décor 1.png") == tree.find_picture("décor 1.jpg") == "d%C3%A9cor%201.png"
    assert tree.find("50%.png") == "50%.png"


@pytest.mark.parametrize(
    ("reference", "near", "meant"),
    [
        ("north/a.jpg", "", "north/images/a.jpg"),
        ("/home/me/north/images/a.jpg", "", "north/images/a.jpg"),
        ("data/South/raw/a.jpg", "", "south/images/a.jpg"),
        ("a.jpg", "north/labels", "north/images/a.jpg"),
        ("A.JPG", "", None),
        ("a.jpg", "", None),
        ("west/a.jpg", "", None),
    ],
)
def test_namesakes_are_told_apart_by_folders(
    reference: str, near: str, meant: str | None, tmp_path: Path
) -> None:
    for place in ("north", "south"):
        write_text(tmp_path / place / "images" / "a.jpg", "")
    tree = DatasetTree(tmp_path)
    assert tree.find_picture(reference, near) == meant
    if meant is None:
        assert "several pictures have this name" in tree.explain_missing(reference)


def test_names_that_differ_in_case_are_told_apart(tmp_path: Path) -> None:
    for name in ("IMG.jpg", "img.jpg"):
        write_text(tmp_path / name, "")
    if len(DatasetTree(tmp_path).files) < 2:
        pytest.skip("the file system ignores case")
    assert DatasetTree(tmp_path).find("img.jpg") == "img.jpg"
    assert DatasetTree(tmp_path).find("IMG.jpg") == "IMG.jpg"


@given(st.text(max_size=60) | st.text("/.?%&=#:\\ab+", max_size=40))
@settings(max_examples=300)
def test_any_text_has_forms_without_ways_up(reference: str) -> None:
    for parts in reference_forms(reference):
        assert parts and not {"", ".", ".."} & set(parts) and not any("/" in part for part in parts)


letters = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters="/\\"), min_size=1, max_size=9
)


@given(letters)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_listed_name_is_found(tmp_path: Path, stem: str) -> None:
    name = f"x{stem}.jpg"
    tree = DatasetTree(tmp_path)
    tree.files = (name,)
    for spelling in (name, unicodedata.normalize("NFD", name), quote(name), f"https://h/x/{quote(name)}"):
        assert tree.find_picture(spelling) == name
