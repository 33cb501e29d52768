"""Time and memory of COCO export and import for each picture with its mask, compared with Datumaro on the same files.

python -m tests.benchmarks.formats [--pairs 5000] [--rival PYTHON] [--rival-pairs N] [--enlarge 2] [--seed 0] [--json]
python -m tests.benchmarks.formats --imports [--formats coco,yolo-seg] [--before CHECKOUT] [--rounds 1] [--size 512x256]

The pairs are different crops of 512 x 256 from forty rendered scenes, enlarged (by 2: about as many regions and polygon
corners as in CamVid; by 1: three times as many). Every step runs in its own process, on two cores:

export        a project to COCO; Datumaro: from a folder of pictures and index masks to COCO
import        that COCO file into a new project; Datumaro: to pictures and index masks of Pascal VOC
rivals_file   the same with the COCO file of Datumaro: one run-length code a class instead of a polygon a region

`cpu` is the processor time of all processes of a step, which depends less on other load than wall time. `growth_mb` is
the growth of peak memory from one fifth of the pairs to all of them. With `--rival-pairs` Datumaro gets only the first
N pairs.

With `--imports` the same pairs are written in every format that Maskloop reads and imported from each: opened by
recognition, every picture and label stored in a new project. The same is done by another checkout of Maskloop
(`--before`), and by Datumaro for the formats whose areas it reads, to pictures and index masks of Pascal VOC. The
programs take turns, `--rounds` times; times are medians. `faster` is how many times as fast this checkout is.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from core.formats.readers.registry import open_dataset
from core.formats.writers.region_outlines import find_regions
from core.project.project import Project
from core.samples.scenes import SCENE_CLASSES, draw_scene
from core.session.transfer.export_plan import ExportOptions, plan_export
from core.session.transfer.export_run import run_export
from core.session.transfer.import_run import import_dataset
from tests.benchmarks.dataset_formats import READ_BY_DATUMARO, write_formats

SIZE = (512, 256)
MARGIN = (128, 64)
SCENES = 40
CORES = 2
ROOT = Path(__file__).resolve().parents[2]
_DATUMARO = Path(__file__).with_name("programs") / "with_datumaro.py"


def write_pairs(
    folder: Path, count: int, enlarge: int, seed: int, size: tuple[int, int] = SIZE
) -> dict[str, float]:
    """Write images/, masks/ and the class files of Maskloop and Datumaro. Returns statistics of the masks.

    size: (width, height) of the pictures, at most SIZE"""
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    names = [name for name, _ in SCENE_CLASSES]
    colours = [list(colour) for _, colour in SCENE_CLASSES]
    rows = [{"index": n, "name": c, "color": colours[n - 1]} for n, c in enumerate(names, 1)]
    (folder / "classes.json").write_text(json.dumps({"classes": rows}))
    meta = {
        "label_map": dict(enumerate(["unlabelled", *names])),
        "segmentation_colors": [[0, 0, 0], *colours],
    }
    (folder / "dataset_meta.json").write_text(json.dumps(meta))
    rng = np.random.default_rng(seed)
    whole = [side + more for side, more in zip(SIZE, MARGIN, strict=True)]
    scenes = []
    for number in range(min(SCENES, count)):
        scene = draw_scene(seed * 1000 + number, (whole[0] // enlarge, whole[1] // enlarge))
        picture = cv2.resize(scene.picture[..., ::-1], whole, interpolation=cv2.INTER_CUBIC)
        scenes.append((picture, cv2.resize(scene.truth, whole, interpolation=cv2.INTER_NEAREST_EXACT)))
    regions = corners = 0
    for number in range(count):
        picture, truth = scenes[number % len(scenes)]
        x, y = rng.integers(0, MARGIN[0] + 1), rng.integers(0, MARGIN[1] + 1)
        part = slice(y, y + size[1]), slice(x, x + size[0])
        flip = slice(None, None, -1) if rng.random() < 0.5 else slice(None)
        cv2.imwrite(str(folder / "images" / f"p{number:05}.jpg"), picture[part][:, flip])
        cv2.imwrite(str(folder / "masks" / f"p{number:05}.png"), truth[part][:, flip])
        if number < SCENES:
            found = find_regions(np.ascontiguousarray(truth[part][:, flip]), range(1, len(names) + 1))
            regions += len(found)
            corners += sum(len(ring) for region in found for ring in region.corners)
    looked = min(SCENES, count)
    return {"regions_a_pair": round(regions / looked), "corners_a_pair": round(corners / looked)}


def cpu_seconds() -> float:
    """Processor time in seconds of this process and of its children that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def peak_of_children_mb() -> int:
    """Peak resident memory of any child process; 0 where the system does not report it."""
    try:
        import resource
    except ImportError:
        return 0
    return round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)


def peak_mb() -> int:
    """Peak resident memory of this process; 0 where the system does not report it."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((round(int(line.split()[1]) / 1024) for line in lines if line.startswith("VmHWM")), 0)


def step(what: str, source: Path, place: Path) -> dict[str, Any]:
    """Run one step of Maskloop in this process."""
    peaks: list[int] = []

    def progress(done: int, count: int) -> None:
        if done in (-(-count // 5), count):
            peaks.append(peak_mb())

    began, before = time.perf_counter(), cpu_seconds()
    if what == "export":
        with Project.open_read_only(source) as project:
            pairs = run_export(project, plan_export(project, ExportOptions(place, "coco")), progress).pairs
    else:
        place.mkdir()
        with Project.open(place) as project:
            pairs = import_dataset(project, open_dataset(source), progress=progress).labels
    return {
        "pairs": pairs,
        "seconds": time.perf_counter() - began,
        "cpu_seconds": cpu_seconds() - before,
        "peak_mb": peaks[-1],
        "peak_of_a_worker_mb": peak_of_children_mb(),
        "growth_mb": peaks[-1] - peaks[0],
    }


def measured(command: list[str], pairs: int, checkout: Path = ROOT) -> dict[str, Any]:
    """The result of a step, with times for each pair. Exits when it failed or lost a pair."""
    settings = os.environ | {"PYTHONPATH": str(checkout)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=checkout, env=settings)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(lines[-1])
    if found["pairs"] != pairs:
        sys.exit(f"{' '.join(command)} brought {found['pairs']} of {pairs} pairs.")
    for name, short in (("seconds", "ms"), ("cpu_seconds", "cpu_ms"), ("loaded_after_s", "loaded_after_ms")):
        if name in found:
            found[short] = round(found.pop(name) / pairs * 1000, 2)
    found.pop("pairs")
    return found


def compared(ours: dict[str, Any], rival: dict[str, Any] | None) -> dict[str, Any]:
    if rival is None:
        return {"ours": ours}
    times = {name: round(rival[name] / ours[name], 2) for name in ("ms", "cpu_ms")}
    return {"ours": ours, "rival": rival, "faster": times["ms"], "faster_cpu": times["cpu_ms"]}


def compare_imports(scratch: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Median times of importing each format by this checkout, by another one, and by Datumaro."""
    _use_cores()
    width, height = (int(side) for side in asked.size.split("x"))
    of = write_pairs(scratch / "pairs", asked.pairs, asked.enlarge, asked.seed, (width, height))
    wanted = tuple(filter(None, asked.formats.split(",")))
    folders = write_formats(scratch / "pairs", scratch / "formats", wanted)
    checkouts = {"ours": ROOT} | ({"before": Path(asked.before).resolve()} if asked.before else {})
    rows: dict[str, Any] = {}
    for name, source in folders.items():
        runs: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for number in range(asked.rounds):
            for who, checkout in checkouts.items():
                place = scratch / f"{who}-{name}-{number}"
                step_words = ["--step", "import", str(source), str(place)]
                command = [sys.executable, "-m", "tests.benchmarks.formats", *step_words]
                runs[who].append(measured(command, asked.pairs, checkout))
                shutil.rmtree(place)
            if asked.rival and name in READ_BY_DATUMARO:
                place = scratch / f"datumaro-{name}-{number}"
                command = [asked.rival, str(_DATUMARO), name, str(source), str(place)]
                runs["datumaro"].append(measured(command, asked.pairs))
                shutil.rmtree(place)
        rows[name] = _medians(runs)
        print(name, json.dumps(rows[name]), file=sys.stderr, flush=True)
    return {"pairs": asked.pairs, "size": [width, height], "seed": asked.seed, **of, "imports": rows}


def _medians(runs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    times = {
        who: {key: round(statistics.median(run[key] for run in several), 2) for key in ("ms", "cpu_ms")}
        for who, several in runs.items()
    }
    faster = {
        who: {key: round(other[key] / times["ours"][key], 2) for key in ("ms", "cpu_ms")}
        for who, other in times.items()
        if who != "ours"
    }
    return {**times, "faster": faster}


def _use_cores() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])


def run(scratch: Path, asked: argparse.Namespace) -> dict[str, Any]:
    pairs, fewer = asked.pairs, min(asked.rival_pairs or asked.pairs, asked.pairs)
    _use_cores()
    of = write_pairs(scratch / "pairs", pairs, asked.enlarge, asked.seed)
    with Project.open(_made(scratch / "project")) as project:
        import_dataset(project, open_dataset(scratch / "pairs", "masks"))

    def ours(what: str, source: str, place: str, count: int) -> dict[str, Any]:
        words = ["--step", what, str(scratch / source), str(scratch / place)]
        return measured([sys.executable, "-m", "tests.benchmarks.formats", *words], count)

    def rival(what: str, source: str, place: str) -> dict[str, Any]:
        return measured(
            [asked.rival, str(_DATUMARO), what, str(scratch / source), str(scratch / place)], fewer
        )

    found: dict[str, Any] = {"pairs": pairs, "size": list(SIZE), "seed": asked.seed, **of}
    out = ours("export", "project", "coco", pairs)
    if not asked.rival:
        return found | {
            "export": compared(out, None),
            "import": compared(ours("import", "coco", "again", pairs), None),
        }
    few, few_coco = "pairs", "coco"
    if fewer < pairs:
        few, few_coco = "few", "few_coco"
        _first(scratch / "pairs", scratch / few, fewer)
        with Project.open(_made(scratch / "few_project")) as project:
            import_dataset(project, open_dataset(scratch / few, "masks"))
        ours("export", "few_project", few_coco, fewer)
    theirs = rival("export", few, "rival_coco")
    found["rival"] = {"pairs": fewer, "datumaro": theirs.pop("version")}
    found["export"] = compared(out, theirs)
    back = rival("import", few_coco, "rival_again")
    back.pop("version")
    found["import"] = compared(ours("import", "coco", "again", pairs), back)
    own = rival("import", "rival_coco", "rival_own")
    own.pop("version")
    found["rivals_file"] = compared(ours("import", "rival_coco", "theirs", fewer), own)
    return found


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _first(source: Path, place: Path, count: int) -> None:
    """Link the first pairs of a folder into another."""
    for name in ("images", "masks"):
        (place / name).mkdir(parents=True)
        for path in sorted((source / name).iterdir())[:count]:
            os.link(path, place / name / path.name)
    for name in ("classes.json", "dataset_meta.json"):
        os.link(source / name, place / name)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--pairs", type=int, default=5000)
    words.add_argument("--rival", metavar="PYTHON", help="interpreter of an environment with datumaro")
    words.add_argument("--rival-pairs", type=int, help="how many pairs the rival gets; all by itself")
    words.add_argument("--enlarge", type=int, default=2, choices=(1, 2))
    words.add_argument("--imports", action="store_true", help="import every format instead")
    words.add_argument("--formats", default="", help="with --imports: these formats only, with commas")
    words.add_argument("--before", metavar="CHECKOUT", help="with --imports: another checkout of Maskloop")
    words.add_argument("--rounds", type=int, default=1, help="with --imports: how often each is measured")
    words.add_argument("--size", default="x".join(map(str, SIZE)), help="with --imports: of the pictures")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--json", action="store_true", help="print one JSON object in one line")
    words.add_argument("--step", nargs=3, help=argparse.SUPPRESS)
    asked = words.parse_args()
    if asked.step:
        what, source, place = asked.step
        print(json.dumps(step(what, Path(source), Path(place))))
        return
    if asked.rival:
        has = [
            asked.rival,
            "-c",
            "import importlib.util, sys; sys.exit(not importlib.util.find_spec('datumaro'))",
        ]
        if subprocess.run(has, check=False).returncode:
            sys.exit(f"{asked.rival} has no datumaro. Install it into an environment and name its Python.")
    with tempfile.TemporaryDirectory() as scratch:
        found = (compare_imports if asked.imports else run)(Path(scratch), asked)
    print(json.dumps(found, indent=None if asked.json else 1))


if __name__ == "__main__":
    main()
