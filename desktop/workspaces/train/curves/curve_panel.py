"""A chart of one measure with the choice of the measure, its legend, and a menu to keep it as a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QCheckBox, QMenu, QSizePolicy, QToolButton, QWidget

from core.labels.class_list import ClassList
from desktop.theme.theme import GRID, Theme
from desktop.widgets.chart import CurveStyle
from desktop.widgets.controls import column, combo_box, icon_button, row
from desktop.widgets.legend import CurveLegend, LegendEntry
from desktop.widgets.navigable_chart import ChartPoint, NavigableChart
from desktop.workspaces.train.curves.curve_choices import MEASURES, NO_EPOCHS, NO_PIXELS
from desktop.workspaces.train.curves.curve_lines import CurveLine, LineKey, describe

FILE_KINDS = {"png": "Picture (PNG)…", "svg": "Drawing (SVG)…", "csv": "Table of all points (CSV)…"}
_AXIS_KINDS = {
    "seconds": "time",
    "steps": "count",
    "epochs": "number",
    "pictures": "count",
    "pixels": "count",
}
_UNKNOWN = {"epochs": NO_EPOCHS, "pixels": NO_PIXELS}
CHART_HELP = (
    "Drag to zoom to a span, double-click to see all. Zoom with Ctrl and the wheel, or + and -; arrow keys go from "
    "point to point. Click a point to select its run."
)


class CurvePanel(QWidget):
    """measure_chosen: key of MEASURES; line_chosen: (run, step, checkpoint or 0) of a point that was clicked;
    log_chosen: whether the axis upwards is to be logarithmic; file_requested: key of FILE_KINDS; classes_requested: the
    list of classes."""

    measure_chosen = Signal(str)
    log_chosen = Signal(bool)
    line_chosen = Signal(int, int, int)
    file_requested = Signal(str)
    classes_requested = Signal()

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: Mapping[LineKey, CurveLine] = {}
        self._classes = ClassList()
        self._shown_axes: tuple[str, str, bool] | None = None
        self.measure = combo_box([(key, each.title) for key, each in MEASURES.items()], name)
        self.measure.setToolTip("What this chart shows.")
        self.measure.activated.connect(lambda _at: self.measure_chosen.emit(self.measure.currentData()))
        self.log_scale = QCheckBox("Log scale")
        self.log_scale.setToolTip("Draw values on a logarithmic axis, so that small ones can be told apart.")
        self.log_scale.clicked.connect(self.log_chosen)
        self.menu = QMenu(self)
        self.reset_zoom = self.menu.addAction("Show all")
        self.reset_zoom.setToolTip("End the zoom.")
        self.choose_classes = self.menu.addAction("Choose classes…")
        self.menu.addSeparator()
        self.save_actions = {kind: self.menu.addAction(title) for kind, title in FILE_KINDS.items()}
        for kind, action in self.save_actions.items():
            action.triggered.connect(lambda _on=False, kind=kind: self.file_requested.emit(kind))
        self.more = icon_button("more", "Keep this chart as a file, end the zoom, choose classes", theme)
        self.more.setMenu(self.menu)
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.chart = NavigableChart(theme, self._describe)
        self.chart.setAccessibleName(name)
        self.chart.setMinimumHeight(16 * GRID)
        self.chart.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.chart.point_chosen.connect(self._choose)
        self.legend = CurveLegend(theme)
        self.reset_zoom.triggered.connect(lambda: self.chart.set_span(None))
        self.choose_classes.triggered.connect(self.classes_requested)
        self.menu.aboutToShow.connect(self._update_menu)
        self.heading = row(self.measure, GRID, self.log_scale, None, self.more)
        whole = column(self.heading, self.chart, self.legend, spacing=GRID // 2)
        whole.setStretch(1, 1)
        self.setLayout(whole)

    @property
    def title(self) -> str:
        return MEASURES[self.measure.currentData()].title

    def set_measure(self, key: str, axis: str, *, is_unknown: bool, logarithmic: bool) -> None:
        """Show the axes of a measure. is_unknown: no run has stored where it is along the axis."""
        self.measure.setCurrentIndex(self.measure.findData(key))
        measure = MEASURES[key]
        empty = _UNKNOWN.get(axis, measure.empty_text) if is_unknown else measure.empty_text
        self.log_scale.setVisible(not measure.is_score)
        self.log_scale.setChecked(logarithmic)
        if (key, axis, logarithmic) != self._shown_axes:  # a zoom of other axes means nothing
            self._shown_axes = key, axis, logarithmic
            self.chart.set_axes(_AXIS_KINDS[axis], score_axis=measure.is_score, logarithmic=logarithmic)
        self.chart.set_empty_text(empty)

    def set_lines(
        self,
        lines: Mapping[LineKey, CurveLine],
        styles: Mapping[object, CurveStyle],
        entries: Sequence[LegendEntry],
        classes: ClassList,
    ) -> None:
        self._lines, self._classes = lines, classes
        self.chart.set_curves(styles)
        self.legend.set_entries(entries)
        self.legend.setVisible(bool(entries))
        for action in self.save_actions.values():
            action.setEnabled(bool(lines))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802
        self.menu.popup(event.globalPos())

    def _update_menu(self) -> None:
        self.reset_zoom.setEnabled(self.chart.span is not None)
        self.choose_classes.setEnabled(self.measure.currentData() == "iou")

    def _line_of(self, point: ChartPoint) -> CurveLine | None:
        return self._lines.get(point.key)  # type: ignore[call-overload, no-any-return]  # raw values have other keys

    def _describe(self, point: ChartPoint) -> tuple[str, ...] | None:
        line = self._line_of(point)
        if line is None or point.index >= len(line.x):
            return None
        return describe(line, point.index, self._classes)

    def _choose(self, point: ChartPoint) -> None:
        line = self._line_of(point)
        if line is not None:
            at = point.index
            self.line_chosen.emit(int(line.runs[at]), int(line.steps[at]), int(line.checkpoints[at]))
