"""Dialog that splits pictures into train, val and test: grouping, shares, and a table of what each split will hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QDialog, QSpinBox, QWidget

from core.project.splits.split_plan import SplitGrouping, SplitOptions
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import button, column, combo_box, row, set_role, text_label
from desktop.widgets.form_row import form_row
from desktop.widgets.number_field import spin_box
from desktop.widgets.table import ROW_HEIGHT, Cell, DataTable

STRATEGIES = (
    (SplitGrouping.SHARE.value, "Each picture on its own"),
    (SplitGrouping.GROUP.value, "Frames of a sequence"),
    (SplitGrouping.FOLDER.value, "Pictures of a folder"),
    (SplitGrouping.TAG.value, "Pictures of a tag"),
)
STRATEGY_HELP = {
    SplitGrouping.SHARE: "Pictures are assigned one by one. Keep frames of a video together instead.",
    SplitGrouping.GROUP: "A sequence: same folder, same name before the last number, such as walk_0001 and walk_0002.",
    SplitGrouping.FOLDER: "Folders named train, val or test keep their split; all others are assigned as a whole.",
    SplitGrouping.TAG: "Tags named train, val or test decide; pictures that share another tag stay together.",
}
SPLIT_TITLES = (("train", "Train"), ("val", "Validation"), ("test", "Test"))
MAX_ROWS = 9


@dataclass(frozen=True, slots=True)
class SplitPlanRow:
    """One row of the table: title, and the cells for train, val and test."""

    title: Cell
    cells: tuple[str, str, str]


class SplitDialog(QDialog):
    """`options_changed` requests a new plan, `split_requested` applies the one that is shown."""

    options_changed = Signal(object)
    split_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setWindowTitle("Split pictures")
        self.setModal(False)
        self.setMinimumWidth(620)
        self.by = combo_box(STRATEGIES, "Pictures to keep together")
        self.help = text_label(STRATEGY_HELP[SplitGrouping.SHARE], "muted", wrap=True)
        self.shares = {key: _number(f"Share for {title}", 0, 1000) for key, title in SPLIT_TITLES}
        for box, share in zip(self.shares.values(), (70, 15, 15), strict=True):
            box.setValue(share)
        self.stratify = QCheckBox("Stratify: give each split its share of every class")
        self.stratify.setChecked(True)
        self.redistribute = QCheckBox("Also redistribute pictures that have a split")
        self.redistribute.setToolTip(
            "Moves pictures into and out of validation: scores can then not be compared with earlier ones."
        )
        self.seed = _number("Seed", 0, 2**31 - 1)
        self.seed.setToolTip("Seed of the random assignment: the same number gives the same splits.")
        self.plan = text_label("", wrap=True)
        self.table = DataTable(("", "Train", "Validation", "Test"), (1, 2, 3), "Preview of the splits")
        self.table.stretch(0)
        self.table.setSelectionMode(DataTable.SelectionMode.NoSelection)
        self.table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.split = button("Split", "primary")
        self.cancel = button("Cancel")
        self._connect()
        self.setLayout(
            column(
                form_row("Keep together", self.by),
                form_row("", self.help),
                form_row(
                    "Shares",
                    *(part for key, title in SPLIT_TITLES for part in (text_label(title), self.shares[key])),
                    None,
                ),
                form_row("", self.stratify),
                form_row("", self.redistribute),
                form_row("Seed", self.seed, None),
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

    def options(self) -> SplitOptions:
        """The chosen options. Raises UserError while all shares are 0."""
        train, val, test = (float(self.shares[key].value()) for key, _ in SPLIT_TITLES)
        return SplitOptions(
            SplitGrouping(self.by.currentData()),
            (train, val, test),
            self.stratify.isChecked(),
            self.seed.value(),
            self.redistribute.isChecked(),
        )

    def set_plan(self, text: str, *, ready: bool = True, warning: bool = False, title: str = "Split") -> None:
        """What would be done, in a sentence; not `ready` disables the button, whose text is `title`."""
        self.plan.setText(text)
        set_role(self.plan, "warning" if warning else "")
        self.split.setText(title)
        self.split.setEnabled(ready)

    def set_rows(self, rows: Sequence[SplitPlanRow]) -> None:
        """Show what each split would hold."""
        self.table.set_cells([[each.title, *each.cells] for each in rows])
        head = self.table.horizontalHeader().sizeHint().height()
        self.table.setFixedHeight(head + max(3, min(MAX_ROWS, len(rows))) * ROW_HEIGHT + 2)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(640, super().sizeHint().height())

    def _connect(self) -> None:
        self.by.activated.connect(self._changed)
        for box in (*self.shares.values(), self.seed):
            box.valueChanged.connect(self._changed)
        for check in (self.stratify, self.redistribute):
            check.toggled.connect(self._changed)
        self.split.clicked.connect(self.split_requested)
        self.cancel.clicked.connect(self.reject)

    def _changed(self, *_: object) -> None:
        self.help.setText(STRATEGY_HELP[SplitGrouping(self.by.currentData())])
        self.set_plan("Counting…", ready=False)
        self.options_changed.emit(self)


def _number(name: str, low: int, high: int) -> QSpinBox:
    box = spin_box(low, high, name, tracks_typing=True)
    box.setMinimumWidth(9 * GRID)
    return box
