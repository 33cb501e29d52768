"""Undo and redo across pictures and classes never restore pixels of a class that does not exist."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import ProjectError, UserError
from core.base.geometry import Box
from core.labels.class_list import ClassList
from core.labels.label_map import Edit, LabelMap
from core.project.project import Project
from core.project.records import Split
from core.project.row_changes import RowChange
from core.project.splits.split_plan import SplitOptions
from core.session.dataset.split_edits import apply_split_plan, split_plan
from tests.factories import project_in

WHOLE = Box(0, 0, 96, 64)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Three blank pictures of 96 x 64, and the classes 1 and 2."""
    with project_in(tmp_path) as opened:
        yield opened


def fill(project: Project, picture_id: int, value: int) -> None:
    project.journal.commit(picture_id, filled(project, picture_id, value))


def filled(project: Project, picture_id: int, value: int) -> Edit:
    """A whole picture painted as one class, on its way to the document."""
    labels = LabelMap(project.labels.read(picture_id, 96, 64))
    labels.begin_edit(f"Fill {value}", "fill", value)
    labels.put_values(WHOLE, np.full((64, 96), value, np.uint8))
    edit = labels.finish_edit()
    assert edit is not None
    return edit


def values(project: Project, picture_id: int) -> set[int]:
    return set(np.unique(project.labels.read(picture_id, 96, 64)).tolist())


def add_class(project: Project) -> None:
    project.classes.save(project.classes.read().with_class("tree"), "Add tree")


def test_edits_with_a_discarded_class_are_discarded(project: Project) -> None:
    add_class(project)
    fill(project, 1, 3)
    project.journal.undo(1)
    project.journal.undo(1)  # the class itself
    fill(project, 2, 1)  # and now it can never be redone
    assert project.journal.undo_names(1).redo_name is None
    assert project.journal.redo(1) is None
    assert values(project, 1) == {0}


def test_edits_older_than_a_discarded_class_can_still_be_redone(project: Project) -> None:
    fill(project, 1, 1)
    add_class(project)
    project.journal.undo(1)
    project.journal.undo(1)
    fill(project, 2, 1)
    assert project.journal.redo(1) is not None
    assert values(project, 1) == {1}


def test_adding_a_class_is_not_undone_while_undo_elsewhere_needs_it(project: Project) -> None:
    add_class(project)
    fill(project, 1, 3)
    fill(project, 1, 1)  # no pixel carries it now
    with pytest.raises(ProjectError, match=r"history of p0\.png"):
        project.journal.undo(2)
    for _ in range(3):
        assert project.journal.undo(1) is not None
    assert values(project, 1) == {0}


def test_deletion_is_not_redone_before_older_edits(project: Project) -> None:
    fill(project, 1, 1)
    project.classes.delete(1)
    project.journal.undo(1)
    project.journal.undo(1)
    with pytest.raises(ProjectError, match=r"p0\.png has been undone before it"):
        project.journal.redo(2)
    for _ in range(2):
        assert project.journal.redo(1) is not None
    assert values(project, 1) == {0}


def test_deletion_is_not_redone_while_redo_elsewhere_needs_the_class(project: Project) -> None:
    fill(project, 1, 1)
    fill(project, 1, 2)
    project.classes.delete(1)  # touches no picture
    for _ in range(3):
        project.journal.undo(1)
    with pytest.raises(ProjectError, match=r"history of p0\.png"):
        project.journal.redo(2)


def test_pending_stroke_of_a_merged_class_gets_the_replacement(project: Project) -> None:
    late = filled(project, 1, 1)
    project.classes.merge(1, 2)
    project.journal.commit(1, late)
    assert values(project, 1) == {2}
    late = filled(project, 3, 1)
    project.classes.delete(2)
    project.journal.commit(3, late)
    assert values(project, 3) == {0}
    assert project.pictures.pixels_by_class(3) == {}
    assert not project.labels.provenance(3, 96, 64)[0].any()


def test_undo_of_a_project_edit_reports_every_changed_picture(project: Project) -> None:
    fill(project, 1, 1)
    fill(project, 3, 1)
    project.classes.merge(1, 2)
    reverted = project.journal.undo(2)
    assert reverted is not None
    assert reverted.changes.labels >= {1, 3}
    assert reverted.changes.classes
    assert reverted.tiles == {}


def test_ids_of_discarded_edits_are_not_reused(project: Project) -> None:
    """A run remembers after which edit it began; a number used twice would hide what happened since."""
    fill(project, 1, 1)
    run = project.runs.start("{}", "{}", None, 1)
    project.journal.undo(1)
    project.classes.change_value(1, 9)
    assert project.classes.mapping_since(run.after_move_id)[1] == 9


def test_class_mapping_after_undo_and_redo(project: Project) -> None:
    project.classes.change_value(1, 9)
    fill(project, 2, 2)
    project.journal.undo(1)
    run = project.runs.start("{}", "{}", None, 1)  # learns the value 1
    assert project.classes.mapping_since(run.after_move_id)[1] == 1
    project.journal.redo(1)
    assert project.classes.mapping_since(run.after_move_id)[1] == 9


def test_class_mapping_after_an_edit_before_the_run_was_undone(project: Project) -> None:
    fill(project, 2, 2)
    project.classes.change_value(1, 9)
    project.classes.split_off(2, "shed", [2])
    run = project.runs.start("{}", "{}", None, 1)
    learnt = [9, 2, project.classes.read().values[-1]]
    read = project.classes.mapping_since
    for _ in range(2):
        project.journal.undo(1)
    assert read(run.after_move_id)[learnt].tolist() == [1, 2, 2]
    project.journal.redo(1)
    assert read(run.after_move_id)[learnt].tolist() == [9, 2, 2]
    project.journal.undo(1)
    fill(project, 1, 1)  # now the two can never be redone, and the network is of use all the same
    assert read(run.after_move_id)[learnt].tolist() == [1, 2, 2]
    project.journal.undo(1)


def test_class_mapping_omits_a_class_whose_addition_was_undone(project: Project) -> None:
    add_class(project)
    run = project.runs.start("{}", "{}", None, 1)
    project.journal.undo(1)
    assert project.classes.mapping_since(run.after_move_id)[[1, 2, 3]].tolist() == [1, 2, 0]


def test_thinning_leaves_no_gap_in_the_history(project: Project) -> None:
    for value in (1, 2, 1, 2):
        fill(project, 1, value)
    for _ in range(4):
        project.journal.undo(1)
    assert project.journal.thin(kept_steps=1, kept_bytes=0).edits == 0
    assert project.journal.redo(1) is not None
    assert values(project, 1) == {1}


def test_thinning_keeps_project_edits(project: Project) -> None:
    fill(project, 1, 1)
    project.classes.merge(1, 2)
    assert project.journal.thin(kept_steps=0, kept_bytes=0).edits == 1
    assert project.journal.undo(1) is not None
    assert values(project, 1) == {1}
    assert project.journal.undo(1) is None


def test_imported_classes_can_be_undone_in_order(project: Project) -> None:
    """An import writes classes without a name; what it brought must not be in the way of an older undo."""
    project.classes.delete(2)
    project.classes.save(project.classes.read().with_class("car", value=2))
    fill(project, 1, 2)
    with pytest.raises(ProjectError, match=r"Delete the class"):
        project.journal.undo(2)
    for _ in range(3):
        assert project.journal.undo(1) is not None
    assert [c.name for c in project.classes.read()] == ["grass", "roof"]


def test_class_list_without_a_labelled_class_is_refused(project: Project) -> None:
    fill(project, 1, 2)
    with pytest.raises(UserError, match="the value 2"):
        project.classes.save(ClassList().with_class("grass"))
    assert project.classes.read().values == (1, 2)


def test_split_is_one_edit_that_later_edits_of_a_picture_block(project: Project) -> None:
    plan = split_plan(project, SplitOptions(shares=(1, 1, 1)))
    changes = apply_split_plan(project, plan)
    assert changes.pictures == {1, 2, 3}
    assert project.pictures.counts().by_split == {"train": 1, "val": 1, "test": 1}
    assert project.journal.undo_names(2).undo_name == "Split 3 pictures 1 : 1 : 1"
    project.journal.change_rows(1, "Note", "mark", [RowChange("pictures", "1", {"note": "x"})])
    project.journal.change_rows(1, "Put", "mark", [RowChange("pictures", "1", {"split": "train"})])
    with pytest.raises(ProjectError, match=r"p0\.png has been edited since"):
        project.journal.undo(2)
    project.journal.undo(1)
    project.journal.undo(2)  # the note does not stand in the way: the split never touched it
    assert [r.split for r in project.pictures.all()] == [None] * 3
    assert project.pictures.get(1).note == "x"
    project.journal.redo(3)
    assert {r.id: r.split for r in project.pictures.all()} == plan.changes


def test_outdated_split_plan_changes_nothing(project: Project) -> None:
    plan = split_plan(project, SplitOptions(shares=(1, 0, 0)))
    project.pictures.set_split([2], Split.VAL)
    assert apply_split_plan(project, plan).pictures == {1, 3}
    assert project.pictures.get(2).split == Split.VAL
    assert not apply_split_plan(project, plan)
    everything = split_plan(project, SplitOptions(shares=(1, 0, 0), reassign=True))
    assert (everything.moved, apply_split_plan(project, everything).pictures) == (1, {2})
