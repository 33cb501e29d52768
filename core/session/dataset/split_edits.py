"""Splits for many pictures at once: planned in numbers first, then one edit of the whole project."""

from __future__ import annotations

from core.base.changes import Changes
from core.project.project import Project
from core.project.records import Split
from core.project.row_changes import RowChange
from core.project.splits.split_plan import SPLITS, By, SplitPlan, SplitWish, plan_splits

_HOW = {By.SHARE: "", By.FOLDER: " by folder", By.GROUP: " by sequence", By.TAG: " by tag"}


def plan_of(project: Project, wish: SplitWish) -> SplitPlan:
    """The dry run, from what is stored now."""
    return plan_splits(project.pictures.all(), project.pictures.all_pixels(), wish)


def apply_plan(project: Project, plan: SplitPlan) -> Changes:
    """Do what was planned, as one edit that can be undone. Nothing happens where there is nothing to change.

    A picture that got a split since the plan was made keeps it, unless all pictures were meant.
    """
    now = {record.id: record.split for record in project.pictures.all()}
    rows = [
        RowChange("pictures", str(picture_id), {"split": split.value})
        for picture_id, split in plan.changes.items()
        if picture_id in now
        and now[picture_id] != split
        and (plan.wish.everything or now[picture_id] is None)
    ]
    return put_rows(project, rows, name_of(plan.wish, len(rows)))


def put_into(project: Project, picture_ids: list[int], split: Split) -> Changes:
    """Put these pictures into one split, as one edit."""
    rows = [RowChange("pictures", str(i), {"split": split.value}) for i in picture_ids]
    return put_rows(project, rows, f"Put {pictures(len(rows))} into {split}")


def put_rows(project: Project, rows: list[RowChange], name: str) -> Changes:
    return project.journal.change_rows(None, name, "mark", rows) if rows else Changes()


def name_of(wish: SplitWish, count: int) -> str:
    """As it stands in the history."""
    shares = " : ".join(f"{share:g}" for share in wish.shares)
    return f"Split {pictures(count)} {shares}{_HOW[wish.by]}"


def pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count:,} pictures"


def other_side(one: Split | None, two: Split | None) -> Split | None:
    """Where both of a pair belong: with the one that judges, because what was measured shall stay comparable."""
    known = [split for split in (one, two) if split is not None]
    return max(known, key=SPLITS.index, default=None)
