"""The network that learns in this project, stage by stage."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QSizePolicy, QWidget

from core.models.summary_types import Stages
from desktop.theme.theme import GRID, Theme
from desktop.widgets.cards import Card
from desktop.widgets.controls import column, row, words
from desktop.widgets.table import ROW_HEIGHT, Table
from desktop.workspaces.learn.network_diagram import NetworkDrawing

WAITING = "Looking into the network; the first time that takes a few seconds."


class NetworkCard(Card):
    """Setters only. The size of the picture is chosen here: all answers for it are known. GUI thread."""

    def __init__(self, theme: Theme) -> None:
        self.side = QComboBox()
        self.side.setAccessibleName("Size of the picture")
        self.side.setToolTip("What comes out of each stage for a square picture of this size.")
        super().__init__("The network that learns here", self.side)
        self.stages: Stages | None = None
        self.said = words(WAITING, "muted", wrap=True)
        self.drawing = NetworkDrawing(theme)
        self.does = words("", wrap=True)
        self.does.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.does.setMinimumHeight(3 * self.does.fontMetrics().lineSpacing())
        self.table = Table(
            ("Stage", "Size", "Channels", "Numbers to learn"), (1, 2, 3), "Stages of the network"
        )
        self.table.stretch(0)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.table.horizontalHeaderItem(2).setToolTip("How many pictures of its own a stage hands on.")
        self.table.horizontalHeaderItem(3).setToolTip(
            "Numbers that training changes, also called parameters."
        )
        note = words(
            "Boxes hold their channels; dashed lines are bridges from the way down to the way up.",
            "muted",
            wrap=True,
        )
        self._body_of_it = QWidget()
        left = QWidget()
        left.setLayout(column(self.drawing, self.does, note, None, spacing=2 * GRID))
        both = row(left, self.table, spacing=3 * GRID)
        both.setStretch(0, 2)
        both.setStretch(1, 3)
        both.setAlignment(self.table, Qt.AlignmentFlag.AlignTop)
        self._body_of_it.setLayout(both)
        self.fill(self.said, self._body_of_it)
        self.side.currentIndexChanged.connect(self._show_sizes)
        self.drawing.chosen.connect(self.table.selectRow)
        self.table.currentCellChanged.connect(lambda row_at, *_: self._choose(row_at))
        self.set_waiting()

    def set_waiting(self, problem: str = "") -> None:
        """Nothing is known yet, or why it will not be."""
        self.stages = None
        self.said.setText(problem or WAITING)
        self.side.hide()
        self._body_of_it.hide()

    def set_stages(self, stages: Stages, origin: str) -> None:
        """The network, and where it comes from: a run, or the usual one."""
        self.stages = stages
        million = stages.parameters / 1e6
        self.said.setText(
            f"{stages.title} ({origin}). {million:,.2f} million numbers to learn; "
            f"{stages.channels} channels in, {stages.classes} classes out."
        )
        self.side.blockSignals(True)
        self.side.clear()
        for side in stages.sides:
            self.side.addItem(f"Picture of {side} × {side}", side)
        nearest = min(stages.sides, key=lambda side: abs(side - stages.size), default=0)
        self.side.setCurrentIndex(self.side.findData(nearest))
        self.side.blockSignals(False)
        self.side.setVisible(bool(stages.sides))
        self._body_of_it.show()
        self._show_sizes()
        self.table.setCurrentCell(0, 0)

    def _show_sizes(self) -> None:
        if self.stages is None:
            return
        side, stages = self.side.currentData() or 0, self.stages.stages
        current = max(0, self.table.currentRow())
        self.table.blockSignals(True)
        self.table.set_cells(
            [
                [
                    stage.name,
                    "{} × {}".format(*stage.sizes[side]) if side in stage.sizes else "–",
                    f"{stage.channels:,}" if stage.channels else "–",
                    f"{stage.parameters:,}",
                ]
                for stage in stages
            ]
        )
        for at, stage in enumerate(stages):
            self.table.item(at, 0).setToolTip(stage.does)
        self.table.blockSignals(False)
        header = self.table.horizontalHeader().sizeHint().height()
        self.table.setFixedHeight(header + len(stages) * ROW_HEIGHT + 2)
        self.drawing.set_stages(stages, side)
        self.table.setCurrentCell(min(current, len(stages) - 1), 0)
        self._choose(self.table.currentRow())

    def _choose(self, place: int) -> None:
        if self.stages is None or not 0 <= place < len(self.stages.stages):
            return
        stage = self.stages.stages[place]
        self.does.setText(f"{stage.name}: {stage.does[0].lower()}{stage.does[1:]}")
        self.drawing.set_current(place)
