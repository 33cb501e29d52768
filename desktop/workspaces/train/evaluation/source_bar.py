"""The line above an evaluation: which network, on which pictures, and how far it is."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QProgressBar, QWidget

from desktop.theme.theme import GRID
from desktop.widgets.controls import ElidedLabel, button, combo_box, row, text_label

NETWORK_FILE, DATASET = "file", "folder"
"""Keys of the last rows of the two choices: a file or folder is asked for."""
PLACES = (
    ("val", "val pictures"),
    ("train", "train pictures"),
    ("test", "test pictures"),
    (DATASET, "Dataset folder…"),
)


class SourceBar(QWidget):
    """`changed`: another network or other pictures were chosen."""

    closed = Signal()
    changed = Signal()
    evaluate_requested = Signal()
    cancel_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.back = button("← Training", "quiet")
        self.back.clicked.connect(self.closed)
        self.run = combo_box([], "Network to evaluate")
        self.run.setMinimumWidth(28 * GRID)
        self.place = combo_box(PLACES, "Pictures to evaluate on")
        for box in (self.run, self.place):
            box.activated.connect(self.changed)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            box.setMaximumWidth(44 * GRID)
        self.evaluate = button("Evaluate", "primary")
        self.evaluate.clicked.connect(self.evaluate_requested)
        self.cancel = button("Cancel")
        self.cancel.clicked.connect(self.cancel_requested)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setMaximumWidth(24 * GRID)
        self.progress = ElidedLabel("", "muted")
        parts = (self.back, self.run, text_label("on", "muted"), self.place)
        line = row(*parts, self.evaluate, self.bar, self.cancel, self.progress)
        line.setStretch(line.count() - 1, 1)
        self.setLayout(line)
        self.set_running(None)

    def set_runs(self, runs: Sequence[tuple[int, str]], file: str = "") -> None:
        """runs: (number, title) of those with weights; file: name of a network's file that was chosen. The choice
        stays if it can."""
        before = self.run.currentData()
        self.run.clear()
        for number, title in runs:
            self.run.addItem(title, number)
        if file:
            self.run.addItem(file, f"{NETWORK_FILE}:{file}")
        self.run.addItem("Network file…", NETWORK_FILE)
        self.run.setCurrentIndex(max(0, self.run.findData(before)))

    def set_file(self, name: str) -> None:
        """Choose a network's file by its name."""
        rows = [(self.run.itemData(at), self.run.itemText(at)) for at in range(self.run.count())]
        self.set_runs([each for each in rows if isinstance(each[0], int)], name)
        self.choose_run(f"{NETWORK_FILE}:{name}")

    def choose_run(self, number: int | str) -> None:
        self.run.setCurrentIndex(max(0, self.run.findData(number)))

    def set_folder(self, name: str) -> None:
        """Choose a dataset's folder by its name."""
        at = self.place.findText(name)
        if at < 0:
            at = self.place.count() - 1
            self.place.insertItem(at, name, f"{DATASET}:{name}")
        self.place.setCurrentIndex(at)

    @property
    def choice(self) -> tuple[object, object]:
        """Keys of the network and of the pictures."""
        return self.run.currentData(), self.place.currentData()

    def restore(self, choice: tuple[object, object]) -> None:
        """Choose what `choice` said before."""
        for box, key in zip((self.run, self.place), choice, strict=True):
            box.setCurrentIndex(max(0, box.findData(key)))

    def set_running(self, doing: str | None, done: int = 0, total: int = 0) -> None:
        """doing: what is under way, None for nothing; total: 0 while it is not known."""
        running = doing is not None
        for widget in (self.bar, self.cancel):
            widget.setVisible(running)
        self.evaluate.setVisible(not running)
        for box in (self.run, self.place):
            box.setEnabled(not running)
        self.progress.setText(doing or "")
        self.bar.setRange(0, total)
        self.bar.setValue(done)
