"""Card of the project's network: diagram and table of its stages."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSizePolicy, QTableWidgetItem, QWidget

from core.base.text import count_of
from core.models.summary_types import NetworkSummary
from desktop.theme.theme import GRID, Theme
from desktop.widgets.cards import Card
from desktop.widgets.controls import column, combo_box, row, text_label
from desktop.widgets.table import ROW_HEIGHT, DataTable
from desktop.workspaces.learn.network_diagram import NetworkDiagram

WAITING = "Reading the network; the first time this takes a few seconds."


class NetworkCard(Card):
    """Shows what its setters are given; a summary holds the stage sizes for every input size that can be chosen."""

    def __init__(self, theme: Theme) -> None:
        self.input_size = combo_box((), "Input size")
        self.input_size.setToolTip("Output size of each stage for a square input of this size.")
        super().__init__("Network of this project", self.input_size)
        self.network: NetworkSummary | None = None
        self.summary = text_label(WAITING, "muted", wrap=True)
        self.diagram = NetworkDiagram(theme)
        self.description = text_label("", wrap=True)
        self.description.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.description.setMinimumHeight(3 * self.description.fontMetrics().lineSpacing())
        self.table = DataTable(
            ("Stage", "Size", "Channels", "Parameters"), (1, 2, 3), "Stages of the network"
        )
        self.table.stretch(0)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._header(2).setToolTip("Feature maps that the stage outputs.")
        self._header(3).setToolTip("Numbers that training changes (weights and biases).")
        note = text_label(
            "The number in a box is its channels; dashed lines are skip connections from encoder to decoder.",
            "muted",
            wrap=True,
        )
        self._body = QWidget()
        left = QWidget()
        left.setLayout(column(self.diagram, self.description, note, None, spacing=2 * GRID))
        both = row(left, self.table, spacing=3 * GRID)
        both.setStretch(0, 2)
        both.setStretch(1, 3)
        both.setAlignment(self.table, Qt.AlignmentFlag.AlignTop)
        self._body.setLayout(both)
        self.add(self.summary, self._body)
        self.input_size.currentIndexChanged.connect(self._show_sizes)
        self.diagram.stage_selected.connect(self.table.selectRow)
        self.table.currentCellChanged.connect(lambda row_at, *_: self._select(row_at))
        self.set_waiting()

    def _header(self, column_at: int) -> QTableWidgetItem:
        item = self.table.horizontalHeaderItem(column_at)
        assert item is not None
        return item

    def set_waiting(self, problem: str = "") -> None:
        """Show that the summary is being made, or why it cannot be."""
        self.network = None
        self.summary.setText(problem or WAITING)
        self.input_size.hide()
        self._body.hide()

    def set_summary(self, network: NetworkSummary, origin: str) -> None:
        """`origin`: a sentence that says where the network comes from."""
        self.network = network
        million = network.parameters / 1e6
        self.summary.setText(
            f"{network.title}. {origin} {million:,.2f} million parameters; "
            f"{count_of(network.channels, 'input channel')}, {count_of(network.classes, 'class', 'classes')}."
        )
        self.input_size.blockSignals(True)
        self.input_size.clear()
        for side in network.sides:
            self.input_size.addItem(f"Input {side} × {side}", side)
        nearest = min(network.sides, key=lambda side: abs(side - network.size), default=0)
        self.input_size.setCurrentIndex(self.input_size.findData(nearest))
        self.input_size.blockSignals(False)
        self.input_size.setVisible(bool(network.sides))
        self._body.show()
        self._show_sizes()
        self.table.setCurrentCell(0, 0)

    def _show_sizes(self) -> None:
        if self.network is None:
            return
        side, stages = self.input_size.currentData() or 0, self.network.stages
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
            cell = self.table.item(at, 0)
            assert cell is not None
            cell.setToolTip(stage.description)
        self.table.blockSignals(False)
        header = self.table.horizontalHeader().sizeHint().height()
        self.table.setFixedHeight(header + len(stages) * ROW_HEIGHT + 2)
        self.diagram.set_stages(stages, side)
        self.table.setCurrentCell(min(current, len(stages) - 1), 0)
        self._select(self.table.currentRow())

    def _select(self, place: int) -> None:
        if self.network is None or not 0 <= place < len(self.network.stages):
            return
        stage = self.network.stages[place]
        self.description.setText(f"{stage.name}: {stage.description}")
        self.diagram.set_current(place)
