"""The class list: unique names and values; every change gives a new list."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.display_text import clean_name
from core.base.errors import UserError
from core.labels.class_list import MAX_CLASS_VALUE, UNLABELLED, VOID, ClassList, default_colour


def of(*names: str) -> ClassList:
    listed = ClassList()
    for name in names:
        listed = listed.with_class(name)
    return listed


def test_new_classes_get_the_next_value_and_position() -> None:
    listed = of("road", "tree")
    assert [(c.value, c.name, c.position) for c in listed] == [(1, "road", 0), (2, "tree", 1)]
    assert (len(listed), listed.values) == (2, (1, 2))
    assert listed.with_class("car", value=9).with_class("sky").values == (1, 2, 9, 10)


def test_a_list_is_never_changed_in_place() -> None:
    listed = of("road")
    listed.with_class("tree")
    listed.with_changes(1, name="street", colour=(1, 2, 3))
    assert listed == of("road")


@pytest.mark.parametrize("name", ["", "   ", "\t\n"])
def test_a_class_needs_a_name(name: str) -> None:
    with pytest.raises(UserError, match="needs a name"):
        ClassList().with_class(name)


@pytest.mark.parametrize("name", ["Road", "  road ", "ROAD\t", "road"])
def test_names_are_unique_ignoring_case_and_spaces(name: str) -> None:
    with pytest.raises(UserError, match="already a class called “road”"):
        of("road").with_class(name)
    with pytest.raises(UserError, match="already"):
        of("road", "tree").with_changes(2, name=name)


@given(st.text(max_size=30))
def test_a_class_is_found_by_the_name_it_was_given(name: str) -> None:
    try:
        listed = ClassList().with_class(name)
    except UserError:
        assert not clean_name(name)
        return
    found = listed.by_name(name)
    assert found is not None
    assert found.name == clean_name(name)
    assert not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in found.name)
    if all(letter.isprintable() or letter.isspace() for letter in name):
        assert found.name == " ".join(name.split())


def test_spaces_within_a_name_are_collapsed() -> None:
    listed = of("traffic   light")
    assert listed.by_name(" Traffic \t light") == listed.by_value(1)
    with pytest.raises(UserError, match="already"):
        listed.with_class("traffic  light")


def test_a_name_has_at_most_eighty_letters() -> None:
    assert of("x" * 80).by_name("X" * 80) is not None
    with pytest.raises(UserError, match="80 letters"):
        of("x" * 81)


def test_a_class_may_keep_its_own_name() -> None:
    listed = of("road", "tree").with_changes(1, name="Road").with_changes(2, colour=(9, 8, 7))
    assert [c.name for c in listed] == ["Road", "tree"]
    assert listed.by_value(2) is not None
    assert listed.palette()[2].tolist() == [9, 8, 7]


@pytest.mark.parametrize("value", [0, 255, -1, 300, 1])
def test_a_value_must_be_free_and_from_1_to_254(value: int) -> None:
    with pytest.raises(UserError, match=f"the value {value}"):
        of("road").with_class("tree", value=value)


def test_an_unknown_class_cannot_be_changed() -> None:
    with pytest.raises(UserError, match="no class with the value 7"):
        of("road").with_changes(7, name="tree")


def test_254_classes_fit_and_no_more() -> None:
    listed = of(*(f"class {n}" for n in range(MAX_CLASS_VALUE)))
    assert listed.values == tuple(range(1, 255))
    with pytest.raises(UserError, match="at most 254"):
        listed.with_class("one more")


def test_gaps_are_reused_only_when_the_highest_value_is_used() -> None:
    listed = of("a").with_class("z", value=254)
    assert listed.with_class("b").values == (1, 254, 2)


def test_every_pixel_value_has_a_name_for_people() -> None:
    listed = of("road")
    names = [listed.name_of(value) for value in (UNLABELLED, 1, 2, VOID)]
    assert names == ["unlabelled", "road", "class 2", "void"]


def test_the_palette_has_a_row_for_each_value() -> None:
    listed = of("road").with_class("sky", (1, 2, 3), 200)
    table = listed.palette()
    assert (table.shape, table.dtype) == ((256, 3), np.uint8)
    assert table[1].tolist() == list(default_colour(1))
    assert table[200].tolist() == [1, 2, 3]
    assert not table[[0, 2, 255]].any()


def test_default_colours_are_distinct_and_never_black_or_white() -> None:
    colours = [default_colour(value) for value in range(1, 255)]
    assert len(set(colours)) == 254
    assert all(0 <= part <= 255 for colour in colours for part in colour)
    assert (0, 0, 0) not in colours
    assert (255, 255, 255) not in colours


def test_value_in_a_later_list() -> None:
    before = ClassList().with_class("road", value=1).with_class("car", value=2)
    later = ClassList().with_class("road", value=1).with_class("car", value=9)
    assert [before.value_in(value, later) for value in (1, 2, UNLABELLED, VOID)] == [1, 9, UNLABELLED, VOID]
    assert later.value_in(9, before) == 2
    assert before.value_in(2, ClassList().with_class("road", value=1)) == UNLABELLED
    assert before.value_in(1, before.with_changes(1, name="street")) == 1
