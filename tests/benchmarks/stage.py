"""Shared by all benchmarks of the window: the screen, one child process per program, test pictures and the report."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
_KINDS = ("napari", "labelme")


@dataclass(frozen=True, slots=True)
class Seat:
    """One program to measure: its name, and the interpreter of the environment it is installed in."""

    name: str
    python: str

    def measure(self, what: str, environment: dict[str, str] | None = None, **options: Any) -> dict[str, Any]:
        """Measure in a new process; see `hand`. Raises RuntimeError with the last output of the process."""
        with tempfile.TemporaryDirectory() as home:
            given = {**os.environ, **_own_settings(home), **(environment or {})}
            given.pop("PYTHONDONTWRITEBYTECODE", None)  # as on a user's machine, where code is compiled once
            if "began" in options:
                options["began"] = time.monotonic()
            done = subprocess.run(
                [self.python, "-m", "tests.benchmarks.hand", self.name, what, json.dumps(options)],
                cwd=ROOT,
                env=given,
                capture_output=True,
                text=True,
                check=False,
                timeout=900,
            )
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if not lines:
            raise RuntimeError(f"{self.name} gave no answer:\n{done.stderr[-2000:]}")
        return dict(json.loads(lines[-1]))


def _own_settings(home: str) -> dict[str, str]:
    # An empty home directory for each run: no program may find settings of another run.
    return {
        "HOME": home,
        "XDG_CONFIG_HOME": home,
        "XDG_CACHE_HOME": home,
        "XDG_DATA_HOME": home,
        "MASKLOOP_CONFIG_DIR": home,
        "PYTHONUNBUFFERED": "1",
    }


OURS = Seat("maskloop", sys.executable)


def rival_of(python: str) -> Seat:
    """Which other program an interpreter has. Exits with a message when it has none."""
    for name in _KINDS:
        asked = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({name!r}) is None)"
        if subprocess.run([python, "-c", asked], check=False, cwd=Path(python).parent).returncode == 0:
            return Seat(name, python)
    sys.exit(
        f"{python} has neither {' nor '.join(_KINDS)}. Install one into an environment and name its Python."
    )


@contextlib.contextmanager
def screen(*, needs_gl: bool) -> Iterator[None]:
    """The Qt platform: offscreen; or, if one program needs OpenGL, an X screen for all of them."""
    if not needs_gl:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        yield
        return
    os.environ["QT_QPA_PLATFORM"] = "xcb"
    if os.environ.get("DISPLAY"):
        yield
        return
    server = shutil.which("Xvfb")
    if server is None:
        sys.exit("A rival needs a screen: set DISPLAY, or install Xvfb.")
    read, write = os.pipe()
    words = [server, "-displayfd", str(write), "-screen", "0", "3840x2160x24", "-nolisten", "tcp"]
    with subprocess.Popen(words, pass_fds=[write], stderr=subprocess.DEVNULL) as running:
        os.close(write)
        with os.fdopen(read) as said:
            os.environ["DISPLAY"] = f":{said.readline().strip()}"
        try:
            yield
        finally:
            running.terminate()


def scenery(width: int, height: int, seed: int = 0) -> NDArray[np.uint8]:
    """(height, width, 3) uint8 RGB with detail at every zoom: soft shapes and fine noise."""
    chance = np.random.default_rng(seed)
    coarse = chance.integers(0, 256, (max(2, height // 256), max(2, width // 256), 3), np.uint8)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    grain = chance.integers(0, 24, (512, 512, 1), np.uint8)
    for y in range(0, height, 512):
        for x in range(0, width, 512):
            part = picture[y : y + 512, x : x + 512]
            np.maximum(part, grain[: part.shape[0], : part.shape[1]], out=part)
            part -= grain[: part.shape[0], : part.shape[1]]
    return picture


def write_jpeg(path: Path, width: int, height: int, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), scenery(width, height, seed), [cv2.IMWRITE_JPEG_QUALITY, 90])
    return path


def words(about: str | None) -> argparse.ArgumentParser:
    """A parser with the options of every benchmark of the window."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--rival", metavar="PYTHON", help="interpreter of an environment with napari or labelme"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def run(
    asked: argparse.Namespace, measure: Callable[[Seat], dict[str, Any]], **facts: object
) -> dict[str, Any]:
    """Measure Maskloop and, if requested, another program; print and return the report."""
    rival = rival_of(asked.rival) if asked.rival else None
    with screen(needs_gl=rival is not None):
        ours = measure(OURS)
        ours.pop("name")
        found: dict[str, Any] = {**facts, **ours, "platform": os.environ["QT_QPA_PLATFORM"]}
        if rival is not None:
            found["rival"] = measure(rival)
    if asked.json:
        print(json.dumps(found))
    else:
        print("\n".join(_lines(found)))
    return found


def _lines(found: dict[str, Any], indent: str = "") -> Iterator[str]:
    for name, value in found.items():
        if isinstance(value, dict):
            yield f"{indent}{name}:"
            yield from _lines(value, indent + "  ")
        else:
            yield f"{indent}{name} {value}"
