"""Tests of the editing service: order of writes, refused and lost edits, classes, tags, and accepting predictions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.base.changes import Changes
from core.base.errors import ProjectError, UserError
from core.base.geometry import Point
from core.base.lane import Lane
from core.labels.accept import accept_class, accept_everywhere, accept_region
from core.labels.class_list import VOID, ClassList
from core.labels.label_map import LabelMap, Origin
from core.labels.prediction import PredictedMask
from core.project.integrity.check import check_project
from core.project.project import Project
from core.project.records import Split, Status
from core.session.editing import EditingService
from tests.factories import project_in, stroke, truth

TIMEOUT = 10


@dataclass
class EditingHarness:
    """An open project with its document lane."""

    project: Project
    announced: list[Changes] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.document = Lane("document", on_unexpected_error=self.errors.append)
        self.editing = EditingService(self.project, self.document, self.announced.append)

    def close(self) -> None:
        self.document.shutdown()
        self.project.close()
        assert self.errors == []


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[EditingHarness]:
    opened = EditingHarness(project_in(tmp_path))
    yield opened
    opened.close()


def refuse_to_write(harness: EditingHarness, refuse: bool) -> None:
    """SQLite itself refuses every write, as it does on a disk that has become read-only."""
    with harness.project._store.read_transaction() as connection:
        connection.exec_driver_sql(f"PRAGMA query_only = {int(refuse)}")


def test_tags_added_in_quick_succession_are_all_kept(harness: EditingHarness) -> None:
    given = [
        harness.editing.add_tags(1, ["night", "low  sun"]),
        harness.editing.add_tags(1, ["rain", "night"]),
    ]
    given.append(harness.editing.remove_tag(1, "night"))
    for future in given:
        future.result(TIMEOUT)
    assert harness.project.pictures.get(1).tags == ("low sun", "rain")
    harness.editing.undo(1).result(TIMEOUT)
    assert harness.project.pictures.get(1).tags == ("low sun", "night", "rain")
    with pytest.raises(UserError):
        harness.editing.add_tags(1, [" "])


def test_strokes_undo_and_redo(harness: EditingHarness) -> None:
    labels = LabelMap.blank(96, 64)
    before = labels.values.copy()
    harness.editing.commit(1, stroke(labels, 1, (10, 10), (50, 40))).result(TIMEOUT)
    names = harness.editing.journal(1).result(TIMEOUT)
    assert (names.undo_name, names.redo_name) == ("Brush stroke, class 1", None)
    after = labels.values.copy()
    reverted = harness.editing.undo(1).result(TIMEOUT)
    assert reverted is not None
    assert reverted.undo_names.redo_name == "Brush stroke, class 1"
    labels.replace_tiles(reverted.tiles)
    np.testing.assert_array_equal(labels.values, before)
    again = harness.editing.redo(1).result(TIMEOUT)
    assert again is not None
    labels.replace_tiles(again.tiles)
    np.testing.assert_array_equal(labels.values, after)
    one = frozenset([1])
    assert harness.announced == [Changes(pictures=one, labels=one, undo_names_known=one)] * 3


def test_undo_without_edits_announces_nothing(harness: EditingHarness) -> None:
    assert harness.editing.undo(1).result(TIMEOUT) is None
    assert harness.editing.redo(1).result(TIMEOUT) is None
    assert harness.announced == []


def test_every_picture_has_its_own_journal(harness: EditingHarness) -> None:
    first, second = LabelMap.blank(96, 64), LabelMap.blank(96, 64)
    harness.editing.commit(1, stroke(first, 1, (10, 10), (50, 40)))
    harness.editing.commit(2, stroke(second, 2, (10, 10), (50, 40)))
    reverted = harness.editing.undo(1).result(TIMEOUT)
    assert reverted is not None
    assert reverted.edit.class_value == 1
    assert [edit.undone for edit in harness.editing.history(1).result(TIMEOUT)] == [True]
    assert [edit.undone for edit in harness.editing.history(2).result(TIMEOUT)] == [False]


def test_edits_after_a_refused_one_are_refused_until_it_is_stored(harness: EditingHarness) -> None:
    labels = LabelMap.blank(96, 64)
    harness.editing.commit(1, stroke(labels, 1, (10, 10), (50, 40))).result(TIMEOUT)
    stored = labels.values.copy()
    refused, later = stroke(labels, 2, (10, 50), (90, 50)), stroke(labels, 1, (10, 20), (90, 20))
    refuse_to_write(harness, True)
    with pytest.raises(ProjectError, match="could not be used"):
        harness.editing.commit(1, refused).result(TIMEOUT)
    refuse_to_write(harness, False)
    with pytest.raises(ProjectError, match="could not be used"):  # it waits behind the first, for its reason
        harness.editing.commit(1, later).result(TIMEOUT)
    for act in (harness.editing.undo, harness.editing.redo):
        with pytest.raises(ProjectError, match="Undo and redo are possible once it is"):
            act(1).result(TIMEOUT)
    np.testing.assert_array_equal(harness.project.labels.read(1, 96, 64), stored)
    harness.editing.commit(1, refused).result(TIMEOUT)
    harness.editing.commit(1, later).result(TIMEOUT)
    np.testing.assert_array_equal(harness.project.labels.read(1, 96, 64), labels.values)
    for _ in range(2):
        reverted = harness.editing.undo(1).result(TIMEOUT)
        assert reverted is not None
        labels.replace_tiles(reverted.tiles)
    np.testing.assert_array_equal(labels.values, stored)


def test_an_edit_that_can_never_be_stored_does_not_block_others(harness: EditingHarness) -> None:
    editing, first, second = harness.editing, LabelMap.blank(96, 64), LabelMap.blank(96, 64)
    editing.commit(1, stroke(first, 1, (10, 10), (50, 10))).result(TIMEOUT)
    with harness.project.store.write_transaction() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER never BEFORE INSERT ON edits WHEN NEW.class_value = 2 "
            "BEGIN SELECT RAISE(ABORT, 'class 2 is not taken'); END"
        )
    under = first.values.copy()
    never = editing.commit(1, stroke(first, 2, (10, 30), (50, 30)))
    lost = first.values != under
    undo = editing.undo(1)  # before the canvas can know: it means the stroke that is lost
    on_top = editing.commit(1, stroke(first, 1, (30, 30), (80, 30)))
    elsewhere = editing.commit(2, stroke(second, 1, (10, 10), (50, 40)))
    with pytest.raises(ProjectError, match=r"p0.png could not be saved and is lost.*class 2 is not taken"):
        never.result(TIMEOUT)
    with pytest.raises(ProjectError, match="nothing else was undone"):
        undo.result(TIMEOUT)
    on_top.result(TIMEOUT)
    elsewhere.result(TIMEOUT)
    stored = harness.project.labels.read(1, 96, 64)
    np.testing.assert_array_equal(stored, np.where(lost & (first.values == 2), 0, first.values))
    np.testing.assert_array_equal(harness.project.labels.read(2, 96, 64), second.values)
    editing.acknowledge_loss(1)
    editing.undo(1).result(TIMEOUT)
    np.testing.assert_array_equal(harness.project.labels.read(1, 96, 64), under)
    assert check_project(harness.project) == []


def test_prediction_of_a_missing_run_can_be_accepted(harness: EditingHarness) -> None:
    """An older backup was brought back, and the predictions of later runs still lie in the cache."""
    labels = LabelMap.blank(96, 64)
    sure = np.full((64, 96), 255, np.uint8)
    accepted = accept_everywhere(labels, PredictedMask(truth(), sure, 7)).apply(labels)
    assert accepted is not None and accepted.run_id == 7
    harness.editing.commit(1, accepted).result(TIMEOUT)
    assert harness.project.labels.origin_at(1, 5, 5, (96, 64)) == (Origin.ACCEPTED, None)


def test_label_of_unknown_origin_can_be_painted_on(harness: EditingHarness) -> None:
    labels = LabelMap.blank(96, 64)
    harness.editing.commit(1, stroke(labels, 1, (10, 10), (50, 10))).result(TIMEOUT)
    before = labels.values.copy()
    with harness.project.store.write_transaction() as connection:
        connection.exec_driver_sql("UPDATE tiles SET origins = x'5a00'")
    harness.editing.commit(1, stroke(labels, 2, (10, 40), (50, 40))).result(TIMEOUT)
    assert harness.project.labels.origin_at(1, 20, 10, (96, 64)) is None
    assert harness.project.labels.origin_at(1, 20, 40, (96, 64)) == (Origin.PAINTED, None)
    harness.editing.undo(1).result(TIMEOUT)
    np.testing.assert_array_equal(harness.project.labels.read(1, 96, 64), before)
    assert check_project(harness.project) == []


def test_status_and_split_are_stored(harness: EditingHarness) -> None:
    harness.editing.set_status(1, Status.SKIPPED).result(TIMEOUT)
    harness.editing.set_split(1, Split.TEST).result(TIMEOUT)
    record = harness.project.pictures.get(1)
    assert (record.status, record.split) == (Status.SKIPPED, Split.TEST)
    harness.editing.set_split(1, None).result(TIMEOUT)
    assert harness.project.pictures.get(1).split is None
    assert harness.announced == [Changes(pictures=frozenset([1]))] * 3


def test_classes_are_added_all_or_none(harness: EditingHarness) -> None:
    harness.editing.add_classes(["water", "car"]).result(TIMEOUT)
    assert [c.name for c in harness.project.classes.read()] == ["grass", "roof", "water", "car"]
    with pytest.raises(UserError, match="already"):
        harness.editing.add_classes(["field", "Car"])
    assert len(harness.editing.classes) == 4
    harness.editing.change_class(3, name="lake", colour=(1, 2, 3)).result(TIMEOUT)
    assert harness.project.classes.read() == harness.editing.classes
    assert harness.editing.classes.name_of(3) == "lake"
    with pytest.raises(UserError, match="already"):
        harness.editing.change_class(3, name="roof")
    assert harness.announced == [Changes(classes=True)] * 2


def test_two_classes_can_swap_names(harness: EditingHarness) -> None:
    for value, name in ((1, "x"), (2, "grass"), (1, "roof")):
        harness.editing.change_class(value, name=name).result(TIMEOUT)
    assert [c.name for c in harness.project.classes.read()] == ["roof", "grass"]


def test_origin_in_words(harness: EditingHarness) -> None:
    run = harness.project.runs.start("{}", "{}", None, 3)
    labels = LabelMap.blank(96, 64)
    harness.editing.commit(1, stroke(labels, 1, (10, 10), (20, 10)))
    edit = accept_everywhere(labels, PredictedMask(truth(), truth(), run.id)).apply(labels)
    assert edit is not None
    harness.editing.commit(1, edit).result(TIMEOUT)

    def origin(x: int, y: int) -> str:
        return harness.editing.origin_at(1, x, y, (96, 64)).result(TIMEOUT)

    assert (origin(12, 10), origin(80, 50)) == ("painted", f"accepted from run {run.id}")
    harness.editing.undo(1).result(TIMEOUT)
    assert (origin(12, 10), origin(80, 50)) == ("painted", "")
    assert harness.editing.origin_at(2, 5, 5, (96, 64)).result(TIMEOUT) == ""


masks = arrays.arrays(np.uint8, (5, 7), elements=st.sampled_from([0, 0, 1, 2, VOID]))
predictions = arrays.arrays(np.uint8, (5, 7), elements=st.sampled_from([1, 2, 3]))


@given(masks, predictions, st.integers(0, 6), st.integers(0, 4))
def test_accepting_fills_only_unlabelled_pixels(
    labelled: np.ndarray, values: np.ndarray, x: int, y: int
) -> None:
    prediction = PredictedMask(values, np.full_like(values, 200), 4)
    classes = ClassList().with_class("road").with_class("tree").with_class("car")
    value = int(values[y, x])
    before = LabelMap(labelled.copy())
    for prepared, allowed in (
        (accept_everywhere(before, prediction), np.ones_like(labelled, bool)),
        (accept_class(before, prediction, 2, "tree"), values == 2),
        (accept_region(before, prediction, Point(x + 0.5, y + 0.5), classes), region(values, x, y)),
    ):
        assert prepared.pixels >= np.count_nonzero(allowed & (labelled == 0))
        labels = LabelMap(labelled.copy())
        edit = prepared.apply(labels)
        expected = np.where(allowed & (labelled == 0), values, labelled)
        np.testing.assert_array_equal(labels.values, expected)
        assert not labels.is_editing
        if edit is None:
            np.testing.assert_array_equal(expected, labelled)
            continue
        assert (edit.origin, edit.run_id) == (Origin.ACCEPTED, 4)
        assert edit.pixels == np.count_nonzero(expected != labelled)
        assert edit.name in ("Accept prediction", "Accept tree", f"Accept region, {classes.name_of(value)}")


def test_a_region_over_many_tiles_is_accepted_whole() -> None:
    values = np.full((900, 1000), 3, np.uint8)
    values[100:800, 50:950] = 2
    values[200:300, 300:400] = 1
    labelled = np.zeros(values.shape, np.uint8)
    labelled[::7] = 1
    labels = LabelMap(labelled.copy())
    prediction = PredictedMask(values, np.full_like(values, 200), 4)
    edit = accept_region(labels, prediction, Point(60.5, 110.5), ClassList()).apply(labels)
    np.testing.assert_array_equal(labels.values, np.where((labelled == 0) & (values == 2), 2, labelled))
    assert edit is not None and edit.pixels == np.count_nonzero((labelled == 0) & (values == 2))


def region(values: np.ndarray, x: int, y: int) -> np.ndarray:
    """The four-connected region around a pixel, grown pixel by pixel."""
    found = np.zeros(values.shape, bool)
    waiting = [(x, y)]
    while waiting:
        column, row = waiting.pop()
        inside = 0 <= column < values.shape[1] and 0 <= row < values.shape[0]
        if inside and not found[row, column] and values[row, column] == values[y, x]:
            found[row, column] = True
            waiting += [(column + 1, row), (column - 1, row), (column, row + 1), (column, row - 1)]
    return found


@pytest.mark.parametrize("at", [Point(-0.5, 3), Point(96, 3), Point(3, 64.5)])
def test_a_region_outside_the_picture_is_refused(at: Point) -> None:
    with pytest.raises(UserError, match="inside the picture"):
        accept_region(LabelMap.blank(96, 64), PredictedMask(truth(), truth()), at, ClassList())


def test_a_prediction_of_another_size_is_refused() -> None:
    labels = LabelMap.blank(96, 64)
    with pytest.raises(UserError, match="size of the picture"):
        accept_everywhere(labels, PredictedMask(truth(8, 8), truth(8, 8)))
    assert not labels.is_editing
