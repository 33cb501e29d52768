"""Stalls of the GUI thread during training: `python -m tests.benchmarks.stalls --json`.

The sample project in the real window, a real training in its child process, and a hand that paints, zooms, goes from
picture to picture, looks at the charts, changes the theme, and closes the project at last. A heartbeat of 2 ms tells
how late each beat comes (`desktop/tour/stall_meter.py`); `p99_ms` is over time, so that a long stall weighs what it
takes. `by_act`: the longest stall of each thing that was done, and of mere waiting. `own_..`: the same in processor
time of the window's thread, which a machine that is busy with other things does not change.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QPushButton

from core.base.settings import Settings
from core.session.sample_project import make_sample_project
from desktop.app import build
from desktop.shell.top_bar import WORKSPACE_ACTIONS
from desktop.tour.stall_meter import StallMeter
from desktop.tour.window_driver import WindowDriver


def measure(folder: Path, settings: Settings, seconds: float) -> dict[str, object]:
    """Repeats a round of actions for this long; charts and theme are used once, in the first round."""
    window = build(settings).window
    window.resize(1440, 900)
    window.show()
    hands = WindowDriver(window)
    window.open_project(folder, train=True)
    hands.wait_until(hands.has_picture, "a picture")
    hands.wait_until(lambda: hands.state.phase == "training" and hands.state.step > 0, "training under way")
    hands.wait(500)
    whole, own = StallMeter(), StallMeter(time.thread_time)
    longest: dict[str, float] = {}
    longest_own: dict[str, float] = {}
    strokes, turn = 0, 0

    def paint() -> None:
        nonlocal strokes, turn
        turn += 1
        hands.key(Qt.Key.Key_1)
        middle = 0.3 + 0.4 * (turn % 5) / 5
        hands.drag([(middle + 0.1 * math.cos(n), 0.5 + 0.2 * math.sin(n)) for n in range(5)])
        strokes += 1

    def zoom() -> None:
        for factor in (1.25,) * 6 + (0.8,) * 6:
            hands.canvas.zoom_at(QPointF(400, 300), factor)
            hands.wait(16)

    def go_on() -> None:
        hands.key(Qt.Key.Key_D)
        hands.wait(300)

    def chart() -> None:
        for name in ("workspace_train", "workspace_data", "workspace_label"):
            hands.click(window.top_bar.workspaces.findChildren(QPushButton)[WORKSPACE_ACTIONS.index(name)])
            hands.wait(300)

    def theme() -> None:
        hands.click(window.top_bar.theme_button)
        hands.wait(200)

    acts: list[tuple[str, Callable[[], object]]] = [
        ("paint", paint),
        ("next picture", go_on),
        ("zoom", zoom),
        ("paint", paint),
        ("wait", lambda: hands.wait(1000)),
    ]
    once: list[tuple[str, Callable[[], object]]] = [("charts and counts", chart), ("theme", theme)]

    def timed(name: str, act: Callable[[], object]) -> None:
        meter, its = StallMeter(), StallMeter(time.thread_time)
        meter.start()
        its.start()
        hands.wait(20)  # until the first timeout: a stall before it cannot be measured
        act()
        hands.wait(20)
        meter.stop()
        its.stop()
        longest_own[name] = max(longest_own.get(name, 0.0), its.summary()["max"] or 0.0)
        longest[name] = max(longest.get(name, 0.0), meter.summary()["max"] or 0.0)

    whole.start()
    own.start()
    began = time.monotonic()
    while True:
        for name, act in acts + once:
            timed(name, act)
        once = []
        if time.monotonic() - began > seconds:
            break
    state = hands.state
    timed("close while training", window.close_project)
    whole.stop()
    own.stop()
    found, work = whole.summary(), own.summary()
    result: dict[str, object] = {
        "p99_ms": found["p99"],
        "max_ms": found["max"],
        "own_p99_ms": work["p99"],
        "own_max_ms": work["max"],
        "by_act": longest,
        "own_by_act": longest_own,
        "seconds": round(time.monotonic() - began, 1),
        "strokes": strokes,
        "training": {"phase": state.phase, "step": state.step, "published": state.published},
    }
    window.close()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=45.0)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["MASKLOOP_CONFIG_DIR"] = scratch
        settings = Settings(Path(scratch) / "settings.json")
        settings.set("theme", "light")
        make_sample_project(Path(scratch) / "sample")
        found = measure(Path(scratch) / "sample", settings, asked.seconds)
    if asked.json:
        print(json.dumps(found))
    else:
        print("\n".join(f"{name} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
