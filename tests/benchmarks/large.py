"""Stalls of the GUI thread when a shape is as large as the picture.

python -m tests.benchmarks.large [--size 8192] [--json]

The real window with a JPEG of that size and its prediction, and real mouse and key events: each tool takes nearly the
whole picture in one go, which is then taken back. `longest_ms`: the longest time that the window did not answer, from
the first event of the hand until half a second after the edit is durable (a heartbeat of 2 ms tells:
desktop/tour/stall_meter.py); `done_ms`: until the edit is durable.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.base.settings import Settings
from desktop.app import build
from desktop.tour.stall_meter import StallMeter
from desktop.tour.window_driver import LEFT_BUTTON, NO_MODIFIER, WindowDriver
from tests.benchmarks.programs.with_maskloop import furnish
from tests.benchmarks.stage import screen, write_jpeg

LOW, HIGH = 0.01, 0.99
CORNERS = ((LOW, LOW), (HIGH, LOW), (HIGH, HIGH), (LOW, HIGH))


def measure(folder: Path, settings: Settings) -> dict[str, dict[str, float]]:
    window = build(settings).window
    window.resize(1920, 1080)
    window.show()
    hands = WindowDriver(window)
    window.open_project(folder)
    hands.wait_until(hands.has_picture, "a picture")
    hands.wait(1500)
    longest: dict[str, float] = {}
    done: dict[str, float] = {}
    saving = hands.labelling.edit_queue

    def watched(name: str, act: Callable[[], object], is_done: Callable[[], bool]) -> None:
        meter = StallMeter()
        meter.start()
        began = time.perf_counter()
        act()
        hands.wait_until(is_done, name)
        done[name] = round((time.perf_counter() - began) * 1000)
        hands.wait(500)
        meter.stop()
        longest[name] = meter.summary()["max"] or 0.0

    def edited(name: str, act: Callable[[], object]) -> None:
        """An action that makes an edit, and the one that undoes it."""
        strokes = saving.stored_count
        watched(name, act, lambda: saving.stored_count > strokes and saving.pending == 0)
        middle = tuple(side // 2 for side in hands.label_values.shape)
        hands.expect(hands.label_values[middle] != 0, f"{name} has painted nothing")
        watched(f"undo of {name}", lambda: press("undo"), lambda: hands.label_values[middle] == 0)

    def press(action: str) -> None:
        window.actions_by_id[action].trigger()

    def drag() -> None:
        QTest.mousePress(hands.canvas, LEFT_BUTTON, NO_MODIFIER, hands.position_of(*CORNERS[0]))
        for corner in CORNERS[1:]:
            QTest.mouseMove(hands.canvas, hands.position_of(*corner))
        QTest.mouseRelease(hands.canvas, LEFT_BUTTON, NO_MODIFIER, hands.position_of(*CORNERS[-1]))

    def box() -> None:
        QTest.mousePress(hands.canvas, LEFT_BUTTON, NO_MODIFIER, hands.position_of(LOW, LOW))
        QTest.mouseMove(hands.canvas, hands.position_of(HIGH, HIGH))
        QTest.mouseRelease(hands.canvas, LEFT_BUTTON, NO_MODIFIER, hands.position_of(HIGH, HIGH))

    hands.key(Qt.Key.Key_1)
    for tool, act in (("rectangle", box), ("ellipse", box), ("lasso", drag)):
        press(f"tool_{tool}")
        edited(tool, act)
    press("tool_polygon")
    for corner in CORNERS:
        QTest.mouseClick(hands.canvas, LEFT_BUTTON, NO_MODIFIER, hands.position_of(*corner))
    edited("polygon", lambda: QTest.keyClick(hands.canvas, Qt.Key.Key_Return))
    press("tool_fill")
    edited(
        "fill", lambda: QTest.mouseClick(hands.canvas, LEFT_BUTTON, NO_MODIFIER, hands.position_of(0.5, 0.5))
    )
    edited("accept prediction", lambda: press("accept_all"))
    window.close()
    return {"longest_ms": longest, "done_ms": done}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=8192, help="side of the picture in pixels")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, screen(needs_gl=False):
        os.environ["MASKLOOP_CONFIG_DIR"] = scratch
        settings = Settings(Path(scratch) / "settings.json")
        settings.set("train_automatically", False)
        settings.set("live_prediction", "off")
        picture = write_jpeg(Path(scratch) / "pictures" / "p.jpg", asked.size, asked.size)
        furnish(picture.parent, labels=False)
        found: dict[str, object] = {"size": asked.size, **measure(picture.parent, settings)}
    print(json.dumps(found, indent=None if asked.json else 1))


if __name__ == "__main__":
    main()
