"""Generates docs/formats.md from the registries of readers and writers; a test compares the two."""

from __future__ import annotations

from collections.abc import Sequence

from core.formats.readers.registry import IMPORT_FORMATS
from core.formats.writers.registry import EXPORT_FORMATS


def render_page() -> str:
    """The text of docs/formats.md."""
    incoming = [
        (f"`{r.name}`: {r.title}", r.about, r.limitations, r.tested_with) for r in IMPORT_FORMATS.values()
    ]
    leaving = [
        (f"`{r.name}`: {r.title}", r.about, r.limitations, r.tested_with) for r in EXPORT_FORMATS.values()
    ]
    return "\n".join(
        [
            *_LEAD,
            *_table(("format", "what", "what is not taken over", "tried with"), incoming),
            "",
            *_RULES,
            "",
            *_OUT,
            *_table(("format", "what", "what it cannot hold", "read back by"), leaving),
            "",
            *_OUT_RULES,
            "",
        ]
    )


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows)]


_LEAD = """# Dataset formats

`maskloop import auto SRC` recognises what lies in a folder and says how sure it is; `maskloop formats` lists these
tables, which `core/formats/docs_page.py` made from the program's own. An import never overwrites a label that is there, is
one undoable edit for each picture, and goes on where it was stopped.

## In

""".splitlines()

_OUT = """## Out

`maskloop export FORMAT OUT` writes pictures and masks; `--dry-run` says first what would be written and lost. All
formats but NumPy arrays and WebDataset shards are read back by Maskloop itself, pixel for pixel but for what the table
says; the last column names readers of others that gave the same pixels.

""".splitlines()

_OUT_RULES = """## How datasets are written

- **Whole or not at all.** All is written to a folder beside and renamed at the end; an earlier export is replaced as a
  whole, and anything else in its place is left alone.
- **Stopped is not lost.** What a cancelled, killed or failed export had finished stays in a hidden folder beside, and
  the same export goes on from there: only pictures that are new or changed are written, and the bytes are those of an
  export that was never stopped. Other choices begin anew, and so does `--anew`.
- **The same labels give the same bytes.** The date in DATASET.md is that of the newest edit, or SOURCE_DATE_EPOCH.
- **DATASET.md** counts pictures, classes and their shares, says who labelled the pixels (painted, imported, accepted
  from a prediction), how the dataset was made and what its format does not hold.
- **Outlines run a quarter of a pixel inside the edge of their region.** Readers that ask which pixel centres lie inside
  and those that draw the outline too both get exactly its pixels. Where a format knows no holes, a cut of no width
  leads into each.
- **Labels and predictions** lie side by side where a format has room for both; else there are two datasets, in folders
  of these names.
- **Smaller pictures and tiles** (`--longest`, `--tile`, `--overlap`) take masks by the nearest pixel, pictures by the
  mean of an area, or by Lanczos where they grow. Tiles at the right and bottom edge are moved in, not padded.
- **Pictures** leave byte for byte, but for those that EXIF turns, those resized or cut, and those whose kind a format
  does not take.""".splitlines()

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
  among the files of its folder; XML with entities, JSON over 1 GB (COCO's outlines may take any size) and masks that
  claim impossible sizes are refused.
- **A table for many pictures** (CVAT, Label Studio, Datumaro) is held in memory while it is read: about five times its
  size on disk. Of COCO's only the list of pictures is held. Masks are read one at a time.""".splitlines()
