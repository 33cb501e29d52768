"""The account: exact counts, a bounded number of places, and every file of a folder in one of three lists."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.errors import FormatError
from core.formats.account import (
    KEPT_PLACES,
    KEPT_REASONS,
    NOT_AN_AREA,
    OTHER_REASONS,
    Account,
    AccountBuilder,
    AccountKind,
)
from core.formats.dataset_tree import DatasetTree
from core.formats.readers.registry import open_dataset
from tests.dataset_files import photo, write_text
from tests.external_datasets import EXTERNAL_DATASETS, ExternalDataset

ROOT = Path("/data/set")


def test_things_with_one_reason_are_counted_and_the_first_are_named() -> None:
    account = AccountBuilder()
    for line in range(1000):
        account.left_out(f"a.txt, line {line}", "the outline has two corners", AccountKind.OBJECT)
    account.came_in(objects=7)
    (row,) = account.result().left_out
    assert (row.count, len(row.places)) == (1000, KEPT_PLACES)
    (sentence,) = account.result().sentences(ROOT)
    assert sentence == (
        f"1,000 objects were left out, for example {ROOT / 'a.txt, line 0'}: the outline has two corners."
    )
    assert account.result().summary() == "Account: 1,007 objects: 7 came in, 1,000 left out."


def test_the_number_of_reasons_is_bounded() -> None:
    account = AccountBuilder()
    for number in range(3 * KEPT_REASONS):
        account.left_out(f"{number}.png", f"it holds the value {number}")
    found = account.result()
    assert found.count_left_out() == 3 * KEPT_REASONS
    assert len(found.left_out) == KEPT_REASONS + 1
    assert found.left_out[-1].reason == OTHER_REASONS


def test_a_file_is_counted_once() -> None:
    account = AccountBuilder()
    account.left_out("a.png", "it has no picture")
    account.left_out("a.png", "it is too small")
    account.failed("a.png", FormatError("/data/set/a.png is damaged."))
    account.does_not_belong("a.png", NOT_AN_AREA)
    assert [row.reason for row in account.result().left_out] == ["it has no picture"]
    assert account.result().unrelated == ()


def test_a_sentence_of_an_error_is_kept() -> None:
    account = AccountBuilder()
    account.failed("a.png", FormatError("/data/set/a.png is damaged."))
    assert account.result().sentences(ROOT) == ("/data/set/a.png is damaged.",)


kinds = st.sampled_from(AccountKind)
entries = st.lists(
    st.tuples(kinds, st.sampled_from("abc"), st.integers(0, 40), st.booleans(), st.integers(1, 9))
)


@given(entries, st.integers(0, 50))
def test_parts_add_up(things: list[tuple[AccountKind, str, int, bool, int]], cut: int) -> None:
    """An account from parts has the counts of one made at once."""

    def built(rows: list[tuple[AccountKind, str, int, bool, int]]) -> Account:
        account = AccountBuilder()
        for kind, reason, place, foreign, objects in rows:
            account.came_in(objects=objects)
            if kind != AccountKind.FILE:
                add = account.does_not_belong if foreign else account.left_out
                add(str(place), reason, kind)
        return account.result()

    parts = AccountBuilder(built(things[:cut]))
    parts.add(built(things[cut:]))
    whole, added = built(things), parts.result()
    assert added.objects == whole.objects
    for kind in AccountKind:
        assert added.count_left_out(kind) == whole.count_left_out(kind)
        assert added.count_unrelated(kind) == whole.count_unrelated(kind)
    counts = added.as_json()
    assert sum(row["count"] for row in counts["left_out"]) == whole.count_left_out()
    assert all(sentence.endswith(".") for sentence in added.sentences(ROOT))


@pytest.mark.parametrize(
    "form", EXTERNAL_DATASETS, ids=[f"{n}-{f.format}" for n, f in enumerate(EXTERNAL_DATASETS)]
)
def test_every_file_is_accounted_for(form: ExternalDataset, tmp_path: Path) -> None:
    form.write(tmp_path)
    (tmp_path / "notes").mkdir()

    @settings(max_examples=5, deadline=None)
    @given(st.sets(st.sampled_from(["notes/thanks.rtf", "notes/spare.jpg", "list.log", "x.xyz"])))
    def check(foreign: set[str]) -> None:
        for name in foreign:
            if name.endswith(".jpg"):
                photo(tmp_path / name, seed=9)
            else:
                write_text(tmp_path / name, "thank you\n")
        try:
            account = open_dataset(tmp_path, form.format).account
            total = len(DatasetTree(tmp_path).files)
        finally:
            for name in foreign:
                (tmp_path / name).unlink()
        file = AccountKind.FILE
        assert account.files + account.count_left_out(file) + account.count_unrelated(file) == total
        assert account.files >= 2

    check()
