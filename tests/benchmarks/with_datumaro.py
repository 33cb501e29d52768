"""What Datumaro is measured at, run by the interpreter that has it; see `formats`, which starts it.

PYTHON tests/benchmarks/with_datumaro.py export PAIRS OUT      pictures and masks become COCO
PYTHON tests/benchmarks/with_datumaro.py import COCO OUT       COCO becomes pictures and masks

One line of JSON: seconds, pairs, and the largest resident memory of the process, MB.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import datumaro

USUAL = {"common": "common_semantic_segmentation", "coco": "coco_instances", "voc": "voc_segmentation"}


def main(what: str, source: str, out: str) -> None:
    began = time.perf_counter()
    if what == "export":
        dataset = datumaro.Dataset.import_from(source, USUAL["common"])
        read = time.perf_counter() - began
        dataset.export(out, USUAL["coco"], save_media=True)
    else:
        dataset = datumaro.Dataset.import_from(source, USUAL["coco"])
        pairs = len(dataset)
        read = time.perf_counter() - began
        dataset.export(out, USUAL["voc"], save_media=True)
    seconds = time.perf_counter() - began
    pairs = len(dataset)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    files = sum(1 for path in Path(out).rglob("*") if path.is_file())
    found = {"seconds": seconds, "read_only_s": read, "pairs": pairs, "files": files, "peak_mb": round(peak)}
    print(json.dumps(found | {"version": datumaro.__version__}))


if __name__ == "__main__":
    main(*sys.argv[1:])
