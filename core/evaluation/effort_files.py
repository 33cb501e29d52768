"""Files of simulations: a CSV row per picture, and a chart of the share of the time from blank."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from core.base.axis_ticks import count_ticks
from core.evaluation.annotator.planned_edit import AnnotationTool
from core.evaluation.effort import AnnotatedPicture
from core.evaluation.report.charts import LINE_COLOURS, ChartCurve, line_chart

SMOOTHED = 5
"""Pictures that a point of the chart sums up."""
_STYLE = (
    "<style>svg{background:#fff;color:#222}text{font:11px sans-serif;fill:#222}.grid{stroke:#ddd}</style>"
)


def picture_rows(pictures: Sequence[AnnotatedPicture]) -> list[dict[str, Any]]:
    """A JSON object a picture."""
    return [asdict(w) | {"share": w.share} for w in pictures]


def effort_csv(runs: Mapping[str, Sequence[AnnotatedPicture]]) -> str:
    """A row per picture of each run, by its name; seconds of each tool are columns of their own."""
    text = io.StringIO(newline="")
    table = None
    for name, pictures in runs.items():
        for found in picture_rows(pictures):
            row = {"run": name, **found}
            for kind in ("tools", "blank_tools"):
                seconds = row.pop(kind)
                prefix = "blank_" if kind == "blank_tools" else ""
                row |= {f"{prefix}{tool}_s": seconds.get(tool, 0.0) for tool in (*AnnotationTool, "check")}
            if table is None:
                table = csv.DictWriter(text, list(row), lineterminator="\n")
                table.writeheader()
            table.writerow(row)
    return text.getvalue()


def effort_chart(runs: Mapping[str, Sequence[AnnotatedPicture]], *, as_page: bool) -> str:
    """The share of the time from blank over the pictures, one curve a run, as SVG or as a page with a legend."""
    curves = [
        ChartCurve(name, _shares(pictures), LINE_COLOURS[number % len(LINE_COLOURS)])
        for number, (name, pictures) in enumerate(runs.items())
    ]
    longest = max((len(curve.points) for curve in curves), default=0)
    same = ChartCurve("from blank", [(1, 1.0), (max(2, longest), 1.0)], None, 0.75)
    title = f"Time as a share of that from blank, mean of {SMOOTHED} pictures, over pictures"
    chart = str(line_chart(title, [same, *curves], count_ticks))
    chart = chart.replace("</title>", f"</title>{_STYLE}", 1)
    if not as_page:
        return chart + "\n"
    legend = "".join(
        f'<li style="color:rgb{curve.colour}">{escape(curve.name)}</li>' for curve in curves if curve.points
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<body style="font:14px sans-serif"><h1 style="font-size:18px">{escape(title)}</h1>{chart}<ul>{legend}</ul>\n'
    )


def _shares(pictures: Sequence[AnnotatedPicture]) -> list[tuple[float, float]]:
    shares = []
    for end in range(1, len(pictures) + 1):
        part = pictures[max(0, end - SMOOTHED) : end]
        shares.append((float(end), sum(w.seconds for w in part) / sum(w.blank_seconds for w in part)))
    return shares


def is_page(path: Path) -> bool:
    """Whether a chart is written to this file as a page and not as SVG."""
    return path.suffix.lower() in (".html", ".htm")
