"""Generates docs/formats.md from the registries of readers and writers; a test compares the two."""

from __future__ import annotations

from collections.abc import Sequence

from core.formats.readers.registry import IMPORT_FORMATS
from core.formats.writers.registry import EXPORT_FORMATS


def render_page() -> str:
    """The text of docs/formats.md."""
    importable = [
        (f"`{r.name}`: {r.title}", r.about, r.limitations, r.tested_with) for r in IMPORT_FORMATS.values()
    ]
    exportable = [
        (f"`{r.name}`: {r.title}", r.about, r.limitations, r.tested_with) for r in EXPORT_FORMATS.values()
    ]
    dialects = [(f"`{r.name}`", "; ".join(r.dialects)) for r in IMPORT_FORMATS.values()]
    return "\n".join(
        [
            *_LEAD,
            *_table(("format", "content", "not imported", "tested with"), importable),
            "",
            *_RULES,
            "",
            *_VALUES,
            "",
            *_ACCOUNT,
            "",
            *_DIALECTS,
            *_table(("format", "dialects"), dialects),
            "",
            *_OUT,
            *_table(("format", "content", "not exported", "verified with"), exportable),
            "",
            *_OUT_RULES,
            "",
        ]
    )


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows)]


_LEAD = """# Dataset formats

`maskloop import auto SRC` recognises the format of a folder and states its confidence. `maskloop formats` lists the
same tables; this page is generated from the program's registries by `core/formats/docs_page.py`. An import never
overwrites an existing label, is one undoable edit per picture, and can be resumed.

## Import

""".splitlines()

_OUT = """## Export

`maskloop export FORMAT OUT` writes pictures and masks; `--dry-run` states beforehand what would be written and lost.
All formats except NumPy arrays, one-hot masks and WebDataset shards can be imported again, with identical pixels
except for the losses in the table. The last column names independent readers that returned the same pixels.

""".splitlines()

_OUT_RULES = """## Rules of export

- **Atomic.** The dataset is written to a temporary folder next to its destination and renamed at the end. An earlier
  export is replaced as a whole; a folder with anything else in it is refused.
- **Resumable.** Pictures finished by a cancelled, killed or failed export stay in a hidden folder next to the
  destination. The same export command continues from there: only new or changed pictures are written, and the result
  is byte for byte that of an uninterrupted export. An export with other options starts from the beginning, and so
  does `--anew`.
- **Reproducible.** The same labels give the same bytes. The date in DATASET.md is that of the newest edit, or
  SOURCE_DATE_EPOCH.
- **DATASET.md** is the dataset card: pictures, classes and their shares, the origin of the labels (painted, imported,
  accepted from a prediction), the export options, and what the format does not store.
- **Polygons run a quarter of a pixel inside the region's edge.** Readers that test pixel centres and readers that
  also draw the outline both get exactly the pixels of the region. If a format has no holes, a cut of zero width
  connects each hole to the outline.
- **Labels and predictions** are in one dataset if the format can store both; otherwise in two, in folders of these
  names.
- **Numbers from 0.** `numbered-masks` and `one-hot` renumber the classes 0 to N-1 in the order of the class list, as
  networks and losses take them; classes.json has the numbers. Void and unlabelled pixels are 255, or 0 in every plane.
  Read a target with `np.load(file)["target"]`.
- **Resizing and tiling** (`--longest`, `--tile`, `--overlap`): masks use nearest-neighbour interpolation; pictures
  use area interpolation when they shrink and Lanczos when they grow. Tiles at the right and bottom edge are shifted
  inwards, not padded.
- **Pictures** are copied byte for byte, except those rotated by EXIF, resized or cropped ones, and file types that
  the format does not allow.""".splitlines()

_RULES = """## Rules of import

- **Each pixel gets one class.** Where objects overlap, smaller ones cover larger ones. Formats with a drawing order
  (CVAT, ISAT, Supervisely, Label Studio, Datumaro) keep it: later objects cover earlier ones.
- **Pixels outside all objects** belong to the class “everything else” of formats with objects. They stay unlabelled
  unless the class is mapped: `--map "everything else=background"`.
- **Void** are borders in Pascal VOC and Pet, classes that Cityscapes and Mapillary do not evaluate, ADE20K's 0, and
  pixels of image pairs that are much darker than the areas around them, or unlike them. `--map name=void` makes any
  class void, `--map name=skip` leaves it unlabelled.
- **Pictures and masks are paired** by mask folders (masks, labels, annotations, gt, …annot), by words at the end or
  the beginning of both names (`_L`, `_mask`, `_gt`, `_labelIds`, `image_1` and `mask_1` …) and by equal names in equal
  folders; otherwise by a folder that is named after the picture, by a picture whose name the mask's begins with, and,
  where names have only numbers in common, by number, which is a doubt.
- **Masks alone**, in a folder without pictures, belong to the pictures of the project after which at least half of
  them are named; files with as many values as a photograph are no masks. The same holds for files that are dropped on
  the window.
- **Several masks of one picture** are parts of one label and are united if only numbers tell them apart. A black and
  white mask for each word (`masks/road/a.png`, `a_road.png`) gives classes of these names, a doubt; smaller areas cover
  larger ones. If masks of two words show the same thing, or hold several values, one is used. A mask of all objects is
  used before those of classes and of single objects; what is not used is in the account. Masks that show only where
  the picture is not black are its field of view (DRIVE, HRF) and no labels, unless there are no other masks.
- **Several annotations of one picture**, in one file or in several, are put together: later ones cover earlier ones.
- **Points, lines and bounding boxes** are not areas; the import reports how many were left out. Rectangles drawn as
  shapes (CVAT, labelme, Supervisely, Label Studio) are areas.
- **Malformed files** are reported one by one, and the rest is imported. File names inside a dataset are looked up
  only in its own folder. XML with entities, JSON over 1 GB (COCO instance files may have any size) and masks of
  impossible sizes are refused.
- **Memory.** An annotation file for many pictures (CVAT, Label Studio, Datumaro) is in memory while it is read, about
  five times its size on disk. Of COCO instance files only the list of pictures is kept. Masks are read one at a
  time.""".splitlines()

_VALUES = """## How mask values are read

A mask file holds numbers or colours; what they mean is often written nowhere. For `mask-folders` and `pascal-voc` the
meaning is decided from evidence: the values, palettes, colours and transparency of up to 400 masks, and the class
lists that lie beside or above them (classes.json, id2label.json, class_dict.csv, _classes.csv, labelmap.txt,
label_colors.txt, class_names.txt, codes.txt, classes.txt, labels.txt, a README with numbered lines).
`core/formats/value_decision.py` is the only place where it is decided. `--values` overrides the result:

| reading | meaning | chosen when |
| --- | --- | --- |
| `index` | the stored number is the class; three equal channels count as one | nothing else applies |
| `palette` | the number's colour in the palette is the class | a class list has its colours at other numbers |
| `colour` | the colour is the class; transparent pixels are unlabelled | the masks hold colours |
| `binary` | black is background, white is foreground | only 0 and 255 occur, or greys between are edges, not areas |

- **A guess is a doubt.** What was assumed is a sentence with the evidence (shares of the pixels) and the options that
  answer it; dry run, import, `--json` and the import dialog show the same ones. A choice stated by a file is a note.
- **Class lists.** The first list that names all values is used. A list without line numbers and without a background
  starts at 1 if 0 fills most of the pixels, unless its first name is itself a surrounding such as soil or sky. As many
  names as values with gaps (0, 128, 255) go with them in order. All three are doubts.
- **Class sets of known datasets** are assumed only if no list names the values, with the classes that occur, and are
  doubted: folders named like
  Pascal VOC's are not Pascal VOC unless the pictures are, too.
- **Palettes that differ** from mask to mask and give the same colours to other numbers: the colour is the class.
- **Smeared edges.** Greys between black and white are no classes if at most 5 % of their pixels lie inside areas of one
  grey. JPEG masks keep a band of void between black and white; other files are cut in the middle. Three or more greys
  that fill areas of JPEG masks are classes, and pixels that are unlike all of them are void.
- **255** is void in index masks, except where it is the only value, or the only one beside 0, where a list names it, or
  in evenly spread greys. Void is doubted when it is the most or second most frequent value, unless a class list states
  it.
- **A doubt is settled** by `--values`, by `--fit-masks`, or once every class that it is about is mapped with `--map` or
  in the dialog. Dry run, import and report do not list it any more; the dialog shows it as answered.
- **Numbers below 0** are “no data”: unlabelled, and said.
- **Numbers of objects** (`_cp_masks`, `instance`, or more numbers than classes can be) are a doubt; more than 12 are
  read as one class.
- **A mask that was not turned by EXIF** along with its picture is turned. The sizes decide; where a picture is upside
  down, mirrored or square, the sizes of other pictures do, then the content of the picture, and otherwise the mask is
  turned and this is said.
- **A mask of another size** than its picture is left out with both sizes. One that misses by at most 2 pixels is a
  doubt and can be fitted: what it lacks at the right and at the bottom stays unlabelled.""".splitlines()

_ACCOUNT = """## The account

Every file of the folder came in, was left out with a reason, or does not belong to the dataset; so did every object of
an annotation. The account has exact counts and, for each reason, the first 20 places; the numbers of the dry run, the
import, the dialog and `maskloop status` are the same. A malformed object is left out alone: its picture and the other
objects of the picture come in. `--dry-run` reads every mask, as the import does, and says how many pictures the project
has already, which files are in the way, and which labels of the project have another size. A second import of a dataset
that grew brings only what is new; labels in the project are kept. Pictures “with labels” have at least one labelled
pixel.

An import that left something out ends with exit code 0 and says so in its last line; with `--strict` the exit code
is 3. In the JSON `account` has `files`, `objects` and `entries` (places in lists and annotation files that name a
picture), and `left_out` and `unrelated` with kind, reason, count and places; `doubts` have key, sentence, evidence
and answers.""".splitlines()

_DIALECTS = """## Dialects

""".splitlines()
