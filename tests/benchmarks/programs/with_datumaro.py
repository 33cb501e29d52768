"""Measures Datumaro, run by the interpreter that has it; `tests.benchmarks.formats` starts it.

PYTHON with_datumaro.py export PAIRS OUT      pictures and index masks become COCO
PYTHON with_datumaro.py import COCO OUT       COCO becomes pictures and index masks (of Pascal VOC)
PYTHON with_datumaro.py FORMAT SOURCE OUT     the same from one of READ, by the name of the format in Maskloop

Prints a line of JSON: seconds and processor seconds from the first call to the last file, seconds until the dataset was
loaded, pairs, and the largest resident memory of the process in MB.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import datumaro

FORMATS = {
    "export": ("common_semantic_segmentation", "coco_instances"),
    "import": ("coco_instances", "voc_segmentation"),
}
READ = {
    "masks": "common_semantic_segmentation",
    "coco": "coco_instances",
    "coco-panoptic": "coco_panoptic",
    "pascal-voc": "voc_segmentation",
    "cityscapes": "cityscapes",
    "camvid": "camvid",
    "mapillary": "mapillary_vistas",
    "cvat": "cvat",
    "datumaro": "datumaro",
}
"""Its name of each format whose areas Datumaro reads, too. Its YOLO reader takes boxes only, `label_me` is another
format than labelme's JSON, and its ADE20K readers are for the full set of 3,000 classes."""


def peak_mb() -> int:
    """Peak resident memory of this process; 0 where the system does not report it."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((round(int(line.split()[1]) / 1024) for line in lines if line.startswith("VmHWM")), 0)


def main(what: str, source: str, out: str) -> None:
    comes, goes = FORMATS[what] if what in FORMATS else (READ[what], "voc_segmentation")
    began, worked = time.perf_counter(), time.process_time()
    dataset = datumaro.Dataset.import_from(source, comes)
    pairs = len(dataset)
    loaded = time.perf_counter() - began
    if what in ("cvat", "datumaro", "coco"):
        dataset.transform("polygons_to_masks")  # Pascal VOC has no outlines
    dataset.export(out, goes, save_media=True)
    found = {
        "pairs": pairs,
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - worked,
        "loaded_after_s": loaded,
        "peak_mb": peak_mb(),
        "version": datumaro.__version__,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
