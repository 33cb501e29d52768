"""The commands split and duplicates, which work on the dataset as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from core.base.number_text import percent_text
from core.base.text import count_of
from core.cli.common_options import JsonOption, ProjectOption
from core.cli.terminal import UsageError, open_for_writing, print_result, progress_bar, report_errors
from core.labels.class_list import ClassList
from core.project.project import Project
from core.project.splits.split_plan import (
    SplitGrouping,
    SplitOptions,
    SplitPlan,
    SplitStats,
    classes_in_one_split,
)
from core.session.dataset.near_duplicates import find_near_duplicates, leaks, sequences_across_splits
from core.session.dataset.split_edits import apply_split_plan, split_plan

MAX_PAIRS_SHOWN = 20
"""Pairs listed in the text output; --json lists all."""


def split_command(
    project: ProjectOption = Path(),
    by: Annotated[
        SplitGrouping,
        typer.Option(
            "--by",
            help="Units that stay together: single pictures (share), folders, sequences (group), or tags. "
            "A folder or tag called train, val or test is assigned to that split.",
        ),
    ] = SplitGrouping.SHARE,
    shares: Annotated[
        str, typer.Option(help="Shares of train, val and test, separated by commas.")
    ] = "70,15,15",
    stratify: Annotated[
        bool, typer.Option("--stratify", help="Stratify by class: each split gets its share of every class.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Random seed; the same seed gives the same split.")] = 0,
    everything: Annotated[
        bool,
        typer.Option("--all", help="Reassign pictures that already have a split, including those of val."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be done, and change nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Assign pictures to train, val and test. This is one undoable step."""
    with report_errors():
        options = SplitOptions(by, _shares(shares), stratify, seed, everything)
        if dry_run:
            with Project.open_read_only(project) as opened:
                plan, classes = split_plan(opened, options), opened.classes.read()
        else:
            Project.open_read_only(project).close()  # raises ProjectError if there is no project
            with open_for_writing(project, None, "maskloop split") as opened:
                plan, classes = split_plan(opened, options), opened.classes.read()
                apply_split_plan(opened, plan)
        print_result(
            _as_json(plan, classes, done=not dry_run), as_json, _lines(plan, classes, done=not dry_run)
        )


def _shares(text: str) -> tuple[float, float, float]:
    try:
        train, val, test = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError("--shares takes three numbers separated by commas, such as 70,15,15.") from None
    return train, val, test


def _as_json(plan: SplitPlan, classes: ClassList, *, done: bool) -> dict[str, Any]:
    return {
        "by": plan.options.grouping.value,
        "seed": plan.options.seed,
        "done": done,
        "pictures": plan.pictures,
        "units": plan.units,
        "changed": len(plan.changes),
        "moved": plan.moved,
        "splits": {split.value: split_json(part, classes) for split, part in plan.stats.items()},
        "classes_in_one_split": {
            classes.name_of(value): split.value for value, split in classes_in_one_split(plan.stats).items()
        },
    }


def split_json(part: SplitStats, classes: ClassList) -> dict[str, Any]:
    """JSON of one split, used by several commands."""
    shares = {c.name: {"pixels": part.pixels[c.value], "share": part.share(c.value)} for c in classes}
    return {"pictures": part.pictures, "labelled": part.labelled, "classes": shares}


def _lines(plan: SplitPlan, classes: ClassList, *, done: bool) -> list[str]:
    pictures, groups = count_of(plan.pictures, "picture"), count_of(plan.units, "group")
    moved = count_of(plan.moved, "picture")
    if plan.options.grouping == SplitGrouping.SHARE:
        lines = [
            f"Assigned {len(plan.changes):,} of {pictures} to a split."
            if done
            else f"This would assign {len(plan.changes):,} of {pictures} to a split."
        ]
    else:
        lines = [
            f"Assigned {len(plan.changes):,} of {pictures} in {groups} to a split."
            if done
            else f"This would assign {len(plan.changes):,} of {pictures} in {groups} to a split."
        ]
    if plan.moved:
        lines.append(
            f"Moved {moved} from another split." if done else f"This would move {moved} from another split."
        )
    for split, part in plan.stats.items():
        share = part.pictures / plan.pictures if plan.pictures else 0
        lines.append(
            f"{split:6} {part.pictures:8,} pictures {percent_text(share, 1):>7}, {part.labelled:,} labelled"
        )
    if any(part.labelled for part in plan.stats.values()):
        lines.append(f"{'class':20}" + "".join(f"{split:>10}" for split in plan.stats))
        for c in classes:
            lines.append(
                f"{c.name:20}"
                + "".join(f"{percent_text(part.share(c.value), 1):>10}" for part in plan.stats.values())
            )
    return lines + [
        f"The class {classes.name_of(value)} occurs only in {split}."
        for value, split in classes_in_one_split(plan.stats).items()
    ]


def duplicates_command(project: ProjectOption = Path(), as_json: JsonOption = False) -> None:
    """Find near-duplicate pictures. Pairs in different splits leak from one into the other."""
    with (
        report_errors(),
        Project.open_read_only(project) as opened,
        progress_bar("Comparing", quiet=as_json) as bar,
    ):
        found = find_near_duplicates(opened, bar)
        records = {record.id: record for record in opened.pictures.all()}
    leaking = leaks(found.pairs, records)
    divided = sequences_across_splits(list(records.values()))
    names = {i: record.path for i, record in records.items()}
    result = {
        "looked": found.compared,
        "unreadable": [names[i] for i in found.unreadable],
        "pairs": len(found.pairs),
        "groups": [[names[i] for i in group] for group in found.groups],
        "leaks": [
            {
                "one": names[pair.one],
                "one_split": str(records[pair.one].split),
                "two": names[pair.two],
                "two_split": str(records[pair.two].split),
                "likeness": round(pair.similarity, 4),
            }
            for pair in leaking
        ],
        "sequences_in_several_splits": {
            name: dict(counts_by_split) for name, counts_by_split in divided.items()
        },
    }
    lines = [
        f"Compared {count_of(found.compared, 'picture')} and found {count_of(len(found.pairs), 'pair')} of "
        f"near-duplicates in {count_of(len(found.groups), 'group')}, {count_of(len(leaking), 'pair')} between splits."
    ]
    for pair in leaking[:MAX_PAIRS_SHOWN]:
        one, two = records[pair.one], records[pair.two]
        lines.append(f"{pair.similarity:.3f}  {one.path} ({one.split})  {two.path} ({two.split})")
    if len(leaking) > MAX_PAIRS_SHOWN:
        lines.append(f"... and {len(leaking) - MAX_PAIRS_SHOWN:,} more; --json lists all.")
    for name, counts_by_split in divided.items():
        counts = ", ".join(f"{count:,} in {side}" for side, count in counts_by_split.items())
        lines.append(f"The frames of “{name}” are in several splits: {counts}.")
    if found.unreadable:
        lines.append(
            f"{count_of(len(found.unreadable), 'picture')} could not be read: {names[found.unreadable[0]]}."
        )
    print_result(result, as_json, lines)
