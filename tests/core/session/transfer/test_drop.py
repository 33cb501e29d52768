"""Tests of dropped and pasted pictures: planned, copied without overwriting, removed again when cancelled."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.base.errors import Cancelled, ImageError
from core.images.folder import scan_folder
from core.images.image_reader import read_picture
from core.session.transfer.drop import PASTED_FOLDER, copy_dropped, plan_drop, store_pasted
from tests.factories import picture, picture_folder


def quiet(_done: int, _of: int) -> None:
    pass


def files_in(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_dropped_files_are_copied_and_nothing_is_overwritten(tmp_path: Path) -> None:
    mine, theirs = picture_folder(tmp_path / "mine", 2), picture_folder(tmp_path / "theirs", 3)
    Image.fromarray(picture(seed=9)).save(theirs / "p1.png")
    (theirs / "notes.txt").write_text("no picture")
    before = (mine / "p1.png").read_bytes()
    plan = plan_drop(mine, sorted(theirs.iterdir()))
    assert [name for _, name in plan.copies] == ["p1-2.png", "p2.png"]
    assert plan.inside == ("p0.png",)  # the very same picture
    assert plan.others == 1
    assert plan.bytes == sum((theirs / n).stat().st_size for n in ("p1.png", "p2.png"))
    seen: list[tuple[int, int]] = []
    names = copy_dropped(plan, lambda *at: seen.append(at), lambda: False)
    assert names == ["p1-2.png", "p2.png", "p0.png"]
    assert seen == [(0, 2), (1, 2), (2, 2)]
    assert (mine / "p1.png").read_bytes() == before
    assert (mine / "p1-2.png").read_bytes() == (theirs / "p1.png").read_bytes()
    assert len(files_in(theirs)) == 4


def test_dropped_folder_keeps_its_structure_and_own_pictures_stay(tmp_path: Path) -> None:
    mine = picture_folder(tmp_path / "mine", 1)
    picture_folder(tmp_path / "summer" / "beach", 1)
    picture_folder(tmp_path / "summer", 1)
    plan = plan_drop(mine, [tmp_path / "summer", mine / "p0.png", tmp_path / "gone.png"])
    copy_dropped(plan, quiet, lambda: False)
    assert files_in(mine) == {"p0.png", "summer/p0.png", "summer/beach/p0.png"}
    assert plan.inside == ("p0.png",)
    again = plan_drop(mine, [tmp_path / "summer"])
    assert again.copies == ()
    assert set(again.inside) == {"summer/p0.png", "summer/beach/p0.png"}


def test_names_that_differ_only_in_case_stay_separate(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    for number, place in enumerate(("a", "b")):
        (tmp_path / place).mkdir()
        Image.fromarray(picture(seed=number)).save(tmp_path / place / ("X.png" if number else "x.png"))
    plan = plan_drop(mine, [tmp_path / "a" / "x.png", tmp_path / "b" / "X.png"])
    assert [name for _, name in plan.copies] == ["x.png", "X-2.png"]


def test_long_name_gets_a_number_when_taken(tmp_path: Path) -> None:
    long = "写" * 83  # 249 bytes
    for number, place in enumerate(("mine", "theirs")):
        (tmp_path / place).mkdir()
        Image.fromarray(picture(seed=number)).save(tmp_path / place / f"{long}.png")
    Image.fromarray(picture(seed=2)).save(tmp_path / "theirs" / f"{'读' * 83}.png")
    names = copy_dropped(
        plan_drop(tmp_path / "mine", sorted((tmp_path / "theirs").iterdir())), quiet, lambda: False
    )
    assert names == [f"{long[:50]}-2.png", f"{'读' * 83}.png"]
    assert files_in(tmp_path / "mine") == {f"{long}.png", *names}


def test_cancel_leaves_the_folder_unchanged(tmp_path: Path) -> None:
    mine, theirs = picture_folder(tmp_path / "mine", 0), picture_folder(tmp_path / "theirs", 5)
    plan = plan_drop(mine, sorted(theirs.iterdir()))
    calls: list[int] = []

    def after_three() -> bool:
        calls.append(1)
        return len(calls) > 6

    with pytest.raises(Cancelled):
        copy_dropped(plan, quiet, after_three)
    assert files_in(mine) == set()


def test_partial_copies_are_hidden(tmp_path: Path) -> None:
    mine, theirs = picture_folder(tmp_path / "mine", 0), picture_folder(tmp_path / "theirs", 3)
    seen: list[Path] = []

    def looking(done: int, _of: int) -> None:
        seen.extend(scan_folder(mine))

    with pytest.raises(Cancelled):
        copy_dropped(plan_drop(mine, [theirs]), looking, lambda: len(files_in(mine)) > 2)
    assert seen == []
    assert files_in(mine) == set()


def test_name_taken_meanwhile_removes_all_copies(tmp_path: Path) -> None:
    mine, theirs = picture_folder(tmp_path / "mine", 0), picture_folder(tmp_path / "theirs", 2)
    plan = plan_drop(mine, sorted(theirs.iterdir()))
    (mine / "p1.png").write_text("quicker")
    with pytest.raises(ImageError, match=r"p1\.png.* has just appeared"):
        copy_dropped(plan, quiet, lambda: False)
    assert files_in(mine) == {"p1.png"}
    assert (mine / "p1.png").read_text() == "quicker"


def test_missing_file_is_named_and_leaves_no_partial_copy(tmp_path: Path) -> None:
    mine, theirs = picture_folder(tmp_path / "mine", 0), picture_folder(tmp_path / "theirs", 2)
    plan = plan_drop(mine, sorted(theirs.iterdir()))
    (theirs / "p1.png").unlink()
    with pytest.raises(ImageError, match=r"p1\.png.* could not be copied"):
        copy_dropped(plan, quiet, lambda: False)
    assert files_in(mine) == set()


def test_pasted_pictures_are_named_after_their_time(tmp_path: Path) -> None:
    at = datetime(2031, 2, 3, 4, 5, 6)
    first = store_pasted(tmp_path, picture(), at)
    second = store_pasted(tmp_path, np.dstack([picture(seed=1), np.full((64, 96), 7, np.uint8)]), at)
    assert (first, second) == (
        f"{PASTED_FOLDER}/pasted-20310203-040506.png",
        f"{PASTED_FOLDER}/pasted-20310203-040506-2.png",
    )
    np.testing.assert_array_equal(read_picture(tmp_path / first), picture())
    assert files_in(tmp_path) == {first, second}
