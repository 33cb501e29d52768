"""What the command simulate prints: a table of pictures, sentences about a run, and the comparison of several."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from core.base.number_text import percent_text
from core.base.text import count_of
from core.evaluation.effort import AnnotatedPicture
from core.evaluation.effort_comparison import MeanInterval, SimulatedRun

WIDE = 110
TITLES = {
    "share": "share of the time from blank",
    "share_last_quarter": "the same, last quarter",
    "miou_at_fifth": "mIoU at a fifth of the pictures",
    "miou": "mIoU at the end",
}


def run_lines(
    run: SimulatedRun,
    pictures: Sequence[AnnotatedPicture],
    result: Mapping[str, Any],
    *,
    several: bool,
    targets: tuple[float, float],
) -> list[str]:
    """One simulation. result: its JSON object; several: say which of them this is, and leave the table out.

    targets: shares of the time from blank, for the last quarter and for all pictures
    """
    total, (last_target, whole_target) = run.effort, targets
    if run.miou is not None:
        held_out = count_of(result["held_out"], "held-out picture")
        evaluation = f"The mIoU on {held_out} is {run.miou:.3f} at the end."
    else:
        evaluation = result["complaint"] or (
            "No network was published, so none could be evaluated. More pictures or a slower --pace give it more time."
        )
    return [
        *([f"Order {run.arm}, seed {run.seed}:"] if several else [*_table(pictures), ""]),
        f"{count_of(total.pictures, 'picture')} took {total.seconds:.0f} simulated seconds with "
        f"{count_of(total.strokes, 'edit')}, {percent_text(total.share)} of the {total.blank_seconds:.0f} s from "
        f"blank, which {_verdict(total.share, whole_target)}; training had {result['trainer_seconds']:.0f} s.",
        f"The last quarter took {percent_text(total.share_last_quarter)} of the time from blank, which "
        f"{_verdict(total.share_last_quarter, last_target)}.",
        f"Seconds of each tool: {_seconds(total.tools)}; from blank: {_seconds(total.blank_tools)}. "
        f"{count_of(total.from_blank, 'picture')} began blank.",
        f"Edits per picture: {total.strokes_first_quarter:.0f} in the first quarter, "
        f"{total.strokes_last_quarter:.0f} in the last.",
        evaluation,
        *([""] if several else []),
    ]


def comparison_lines(
    means: Mapping[str, Mapping[str, MeanInterval | None]], differences: Mapping[str, MeanInterval | None]
) -> list[str]:
    """Means over seeds, and the paired differences of two arms, with 95 % intervals by Student's t over seeds."""
    table = Table(box=None, pad_edge=False)
    table.add_column("mean over seeds (95 % interval)")
    for arm in means:
        table.add_column(arm, justify="right")
    if differences:
        table.add_column(" - ".join(means), justify="right")
    for name, title in TITLES.items():
        cells = [_interval(by_measure[name]) for by_measure in means.values()]
        table.add_row(title, *cells, *([_interval(differences[name])] if differences else []))
    return _printed(table)


def _table(pictures: Sequence[AnnotatedPicture]) -> list[str]:
    table = Table(box=None, pad_edge=False)
    table.add_column("picture")
    for title in ("edits", "seconds", "from blank", "share", "px painted", "IoU before", "labelled", "mIoU"):
        table.add_column(title, justify="right")
    for w in pictures:
        table.add_row(
            w.name,
            f"{w.strokes}",
            f"{w.seconds:.1f}",
            f"{w.blank_seconds:.1f}",
            f"{percent_text(w.share)}{' (blank)' if w.from_blank and w.iou is not None else ''}",
            f"{w.pixels}",
            _score(w.iou),
            percent_text(w.labelled_share),
            _score(w.miou),
        )
    return _printed(table)


def _printed(table: Table) -> list[str]:
    text = io.StringIO()
    Console(file=text, width=WIDE, color_system=None).print(table)
    return [line.rstrip() for line in text.getvalue().splitlines()]


def _verdict(share: float, target: float) -> str:
    return f"{'meets' if share <= target else 'misses'} the target of {percent_text(target)}"


def _seconds(tools: Mapping[str, float]) -> str:
    return ", ".join(f"{tool} {seconds:.0f}" for tool, seconds in tools.items())


def _interval(value: MeanInterval | None) -> str:
    if value is None:
        return ""
    if value.low is None or value.high is None:
        return f"{value.mean:.3f}"
    return f"{value.mean:.3f} ({value.low:.3f} to {value.high:.3f})"


def _score(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
