"""Splits for many pictures at once: planned in numbers first, then one edit of the whole project."""

from __future__ import annotations

from core.base.changes import Changes
from core.base.text import count_of
from core.project.project import Project
from core.project.records import Split
from core.project.row_changes import RowChange
from core.project.splits.split_plan import ALL_SPLITS, SplitGrouping, SplitOptions, SplitPlan, plan_splits

_METHOD_SUFFIX = {
    SplitGrouping.SHARE: "",
    SplitGrouping.FOLDER: " by folder",
    SplitGrouping.GROUP: " by sequence",
    SplitGrouping.TAG: " by tag",
}


def split_plan(project: Project, wish: SplitOptions) -> SplitPlan:
    """The dry run, from what is stored now."""
    return plan_splits(project.pictures.all(), project.pictures.pixels_by_picture(), wish)


def apply_split_plan(project: Project, plan: SplitPlan) -> Changes:
    """Do what was planned, as one edit that can be undone. Nothing happens where there is nothing to change.

    A picture that got a split since the plan was made keeps it, unless all pictures were meant.
    """
    now = {record.id: record.split for record in project.pictures.all()}
    rows = [
        RowChange("pictures", str(picture_id), {"split": split.value})
        for picture_id, split in plan.changes.items()
        if picture_id in now
        and now[picture_id] != split
        and (plan.options.reassign or now[picture_id] is None)
    ]
    return change_rows(project, rows, edit_title(plan.options, len(rows)))


def set_split(project: Project, picture_ids: list[int], split: Split) -> Changes:
    """Put these pictures into one split, as one edit."""
    rows = [RowChange("pictures", str(i), {"split": split.value}) for i in picture_ids]
    return change_rows(project, rows, f"Put {count_of(len(rows), 'picture')} into {split}")


def change_rows(project: Project, rows: list[RowChange], name: str) -> Changes:
    return project.journal.change_rows(None, name, "mark", rows) if rows else Changes()


def edit_title(wish: SplitOptions, count: int) -> str:
    """As it stands in the history."""
    shares = " : ".join(f"{share:g}" for share in wish.shares)
    return f"Split {count_of(count, 'picture')} {shares}{_METHOD_SUFFIX[wish.grouping]}"


def common_split(one: Split | None, two: Split | None) -> Split | None:
    """Where both of a pair belong: with the one that judges, because what was measured shall stay comparable."""
    known = [split for split in (one, two) if split is not None]
    return max(known, key=ALL_SPLITS.index, default=None)
