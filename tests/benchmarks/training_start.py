"""Time to the first step and to the first checkpoint: python -m tests.benchmarks.training_start [--runs 5] [--json]

The sample project, in three ways: `maskloop train` (from the start of the process); in the real window, Train pressed
as soon as the first picture is shown; and pressed ten seconds later. Medians in seconds. One run first warms the file
cache.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from core.base.settings import Settings
from core.session.sample_project import make_sample_project

POLL_SECONDS = 0.02
TIMEOUT_SECONDS = 180.0


def command_line(project: Path) -> dict[str, float]:
    """`maskloop train --steps 1`: seconds to the first checkpoint and to the first step, as stored in the project."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "desktop", "train", "--project", str(project), "--steps", "1", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    found: dict[str, float] = {}
    while process.poll() is None:
        time.sleep(POLL_SECONDS)
        seconds = time.perf_counter() - began
        if "checkpoint" not in found and [*project.glob(".maskloop/models/*/model.safetensors")]:
            found["checkpoint"] = seconds
        if "step" not in found and _steps_stored(project):
            found["step"] = seconds
    if process.returncode:
        raise SystemExit(process.returncode)
    return {**found, "end": time.perf_counter() - began}


def _steps_stored(project: Path) -> int:
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(project / ".maskloop" / "project.sqlite")) as connection,
    ):
        return int(connection.execute("SELECT count(*) FROM measurements WHERE name = 'loss'").fetchone()[0])
    return 0


def window(project: Path, idle: float, config: Path) -> dict[str, float]:
    """Seconds from pressing Train to the first checkpoint, `idle` seconds after the first picture was shown."""
    from desktop.app import build
    from desktop.tour.window_driver import WindowDriver

    settings = Settings(config / "settings.json")
    settings.set("train_automatically", False)
    settings.set("live_prediction", "off")
    opened = build(settings).window
    opened.resize(1440, 900)
    opened.show()
    driver = WindowDriver(opened)
    opened.open_project(project)
    driver.wait_until(driver.has_picture, "a picture")
    driver.wait_until(lambda: opened.context is not None, "a project")
    driver.wait(round(idle * 1000))
    began = time.perf_counter()
    driver.click(opened.label_page.training.train_button)
    driver.wait_until(lambda: driver.state.published > 0, "a checkpoint", TIMEOUT_SECONDS)
    seconds = time.perf_counter() - began
    opened.close()
    return {"checkpoint": seconds}


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--runs", type=int, default=5)
    words.add_argument("--json", action="store_true")
    words.add_argument("--window", type=float, help=argparse.SUPPRESS)  # one run in a process of its own
    words.add_argument("--project", type=Path, help=argparse.SUPPRESS)
    asked = words.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    if asked.window is not None:
        print(json.dumps(window(asked.project, asked.window, asked.project.parent)))
        return
    kinds: dict[str, Callable[[Path], dict[str, float]]] = {
        "maskloop train": command_line,
        "window": lambda project: _in_process(project, 0),
        "window, idle for 10 s": lambda project: _in_process(project, 10),
    }
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["MASKLOOP_CONFIG_DIR"] = scratch
        make_sample_project(Path(scratch) / "sample")
        for number in range(asked.runs + 1):
            for name, measure in kinds.items():
                project = Path(scratch) / "project"
                shutil.rmtree(project, ignore_errors=True)
                shutil.copytree(Path(scratch) / "sample", project)
                for what, seconds in measure(project).items() if number else ():
                    times.setdefault(f"{name}: {what}", []).append(seconds)
                if not number:
                    break
    result = {name: round(statistics.median(seconds), 2) for name, seconds in times.items()}
    print(json.dumps(result, indent=None if asked.json else 1))


def _in_process(project: Path, idle: float) -> dict[str, float]:
    words = [sys.executable, "-m", "tests.benchmarks.training_start", "--window", str(idle)]
    done = subprocess.run([*words, "--project", str(project)], stdout=subprocess.PIPE, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
