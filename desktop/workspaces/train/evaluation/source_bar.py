"""The line above an evaluation: which network, on which pictures, and how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QWidget

from desktop.theme.theme import GRID
from desktop.widgets.controls import button, combo_box, row, text_label
from desktop.widgets.plain_text import plain_tooltip
from desktop.workspaces.train.evaluation_row import EvaluationRow

_ASK = "ask"
"""Key of the last row of a choice: a file or folder is asked for."""
_PATH = "path:"
"""The key of a file or folder is its path behind this."""
PLACES = (
    ("val", "val pictures"),
    ("train", "train pictures"),
    ("test", "test pictures"),
    (_ASK, "Dataset folder…"),
)

Choice = tuple[int | Path | None, str | Path | None]
"""Number of a run or file of a network, and split or folder of a dataset; None: to be asked for."""


class SourceBar(QWidget):
    """`changed`: another network or other pictures were chosen."""

    closed = Signal()
    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._listed: list[tuple[int, str]] = []
        self.back = button("← Training", "quiet")
        self.back.clicked.connect(self.closed)
        self.run = combo_box(((_ASK, "Network file…"),), "Network to evaluate")
        self.run.setMinimumWidth(28 * GRID)
        self.place = combo_box(PLACES, "Pictures to evaluate on")
        for box in (self.run, self.place):
            box.activated.connect(self.changed)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            box.setMaximumWidth(44 * GRID)
        self.evaluation = EvaluationRow()
        line = row(self.back, self.run, text_label("on", "muted"), self.place, self.evaluation)
        line.setStretch(line.count() - 1, 1)
        self.setLayout(line)
        self.set_running(None)

    def set_runs(self, runs: Sequence[tuple[int, str]], left_out: str = "") -> None:
        """runs: (number, title) of those with weights; left_out: which others there are. The choice stays: a run that
        is chosen is listed until another one is."""
        self.run.setToolTip(left_out)
        chosen = self.run.currentData()
        listed = [*runs, *(each for each in self._listed if each[0] == chosen and each not in runs)]
        if listed == self._listed:
            return
        for _ in self._listed:
            self.run.removeItem(0)
        for at, (number, title) in enumerate(listed):
            self.run.insertItem(at, title, number)
        self._listed = listed
        self.run.setCurrentIndex(self.run.findData(chosen))

    def choose_run(self, number: int) -> None:
        self.run.setCurrentIndex(self.run.findData(number))

    def choose_file(self, file: Path) -> None:
        """Choose a network's file, which stays listed."""
        _choose_path(self.run, file)

    def choose_folder(self, folder: Path) -> None:
        """Choose a dataset's folder, which stays listed."""
        _choose_path(self.place, folder)

    @property
    def choice(self) -> Choice:
        return _choice(self.run.currentData()), _choice(self.place.currentData())

    def restore(self, choice: Choice) -> None:
        """Choose what `choice` said before."""
        for box, chosen in zip((self.run, self.place), choice, strict=True):
            box.setCurrentIndex(box.findData(_key(chosen)))

    def set_running(self, doing: str | None, done: int = 0, total: int = 0) -> None:
        """doing: what is under way, None for nothing; total: 0 while it is not known."""
        for box in (self.run, self.place):
            box.setEnabled(doing is None)
        self.evaluation.set_running(doing, done, total)


def _choose_path(box: QComboBox, path: Path) -> None:
    """Listed by its name, or whole where another one has the same name."""
    at = box.findData(_key(path))
    if at < 0:
        at = box.count() - 1
        box.insertItem(at, path.name if box.findText(path.name) < 0 else str(path), _key(path))
        box.setItemData(at, plain_tooltip(str(path)), Qt.ItemDataRole.ToolTipRole)
    box.setCurrentIndex(at)


def _key(chosen: object) -> object:
    return _ASK if chosen is None else f"{_PATH}{chosen}" if isinstance(chosen, Path) else chosen


def _choice(key: object) -> Any:
    """The opposite of `_key`."""
    if isinstance(key, str) and key.startswith(_PATH):
        return Path(key.removeprefix(_PATH))
    return None if key == _ASK else key
