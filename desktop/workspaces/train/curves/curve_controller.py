"""Reads the curves of a project, remembers what was chosen for them, and writes them to files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFileDialog

from core.session.session import Session
from core.session.training.curve_csv import curves_csv
from core.session.training.run_series import RunSeries
from desktop.controller import Controller
from desktop.dispatcher import LatestRequest, MainThreadDispatcher
from desktop.theme.theme import Theme
from desktop.widgets.chart_export import png_of, svg_of
from desktop.widgets.dialog_deletion import delete_dialog
from desktop.workspaces.train.curves.curve_choices import CurveChoices
from desktop.workspaces.train.curves.curve_panel import FILE_KINDS, CurvePanel
from desktop.workspaces.train.page import TrainPage

FACT = "training_curves"
STORE_MS = 400
"""A slider is stored once it stands still."""
_FILTERS = {"png": "PNG picture (*.png)", "svg": "SVG drawing (*.svg)", "csv": "CSV table (*.csv)"}


class CurveController(Controller):
    """`load` is called by `TrainController`, which limits how often. Nothing is read while the curves are hidden."""

    def __init__(
        self, session: Session, dispatcher: MainThreadDispatcher, page: TrainPage, theme: Theme
    ) -> None:
        super().__init__()
        self._session, self._dispatcher, self._page, self._theme = session, dispatcher, page, theme
        self._request = LatestRequest(dispatcher)
        self._store_timer = QTimer(self, singleShot=True, interval=STORE_MS)
        self._store_timer.timeout.connect(self._store)
        self._is_stale = False
        self.file_dialog: QFileDialog | None = None
        view = page.curves
        self.connections.connect(view.bar.shown, self._load_if_stale)
        self.connections.connect(view.choices_changed, self._on_choice)
        self.connections.connect(view.point_chosen, self._on_point)
        self.connections.connect(view.file_requested, self.choose_file)

    def start(self) -> None:
        self._dispatcher.when_done(self._session.fact(FACT), self._restore)

    def close(self) -> None:
        super().close()
        if self._store_timer.isActive():
            self._store_timer.stop()
            self._store()
        self._request.cancel()
        self._page.curves.clear()
        delete_dialog(self.file_dialog)

    def load(self) -> None:
        """Read what is drawn now, or when it becomes visible."""
        self._is_stale = not self._page.curves.bar.isVisible()
        if self._is_stale:
            return
        self._request.send(self._session.charts.series(self._page.curves.names_needed), self._show)

    def choose_file(self, panel: CurvePanel, kind: str) -> None:
        """Ask where a chart is to be kept. kind: of FILE_KINDS."""
        name = panel.title.lower().replace(" ", "-")
        proposed = self._session.folder.parent / f"{self._session.name}-{name}.{kind}"
        dialog = QFileDialog(self._page.window(), FILE_KINDS[kind].rstrip("…"), str(proposed))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters([_FILTERS[kind]])
        dialog.setDefaultSuffix(kind)
        dialog.fileSelected.connect(lambda file: self.write(panel, kind, Path(file)))
        delete_dialog(self.file_dialog)
        self.file_dialog = dialog
        dialog.open()

    def write(self, panel: CurvePanel, kind: str, file: Path) -> None:
        """Write what a chart shows now."""
        make: Callable[[], bytes]
        if kind == "csv":
            series, classes = self._page.curves.series_of(panel), self._session.editing.classes
            make = lambda: curves_csv(series, classes)  # noqa: E731
        elif kind == "svg":
            drawing = svg_of(panel.title, panel.chart, panel.legend, self._theme)
            make = lambda: drawing  # noqa: E731
        else:
            make = png_of(panel.title, panel.chart, panel.legend, self._theme)
        self._dispatcher.when_done(
            self._session.charts.write(file, make),
            lambda _none: self._dispatcher.noticed.emit(f"{panel.title} is in {file}."),
        )

    def _load_if_stale(self) -> None:
        if self._is_stale:
            self.load()

    def _restore(self, text: str | None) -> None:
        if not self.is_closed:
            self._page.curves.set_choices(CurveChoices.from_json(text))
            self.load()

    def _on_choice(self, _choices: CurveChoices) -> None:
        self._store_timer.start()
        self.load()

    def _store(self) -> None:
        if not self._session.read_only_reason:
            self._session.set_fact(FACT, self._page.curves.choices.to_json())

    def _show(self, series: tuple[RunSeries, ...]) -> None:
        if not self.is_closed:
            self._page.curves.set_series(series, self._session.editing.classes)

    def _on_point(self, run: int, step: int, checkpoint: int) -> None:
        self._page.select_run(run)
        if checkpoint:
            self._dispatcher.noticed.emit(
                f"Checkpoint {checkpoint} of run {run}, published at step {step:,}."
            )
        else:
            self._dispatcher.noticed.emit(f"Run {run}, step {step:,}: no checkpoint was published here.")
