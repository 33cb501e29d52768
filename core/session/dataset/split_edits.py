"""Changes the splits of many pictures as one undoable edit of the project."""

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


def split_plan(project: Project, options: SplitOptions) -> SplitPlan:
    """Plan a split of the stored pictures, without changing anything."""
    return plan_splits(project.pictures.all(), project.pictures.pixels_by_picture(), options)


def apply_split_plan(project: Project, plan: SplitPlan) -> Changes:
    """Apply a plan as one undoable edit; no edit when nothing changes.

    A picture that got a split after the plan was made keeps it, unless the plan reassigns all pictures.
    """
    current = {record.id: record.split for record in project.pictures.all()}
    rows = [
        RowChange("pictures", str(picture_id), {"split": split.value})
        for picture_id, split in plan.changes.items()
        if picture_id in current
        and current[picture_id] != split
        and (plan.options.reassign or current[picture_id] is None)
    ]
    return change_rows(project, rows, edit_title(plan.options, len(rows)))


def set_split(project: Project, picture_ids: list[int], split: Split) -> Changes:
    """Put these pictures into one split, as one undoable edit."""
    rows = [RowChange("pictures", str(i), {"split": split.value}) for i in picture_ids]
    return change_rows(project, rows, f"Put {count_of(len(rows), 'picture')} into {split}")


def change_rows(project: Project, rows: list[RowChange], name: str) -> Changes:
    """Change rows of many pictures as one edit called `name`; no edit without rows."""
    return project.journal.change_rows(None, name, "mark", rows) if rows else Changes()


def edit_title(options: SplitOptions, count: int) -> str:
    """The name of the edit in the history. Stored, so it must not change."""
    shares = " : ".join(f"{share:g}" for share in options.shares)
    return f"Split {count_of(count, 'picture')} {shares}{_METHOD_SUFFIX[options.grouping]}"


def common_split(one: Split | None, two: Split | None) -> Split | None:
    """The split for both of a near-duplicate pair: test before val before train, so that scores stay comparable."""
    known = [split for split in (one, two) if split is not None]
    return max(known, key=ALL_SPLITS.index, default=None)
