"""Latency of live prediction: python -m tests.benchmarks.live [--sizes 480x360 ..] [--strokes 20] [--training] [--json]

The real window with a drawn scene of that size, fitted into it. Strokes of two classes in turn with real mouse events;
measured from the release of the button until the canvas has painted the first answer, and the refined one.
stall_p99_ms: how late the window's thread handles events meanwhile (`desktop/tour/stall_meter.py`); own_stall_p99_ms:
the same in its processor time, which a busy machine does not change. --training: beside a training on twelve more
scenes.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt
from PySide6.QtTest import QTest

from core.base.settings import Settings
from core.labels.class_list import ClassList
from core.project.project import Project
from core.project.records import Split
from core.samples.scenes import SCENE_CLASSES, draw_scene
from core.session.transfer.import_run import store_label
from desktop.app import build
from desktop.main_window import MainWindow
from desktop.tour.stall_meter import StallMeter
from desktop.tour.window_driver import LEFT_BUTTON, NO_MODIFIER, WindowDriver

SIZES = ("480x360", "1600x1250", "4000x3000")
LABELLED = 12
MAX_DRAWN_PIXELS = 2_000_000
"""Scenes are drawn no larger than this, and enlarged."""
FIRST_ANSWER_SECONDS, ANSWER_SECONDS = 120.0, 60.0

Values = NDArray[np.uint8]


def scene_of(size: tuple[int, int]) -> tuple[Values, Values]:
    """Picture (H, W, 3) and class values (H, W)."""
    share = min(1.0, (MAX_DRAWN_PIXELS / (size[0] * size[1])) ** 0.5)
    scene = draw_scene(0, (round(size[0] * share), round(size[1] * share)))
    picture = cv2.resize(scene.picture, size, interpolation=cv2.INTER_LINEAR)
    truth = cv2.resize(scene.truth, size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(picture, np.uint8), np.asarray(truth, np.uint8)


def make_project(folder: Path, picture: Values, *, labelled: int) -> None:
    """A project whose first picture has no label, and whose others are labelled completely."""
    folder.mkdir()
    Image.fromarray(picture).save(folder / "a.png", compress_level=1)
    scenes = [draw_scene(1 + number) for number in range(labelled)]
    for number, scene in enumerate(scenes):
        Image.fromarray(scene.picture).save(folder / f"b{number:02}.png")
    classes = ClassList()
    for name, colour in SCENE_CLASSES:
        classes = classes.with_class(name, colour)
    with Project.open(folder, purpose="a benchmark") as project:
        project.classes.save(classes)
        project.pictures.add(["a.png"])
        for number, scene in enumerate(scenes):
            record = project.pictures.add([f"b{number:02}.png"])[0]
            height, width = scene.truth.shape
            project.pictures.set_size(record.id, width, height)
            project.pictures.set_split([record.id], Split.VAL if number % 4 == 3 else Split.TRAIN)
            store_label(project, record, scene.truth, "Label", "benchmark")


class LiveHand(QObject):
    """Paints strokes and notices when the canvas has painted their answers."""

    def __init__(self, hands: WindowDriver, truth: Values, seed: int) -> None:
        super().__init__()
        self._hands, self._truth, self._rng = hands, truth, np.random.default_rng(seed)
        counts = np.bincount(truth.ravel(), minlength=len(SCENE_CLASSES) + 1)
        self._classes = [int(value) for value in np.argsort(counts)[:-3:-1]]
        self._places = [np.argwhere(truth == value) for value in self._classes]
        self._painted, self._answers = False, 0
        hands.canvas.installEventFilter(self)
        hands.labelling._live.prediction_changed.connect(self._changed)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802
        self._painted |= event.type() == QEvent.Type.Paint
        return False

    def _changed(self) -> None:
        self._answers += 1
        self._painted = False

    def stroke(self, turn: int) -> float:
        """Paint a stroke of one of the two commonest classes where it is right. Returns the time of the release."""
        value = self._classes[turn % 2]
        self._hands.key(Qt.Key(Qt.Key.Key_0 + value))
        places = self._places[turn % 2]  # not rng.choice, which copies all of them
        row, column = places[self._rng.integers(len(places))]
        height, width = self._truth.shape
        start = self._hands.position_of(column / width, row / height)
        canvas = self._hands.canvas
        QTest.mouseMove(canvas, start)
        QTest.mousePress(canvas, LEFT_BUTTON, NO_MODIFIER, start)
        for step in range(1, 5):
            start.setX(start.x() + 2 * (step % 2))
            QTest.mouseMove(canvas, start)
            self._hands.wait(8)
        self._answers = 0
        released = time.perf_counter()
        QTest.mouseRelease(canvas, LEFT_BUTTON, NO_MODIFIER, start)
        return released

    def wait_for_answer(self, released: float, *, refined: bool, timeout: float = ANSWER_SECONDS) -> float:
        """Milliseconds from the release until an answer is painted; one that changes no pixel on screen is not
        painted, and then until it has arrived."""
        live = self._hands.labelling._live
        while True:
            QCoreApplication.processEvents()
            now = time.perf_counter()
            answer = live._answer
            if self._answers and answer is not None and (answer.refined or not refined):
                if not self._painted:
                    QCoreApplication.processEvents()
                    if self._painted:
                        now = time.perf_counter()
                return (now - released) * 1000
            if now - released > timeout:
                raise TimeoutError(f"no answer in {timeout:.0f} s; the window says: {self._said}")
            time.sleep(0.0003)

    @property
    def _said(self) -> str:
        return self._hands.window.status_bar.message.text()


def measure(
    window: MainWindow, folder: Path, truth: Values, strokes: int, *, training: bool
) -> dict[str, Any]:
    """Latencies on one project."""
    hands = WindowDriver(window)
    window.open_project(folder, train=training)
    hands.wait_until(hands.has_picture, "a picture")
    if training:
        hands.wait_until(lambda: hands.state.phase == "training" and hands.state.step > 0, "training")
    hand = LiveHand(hands, truth, 0)
    hand.stroke(0)
    hands.wait(100)
    hand.wait_for_answer(hand.stroke(1), refined=True, timeout=FIRST_ANSWER_SECONDS)
    hands.wait(1000)
    first: list[float] = []
    refined: list[float] = []
    meter, own = StallMeter(), StallMeter(time.thread_time)
    meter.start()
    own.start()
    for turn in range(strokes):
        released = hand.stroke(turn)
        first.append(hand.wait_for_answer(released, refined=False))
        refined.append(hand.wait_for_answer(released, refined=True))
        hands.wait(100)
    meter.stop()
    own.stop()
    step = hands.state.step
    hands.canvas.removeEventFilter(hand)
    window.close_project()
    return {
        "median_ms": round(float(np.median(first))),
        "p90_ms": round(float(np.percentile(first, 90))),
        "refined_median_ms": round(float(np.median(refined))),
        "refined_p90_ms": round(float(np.percentile(refined, 90))),
        "stall_p99_ms": meter.summary()["p99"],
        "own_stall_p99_ms": own.summary()["p99"],
        "strokes": strokes,
        "training_step": step if training else None,
    }


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--sizes", nargs="+", default=SIZES, help="WIDTHxHEIGHT of the picture, in pixels")
    words.add_argument("--strokes", type=int, default=20)
    words.add_argument("--training", action="store_true", help="train beside it")
    words.add_argument("--json", action="store_true", help="print one JSON object")
    asked = words.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["MASKLOOP_CONFIG_DIR"] = scratch
        settings = Settings(Path(scratch) / "settings.json")
        settings.set("train_automatically", False)
        settings.set("live_prediction", "always")
        window = build(settings).window
        window.resize(1440, 900)
        window.show()
        for size in asked.sizes:
            width, height = map(int, size.split("x"))
            picture, truth = scene_of((width, height))
            folder = Path(scratch) / size
            make_project(folder, picture, labelled=LABELLED if asked.training else 0)
            found.append(
                {"size": size, **measure(window, folder, truth, asked.strokes, training=asked.training)}
            )
            if not asked.json:
                print(found[-1], flush=True)
        window.close()
    if asked.json:
        print(json.dumps({"cpus": os.cpu_count(), "training": asked.training, "sizes": found}))


if __name__ == "__main__":
    main()
