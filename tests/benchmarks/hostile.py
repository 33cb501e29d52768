"""Hostile inputs: `python -m tests.benchmarks.hostile --cases 20000 --seed N --json` (Linux and macOS).

Small datasets, projects, checkpoints and masks are changed where it hurts: numbers, keys, nesting, encodings, sizes
(`hostile_files.py`). Each case is read in a fork of this warm process with limits of time and memory. Counted are:
crashes (a signal), hangs (over the time limit), blow-ups (over the memory limit), foreign exceptions (anything but a
MaskloopError, whose message is a sentence), and changed files outside of the case's own folder. The same seed makes
the same cases; `--only KIND` and `--first N` repeat one, and `--keep FOLDER` stores the inputs that failed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import torch

from core.base.errors import MaskloopError
from core.base.process_limits import limit_process
from core.formats.dataset_tree import DatasetTree
from core.formats.readers.registry import open_dataset, recognise_all
from core.images.image_reader import read_picture, read_size
from core.images.stored_mask import read_stored_mask
from core.models.checkpoint import load_checkpoint
from core.models.model_import import read_weights
from core.project.integrity.check import check_project
from core.project.integrity.repair import repair_project
from core.project.project import Project
from core.session.transfer.dataset_survey import survey_dataset
from tests.benchmarks.hostile_files import DATASETS, copy_seed, make_seeds, mutate

SECONDS = 10
"""Processor time of a case; after three times that of wall time it is ended."""
MEMORY_BYTES = 400 << 20
"""What a case may allocate. The inputs are of a few kilobytes."""
OUTCOMES = ("crash", "hang", "blow_up", "foreign", "outside")
KEPT = 20
"""Failures that are described, of each kind."""


def read_dataset(folder: Path) -> None:
    """As an import with `--dry-run`: recognise the format, open it, read every mask."""
    tree = DatasetTree(folder)
    list(recognise_all(tree))
    survey_dataset(open_dataset(folder, "auto", tree, None))


def read_project(folder: Path) -> None:
    """As `status`, `check`, `check --repair`, and the window."""
    with contextlib.suppress(MaskloopError), Project.open_read_only(folder) as project:
        project.pictures.counts()
    for purpose in ("maskloop check --repair", "a window"):
        with Project.open(folder, purpose=purpose) as project:
            if "repair" in purpose:
                repair_project(project, check_project(project))
            for record in project.pictures.all():
                with contextlib.suppress(MaskloopError):
                    project.picture_path(record.path)
                    project.labels.read(record.id, record.width or 1, record.height or 1)
                    project.journal.undo(record.id)
            project.classes.read()


def read_weights_files(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        with contextlib.suppress(MaskloopError):
            read_weights(path, None if path.suffix == ".safetensors" else "asymmetric-unet-small", None, 64)


def read_masks(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        for read in (read_size, read_picture, read_stored_mask):
            with contextlib.suppress(MaskloopError):
                read(path)


READERS: dict[str, Callable[[Path], object]] = {
    **dict.fromkeys(DATASETS, read_dataset),
    "project": read_project,
    "checkpoint": load_checkpoint,
    "weights": read_weights_files,
    "mask": read_masks,
}


def run_case(read: Callable[[Path], object], folder: Path) -> tuple[str, str]:
    """Read a folder in a fork. Returns the outcome, empty when all is well, and what is known about it."""
    hear, say = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(hear)
        _read_and_exit(read, folder, say)
    os.close(say)
    end, reply = time.monotonic() + 3 * SECONDS, b""
    try:
        while (left := end - time.monotonic()) > 0 and select.select([hear], [], [], left)[0]:
            part = os.read(hear, 1 << 16)
            if not part:
                break
            reply += part
        else:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "hang", f"no answer in {3 * SECONDS} s"
    finally:
        os.close(hear)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number in (signal.SIGXCPU, signal.SIGKILL):
            return "hang", f"{SECONDS} s of processor time"
        return "crash", signal.Signals(number).name
    outcome, _, detail = reply.decode("utf-8", "replace").partition("\n")
    return (
        (outcome, detail) if os.WEXITSTATUS(status) == 0 else ("crash", f"exit code {os.WEXITSTATUS(status)}")
    )


def _read_and_exit(read: Callable[[Path], object], folder: Path, say: int) -> None:
    """The child: never returns into the parent's code."""
    code, reply = 1, ""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # decoders print about damaged files
        limit_process(MEMORY_BYTES, SECONDS)
        try:
            read(folder)
        except MaskloopError as error:
            # A sentence, not a copy of the file.
            reply = "" if 0 < len(str(error)) < 2000 else f"foreign\na message of {len(str(error))} letters"
        except MemoryError:
            reply = f"blow_up\n{_place()}"
        except BaseException as error:
            kind = "blow_up" if "alloc" in str(error).lower() or "memory" in str(error).lower() else "foreign"
            reply = f"{kind}\n{type(error).__name__}: {str(error)[:200]} {_place()}"
        os.write(say, reply.encode("utf-8", "replace")[:4000])
        code = 0
    finally:
        os._exit(code)


def _place() -> str:
    frames = [frame for frame in traceback.extract_tb(sys.exc_info()[2]) if "/core/" in frame.filename]
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames[:-4:-1])


def _state(folder: Path) -> list[tuple[str, int, bytes]]:
    return sorted(
        (str(path), path.lstat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    )


def measure(
    cases: int, seed: int, *, only: str | None = None, first: int = 0, keep: Path | None = None
) -> dict[str, object]:
    """Try `cases` cases from number `first`; each has a random generator of its own."""
    torch.set_num_threads(1)  # a fork has one thread only
    kinds = [only] if only else list(READERS)
    counts: Counter[str] = Counter()
    by_kind: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    failures: list[dict[str, object]] = []
    slowest = (0.0, "")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="maskloop-hostile-") as scratch:
        seeds, outside, place = (Path(scratch) / name for name in ("seeds", "outside", "case/in"))
        make_seeds(seeds)
        outside.mkdir()
        (outside / "keep.txt").write_text("as it was", "utf-8")
        before = _state(outside)
        for number in range(first, first + cases):
            kind = kinds[number % len(kinds)]
            copy_seed(seeds / kind, place)
            mutate(kind, place, random.Random(f"{seed}/{kind}/{number}"))
            started = time.monotonic()
            if keep:
                copy_seed(place, keep / f"{kind}-{number}")
            outcome, detail = run_case(READERS[kind], place)
            took = time.monotonic() - started
            slowest = max(slowest, (took, f"{kind} {number}"))
            if not outcome and (_state(outside) != before or list(place.parent.iterdir()) != [place]):
                outcome, detail = "outside", "files outside of the case's folder changed"
            by_kind[kind]["cases"] += 1
            if outcome:
                counts[outcome] += 1
                by_kind[kind][outcome] += 1
                if counts[outcome] <= KEPT:
                    failures.append({"case": number, "kind": kind, "outcome": outcome, "detail": detail})
            elif keep:
                shutil.rmtree(keep / f"{kind}-{number}", ignore_errors=True)
    return {
        "cases": cases,
        "seed": seed,
        **{outcome: counts[outcome] for outcome in OUTCOMES},
        "by_kind": {kind: dict(found) for kind, found in by_kind.items()},
        "failures": failures,
        "slowest_s": round(slowest[0], 2),
        "slowest": slowest[1],
        "seconds": round(time.monotonic() - began, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=list(READERS), help="one kind of input")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--keep", type=Path, help="store the inputs that failed in this folder")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()
    if not hasattr(os, "fork"):
        sys.exit("This needs os.fork: Linux or macOS.")
    found = measure(chosen.cases, chosen.seed, only=chosen.only, first=chosen.first, keep=chosen.keep)
    print(json.dumps(found) if chosen.json else "\n".join(f"{name} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
