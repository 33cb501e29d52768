"""A long use of the real window: `python -m tests.benchmarks.soak --simulated-minutes 60 --json`.

The sample project, and a user who paints, undoes, goes from picture to picture, trains and stops, exports and imports,
at random, without the pauses that a person makes: simulated time counts what a person would take for each act
(`PERSON_SECONDS`), `speed` says how much faster it was here. `--minutes` ends after so much real time instead.

`lost`: pictures whose label on the disk is not the one that was last seen on screen; `stalled`: acts whose result did
not come; `errors`: reported by the crash reporter. Memory is that of the window's process after each tenth of the
time; `growth_mb` compares the means of the last three tenths and of the second to the fourth, when all caches are
full. The longest stall of the GUI thread is in processor time of its own, which a busy machine does not change.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from core.base.settings import Settings
from core.project.project import Project
from core.session.sample_project import make_sample_project
from desktop.app import build
from desktop.shell.top_bar import WORKSPACE_ACTIONS
from desktop.tour.stall_meter import StallMeter
from desktop.tour.window_driver import CTRL, SHIFT, StepError, WindowDriver
from tests.dataset_files import grey, photo, write_json

ACTS = {
    "paint": 30,
    "undo": 6,
    "redo": 3,
    "go": 25,
    "zoom": 10,
    "train": 3,
    "export": 1,
    "import": 1,
    "workspace": 3,
}
"""How often each is done, relative to the others."""
PERSON_SECONDS = {
    "paint": 5,
    "undo": 2,
    "redo": 2,
    "go": 3,
    "zoom": 3,
    "train": 15,
    "export": 30,
    "import": 45,
    "workspace": 10,
}
"""What a person takes for each, in simulated time; about 700 acts are an hour."""


class Soak(WindowDriver):
    """Does things at random and remembers what each picture looked like."""

    def __init__(self, folder: Path, settings: Settings, seed: int) -> None:
        self._app = build(settings)
        super().__init__(self._app.window)
        self._folder, self._scratch = folder, folder.parent
        self._chance = random.Random(seed)
        self._numbers = 0
        self.seen: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        self.stalled: list[str] = []
        self.meter = StallMeter(time.thread_time)

    @property
    def simulated_minutes(self) -> float:
        return sum(PERSON_SECONDS[name] * count for name, count in self.counts.items()) / 60

    def begin(self) -> None:
        self.window.resize(1440, 900)
        self.window.show()
        self.window.open_project(self._folder)
        self.wait_until(self.has_picture, "a picture")
        self.meter.start()

    def act(self) -> None:
        """One random act. A result that does not come is counted, and the next act follows."""
        name = self._chance.choices(list(ACTS), list(ACTS.values()))[0]
        acts: dict[str, Callable[[], object]] = {
            "paint": self._paint,
            "undo": lambda: self.key(Qt.Key.Key_Z, CTRL),
            "redo": lambda: self.key(Qt.Key.Key_Z, CTRL | SHIFT),
            "go": self._go,
            "zoom": self._zoom,
            "train": self._train,
            "export": self._export,
            "import": self._import,
            "workspace": self._workspace,
        }
        try:
            acts[name]()
            self._remember()
        except StepError as problem:
            self.stalled.append(f"{name}: {problem}")
        self.counts[name] += 1

    def end(self) -> int:
        """Close the window. Returns the number of errors that it reported."""
        self._remember()
        self.meter.stop()
        self.window.close()
        self.wait(200)
        return self._app.crash_reporter.count

    def _remember(self) -> None:
        """What is on screen once all edits are stored, and an undo that was under way has been shown."""
        self.wait_until(lambda: self.labelling.edit_queue.pending == 0, "the stored edits", 30)
        self.session.wait_until_saved()
        self.wait(20)
        if self.has_picture():
            self.seen[self.record.path] = digest(self.label_values)

    def _paint(self) -> None:
        self.key((Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_3)[self._chance.randrange(3)])
        self.drag([(self._chance.uniform(0.1, 0.9), self._chance.uniform(0.1, 0.9)) for _ in range(4)])

    def _go(self) -> None:
        shown = self.labelling.picture.id
        self.key(self._chance.choice((Qt.Key.Key_D, Qt.Key.Key_D, Qt.Key.Key_A)))
        self.wait_until(self.has_picture, "the next picture", 20)
        if self.labelling.picture.id == shown:  # the last one
            self.key(Qt.Key.Key_A)
        self.wait_until(self.has_picture, "a picture", 20)

    def _zoom(self) -> None:
        for _ in range(self._chance.randrange(1, 6)):
            self.key(Qt.Key.Key_Plus)
        self.wait(100)
        self.key(Qt.Key.Key_F)

    def _train(self) -> None:
        panel = self.page.training
        if self.state.phase == "idle":
            if panel.train_button.isVisible() and panel.train_button.isEnabled():
                self.click(panel.train_button)
                self.wait_until(lambda: self.state.phase != "idle", "the start of training")
        elif panel.stop_button.isVisible() and panel.stop_button.isEnabled():
            self.click(panel.stop_button)
            self.wait_until(lambda: self.state.phase == "idle", "the end of training")

    def _export(self) -> None:
        self._numbers += 1
        out = self._scratch / f"export-{self._numbers}"
        self._show("workspace_data")
        self.click(self.window.workspaces.data.export)
        self.wait_until(lambda: self.dialog is not None and self.dialog.isVisible(), "the export dialog")
        dialog = self.dialog
        assert dialog is not None
        dialog.folder.selectAll()
        QTest.keyClicks(dialog.folder, str(out))
        self.wait_until(dialog.export.isEnabled, "the plan of the export")
        self.click(dialog.export)
        self.wait_until((out / "classes.json").is_file, "the dataset on disk")
        self.wait(300)
        self.key(Qt.Key.Key_Escape, on=dialog)
        shutil.rmtree(out)
        self._show("workspace_label")

    def _import(self) -> None:
        self._numbers += 1
        place = self._scratch / f"import-{self._numbers}"
        photo(place / "images" / f"i{self._numbers}.png", self._numbers)
        grey(place / "masks" / f"i{self._numbers}.png", 0, 1)
        rows = [{"index": n, "name": name, "color": [n, 9, 9]} for n, name in enumerate(("left", "right"))]
        write_json(place / "classes.json", {"version": 1, "classes": rows})
        assert self.window.context is not None
        controller = self.window.context.import_controller
        before = len(self.session.pictures)
        self.key(Qt.Key.Key_I, CTRL)
        self.wait_until(
            lambda: controller.dialog is not None and controller.dialog.isVisible(), "the import dialog"
        )
        dialog = controller.dialog
        assert dialog is not None
        dialog.set_folder(str(place))
        self.wait_until(dialog.import_button.isEnabled, "the dry run")
        self.click(dialog.import_button)
        self.wait_until(lambda: dialog.cancel.text() == "Close", "the end of the import")
        self.wait_until(lambda: len(self.session.pictures) == before + 1, "the imported picture")
        self.click(dialog.cancel)
        shutil.rmtree(place)

    def _workspace(self) -> None:
        self._show(self._chance.choice(WORKSPACE_ACTIONS))
        self.wait(500)
        self._show("workspace_label")

    def _show(self, workspace: str) -> None:
        self.click(
            self.window.top_bar.workspaces.findChildren(QPushButton)[WORKSPACE_ACTIONS.index(workspace)]
        )


def digest(values: object) -> str:
    return hashlib.blake2b(np.ascontiguousarray(values).tobytes(), digest_size=12).hexdigest()


def resident_mb() -> float:
    """Of this process, after garbage collection. Zero where the system does not tell."""
    gc.collect()
    status = Path("/proc/self/status")
    lines = status.read_text("ascii", "replace").splitlines() if status.is_file() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0)


def find_lost(folder: Path, seen: dict[str, str]) -> list[str]:
    """Pictures whose stored label is not the one that was last on screen."""
    with Project.open_read_only(folder) as project:
        lost = []
        for path, expected in seen.items():
            record = project.pictures.by_path(path)
            values = project.labels.read(record.id, record.width or 1, record.height or 1)
            if digest(values) != expected:
                lost.append(path)
        return lost


def measure(
    folder: Path, settings: Settings, minutes: float, seed: int, *, is_simulated: bool = False
) -> dict[str, object]:
    """`minutes` of real time, or of simulated time."""
    make_sample_project(folder)
    soak = Soak(folder, settings, seed)
    soak.begin()
    began, memory = time.monotonic(), []

    def real_minutes() -> float:
        return (time.monotonic() - began) / 60

    while (passed := soak.simulated_minutes if is_simulated else real_minutes()) < minutes:
        soak.act()
        if passed >= len(memory) * minutes / 10:
            memory.append(round(resident_mb(), 1))
    memory.append(round(resident_mb(), 1))
    errors = soak.end()
    lost = find_lost(folder, soak.seen)
    early, late = memory[2:5] or memory[:1], memory[-3:]
    return {
        "minutes": round(real_minutes(), 2),
        "simulated_minutes": round(soak.simulated_minutes, 1),
        "speed": round(soak.simulated_minutes / real_minutes(), 1),
        "acts": dict(soak.counts),
        "pictures": len(soak.seen),
        "lost": len(lost),
        "lost_in": lost[:20],
        "stalled": len(soak.stalled),
        "stalled_at": soak.stalled[:20],
        "errors": errors,
        "memory_mb": memory,
        "growth_mb": round(sum(late) / len(late) - sum(early) / len(early), 1),
        "own_stall_ms": soak.meter.summary(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="of real time")
    parser.add_argument("--simulated-minutes", type=float, help="of simulated time instead")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory(prefix="maskloop-soak-") as scratch:
        os.environ["MASKLOOP_CONFIG_DIR"] = scratch
        settings = Settings(Path(scratch) / "settings.json")
        settings.set("theme", "light")
        settings.set("round_minutes", 0.5)
        is_simulated = chosen.simulated_minutes is not None
        minutes = chosen.simulated_minutes if is_simulated else chosen.minutes
        sample = Path(scratch) / "sample"
        found = measure(sample, settings, minutes, chosen.seed, is_simulated=is_simulated)
    print(json.dumps(found) if chosen.json else "\n".join(f"{name} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
