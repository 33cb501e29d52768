"""The bench: a patch of the picture, one operation of a network, and what comes out, number by number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

from core.lessons.formulas import number
from core.lessons.kernels import KERNELS, OWN, Kernel, name_of
from core.lessons.layer_demo import OPERATIONS, WITH_KERNEL, Output, Setup, Worked, work
from core.lessons.patch import SIDES
from desktop.theme.theme import GRID, Theme
from desktop.widgets.cards import Card
from desktop.widgets.controls import choice, column, row, set_role, words
from desktop.workspaces.learn.kernel_editor import KernelField
from desktop.workspaces.learn.number_grid import LARGEST, NumberGrid
from desktop.workspaces.learn.patch_view import PatchView

POINT = "Point at a cell of the output, or walk there with the arrow keys, to see what it was made of."
TURNED = 13 * GRID
PLACES = 2
"""Outputs that there can be at once."""


class Bench(Card):
    """Calculates at once whatever is chosen: a patch has at most 64 by 64 pixels. GUI thread."""

    changed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__("Bench")
        self.setup = Setup()
        self.worked: Worked | None = None
        self._at = 0
        self._own = False  # somebody writes their own numbers, even if those of now have a name
        self.operation = choice([(key, title) for key, title, _ in OPERATIONS], "Operation")
        self.kernel = choice([*((key, title) for key, title, _ in KERNELS), (OWN, "Own numbers")], "Kernel")
        self.stride = _numbers(
            "Stride", "Stride {}", (1, 2), "How many pixels the kernel moves at each step."
        )
        self.padding = choice((("same", "Padding: same"), ("none", "Padding: none")), "Padding")
        self.padding.setToolTip("“Same” puts zeros around the picture, so that its size stays.")
        self.window_side = _numbers(
            "Squares", "Squares of {}", (2, 3, 4), "Side of the squares that become one pixel."
        )
        self.rate = _numbers(
            "Rate", "Rate {}", (1, 2, 4), "How far apart the numbers of the kernel lie: 1 is side by side."
        )
        self.patch_side = _numbers(
            "Patch", "Patch {0} × {0}", SIDES, "How many pixels of the picture lie on the bench."
        )
        self.about = words("", "muted", wrap=True)
        self.picker = PatchView(theme)
        self.source = NumberGrid(theme, "Input")
        self.numbers = KernelField()
        self.turned = NumberGrid(theme, "Kernel, turned")
        self.turned.setFixedWidth(TURNED)
        self.outputs = [NumberGrid(theme, "Output", choosing=True) for _ in range(PLACES)]
        self._source_size, self._source_title = words("", "muted"), words("Input", "heading")
        self._titles = [words("", "heading") for _ in range(PLACES)]
        self._sizes = [words("", "muted") for _ in range(PLACES)]
        for size in self._sizes:
            size.setToolTip("Width × height, and the numbers that are shown black and white.")
        self.formula = words("", wrap=True)
        self.formula.setToolTip("The size that comes out: (size + 2·padding − kernel) / stride + 1.")
        self.sum = words("", "muted", wrap=True)
        self.sum.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.sum.setMinimumHeight(2 * self.sum.fontMetrics().lineSpacing())
        self._lay_out()
        self._connect()
        self.picker.side = self.setup.side
        self._show_setup()

    def set_picture(self, picture: NDArray[np.uint8]) -> None:
        """What patches are taken from, (H, W, 3) uint8."""
        self.picker.set_picture(picture)

    def set_setup(self, setup: Setup) -> None:
        """Put something else on the bench."""
        self._own = False
        self._take(setup)

    # Steps of the above

    def _take(self, setup: Setup) -> None:
        self.setup = setup
        self._show_setup()
        if self.picker.side != setup.side:
            self.picker.set_side(setup.side)
        else:
            self._work()

    def _show_setup(self) -> None:
        """The boxes say what is chosen; those that do not matter are not there."""
        setup, operation = self.setup, self.setup.operation
        chosen: tuple[tuple[QComboBox, object], ...] = (
            (self.operation, operation),
            (self.kernel, OWN if self._own else name_of(setup.kernel)),
            (self.stride, setup.stride),
            (self.padding, "same" if setup.same else "none"),
            (self.window_side, setup.window),
            (self.rate, setup.rate),
            (self.patch_side, setup.side),
        )
        for box, value in chosen:
            box.blockSignals(True)
            box.setCurrentIndex(box.findData(value))
            box.blockSignals(False)
        self.numbers.set_kernel(setup.kernel)
        with_kernel = operation in WITH_KERNEL
        for widget, there in (
            (self.kernel, with_kernel),
            (self.kernel_column, with_kernel),
            (self.stride, with_kernel and operation != "transposed"),
            (self.padding, with_kernel),
            (self.window_side, operation in ("max", "mean")),
            (self.rate, operation == "dilated"),
            (self.turned_column, operation == "flipped"),
        ):
            widget.setVisible(there)
        self.about.setText(next(line for key, _, line in OPERATIONS if key == operation))

    def _chosen(self) -> None:
        """A person has chosen something in a box."""
        name = self.kernel.currentData()
        if name == OWN and not self._own:
            self.numbers.fields[0].setFocus()
            self.numbers.fields[0].selectAll()
        self._own = name == OWN
        kernel = next((numbers for key, _, numbers in KERNELS if key == name), self.setup.kernel)
        self._take(
            Setup(
                self.operation.currentData(),
                kernel,
                self.stride.currentData(),
                self.padding.currentData() == "same",
                self.window_side.currentData(),
                self.rate.currentData(),
                self.patch_side.currentData(),
            )
        )

    def _written(self, kernel: Kernel) -> None:
        self._own = True
        self._take(replace(self.setup, kernel=kernel))

    def _work(self) -> None:
        self.worked = worked = work(self.setup, self.picker.patch())
        most = max(len(worked.source), *(len(each.values) for each in worked.outputs), 1)
        self.source.set_values(worked.source, worked.low, worked.high, most)
        self._source_size.setText(_size(worked.source))
        for at, (grid, title, size) in enumerate(zip(self.outputs, self._titles, self._sizes, strict=True)):
            there = at < len(worked.outputs)
            self._columns[at].setVisible(there)
            if there:
                output = worked.outputs[at]
                grid.set_values(output.values, output.low, output.high, most)
                title.setText(output.title)
                size.setText(f"{_size(output.values)}, {_range(output)}")
        if self.setup.operation == "flipped" and len(worked.outputs) == 2:
            laid = worked.outputs[1].kernel
            assert laid is not None
            self.turned.set_values(laid, -3, 3, 3)
        self.formula.setText(worked.problem or worked.formula)
        set_role(self.formula, "warning" if worked.problem else "")
        grid = self.outputs[self._at]
        if worked.problem or grid.current is None or self._at >= len(worked.outputs):
            self.sum.setText("" if worked.problem else POINT)
        else:
            self._explain(self._at, *grid.current)
        self.changed.emit()

    def _explain(self, at: int, x: int, y: int) -> None:
        """What a cell of an output was made of."""
        assert self.worked is not None
        self._at = at
        output = self.worked.outputs[at]
        self.source.mark([(read.x, read.y) for read in output.reads(x, y)])
        spelled = output.spell(x, y)
        self.sum.setText(f"Row {y + 1}, column {x + 1}:  {spelled}")
        self.outputs[at].setAccessibleDescription(spelled)
        for other, grid in enumerate(self.outputs):
            if other != at and grid.current is not None:
                grid.current = None
                grid.update()

    def _connect(self) -> None:
        for box in self._boxes:
            box.currentIndexChanged.connect(self._chosen)
        self.numbers.edited.connect(self._written)
        self.picker.moved.connect(self._work)
        for at, grid in enumerate(self.outputs):
            grid.chosen.connect(lambda x, y, at=at: self._explain(at, x, y))

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
            words("Picture", "heading"),
            words("Click for another patch", "muted"),
            self.picker,
            self.patch_side,
        )
        source = _column(self._source_title, self._source_size, self.source)
        self.turned_column = _column(words("Turned", "heading"), self.turned)
        self.kernel_column = _column(
            words("Kernel", "heading"),
            words("Write your own", "muted"),
            self.numbers,
            GRID,
            self.turned_column,
        )
        self._columns = [
            _column(*parts) for parts in zip(self._titles, self._sizes, self.outputs, strict=True)
        ]
        for widget in (self.kernel_column, self._columns[0]):
            # Their place stays free, so that nothing jumps from one operation to the next.
            rule = widget.sizePolicy()
            rule.setRetainSizeWhenHidden(True)
            widget.setSizePolicy(rule)
        for widget in (source, *self._columns):
            widget.setMaximumWidth(LARGEST)
        line = row(spacing=2 * GRID)
        for widget, share in (
            (picture, 0),
            (source, 1),
            (self.kernel_column, 0),
            *((each, 1) for each in self._columns),
        ):
            line.addWidget(widget, share, top)
        line.addStretch(0)
        self.fill(row(*self._boxes[:-1], None), self.about, line, self.formula, self.sum)


def _numbers(name: str, title: str, numbers: tuple[int, ...], help_: str) -> QComboBox:
    box = choice((), name)
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


def _range(output: Output) -> str:
    """What is black, and what is white."""
    return f"{number(output.low)} to {number(output.high)}"
