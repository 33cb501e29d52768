"""Split pictures: by what, in which shares, and in numbers what each split will hold, before anything is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QDialog, QSpinBox, QWidget

from core.project.splits.split_plan import By, SplitWish
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import button, choice, column, indent_number, row, set_role, words
from desktop.widgets.table import ROW_HEIGHT, Cell, Table

WAYS = (
    (By.SHARE.value, "Each picture for itself"),
    (By.GROUP.value, "Frames of one sequence together"),
    (By.FOLDER.value, "Pictures of one folder together"),
    (By.TAG.value, "Pictures of one tag together"),
)
HELP = {
    By.SHARE: "Pictures are dealt one by one. Frames of a video are better kept together.",
    By.GROUP: "A sequence: same folder, and same name before the last number, such as walk_0001 and walk_0002.",
    By.FOLDER: "Folders called train, val or test decide for themselves; all others are dealt whole.",
    By.TAG: "Tags called train, val or test decide for themselves; pictures that share another tag stay together.",
}
PARTS = (("train", "Train"), ("val", "Validation"), ("test", "Test"))
MOST_ROWS = 9


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One line of the plan: its title, and a cell for train, val and test."""

    title: Cell
    cells: tuple[str, str, str]


class SplitDialog(QDialog):
    """Asks for a dry run at every change (`wish_changed`), and for the split that is shown (`split_asked`)."""

    wish_changed = Signal(object)
    split_asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setWindowTitle("Split pictures")
        self.setModal(False)
        self.setMinimumWidth(620)
        self.by = choice(WAYS, "What stays together")
        self.help = words(HELP[By.SHARE], "muted", wrap=True)
        self.shares = {key: _number(f"Share for {title.lower()}", 0, 1000) for key, title in PARTS}
        for box, share in zip(self.shares.values(), (70, 15, 15), strict=True):
            box.setValue(share)
        self.stratify = QCheckBox("Give each split its share of every class")
        self.stratify.setChecked(True)
        self.everything = QCheckBox("Deal anew what has a split already")
        self.everything.setToolTip(
            "Also moves pictures into and out of validation: scores from before can then not be compared any more."
        )
        self.seed = _number("Seed", 0, 2**31 - 1)
        self.seed.setToolTip(
            "Another number deals the pictures in another way; the same number in the same way."
        )
        self.plan = words("", wrap=True)
        self.table = Table(("", "Train", "Validation", "Test"), (1, 2, 3), "What each split will hold")
        self.table.stretch(0)
        self.table.setSelectionMode(Table.SelectionMode.NoSelection)
        self.table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.split = button("Split", "primary")
        self.cancel = button("Cancel")
        self._wire()
        self.setLayout(
            column(
                _line("Keep together", self.by),
                _line("", self.help),
                _line("Shares", *(part for key, title in PARTS for part in (words(title), self.shares[key]))),
                _line("", self.stratify),
                _line("", self.everything),
                _line("Seed", self.seed, QWidget()),
                GRID,
                self.table,
                self.plan,
                None,
                row(None, self.cancel, self.split),
                margins=(3 * GRID, 3 * GRID, 3 * GRID, 2 * GRID),
                spacing=12,
            )
        )
        self.set_rows(())
        self.set_plan("Counting…", ready=False)

    def wish(self) -> SplitWish:
        """What is asked for. Raises UserError while all shares are 0."""
        train, val, test = (float(self.shares[key].value()) for key, _ in PARTS)
        return SplitWish(
            By(self.by.currentData()),
            (train, val, test),
            self.stratify.isChecked(),
            self.seed.value(),
            self.everything.isChecked(),
        )

    def set_plan(self, text: str, *, ready: bool = True, warning: bool = False, title: str = "Split") -> None:
        """What would be done, in a sentence; not `ready` keeps the button, called `title`, off."""
        self.plan.setText(text)
        set_role(self.plan, "warning" if warning else "")
        self.split.setText(title)
        self.split.setEnabled(ready)

    def set_rows(self, rows: Sequence[PlanRow]) -> None:
        """What each split would hold."""
        self.table.set_cells([[each.title, *each.cells] for each in rows])
        head = self.table.horizontalHeader().sizeHint().height()
        self.table.setFixedHeight(head + max(3, min(MOST_ROWS, len(rows))) * ROW_HEIGHT + 2)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(640, super().sizeHint().height())

    def _wire(self) -> None:
        self.by.activated.connect(self._changed)
        for box in (*self.shares.values(), self.seed):
            box.valueChanged.connect(self._changed)
        for check in (self.stratify, self.everything):
            check.toggled.connect(self._changed)
        self.split.clicked.connect(self.split_asked)
        self.cancel.clicked.connect(self.reject)

    def _changed(self, *_: object) -> None:
        self.help.setText(HELP[By(self.by.currentData())])
        self.set_plan("Counting…", ready=False)
        self.wish_changed.emit(self)


def _number(name: str, low: int, high: int) -> QSpinBox:
    box = QSpinBox()
    box.setRange(low, high)
    box.setAccessibleName(name)
    box.setMinimumWidth(9 * GRID)
    indent_number(box)
    return box


def _line(title: str, *fields: QWidget) -> object:
    name = words(title, "muted")
    name.setFixedWidth(104)
    line = row(name, *fields)
    if len(fields) > 2:
        line.addStretch(1)
    else:
        line.setStretch(len(fields), 1)
    return line
