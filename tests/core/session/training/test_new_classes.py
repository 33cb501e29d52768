"""When a training starts again because of a new class."""

from __future__ import annotations

from core.labels.class_list import ClassList
from core.session.training.new_classes import RestartRule
from core.training.data.snapshot import SnapshotEntry

CLASSES = ClassList().with_class("grass").with_class("roof").with_class("bolt")


def entry(split: str, *values: int) -> SnapshotEntry:
    return SnapshotEntry(1, "a", split, 1, "", 8, 8, tuple((value, 5) for value in values))


def test_a_class_in_train_is_announced_once_and_restarts() -> None:
    rule = RestartRule((1, 2))
    assert rule.note_labels([entry("train", 0, 1, 2, 255)], CLASSES) == ""
    assert not rule.take()
    said = rule.note_labels([entry("train", 1, 3)], CLASSES)
    assert said == "“bolt” is new: training starts again in a moment to learn it."
    assert rule.note_labels([entry("train", 1, 3)], CLASSES) == ""
    assert not rule.is_due, "other classes may follow at once"
    assert rule.take() and not rule.take()


def test_a_class_in_val_only_is_announced_but_cannot_be_learned() -> None:
    rule = RestartRule((1, 2))
    assert "val pictures only" in rule.note_labels([entry("train", 1), entry("val", 3)], CLASSES)
    assert not rule.take()
    rule.note_labels([entry("train", 1, 3), entry("val", 3)], CLASSES)
    assert rule.take()


def test_a_value_without_a_class_is_nothing_new() -> None:
    rule = RestartRule((1, 2))
    assert rule.note_labels([entry("train", 1, 9)], CLASSES) == ""
    assert not rule.take()
