"""Objects of one picture: a malformed one is left out in our words, spellings of a label are one class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.base.errors import FormatError
from core.formats.dataset_tree import DatasetTree
from core.formats.dataset_types import Dataset, Recognition
from core.formats.malformed import describe_malformed
from core.formats.object_dataset import (
    AnnotatedObject,
    ObjectCollector,
    PictureAnnotation,
    build_object_dataset,
)
from core.formats.rasterizer import box_ring, parse_ring
from tests.dataset_files import photo, write_text

LISTED = [(f"kind {n}", None) for n in range(400)]


def built(root: Path, objects: ObjectCollector, known: list[tuple[str, None]] | None = None) -> Dataset:
    photo(root / "a.jpg")
    write_text(root / "a.txt", "objects")
    note = PictureAnnotation(
        "a.jpg", (24, 16), objects.objects, skipped=objects.skipped, left_out=objects.left_out
    )
    return build_object_dataset(
        DatasetTree(root), Recognition.requested("own"), [("a.txt", lambda: note)], known or ()
    )


def test_a_malformed_object_leaves_the_others(tmp_path: Path) -> None:
    objects = ObjectCollector()
    objects.add("line 1", lambda: AnnotatedObject("roof", (box_ring(0, 0, 4, 4),)))
    objects.add("line 2", lambda: AnnotatedObject("roof", (parse_ring([1, 2, 3]),)))
    objects.add("line 3", lambda: AnnotatedObject({}["label"]))
    objects.add("line 4", lambda: None)
    read = built(tmp_path, objects).samples[0].read_mask
    assert read is not None
    mask = read()
    assert (mask.values == 1).sum() == 16
    assert (mask.account.objects, mask.account.count_unrelated()) == (1, 1)
    assert [(row.places, row.reason) for row in mask.account.left_out] == [
        (("a.txt, line 2",), "the outline has an odd count of numbers, 3"),
        (("a.txt, line 3",), "“label” is missing"),
    ]


def test_spellings_of_a_label_are_one_class(tmp_path: Path) -> None:
    objects = ObjectCollector()
    for place, label in enumerate(("Roof", "roof ", "ROOF", "street")):
        ring = box_ring(place, 0, place + 1, 1)
        objects.add(str(place), lambda label=label, ring=ring: AnnotatedObject(label, (ring,)))
    dataset = built(tmp_path, objects)
    assert [c.name for c in dataset.classes] == ["Roof", "street", "everything else"]
    assert any("“Roof” for “roof ”, “ROOF”" in note for note in dataset.notes)
    read = dataset.samples[0].read_mask
    assert read is not None
    np.testing.assert_array_equal(read().values[0, :5], [1, 1, 1, 2, 3])


def test_listed_labels_that_nothing_uses_do_not_count(tmp_path: Path) -> None:
    objects = ObjectCollector()
    objects.add("1", lambda: AnnotatedObject("kind 7", (box_ring(0, 0, 4, 4),)))
    dataset = built(tmp_path, objects, LISTED)
    assert [c.name for c in dataset.classes] == ["kind 7", "everything else"]
    for label, _ in LISTED:
        objects.add(label, lambda label=label: AnnotatedObject(label, (box_ring(0, 0, 4, 4),)))
    with pytest.raises(FormatError, match="has 400 labels"):
        built(tmp_path, objects, LISTED)


PROBLEMS = (
    KeyError("points"),
    KeyError(),
    IndexError("x"),
    TypeError("x"),
    ValueError("invalid literal for int()"),
    AttributeError("x"),
    OverflowError("x"),
    StopIteration(),
)


@pytest.mark.parametrize("problem", PROBLEMS, ids=repr)
def test_malformed_content_is_described_in_our_words(problem: Exception) -> None:
    said = describe_malformed(problem)
    assert said and "invalid literal" not in said and not said.endswith(".")
