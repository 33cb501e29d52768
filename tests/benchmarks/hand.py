"""Operates the window of a program and measures latencies, in the same way for Maskloop and other programs.

`python -m tests.benchmarks.hand PROGRAM WHAT OPTIONS` is the child process in which one program is measured: real
mouse, wheel and key events to its window, from sending one to the end of the paint it caused. The last line it
prints is JSON.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.programs import Cannot, Program, qt, start

PATIENCE = 60.0
"""Seconds after which a missing paint is an error."""


class Hand:
    """Sends events to the window of one program and observes the paints of its canvas."""

    def __init__(self, program: Program) -> None:
        core, gui, widgets, test = (qt(part) for part in ("QtCore", "QtGui", "QtWidgets", "QtTest"))
        self.program = program
        self._core, self._gui, self._test = core, gui, test.QTest
        self._app = widgets.QApplication.instance()
        self.painted = False
        self._holds: Callable[[], bool] = lambda: True
        paint, hand = core.QEvent.Type.Paint, self

        class Watch(core.QObject):  # type: ignore[misc, name-defined]
            def eventFilter(self, _watched: Any, event: Any) -> bool:  # noqa: N802
                if event.type() == paint and hand._holds():
                    hand.painted = True
                return False

        self._watch = Watch()
        self._watched: Any = None
        self._keep_watch()

    def _keep_watch(self) -> None:
        if self._watched is not self.program.canvas:
            self._watched = self.program.canvas
            self._watched.installEventFilter(self._watch)

    def time(
        self,
        act: Callable[[], object],
        holds: Callable[[], bool] = lambda: True,
        patience: float = PATIENCE,
    ) -> float:
        """Milliseconds from before `act` until a paint that began while `holds()` is finished and flushed.

        Raises TimeoutError after `patience` seconds.
        """
        self._keep_watch()
        self._holds, self.painted = holds, False
        since = time.perf_counter()
        act()
        while not self.painted:
            self._app.processEvents()
            if self.painted:
                break
            if time.perf_counter() - since > patience:
                raise TimeoutError("the canvas did not paint")
            time.sleep(0.0003)  # gives the interpreter lock to the program's own threads
        return (time.perf_counter() - since) * 1000

    def rest(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self._app.processEvents()
            time.sleep(0.001)

    def wake(self) -> None:
        """Activate the window: without a window manager nobody else does."""
        end = time.perf_counter() + 3
        while not self.program.window.isActiveWindow() and time.perf_counter() < end:
            self.program.window.raise_()
            self.program.window.activateWindow()
            self.rest(0.03)

    def see(self, path: Path) -> None:
        """Open a picture or folder and wait until it is shown and can be worked on."""
        self.time(lambda: self.program.open(path), self.program.is_ready)

    # Events ------------------------------------------------------------------------------------

    def spot(self, across: float, down: float) -> Any:
        """A position of the canvas, in shares of its shorter side from the centre."""
        canvas = self.program.canvas
        side = min(canvas.width(), canvas.height())
        return self._core.QPointF(canvas.width() / 2 + across * side, canvas.height() / 2 + down * side)

    def move(self, at: Any) -> None:
        self._test.mouseMove(self._handle(), self._in_window(at))

    def press(self, at: Any, button: str = "left") -> None:
        self._test.mousePress(self._handle(), self._button(button), self._plain(), self._in_window(at))

    def release(self, at: Any, button: str = "left") -> None:
        self._test.mouseRelease(self._handle(), self._button(button), self._plain(), self._in_window(at))

    def key(self, name: str, *, ctrl: bool = False) -> None:
        held = self._core.Qt.KeyboardModifier.ControlModifier if ctrl else self._plain()
        self._test.keyClick(self._handle(), getattr(self._core.Qt.Key, f"Key_{name}"), held)

    def wheel(self, at: Any, x: int, y: int, *, ctrl: bool = False) -> None:
        keys = self._core.Qt.KeyboardModifier
        event = self._gui.QWheelEvent(
            at,
            self._core.QPointF(self.program.canvas.mapToGlobal(at.toPoint())),
            self._core.QPoint(),
            self._core.QPoint(x, y),
            self._core.Qt.MouseButton.NoButton,
            keys.ControlModifier if ctrl else keys.NoModifier,
            self._core.Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        self._app.sendEvent(self.program.canvas, event)

    def _handle(self) -> Any:
        return self.program.window.windowHandle()

    def _in_window(self, at: Any) -> Any:
        return self.program.canvas.mapTo(self.program.window, at.toPoint())

    def _button(self, name: str) -> Any:
        return getattr(self._core.Qt.MouseButton, f"{name.title()}Button")

    def _plain(self) -> Any:
        return self._core.Qt.KeyboardModifier.NoModifier


def spread(times: list[float]) -> dict[str, float]:
    """Median, 99th percentile and maximum of durations in milliseconds."""
    return {
        "median_ms": round(float(np.median(times)), 2),
        "p99_ms": round(float(np.percentile(times, 99)), 2),
        "max_ms": round(max(times), 2),
    }


# What is measured ----------------------------------------------------------------------------------


def brush(hand: Hand, picture: str, radius: float, moves: int, seconds: float, seed: int) -> dict[str, Any]:
    """Strokes of 100 moves, each undone; stops after `seconds` even if moves are left."""
    hand.see(Path(picture))
    hand.program.take_brush(radius)
    hand.rest(1.0)
    hand.wake()
    chance = np.random.default_rng(seed)
    times: list[float] = []
    undos: list[float] = []
    x, y, heading, begun = 0.0, 0.0, 0.0, time.perf_counter()
    while len(times) < moves and time.perf_counter() - begun < seconds:
        first = at = hand.spot(x, y)
        hand.move(first)
        hand.press(first)
        for _ in range(min(100, moves)):
            heading += float(chance.normal(0, 0.4))
            step = float(chance.uniform(0.004, 0.035))
            if max(abs(x + step * math.cos(heading)), abs(y + step * math.sin(heading))) > 0.4:
                heading = math.atan2(-y, -x)  # back to the centre, so that every move changes the position
            x, y = x + step * math.cos(heading), y + step * math.sin(heading)
            at = hand.spot(x, y)
            times.append(hand.time(lambda at=at: hand.move(at)))
        hand.release(at)
        hand.rest(0.2)
        while not hand.program.is_settled():
            hand.rest(0.05)
        if not hand.program.label_at(first):
            raise RuntimeError("the stroke painted nothing")
        undos.append(
            hand.time(lambda: hand.key("Z", ctrl=True), lambda first=first: not hand.program.label_at(first))
        )
    return {"moves": len(times), **spread(times), "undo_ms": round(float(np.median(undos)), 2)}


def frames(hand: Hand, picture: str, notches: int) -> dict[str, Any]:
    """Zoom and pan on one picture."""
    hand.see(Path(picture))
    hand.rest(1.0)
    at, ctrl = hand.spot(0.11, 0.07), hand.program.zooms_with_ctrl
    hand.move(at)
    zoom: list[float] = []
    for number in range(notches):
        turn = 120 if number // 12 % 2 == 0 else -120
        _frame(hand, zoom, partial(hand.wheel, at, 0, turn, ctrl=ctrl))
    for _ in range(12):  # zoomed in, where there is room to pan
        hand.wheel(at, 0, 120, ctrl=ctrl)
        hand.rest(0.02)
    how = hand.program.pans_by
    pan: list[float] = []
    if how != "wheel":
        hand.press(hand.spot(0, 0), how)
    for number in range(1, notches):
        angle = 2 * math.pi * number / 40
        to = hand.spot(0.2 * math.sin(angle), 0.2 - 0.2 * math.cos(angle))
        x, y = round(80 * math.cos(angle)) or 1, round(80 * math.sin(angle)) or 1
        act = partial(hand.wheel, hand.spot(0, 0), x, y) if how == "wheel" else partial(hand.move, to)
        _frame(hand, pan, act)
    if how != "wheel":
        hand.release(hand.spot(0, 0), how)
    canvas = hand.program.canvas
    ratio = canvas.devicePixelRatioF()
    size = f"{round(canvas.width() * ratio)} x {round(canvas.height() * ratio)}"
    return {
        "canvas": size,
        "zoom": {"frames": len(zoom), **spread(zoom)},
        "pan": {"frames": len(pan), **spread(pan)},
    }


def _frame(hand: Hand, times: list[float], act: Callable[[], object]) -> None:
    """At the limit of a scroll bar or of the zoom nothing is painted, so there is nothing to measure."""
    with contextlib.suppress(TimeoutError):
        times.append(hand.time(act, patience=2.0))


def follow(hand: Hand, folder: str, steps: int, pause: float) -> dict[str, Any]:
    """Next picture with the key D, `pause` seconds on each."""
    if hand.program.name == "napari":
        raise Cannot("napari has no list of pictures with labels.")
    hand.see(Path(folder))
    hand.rest(2.0)
    return spread(_go_on(hand, steps, pause))


def _go_on(hand: Hand, steps: int, pause: float) -> list[float]:
    key = "Right" if hand.program.name == "napari" else "D"
    times = []
    for _ in range(steps):
        hand.wake()
        old = hand.program.shown()
        times.append(
            hand.time(partial(hand.key, key), lambda old=old: hand.program.shown() not in (None, old))
        )
        hand.rest(pause)
    return times


def open_folder(hand: Hand, folder: str, began: float, steps: int, pause: float) -> dict[str, Any]:
    """began: time.monotonic() of the parent when it started this process; the clock is system-wide."""
    hand.time(lambda: hand.program.open(Path(folder)), lambda: hand.program.shown() is not None)
    first = time.monotonic() - began
    while not hand.program.is_ready():
        hand.rest(0.01)
    found = {"first_picture_s": round(first, 2), "ready_s": round(time.monotonic() - began, 2)}
    hand.rest(3.0)
    if steps:
        found["next_ms"] = round(float(np.median(_go_on(hand, steps, pause))), 2)
        found["rss_mb"] = memory_of_process()["resident_mb"]
    return found


def memory(hand: Hand, picture: str) -> dict[str, Any]:
    hand.see(Path(picture))
    hand.rest(3.0)
    return {**memory_of_process(), "torch_loaded": "torch" in sys.modules}


def memory_of_process() -> dict[str, int]:
    """Resident memory of this process and its peak, from /proc. (getrusage would include the parent's peak.)"""
    said = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "resident_mb": round(int(said["VmRSS"].split()[0]) / 1024),
        "peak_mb": round(int(said["VmHWM"].split()[0]) / 1024),
    }


def main() -> None:
    name, what, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    width, height = options.pop("window", (1440, 900))
    folder = Path(options["folder"]) if "folder" in options else None
    program = start(name, width, height, folder)
    hand = Hand(program)
    measures = {
        "brush": brush,
        "frames": frames,
        "follow": follow,
        "open_folder": open_folder,
        "memory": memory,
    }
    said = {"name": program.name, "version": program.version}
    try:
        found = measures[what](hand, **options)
    except Cannot as reason:
        found = {"unmeasured": str(reason)}
    print("\n" + json.dumps({**said, **found}), flush=True)
    program.close()
    os._exit(0)  # threads that a program leaves running must not block the exit


if __name__ == "__main__":
    main()
