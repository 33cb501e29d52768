"""The list that filmstrip and Review paint from, while another thread changes the index."""

from __future__ import annotations

from core.project.records import PictureRecord, Status
from core.session.picture_index import PictureIndex
from desktop.picture_list import PictureList


def names(shown: PictureList) -> list[str]:
    return [shown.record(row).path for row in range(shown.count())]


def test_a_picture_that_leaves_the_index_stays_until_the_list_is_refreshed() -> None:
    index = PictureIndex(PictureRecord(number, f"{number}.png") for number in range(1, 5))
    shown = PictureList(index)
    index.synchronize([2, 4], [])
    assert names(shown) == ["1.png", "2.png", "3.png", "4.png"]
    assert shown.row_of(4) == 3
    shown.refresh()
    assert names(shown) == ["1.png", "3.png"]
    assert shown.row_of(4) is None


def test_rows_and_names_belong_together_while_pictures_are_added() -> None:
    index = PictureIndex([PictureRecord(1, "b.png"), PictureRecord(2, "d.png")])
    shown = PictureList(index)
    index.extend([PictureRecord(3, "e.png")])
    assert names(shown) == ["b.png", "d.png", "e.png"]
    index.extend([PictureRecord(4, "a.png")])
    assert names(shown) == ["b.png", "d.png", "e.png"]
    shown.refresh()
    assert names(shown) == ["a.png", "b.png", "d.png", "e.png"]
    assert [shown.row_of(number) for number in (4, 1, 2, 3)] == [0, 1, 2, 3]


def test_a_new_order_takes_nothing_out_that_no_longer_passes_the_filter() -> None:
    index = PictureIndex(PictureRecord(number, f"{number}.png") for number in range(1, 5))
    shown = PictureList(index, "new", "queue")
    index.update(PictureRecord(2, "2.png", status=Status.IN_PROGRESS))
    shown.queue = {4: 0, 2: 1}
    shown.reorder()
    assert names(shown) == ["4.png", "2.png", "1.png", "3.png"]
    assert shown.row_of(2) == 1
    shown.refresh()
    assert names(shown) == ["4.png", "1.png", "3.png"]


def test_the_order_of_the_queue_holds_the_picture_on_screen_where_it_is() -> None:
    index = PictureIndex(PictureRecord(number, f"{number}.png") for number in range(1, 5))
    shown = PictureList(index)
    shown.held = 3
    shown.order, shown.queue = "queue", {4: 0, 3: 1, 1: 2}
    shown.refresh()
    assert names(shown) == ["4.png", "3.png", "1.png", "2.png"]  # 2 has no place in it
    shown.queue = {1: 0, 4: 1}  # 3 is finished
    shown.refresh()
    assert names(shown) == ["1.png", "3.png", "4.png", "2.png"]
    shown.held = 1
    shown.refresh()
    assert names(shown) == ["1.png", "4.png", "2.png", "3.png"]
    shown.order = "name"
    shown.refresh()
    assert names(shown) == ["1.png", "2.png", "3.png", "4.png"]
