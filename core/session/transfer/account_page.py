"""Writes the whole account of an import as one HTML file: doubts, classes, what was left out, masks on pictures."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import cv2
import numpy as np

from core.base.display_text import printable
from core.base.html_file import check_html_place, write_html
from core.base.number_text import percent_text
from core.formats.account import Account, AccountRow
from core.formats.dataset_types import DatasetClass
from core.formats.doubt import Doubt, unanswered
from core.session.transfer.import_plan import ImportPlan
from core.session.transfer.sample_preview import SamplePreview, blend_mask, preview_samples

MAX_PREVIEWS = 24
PREVIEW_SIDE = 320
"""Longer side of a preview in pixels; 24 of them take about half a megabyte."""
MAX_NOTES = 200
_JPEG_QUALITY = 82
_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; } td, th { padding: .2rem .8rem .2rem 0; text-align: left; vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
.chip { display: inline-block; width: .9em; height: .9em; border-radius: 2px; margin-right: .4em; }
.doubt { border-left: 3px solid #c80; padding-left: .8rem; margin: .8rem 0; }
.samples { display: flex; flex-wrap: wrap; gap: 1rem; } figure { margin: 0; width: 20rem; }
figure img { max-width: 100%; } figcaption, .muted { opacity: .7; overflow-wrap: anywhere; }
"""


@dataclass(frozen=True, slots=True)
class AccountOfImport:
    """What the page shows. lead: what was imported, or would be; pixels: by class of the dataset; notes: how the
    dataset and single masks were read."""

    lead: Sequence[str]
    plan: ImportPlan
    account: Account
    doubts: Sequence[Doubt]
    pixels: Mapping[str, int]
    notes: Sequence[str] = ()


def write_account_page(path: Path, said: AccountOfImport) -> None:
    """Write the page, with previews of MAX_PREVIEWS samples. Raises UserError."""
    check_html_place(path)
    previews = preview_samples(said.plan.dataset, MAX_PREVIEWS, PREVIEW_SIDE)
    write_html(path, render_account_page(said, previews))


def render_account_page(said: AccountOfImport, previews: Iterable[SamplePreview]) -> str:
    """HTML. Every text of the dataset is escaped, and nothing is loaded from elsewhere."""
    dataset = said.plan.dataset
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; img-src data:; "
        "style-src 'unsafe-inline'\">",
        f"<title>Import of {_text(dataset.root.name)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>Import of {_text(dataset.root)}</h1>",
        *(f"<p>{_text(sentence)}</p>" for sentence in (*said.lead, said.account.summary()) if sentence),
        *_doubts(unanswered(said.doubts)),
        "<h2>Masks on pictures</h2><div class='samples'>",
        *(_figure(preview, dataset.classes) for preview in previews),
        "</div>",
        *_classes(said),
        *_rows("Left out", said.account.left_out),
        *_rows("Not part of the dataset", said.account.unrelated),
        *_notes(said.notes),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _text(value: object) -> str:
    return escape(printable(str(value)))


def _doubts(doubts: Sequence[Doubt]) -> list[str]:
    parts = ["<h2>Doubts</h2>"] * bool(doubts)
    for doubt in doubts:
        answers = "".join(
            f"<li>{_text(a.text)}{f' <code>{_text(a.option)}</code>' if a.option else ''}"
            f"{' (assumed)' if a.is_assumed else ''}</li>"
            for a in doubt.answers
        )
        evidence = ", ".join(
            f"{_text(what)} {_text(percent_text(number, 1))}" if number <= 1 else f"{_text(what)} {number:,g}"
            for what, number in doubt.evidence
        )
        parts.append(
            f"<div class='doubt'>{_text(doubt.sentence)}<div class='muted'>{evidence}</div><ul>{answers}</ul></div>"
        )
    return parts


def _figure(preview: SamplePreview, classes: Sequence[DatasetClass]) -> str:
    if preview.picture is None:
        shown = f"<p>{_text(preview.problem)}</p>"
    else:
        pixels = blend_mask(preview.picture, preview.values, classes)
        done, content = cv2.imencode(
            ".jpg", np.ascontiguousarray(pixels[..., ::-1]), (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY)
        )
        code = base64.b64encode(content.tobytes()).decode() if done else ""
        shown = f"<img alt='{_text(preview.name)} with its mask' src='data:image/jpeg;base64,{code}'>"
    return f"<figure>{shown}<figcaption>{_text(preview.name)}</figcaption></figure>"


def _classes(said: AccountOfImport) -> list[str]:
    total = sum(said.pixels.values()) or 1
    parts = ["<h2>Classes</h2><table><tr><th>Number</th><th>Class</th><th>Becomes</th><th>Pixels</th></tr>"]
    for row in said.plan.rows:
        red, green, blue = row.source.colour
        parts.append(
            f"<tr><td class='number'>{row.source.index}</td><td><span class='chip' "
            f"style='background:rgb({int(red)},{int(green)},{int(blue)})'></span>{_text(row.source.name)}</td>"
            f"<td>{_text(row.choice.name or row.choice.target.value)}</td>"
            f"<td class='number'>{_text(percent_text(said.pixels.get(row.source.name, 0) / total, 2))}</td></tr>"
        )
    named = {row.source.name for row in said.plan.rows}
    parts += [
        f"<tr><td></td><td>{name}</td><td></td><td "
        f"class='number'>{_text(percent_text(said.pixels[name] / total, 2))}</td></tr>"
        for name in ("void", "unlabelled")
        if said.pixels.get(name) and name not in named
    ]
    return [*parts, "</table>"]


def _rows(title: str, rows: Sequence[AccountRow]) -> list[str]:
    parts = [f"<h2>{title}</h2>"] * bool(rows)
    for row in rows:
        more = f"<li>… and {row.count - len(row.places):,} more</li>" if row.count > len(row.places) else ""
        places = "".join(f"<li>{_text(place)}</li>" for place in row.places)
        parts.append(
            f"<details open><summary>{row.count:,} × {_text(row.kind.value)}: {_text(row.reason)}</summary>"
            f"<ul>{places}{more}</ul></details>"
        )
    return parts


def _notes(notes: Sequence[str]) -> list[str]:
    listed = "".join(f"<li>{_text(note)}</li>" for note in notes[:MAX_NOTES])
    if len(notes) > MAX_NOTES:
        listed += f"<li>… and {len(notes) - MAX_NOTES:,} more</li>"
    return [f"<h2>How it was read</h2><ul>{listed}</ul>"] if listed else []
