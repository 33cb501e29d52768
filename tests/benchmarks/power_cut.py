"""Simulates power cuts during edits: `python -m tests.benchmarks.power_cut --cuts 100 --json`.

A real process makes a project, paints, undoes, redoes and changes classes (the edits of `kill`), closes the project and
opens it again, while strace (Linux; Debian's package strace) writes down each of its writes and flushes. From that the
files are built again as a power cut at a random moment may leave them (`disk` says what that means); the program opens
them and has to find SQLite's file whole and the document as the last acknowledged edit left it, or one edit further.

An edit is acknowledged when the process writes a line about it; where that was among the flushes, strace knows. With
`--synchronous normal` the disk is not waited for: acknowledged edits have to get lost then, or this measures nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from core.base.errors import MaskloopError
from core.project.project import Project
from tests.benchmarks.disk import TRACED, Disk, calls_in
from tests.benchmarks.kill import digest, edit, make

EDITS, CUTS = 120, 25
"""Of one editing process. 120 edits fill the journal about twice, so that it is taken into the file meanwhile."""
BYTES = 1 << 20
"""The longest write that strace writes down whole; SQLite writes a page at a time."""


@dataclass
class Verdict:
    """Results over all cuts. most_lost: the most acknowledged edits that one cut has lost."""

    synchronous: str
    cuts: int = 0
    edits: int = 0
    corrupt: int = 0
    acknowledged_lost: int = 0
    most_lost: int = 0
    max_unacknowledged: int = 0


def keep_editing(folder: Path, record: Path, seed: int, synchronous: str) -> None:
    """The traced process. It records the digest of the project after each acknowledged edit."""
    rng = np.random.default_rng(seed)
    with record.open("wb", buffering=0) as lines:
        make(folder)
        for part in (0, EDITS // 2):
            with Project.open(folder) as project, contextlib.ExitStack() as stack:
                if synchronous == "normal":
                    stack.enter_context(project.store.deferred_sync())
                if not part:
                    lines.write(f"{digest(project)}\n".encode())
                done = part
                while done < part + EDITS // 2:
                    try:
                        edit(project, rng)
                    except MaskloopError:
                        continue  # an undo that has to wait for another picture
                    lines.write(f"{digest(project)}\n".encode())
                    done += 1


def trace(folder: Path, record: Path, seed: int, synchronous: str) -> Path:
    """Run the editing process under strace and return its output. Raises RuntimeError when that fails."""
    out = record.with_name("trace")
    program = shutil.which("strace")
    if program is None:
        raise RuntimeError("This needs strace to see what reaches the disk: apt install strace")
    watched = [program, "-f", "-y", "-xx", "-s", str(BYTES), "-e", f"trace={TRACED}", "-e", "signal=none"]
    edits = [sys.executable, "-m", "tests.benchmarks.power_cut", "--synchronous", synchronous]
    edits += ["--seed", str(seed), "--edit", str(folder), str(record)]
    done = subprocess.run([*watched, "-o", str(out), *edits], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"strace could not watch the editing process: {done.stderr.strip()[-600:]}")
    return out


def judge(place: Path, acknowledged: int, states: list[str], found: Verdict) -> None:
    """Open and check what a cut left. acknowledged: the number of edits recorded before it."""
    try:
        with Project.open(place) as project:
            with project.store.read_transaction() as connection:
                whole = connection.exec_driver_sql("PRAGMA integrity_check").all() == [("ok",)]
                whole &= connection.exec_driver_sql("PRAGMA foreign_key_check").first() is None
            state = digest(project)
    except MaskloopError:
        whole, state = False, ""
    if not whole or (acknowledged and state not in states):
        found.corrupt += 1
    elif acknowledged and state != states[acknowledged - 1]:
        if state in states[acknowledged:]:
            further = states.index(state, acknowledged) - acknowledged + 1
            found.max_unacknowledged = max(found.max_unacknowledged, further)
        else:
            earlier = max(n for n in range(acknowledged) if states[n] == state)
            found.acknowledged_lost += 1
            found.most_lost = max(found.most_lost, acknowledged - 1 - earlier)


def cut_one_session(work: Path, cuts: int, rng: np.random.Generator, found: Verdict) -> None:
    """Run one editing process, and check `cuts` moments of it at which the power may fail."""
    folder, record = work / "project", work / "record"
    folder.mkdir()
    calls = list(calls_in(trace(folder, record, int(rng.integers(1 << 32)), found.synchronous)))
    states = record.read_text("ascii").splitlines()
    mine = [n for n, call in enumerate(calls) if call.path.startswith(f"{folder}/")]
    moments = set(rng.choice(mine, min(cuts, len(mine)), replace=False).tolist())
    disk, acknowledged = Disk(folder), 0
    for number, call in enumerate(calls):
        if number in moments:  # just before this call: what it would have done is not there
            place = work / "found"
            place.mkdir()
            disk.after_cut(rng, place)
            judge(place, acknowledged, states, found)
            shutil.rmtree(place)
            found.cuts += 1
        if call.name == "write" and call.path == str(record):
            acknowledged += call.content.count(b"\n")
        elif call.path.endswith((".sqlite", "-wal")) or call.name in ("mkdir", "fsync", "fdatasync"):
            disk.apply(call)
    found.edits += len(states) - 1


def measure(cuts: int, seed: int, synchronous: str) -> Verdict:
    """Cut the power `cuts` times, in as many editing processes as that takes."""
    found, rng = Verdict(synchronous), np.random.default_rng(seed)
    while found.cuts < cuts:
        with tempfile.TemporaryDirectory(prefix="maskloop-power-cut-") as place:
            cut_one_session(Path(os.path.realpath(place)), min(CUTS, cuts - found.cuts), rng, found)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--synchronous", choices=("full", "normal"), default="full")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--edit", nargs=2, metavar=("FOLDER", "RECORD"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.edit:
        keep_editing(Path(chosen.edit[0]), Path(chosen.edit[1]), chosen.seed, chosen.synchronous)
        return
    try:
        found = measure(chosen.cuts, chosen.seed, chosen.synchronous)
    except RuntimeError as problem:
        sys.exit(str(problem))
    print(json.dumps(asdict(found)) if chosen.json else found)


if __name__ == "__main__":
    main()
