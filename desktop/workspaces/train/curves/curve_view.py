"""Two charts of runs that share axis, layout, smoothing and the runs they show."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QWidget

from core.base.text import count_of
from core.labels.class_list import ClassList
from core.session.training.run_series import RunSeries, of_runs
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import (
    ElidedLabel,
    ResettableSlider,
    combo_box,
    row,
    segmented_control,
    text_label,
)
from desktop.widgets.dialog_deletion import delete_dialog
from desktop.widgets.legend import LegendEntry
from desktop.workspaces.train.curves.class_chooser import ClassChooser
from desktop.workspaces.train.curves.curve_choices import (
    AXES,
    LAYOUTS,
    MAX_SMOOTHING,
    MEASURES,
    CurveChoices,
)
from desktop.workspaces.train.curves.curve_lines import (
    RUN_COLOURS,
    RUN_DASHES,
    VALIDATION_DASHES,
    CurveLines,
    lowest_classes,
    starts_of,
    style_lines,
)
from desktop.workspaces.train.curves.curve_panel import CHART_HELP, CurvePanel

MANY_CLASSES = 24
"""With more, only the lowest have a curve unless a person chose others: more lines cannot be told apart."""
LOWEST = 10
MAX_RUN_ENTRIES = 12
"""Most runs in a legend."""


class CurveBar(QWidget):
    """The choices above both charts. `shown`: it became visible, and with it the charts."""

    shown = Signal()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        self.shown.emit()


class CurveView(QObject):
    """choices_changed: `CurveChoices` that a person changed; point_chosen: run, step and checkpoint (0: none) of a
    point that was clicked; file_requested: a `CurvePanel` and a key of FILE_KINDS."""

    choices_changed = Signal(object)
    point_chosen = Signal(int, int, int)
    file_requested = Signal(object, str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.choices = CurveChoices()
        self._series: tuple[RunSeries, ...] = ()
        self._classes = ClassList()
        self._runs: frozenset[int] = frozenset()
        self._selected: frozenset[int] = frozenset()
        self._hidden_runs: frozenset[int] = frozenset()
        self._lines = CurveLines(), CurveLines()
        self.chooser: ClassChooser | None = None
        self.panels = CurvePanel(theme, "Chart of scores"), CurvePanel(theme, "Second chart")
        for number, panel in enumerate(self.panels):
            panel.measure_chosen.connect(lambda key, number=number: self._choose_measure(number, key))
            panel.log_chosen.connect(lambda on, number=number: self._choose_log(number, on=on))
            panel.legend.toggled.connect(self._toggle)
            panel.line_chosen.connect(self.point_chosen)
            panel.classes_requested.connect(self.open_chooser)
            panel.file_requested.connect(lambda kind, panel=panel: self.file_requested.emit(panel, kind))
        self.axis = combo_box(list(AXES.items()), "Axis below the curves")
        self.axis.setToolTip("What the curves run along.")
        self.axis.activated.connect(lambda _at: self._change(axis=self.axis.currentData()))
        self.layout_frame, self.layouts = segmented_control(LAYOUTS, theme)
        self.layouts["end"].setToolTip("Each run begins where the one before it ended.")
        self.layouts["over"].setToolTip("Every run begins at zero, in a colour of its own.")
        for key, segment in self.layouts.items():
            segment.clicked.connect(lambda _on=False, key=key: self._change(layout=key))
        self.smoothing = ResettableSlider(0, MAX_SMOOTHING, 0, "Smoothing of the curves")
        self.smoothing.setFixedWidth(12 * GRID)
        self.smoothing.valueChanged.connect(self._change_smoothing)
        self.smoothing_text = text_label("", "muted")
        self.smoothing_text.setMinimumWidth(self.smoothing_text.fontMetrics().horizontalAdvance("99 %"))
        self.help = ElidedLabel("", "muted")
        self.bar = self._make_bar()
        self._show_choices()

    def clear(self) -> None:
        """Another project is opened: nothing of the one before stays, neither what was shown nor what was chosen."""
        delete_dialog(self.chooser)
        self.chooser = None
        self._series, self._classes, self.choices = (), ClassList(), CurveChoices()
        self._runs = self._selected = self._hidden_runs = frozenset()
        for panel in self.panels:
            panel.chart.set_span(None)
        self._show_choices()
        self.refresh()

    def set_patterns(self, shown: bool) -> None:
        """Whether legends show the patterns of classes."""
        for panel in self.panels:
            panel.legend.set_patterns(shown)

    def set_choices(self, choices: CurveChoices) -> None:
        """What was chosen before."""
        self.choices = choices
        self._show_choices()
        self.refresh()

    def set_series(self, series: Sequence[RunSeries], classes: ClassList) -> None:
        """All runs' series of `names_needed`, or more."""
        self._series, self._classes = tuple(series), classes
        self.refresh()

    def set_runs(self, runs: Collection[int]) -> None:
        """The runs that there are."""
        if frozenset(runs) != self._runs:
            self._runs = frozenset(runs)
            self.refresh()

    def set_selected(self, runs: Collection[int]) -> None:
        """Show these runs only; all of them where none is selected."""
        if frozenset(runs) != self._selected:
            self._selected, self._hidden_runs = frozenset(runs), frozenset()
            self.refresh()

    @property
    def names_needed(self) -> frozenset[str]:
        """Names of the measurements that are drawn, and the losses, by which the length of a run is known."""
        return frozenset({"loss"}.union(*(MEASURES[key].names for key in self.choices.measures)))

    def shown_runs(self) -> list[int]:
        """Without those that are hidden in the legend."""
        return sorted(((self._selected & self._runs) or self._runs) - self._hidden_runs)

    def series_of(self, panel: CurvePanel) -> list[RunSeries]:
        """What a chart shows, the oldest run first."""
        measure = MEASURES[self.choices.measures[self.panels.index(panel)]]
        shown, values = self.shown_runs(), self._shown_classes()
        return [
            each
            for each in of_runs(self._series, shown)
            if each.name in measure.names
            and each.name not in self.choices.hidden
            and (each.class_value is None or each.class_value in values)
        ]

    def refresh(self) -> None:
        """Draw what is chosen."""
        choices = self.choices
        every = of_runs(self._series, self.shown_runs())
        starts = starts_of(every, choices.axis, choices.layout)
        is_unknown = bool(every) and all(np.isnan(getattr(each, choices.axis)).all() for each in every)
        for panel, cache, key in zip(self.panels, self._lines, choices.measures, strict=True):
            panel.set_measure(
                key, choices.axis, is_unknown=is_unknown, logarithmic=key in choices.logarithmic
            )
            lines = cache.make(self.series_of(panel), choices.axis, starts, choices.smoothing)
            styles = style_lines(lines, self._classes, self._run_order())
            panel.set_lines(lines, styles, self._entries(key), self._classes)
        self._show_help()

    def open_chooser(self) -> None:
        """Ask which classes have a curve."""
        delete_dialog(self.chooser)
        automatic = "All" if len(self._measured()) <= MANY_CLASSES else f"The {LOWEST} lowest"
        self.chooser = ClassChooser(
            self._classes, self._shown_classes(), f"Automatic: {automatic.lower()}", self.panels[0].window()
        )
        self.chooser.chosen.connect(lambda values: self._change(classes=values))
        self.chooser.show()

    # Choices

    def _change(self, **changed: object) -> None:
        self.choices = replace(self.choices, **changed)  # type: ignore[arg-type]
        self._show_choices()
        self.refresh()
        self.choices_changed.emit(self.choices)

    def _choose_measure(self, number: int, key: str) -> None:
        first, second = self.choices.measures
        self._change(measures=(key, second) if number == 0 else (first, key))

    def _choose_log(self, number: int, *, on: bool) -> None:
        key = self.choices.measures[number]
        others = [each for each in self.choices.logarithmic if each != key]
        self._change(logarithmic=tuple(sorted([*others, key] if on else others)))

    def _change_smoothing(self, percent: int) -> None:
        if percent != self.choices.smoothing:
            self._change(smoothing=percent)

    def _toggle(self, key: object) -> None:
        match key:
            case ("class", int(value)):
                shown = set(self._shown_classes())
                self._change(classes=tuple(sorted(shown ^ {value})))
            case ("name", str(name)):
                self._change(hidden=tuple(sorted(set(self.choices.hidden) ^ {name})))
            case ("run", int(run)):
                self._hidden_runs ^= {run}
                self.refresh()
            case ("more", "classes"):
                self.open_chooser()

    def _show_choices(self) -> None:
        choices = self.choices
        self.axis.setCurrentIndex(self.axis.findData(choices.axis))
        self.layouts[choices.layout].setChecked(True)
        for segment in self.layouts.values():
            segment.setEnabled(not choices.is_by_labels)
        self.smoothing.setValue(choices.smoothing)
        self.smoothing.setEnabled(not choices.is_by_labels)
        self.smoothing_text.setText(f"{choices.smoothing} %")

    # What is shown

    def _measured(self) -> tuple[int, ...]:
        """Classes that any run has a score of, in the order of the list."""
        found = {each.class_value for each in self._series if each.class_value is not None}
        return tuple(value for value in self._classes.values if value in found)

    def _shown_classes(self) -> tuple[int, ...]:
        measured = self._measured()
        if self.choices.classes is not None:
            return tuple(value for value in measured if value in self.choices.classes)
        if len(measured) <= MANY_CLASSES:
            return measured
        return lowest_classes(self._series, measured, LOWEST)

    def _candidates(self) -> list[int]:
        """The runs of the legend, hidden or not."""
        return sorted((self._selected & self._runs) or self._runs)

    def _run_order(self) -> list[int]:
        """Runs that have to be told apart."""
        over = self.choices.layout == "over" and not self.choices.is_by_labels
        candidates = self._candidates()
        return candidates if over and len(candidates) > 1 else []

    def _entries(self, measure: str) -> list[LegendEntry]:
        names, order = MEASURES[measure].names, self._run_order()
        entries: list[LegendEntry] = []
        drawn = {each.name for each in self._series if each.run_id in self._candidates()}
        if measure == "iou" and "miou" in drawn:
            shown = "miou" not in self.choices.hidden
            entries.append(LegendEntry(("name", "miou"), "mIoU", "text", width=2.5, shown=shown))
        if measure == "iou":
            entries += self._class_entries()
        if "val_loss" in names and "val_loss" in drawn:
            for name, title, dashes in (
                ("loss", "Training", ()),
                ("val_loss", "Validation", VALIDATION_DASHES),
            ):
                shown = name not in self.choices.hidden
                entries.append(LegendEntry(("name", name), title, "text", dashes=dashes, shown=shown))
        if drawn.intersection(names):
            entries += self._run_entries(order, by_dashes=measure == "iou")
        return entries

    def _class_entries(self) -> list[LegendEntry]:
        measured, shown = self._measured(), self._shown_classes()
        is_short = len(measured) <= MANY_CLASSES
        listed = measured if is_short else shown[:MANY_CLASSES]
        entries = []
        for number, each in enumerate(self._classes):
            if each.value in listed:
                entries.append(
                    LegendEntry(
                        ("class", each.value), each.name, each.colour, chip=True, pattern=number,
                        shown=each.value in shown,
                    )
                )  # fmt: skip
        if len(measured) > len(listed):
            others = count_of(len(measured) - len(listed), "more class", "more classes")
            entries.append(
                LegendEntry(
                    ("more", "classes"),
                    f"{others}…",
                    "disabled",
                    width=0,
                    hint="Choose which classes have a curve.",
                )
            )
        return entries

    def _run_entries(self, order: Sequence[int], *, by_dashes: bool) -> list[LegendEntry]:
        entries = []
        for place, run in enumerate(order[:MAX_RUN_ENTRIES]):
            entries.append(
                LegendEntry(
                    ("run", run),
                    f"Run {run}",
                    "muted" if by_dashes else RUN_COLOURS[place % len(RUN_COLOURS)],
                    width=1.25 if by_dashes else 2.0,
                    dashes=RUN_DASHES[place % len(RUN_DASHES)] if by_dashes else (),
                    shown=run not in self._hidden_runs,
                )
            )
        if len(order) > MAX_RUN_ENTRIES:
            more = count_of(len(order) - MAX_RUN_ENTRIES, "more run")
            hint = "Select a few runs in the table to compare them."
            entries.append(LegendEntry(("more", "runs"), more, "disabled", width=0, hint=hint))
        return entries

    def _show_help(self) -> None:
        chosen = sorted(self._selected & self._runs)
        if not chosen:
            which = "All runs; select some in the table to see only those."
        elif len(chosen) <= 4:
            which = f"{'Run' if len(chosen) == 1 else 'Runs'} {', '.join(map(str, chosen))}."
        else:
            which = f"{len(chosen)} selected runs."
        self.help.setText(f"{which} Drag to zoom, double-click for everything, click a point for its run.")
        self.help.setToolTip(CHART_HELP)

    def _make_bar(self) -> CurveBar:
        bar = CurveBar()
        axis = text_label("X axis", "muted")
        smoothing = text_label("Smoothing", "muted")
        controls = row(
            axis, self.axis, GRID, self.layout_frame, GRID, smoothing, self.smoothing, self.smoothing_text,
            GRID, self.help,
        )  # fmt: skip
        controls.setStretchFactor(self.help, 1)
        bar.setLayout(controls)
        return bar
