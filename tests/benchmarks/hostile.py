"""Hostile inputs: `python -m tests.benchmarks.hostile --cases 20000 --seed N --json` (Linux and macOS).

Small datasets, projects, checkpoints and masks are changed where it hurts: numbers, keys, nesting, encodings, sizes
(`hostile_files.py`). Each case is read in a fork of this warm process with limits of time and memory; on Linux a fork
reads a batch of cases, and a new one begins after each that went wrong. Counted are:
crashes (a signal), hangs (over the time limit), blow-ups (over the memory limit), foreign exceptions (anything but a
MaskloopError, whose message is a sentence), and changed files outside of the case's own folder. The same seed makes
the same cases; `--only KIND` and `--first N` repeat one, and `--keep FOLDER` stores the inputs that failed. Ctrl+C ends
it early, with the figures so far.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Generator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
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
"""Processor time of a case."""
SILENT_SECONDS = 120
"""Wall time after which a case is ended: it waits for something."""
BATCH = 100 if sys.platform == "linux" else 1
"""Cases that a fork reads; elsewhere a process cannot be given another limit of memory."""
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


def run_cases(source: Source, numbers: range) -> Generator[tuple[int, str, str, float], None, None]:
    """Run cases in forks, each of which reads a batch. Yields number, outcome, detail and processor seconds."""
    while numbers:
        hear, say = Pipe(duplex=False)
        child = os.fork()
        if child == 0:
            hear.close()
            _run_batch(source, numbers[:BATCH], say)
        say.close()
        is_ended = False
        try:
            with hear:
                while hear.poll(SILENT_SECONDS):
                    try:
                        outcome, detail, seconds = json.loads(hear.recv_bytes())
                    except EOFError:
                        is_ended = True
                        break
                    yield numbers[0], outcome, detail, seconds
                    numbers = numbers[1:]
        finally:
            if not is_ended:  # it is silent, or the caller has heard enough
                os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
        if status:
            yield numbers[0], *_end_of(status, not is_ended)
            numbers = numbers[1:]


def _end_of(status: int, is_silent: bool) -> tuple[str, str, float]:
    """Outcome, detail and processor seconds of a case that ended its process."""
    if is_silent:
        return "hang", f"no answer in {SILENT_SECONDS} s", 0.0
    if not os.WIFSIGNALED(status):
        return "crash", f"exit code {os.WEXITSTATUS(status)}", 0.0
    number = os.WTERMSIG(status)
    if number in (signal.SIGXCPU, signal.SIGKILL):
        return "hang", f"{SECONDS} s of processor time", float(SECONDS)
    return "crash", signal.Signals(number).name, 0.0


def _run_batch(source: Source, numbers: range, say: Connection) -> None:
    """The child: answers for each case, and ends after the first that went wrong. Never returns."""
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # decoders print about damaged files
        for number in numbers:
            began = time.process_time()
            try:
                source.make(number)
                outcome, detail = _read(source, READERS[source.kind_of(number)])
            except BaseException as error:
                outcome, detail = "crash", f"the case could not be made: {type(error).__name__}: {error}"
            say.send_bytes(json.dumps([outcome, detail[:4000], time.process_time() - began]).encode())
            if outcome:
                break
        code = 0
    finally:
        os._exit(code)


def _read(source: Source, read: Callable[[Path], object]) -> tuple[str, str]:
    """Read the case that was made. Returns the outcome, empty when all is well, and what is known about it."""
    limit_process(MEMORY_BYTES, SECONDS, is_final=False)
    try:
        read(source.place)
    except MaskloopError as error:
        if not 0 < len(str(error)) < 2000:  # a sentence, not a copy of the file
            return "foreign", f"a message of {len(str(error))} letters"
    except MemoryError:
        return "blow_up", _place()
    except BaseException as error:
        kind = "blow_up" if "alloc" in str(error).lower() or "memory" in str(error).lower() else "foreign"
        return kind, f"{type(error).__name__}: {str(error)[:200]} {_place()}"
    if source.is_outside_changed():
        return "outside", "files outside of the case's folder changed"
    return "", ""


def _place() -> str:
    frames = [frame for frame in traceback.extract_tb(sys.exc_info()[2]) if "/core/" in frame.filename]
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames[:-4:-1])


class Source:
    """Makes the cases of a seed, one at a time, in the same place. Each has a random generator of its own."""

    def __init__(self, scratch: Path, kinds: list[str], seed: int, keep: Path | None) -> None:
        self.kinds, self.seed, self.keep = kinds, seed, keep
        self.place = scratch / "case" / "in"
        self._seeds, self._outside = scratch / "seeds", scratch / "outside"
        make_seeds(self._seeds)
        self._outside.mkdir()
        (self._outside / "keep.txt").write_text("as it was", "utf-8")
        self._before = _state(self._outside)

    def kind_of(self, number: int) -> str:
        return self.kinds[number % len(self.kinds)]

    def kept(self, number: int) -> Path | None:
        """Where the input of a case is stored."""
        return self.keep / f"{self.kind_of(number)}-{number}" if self.keep else None

    def make(self, number: int) -> None:
        kind = self.kind_of(number)
        copy_seed(self._seeds / kind, self.place)
        mutate(kind, self.place, random.Random(f"{self.seed}/{kind}/{number}"))
        if kept := self.kept(number):
            copy_seed(self.place, kept)

    def is_outside_changed(self) -> bool:
        return _state(self._outside) != self._before or list(self.place.parent.iterdir()) != [self.place]


def _state(folder: Path) -> list[tuple[str, int, bytes]]:
    return sorted(
        (str(path), path.lstat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    )


def measure(
    cases: int,
    seed: int,
    *,
    only: str | None = None,
    first: int = 0,
    keep: Path | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, object]:
    """Try `cases` cases from number `first`, or fewer when `should_stop` says so."""
    torch.set_num_threads(1)  # a fork has one thread only
    kinds = [only] if only else list(READERS)
    counts: Counter[str] = Counter()
    by_kind: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    failures: list[dict[str, object]] = []
    tried, slowest = 0, (0.0, "")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="maskloop-hostile-", ignore_cleanup_errors=True) as scratch:
        source = Source(Path(scratch), kinds, seed, keep)
        with contextlib.closing(run_cases(source, range(first, first + cases))) as results:
            for number, outcome, detail, seconds in results:
                if should_stop():
                    break
                tried += 1
                kind = source.kind_of(number)
                slowest = max(slowest, (seconds, f"{kind} {number}"))
                by_kind[kind]["cases"] += 1
                if outcome:
                    counts[outcome] += 1
                    by_kind[kind][outcome] += 1
                    if counts[outcome] <= KEPT:
                        failures.append({"case": number, "kind": kind, "outcome": outcome, "detail": detail})
                    print(f"{kind} {number}: {outcome}, {detail}", file=sys.stderr, flush=True)
                elif kept := source.kept(number):
                    shutil.rmtree(kept, ignore_errors=True)
    return {
        "cases": tried,
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
    stopped: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: stopped.append(number))
    found = measure(
        chosen.cases,
        chosen.seed,
        only=chosen.only,
        first=chosen.first,
        keep=chosen.keep,
        should_stop=lambda: bool(stopped),
    )
    print(json.dumps(found) if chosen.json else "\n".join(f"{name} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
