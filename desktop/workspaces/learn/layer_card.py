"""Card that applies one operation of a network to a patch of the picture and shows every number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

from core.lessons.formulas import format_number
from core.lessons.kernels import CUSTOM, KERNELS, Kernel, name_of
from core.lessons.layer_demo import KERNEL_OPERATIONS, OPERATIONS, DemoOutput, DemoResult, DemoSetup, run_demo
from core.lessons.patch import PATCH_SIDES
from desktop.theme.theme import GRID, Theme
from desktop.widgets.cards import Card
from desktop.widgets.controls import column, combo_box, row, set_role, text_label
from desktop.workspaces.learn.kernel_editor import KernelEditor
from desktop.workspaces.learn.number_grid import MAX_SIDE, NumberGrid
from desktop.workspaces.learn.patch_view import PatchView

HINT = "Point at a cell of the output, or go there with the arrow keys, to see how it was computed."
FLIPPED_KERNEL_WIDTH = 13 * GRID
MAX_OUTPUTS = 2
"""Outputs that an operation may have."""


class LayerCard(Card):
    """Computes on the GUI thread at every change, as a patch has at cells 64 × 64 pixels."""

    changed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__("One layer")
        self.setup = DemoSetup()
        self.result: DemoResult | None = None
        self._explained_output = 0
        self._is_custom_kernel = (
            False  # the user edits the numbers, even if the present ones are those of a named kernel
        )
        self.operation = combo_box([(key, title) for key, title, _ in OPERATIONS], "Operation")
        self.kernel = combo_box([*((key, title) for key, title, _ in KERNELS), (CUSTOM, "Custom")], "Kernel")
        self.stride = _number_box(
            "Stride", "Stride {}", (1, 2), "How many pixels the kernel moves at each step."
        )
        self.padding = combo_box((("same", "Padding: same"), ("none", "Padding: none")), "Padding")
        self.padding.setToolTip("“Same” adds zeros around the patch, so that the output has the same size.")
        self.window_side = _number_box(
            "Window", "Window {0} × {0}", (2, 3, 4), "Side of the pooling window in pixels."
        )
        self.rate = _number_box(
            "Rate", "Rate {}", (1, 2, 4), "Dilation rate: distance of the kernel's elements; 1 is adjacent."
        )
        self.patch_side = _number_box("Patch", "Patch {0} × {0}", PATCH_SIDES, "Side of the patch in pixels.")
        self.about = text_label("", "muted", wrap=True)
        self.picker = PatchView(theme)
        self.source = NumberGrid(theme, "Input")
        self.kernel_editor = KernelEditor()
        self.flipped_kernel = NumberGrid(theme, "Kernel, flipped")
        self.flipped_kernel.setFixedWidth(FLIPPED_KERNEL_WIDTH)
        self.outputs = [NumberGrid(theme, "Output", selectable=True) for _ in range(MAX_OUTPUTS)]
        self._source_size, self._source_title = text_label("", "muted"), text_label("Input", "heading")
        self._titles = [text_label("", "heading") for _ in range(MAX_OUTPUTS)]
        self._sizes = [text_label("", "muted") for _ in range(MAX_OUTPUTS)]
        for size in self._sizes:
            size.setToolTip("Width × height, and the numbers shown as black and white.")
        self.formula = text_label("", wrap=True)
        self.formula.setToolTip("Output size: (size + 2·padding − kernel) / stride + 1.")
        self.explanation = text_label("", "muted", wrap=True)
        self.explanation.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.explanation.setMinimumHeight(2 * self.explanation.fontMetrics().lineSpacing())
        self._lay_out()
        self._connect()
        self.picker.side = self.setup.patch_side
        self._show_setup()

    def set_picture(self, picture: NDArray[np.uint8]) -> None:
        """The picture that patches are taken from, (h, w, 3) uint8 RGB."""
        self.picker.set_picture(picture)

    def set_setup(self, setup: DemoSetup) -> None:
        """Show another setup."""
        self._is_custom_kernel = False
        self._apply(setup)

    def _apply(self, setup: DemoSetup) -> None:
        self.setup = setup
        self._show_setup()
        if self.picker.side != setup.patch_side:
            self.picker.set_side(setup.patch_side)
        else:
            self._compute()

    def _show_setup(self) -> None:
        """Show the setup in the boxes; hide those that the operation does not use."""
        setup, operation = self.setup, self.setup.operation
        chosen: tuple[tuple[QComboBox, object], ...] = (
            (self.operation, operation),
            (self.kernel, CUSTOM if self._is_custom_kernel else name_of(setup.kernel)),
            (self.stride, setup.stride),
            (self.padding, "same" if setup.same_padding else "none"),
            (self.window_side, setup.pool_size),
            (self.rate, setup.rate),
            (self.patch_side, setup.patch_side),
        )
        for box, value in chosen:
            box.blockSignals(True)
            box.setCurrentIndex(box.findData(value))
            box.blockSignals(False)
        self.kernel_editor.set_kernel(setup.kernel)
        with_kernel = operation in KERNEL_OPERATIONS
        for widget, is_used in (
            (self.kernel, with_kernel),
            (self.kernel_column, with_kernel),
            (self.stride, with_kernel and operation != "transposed"),
            (self.padding, with_kernel),
            (self.window_side, operation in ("max", "mean")),
            (self.rate, operation == "dilated"),
            (self.flipped_column, operation == "flipped"),
        ):
            widget.setVisible(is_used)
        self.about.setText(next(line for key, _, line in OPERATIONS if key == operation))

    def _on_box_changed(self) -> None:
        """The user has chosen something in a box."""
        name = self.kernel.currentData()
        if name == CUSTOM and not self._is_custom_kernel:
            self.kernel_editor.fields[0].setFocus()
            self.kernel_editor.fields[0].selectAll()
        self._is_custom_kernel = name == CUSTOM
        kernel = next((numbers for key, _, numbers in KERNELS if key == name), self.setup.kernel)
        self._apply(
            DemoSetup(
                self.operation.currentData(),
                kernel,
                self.stride.currentData(),
                self.padding.currentData() == "same",
                self.window_side.currentData(),
                self.rate.currentData(),
                self.patch_side.currentData(),
            )
        )

    def _on_kernel_edited(self, kernel: Kernel) -> None:
        self._is_custom_kernel = True
        self._apply(replace(self.setup, kernel=kernel))

    def _compute(self) -> None:
        self.result = result = run_demo(self.setup, self.picker.patch())
        cells = max(len(result.source), *(len(each.values) for each in result.outputs), 1)
        self.source.set_values(result.source, result.low, result.high, cells)
        self._source_size.setText(_size(result.source))
        for at, (grid, title, size) in enumerate(zip(self.outputs, self._titles, self._sizes, strict=True)):
            is_used = at < len(result.outputs)
            self._columns[at].setVisible(is_used)
            if is_used:
                output = result.outputs[at]
                grid.set_values(output.values, output.low, output.high, cells)
                title.setText(output.title)
                size.setText(f"{_size(output.values)}, {_range(output)}")
        if self.setup.operation == "flipped" and len(result.outputs) == 2:
            flipped = result.outputs[1].kernel
            assert flipped is not None
            self.flipped_kernel.set_values(flipped, -3, 3, 3)
        self.formula.setText(result.problem or result.size_formula)
        set_role(self.formula, "warning" if result.problem else "")
        grid = self.outputs[self._explained_output]
        if result.problem or grid.current is None or self._explained_output >= len(result.outputs):
            self.explanation.setText("" if result.problem else HINT)
        else:
            self._explain(self._explained_output, *grid.current)
        self.changed.emit()

    def _explain(self, at: int, x: int, y: int) -> None:
        """Show how a cell of an output was computed."""
        assert self.result is not None
        self._explained_output = at
        output = self.result.outputs[at]
        self.source.highlight([(read.x, read.y) for read in output.input_terms(x, y)])
        spelled = output.formula(x, y)
        self.explanation.setText(f"Row {y + 1}, column {x + 1}:  {spelled}")
        self.outputs[at].setAccessibleDescription(spelled)
        for other, grid in enumerate(self.outputs):
            if other != at and grid.current is not None:
                grid.current = None
                grid.update()

    def _connect(self) -> None:
        for box in self._boxes:
            box.currentIndexChanged.connect(self._on_box_changed)
        self.kernel_editor.edited.connect(self._on_kernel_edited)
        self.picker.moved.connect(self._compute)
        for at, grid in enumerate(self.outputs):
            grid.cell_selected.connect(lambda x, y, at=at: self._explain(at, x, y))

    def _lay_out(self) -> None:
        self._boxes = (
            self.operation,
            self.kernel,
            self.stride,
            self.padding,
            self.window_side,
            self.rate,
            self.patch_side,
        )
        top = Qt.AlignmentFlag.AlignTop
        picture = _column(
            text_label("Picture", "heading"),
            text_label("Click to move the patch", "muted"),
            self.picker,
            self.patch_side,
        )
        source = _column(self._source_title, self._source_size, self.source)
        self.flipped_column = _column(text_label("Flipped", "heading"), self.flipped_kernel)
        self.kernel_column = _column(
            text_label("Kernel", "heading"),
            text_label("Editable", "muted"),
            self.kernel_editor,
            GRID,
            self.flipped_column,
        )
        self._columns = [
            _column(*parts) for parts in zip(self._titles, self._sizes, self.outputs, strict=True)
        ]
        for widget in (self.kernel_column, self._columns[0]):
            # Keep their room when hidden, so that the layout does not change with the operation.
            policy = widget.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            widget.setSizePolicy(policy)
        for widget in (source, *self._columns):
            widget.setMaximumWidth(MAX_SIDE)
        line = row(spacing=2 * GRID)
        for widget, share in (
            (picture, 0),
            (source, 1),
            (self.kernel_column, 0),
            *((each, 1) for each in self._columns),
        ):
            line.addWidget(widget, share, top)
        line.addStretch(0)
        self.add(row(*self._boxes[:-1], None), self.about, line, self.formula, self.explanation)


def _number_box(name: str, title: str, numbers: tuple[int, ...], help_: str) -> QComboBox:
    box = combo_box((), name)
    for each in numbers:
        box.addItem(title.format(each), each)
    widest = max(box.fontMetrics().horizontalAdvance(box.itemText(at)) for at in range(box.count()))
    box.setMinimumWidth(widest + 5 * GRID)
    box.setToolTip(help_)
    return box


def _column(*items: QWidget | QLabel | int) -> QWidget:
    made = QWidget()
    inside: QVBoxLayout = column(*items, None, spacing=4)
    made.setLayout(inside)
    return made


def _size(values: NDArray[np.float64]) -> str:
    return f"{values.shape[1]} × {values.shape[0]}"


def _range(output: DemoOutput) -> str:
    """The numbers shown as black and as white."""
    return f"{format_number(output.low)} to {format_number(output.high)}"
