"""Freezing long-lived objects, and collecting a closed project without the collector going through them."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from core.base.gc_freeze import collect_closed, freeze_gc, pause_gc, prepare_collection
from core.project.records import PictureRecord


class Node:
    """Refers to itself, so that only the collector can free it."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_a_frozen_block_is_left_to_itself_and_a_paused_one_is_collected() -> None:
    with freeze_gc():
        assert not gc.isenabled()
        frozen = weakref.ref(Node())
    with pause_gc():
        assert not gc.isenabled()
        closed = weakref.ref(Node())
    assert gc.isenabled()
    before = gc.get_freeze_count()
    prepare_collection()
    assert not gc.isenabled(), "no other thread collects what belongs to the GUI thread"
    collect_closed()
    assert gc.isenabled()
    assert closed() is None
    assert frozen() is not None, "it was not gone through"
    assert gc.get_freeze_count() <= before, "a project that a thread still refers to can be collected later"


def test_the_collector_stays_off_until_the_last_block_ends() -> None:
    with pause_gc():
        with freeze_gc():
            pass
        inner = weakref.ref(Node())
        assert not gc.isenabled()
    assert gc.isenabled()
    prepare_collection()
    collect_closed()
    assert inner() is None, "a block that ends inside another one freezes nothing"


def test_the_collector_does_not_go_through_picture_records() -> None:
    """A project has a hundred thousand of them, and is not frozen."""
    records = {n: PictureRecord(n, f"{n}.png", tags=("night",)) for n in range(3)}
    gc.collect()
    assert not any(gc.is_tracked(record) for record in records.values())
