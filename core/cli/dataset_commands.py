"""split and duplicates: the commands that take care of a dataset as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli.common_options import JsonOption, ProjectOption
from core.cli.terminal import WrongUseError, answer, open_to_write, plain_errors, progress
from core.labels.class_list import ClassList
from core.project.project import Project
from core.project.splits.split_plan import By, Part, SplitPlan, SplitWish, only_in
from core.session.dataset.near_duplicates import leaks, look, torn_sequences
from core.session.dataset.split_edits import apply_plan, pictures, plan_of

SHOWN = 20
"""Pairs named to people; a script gets all."""


def split_command(
    project: ProjectOption = Path(),
    by: Annotated[
        By,
        typer.Option(
            "--by",
            help="What stays together: nothing (share), folders, the frames of a sequence (group), or tags. "
            "A folder or tag called train, val or test decides for itself.",
        ),
    ] = By.SHARE,
    shares: Annotated[str, typer.Option(help="Of train, val and test, with commas between.")] = "70,15,15",
    stratify: Annotated[
        bool, typer.Option("--stratify", help="Give each split its share of every class.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same split.")] = 0,
    everything: Annotated[
        bool, typer.Option("--all", help="Deal pictures anew that have a split already, also those of val.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Divide the pictures among train, val and test; one step that can be undone."""
    with plain_errors():
        wish = SplitWish(by, _shares(shares), stratify, seed, everything)
        if dry_run:
            with Project.read(project) as opened:
                plan, classes = plan_of(opened, wish), opened.classes.read()
        else:
            Project.read(project).close()  # where there is no project, none is made
            with open_to_write(project, None, "maskloop split") as opened:
                plan, classes = plan_of(opened, wish), opened.classes.read()
                apply_plan(opened, plan)
        answer(_as_json(plan, classes, done=not dry_run), as_json, _lines(plan, classes, done=not dry_run))


def _shares(text: str) -> tuple[float, float, float]:
    try:
        train, val, test = (float(part) for part in text.split(","))
    except ValueError:
        raise WrongUseError("--shares takes three numbers with commas between, such as 70,15,15.") from None
    return train, val, test


def _as_json(plan: SplitPlan, classes: ClassList, *, done: bool) -> dict[str, Any]:
    return {
        "by": plan.wish.by.value,
        "seed": plan.wish.seed,
        "done": done,
        "pictures": plan.pictures,
        "units": plan.units,
        "changed": len(plan.changes),
        "moved": plan.moved,
        "splits": {split.value: part_json(part, classes) for split, part in plan.parts.items()},
        "classes_in_one_split": {
            classes.name_of(value): split.value for value, split in only_in(plan.parts).items()
        },
    }


def part_json(part: Part, classes: ClassList) -> dict[str, Any]:
    """One split as the commands tell it."""
    shares = {c.name: {"pixels": part.pixels[c.value], "share": part.share(c.value)} for c in classes}
    return {"pictures": part.pictures, "labelled": part.labelled, "classes": shares}


def _lines(plan: SplitPlan, classes: ClassList, *, done: bool) -> list[str]:
    would = "" if done else "would "
    get = "got" if done else "get"
    units = "" if plan.wish.by == By.SHARE else f" in {plan.units:,} groups"
    lines = [f"{pictures(plan.pictures)}{units}; {len(plan.changes):,} {would}{get} a split."]
    if plan.moved:
        lines.append(f"{pictures(plan.moved)} {would}{'left' if done else 'leave'} the split they had.")
    for split, part in plan.parts.items():
        share = part.pictures / plan.pictures if plan.pictures else 0
        lines.append(f"{split:6} {part.pictures:8,} pictures {share:6.1%}, {part.labelled:,} labelled")
    if any(part.labelled for part in plan.parts.values()):
        lines.append(f"{'class':20}" + "".join(f"{split:>9}" for split in plan.parts))
        for c in classes:
            lines.append(
                f"{c.name:20}" + "".join(f"{part.share(c.value):9.1%}" for part in plan.parts.values())
            )
    lonely = only_in(plan.parts).items()
    return lines + [
        f"Of {classes.name_of(value)} there is something in {split} only." for value, split in lonely
    ]


def duplicates_command(project: ProjectOption = Path(), as_json: JsonOption = False) -> None:
    """Find pictures that are near-copies of each other, and those that leak from one split into another."""
    with plain_errors(), Project.read(project) as opened, progress("Looking", quiet=as_json) as bar:
        found = look(opened, bar)
        records = {record.id: record for record in opened.pictures.all()}
    leaking = leaks(found.pairs, records)
    torn = torn_sequences(list(records.values()))
    names = {i: record.path for i, record in records.items()}
    result = {
        "looked": found.looked,
        "unreadable": [names[i] for i in found.unread],
        "pairs": len(found.pairs),
        "groups": [[names[i] for i in group] for group in found.groups],
        "leaks": [
            {
                "one": names[pair.one],
                "one_split": str(records[pair.one].split),
                "two": names[pair.two],
                "two_split": str(records[pair.two].split),
                "likeness": round(pair.likeness, 4),
            }
            for pair in leaking
        ],
        "sequences_in_several_splits": {name: dict(sides) for name, sides in torn.items()},
    }
    lines = [
        f"{pictures(found.looked)} looked at; pairs of near-copies: {len(found.pairs):,} in {len(found.groups):,} "
        f"groups, {len(leaking):,} of them between splits."
    ]
    for pair in leaking[:SHOWN]:
        one, two = records[pair.one], records[pair.two]
        lines.append(f"{pair.likeness:.3f}  {one.path} ({one.split})  {two.path} ({two.split})")
    if len(leaking) > SHOWN:
        lines.append(f"... and {len(leaking) - SHOWN:,} more; --json lists all.")
    for name, sides in torn.items():
        counts = ", ".join(f"{count:,} in {side}" for side, count in sides.items())
        lines.append(f"Frames of “{name}” are on several sides: {counts}.")
    if found.unread:
        lines.append(f"{pictures(len(found.unread))} could not be read: {names[found.unread[0]]}.")
    answer(result, as_json, lines)
