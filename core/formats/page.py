"""docs/formats.md, made from the table of formats; a test holds both together."""

from __future__ import annotations

from core.formats.registry import FORMATS


def page() -> str:
    """docs/formats.md: everything the table says, as Markdown."""
    lines = [
        "# Dataset formats",
        "",
        "`maskloop import auto SRC` recognises what lies in a folder and says how sure it is; `maskloop formats`",
        "lists this table. An import never overwrites a label that is there, is one undoable edit for each picture,",
        "and goes on where it was stopped. This page is made from the same table, `core/formats/registry.py`.",
        "",
        "| format | in | out | what | what it cannot hold | checked by |",
        "|---|---|---|---|---|---|",
    ]
    for row in FORMATS.values():
        ways = " | ".join("yes" if has else "" for has in (row.opens, row.writer))
        lines.append(f"| `{row.name}`: {row.title} | {ways} | {row.about} | {row.loses} | {row.checked_by} |")
    return "\n".join([*lines, "", *_RULES, ""])


_RULES = """## How datasets are understood

- **Each pixel is of one class.** Where objects overlap, smaller ones lie above larger ones; tools that keep an order
  (CVAT, ISAT, Supervisely, Label Studio, Datumaro) keep it: later above earlier.
- **What no object covers** is the class “everything else” of formats that hold objects. It stays unlabelled unless it
  is given a class: `--map "everything else=background"`.
- **Void**: borders of Pascal VOC and Pet, what Cityscapes and Mapillary do not score, ADE20K's 0, pixels of image pairs
  whose colour is near no class. `--map name=void` makes any class void, `--map name=skip` leaves it unlabelled.
- **Pairs of pictures and masks** are found by folders named for masks (masks, labels, annotations, gt, …annot), by
  endings (`_L`, `_mask`, `_gt`, `_labelIds` …) and by equal names in equal folders.
- **Points, lines and boxes** are no areas; how many were left out is said. Rectangles that somebody drew as shapes
  (CVAT, labelme, Supervisely, Label Studio) are areas.
- **What is broken** is named, file by file, and the rest comes in. Names inside a dataset's files are only looked up
  among the files of its folder; XML with entities, JSON over 1 GB and masks that claim impossible sizes are refused.
- **A table for many pictures** (COCO, CVAT, Label Studio, Datumaro) is held in memory while it is read: about five
  times its size on disk. Masks are read one at a time.""".splitlines()
