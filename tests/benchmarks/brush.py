"""How long a brush movement takes to be on the screen: `python -m tests.benchmarks.brush --size 8192 --json`.

A shown window with overview and pixel grid on, real mouse events, and the time from sending each to the end of the
paint it caused. The first paint of a press is not counted: what is measured is the movement under a hand that already
draws.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time

import numpy as np
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QPaintEvent
from PySide6.QtWidgets import QApplication

from core.images.pyramid import Pyramid
from core.labels.classes import colour_of
from core.labels.labelmap import LabelMap
from core.labels.prediction import PredictedMask
from desktop.canvas.minimap import Minimap
from desktop.canvas.view import CanvasView

_LEFT = Qt.MouseButton.LeftButton


class CountingCanvas(CanvasView):
    """The real canvas, counting its paints."""

    paints = 0

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        super().paintEvent(event)
        self.paints += 1


def checkered(size: int) -> np.ndarray:
    """A picture with something to see at every zoom, (size, size, 3) uint8."""
    row = np.arange(size, dtype=np.uint16)
    picture = np.empty((size, size, 3), np.uint8)
    for start in range(0, size, 1024):
        rows = row[start : start + 1024, None]
        picture[start : start + 1024, :, 0] = row ^ rows
        picture[start : start + 1024, :, 1] = (row + rows) >> 3
        picture[start : start + 1024, :, 2] = (row >> 5) * 3
    return picture


def measure(size: int, radius: float, moves: int, zoom: float | None, seed: int = 0) -> dict[str, float]:
    """Draw strokes on a picture of `size` pixels square; times in milliseconds."""
    app = QApplication.instance() or QApplication([])
    canvas = CountingCanvas()
    canvas.resize(1280, 800)
    Minimap(canvas)
    canvas.set_grid(True)
    canvas.show()
    labels = LabelMap.blank(size, size)
    said = np.full((size, size), 2, np.uint8)
    canvas.set_palette(np.array([colour_of(value) for value in range(256)], np.uint8))
    canvas.show_picture(Pyramid.of(checkered(size)), labels, PredictedMask(said, said))
    canvas.set_class(1, "road", colour_of(1))
    canvas.options.brush_radius = radius
    if zoom is not None:
        canvas.zoom_at(QPointF(640, 400), zoom / canvas.scale)

    def send(kind: QEvent.Type, at: QPointF, button: Qt.MouseButton, held: Qt.MouseButton) -> float:
        event = QMouseEvent(kind, at, canvas.mapToGlobal(at), button, held, Qt.KeyboardModifier.NoModifier)
        before, since = canvas.paints, time.perf_counter()
        app.sendEvent(canvas, event)
        while canvas.paints == before:
            app.processEvents()
        return (time.perf_counter() - since) * 1000

    rng = np.random.default_rng(seed)
    times: list[float] = []
    at, heading = QPointF(640, 400), 0.0
    none = Qt.MouseButton.NoButton
    while len(times) < moves:
        send(QEvent.Type.MouseButtonPress, at, _LEFT, _LEFT)
        for _ in range(100):
            heading += float(rng.normal(0, 0.4))
            step = float(rng.uniform(1, 25))
            at = QPointF(
                min(1180.0, max(100.0, at.x() + step * math.cos(heading))),
                min(700.0, max(100.0, at.y() + step * math.sin(heading))),
            )
            times.append(send(QEvent.Type.MouseMove, at, none, _LEFT))
        send(QEvent.Type.MouseButtonRelease, at, _LEFT, none)
    canvas.close()
    return {
        "size": size,
        "radius": radius,
        "scale": canvas.scale,
        "moves": len(times),
        "median_ms": round(float(np.median(times)), 3),
        "p99_ms": round(float(np.percentile(times, 99)), 3),
        "max_ms": round(max(times), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=8192, help="side of the picture in pixels")
    parser.add_argument("--radius", type=float, default=15.0, help="of the brush, in image pixels")
    parser.add_argument("--zoom", type=float, help="device pixels per image pixel; fitted if not given")
    parser.add_argument("--moves", type=int, default=1000)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    found = measure(chosen.size, chosen.radius, chosen.moves, chosen.zoom)
    if chosen.json:
        print(json.dumps(found))
    else:
        print(", ".join(f"{name} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
