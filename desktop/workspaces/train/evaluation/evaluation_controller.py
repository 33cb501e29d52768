"""Evaluates runs in the Train workspace, and shows what was found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog

from core.base.changes import Changes
from core.base.errors import MaskloopError
from core.base.settings import Settings
from core.base.text import count_of
from core.evaluation.kept.evaluation_job import EvaluationJob
from core.evaluation.kept.evaluation_store import EvaluatedPicture
from core.evaluation.report.picture_strip import picture_strip
from core.evaluation.run_summary import RunSummary
from core.labels.class_list import ClassList
from core.project.records import Split
from core.session.models.evaluator import KeptEvaluation
from core.session.session import Session
from desktop.controller import Actions, Controller
from desktop.dispatcher import LatestRequest, MainThreadDispatcher
from desktop.theme.theme import Theme
from desktop.widgets.controls import explain_if_disabled
from desktop.widgets.dialog_deletion import delete_dialog
from desktop.workspaces.train.evaluation.evaluation_view import EvaluationView
from desktop.workspaces.train.evaluation.source_bar import Choice
from desktop.workspaces.train.page import TrainPage
from desktop.workspaces.train.runs.run_titles import left_out_text, runs_with_weights

STRIP_PART = (320, 240)
"""Largest width and height of a part of a strip in pixels."""
LOOKING = "Looking whether this is evaluated already …"
UNDER_WAY = "Each picture is predicted at its full size and compared with its label."
NOT_YET = "This is not evaluated yet, or labels or weights have changed since."


class EvaluationController(Controller):
    """The view is made when it is first needed, and lives as long as the project is open.

    `picture_requested` carries the id of a picture to open in the Label workspace.
    """

    picture_requested = Signal(int)

    def __init__(
        self,
        session: Session,
        dispatcher: MainThreadDispatcher,
        page: TrainPage,
        settings: Settings,
        theme: Theme,
        train_workspace: QAction,
    ) -> None:
        """train_workspace: the action that shows it"""
        super().__init__()
        self._session, self._dispatcher, self._page = session, dispatcher, page
        self._train_workspace = train_workspace
        self._settings, self._theme = settings, theme
        self.view: EvaluationView | None = None
        self.file_dialog: QFileDialog | None = None
        self._runs: Sequence[RunSummary] = ()
        self._source: Choice = None, "val"
        """What is shown or evaluated."""
        self.kept: KeptEvaluation | None = None
        self._running = False
        self._evaluation: Future[KeptEvaluation | None] | None = None
        """The one that is computed; others wait for the same process, as those of a comparison of runs."""
        self._lookup = LatestRequest(dispatcher)
        self._highlight_request = LatestRequest(dispatcher)
        self.connections.connect(page.evaluate_requested, self.open)

    def actions(self) -> Actions:
        return {"evaluate": self._evaluate_selected}

    def _evaluate_selected(self) -> None:
        if explain_if_disabled(self._page.evaluate, self.message):
            return
        self._train_workspace.trigger()
        self._page.evaluate.click()

    def close(self) -> None:
        super().close()
        self._lookup.cancel()
        self._highlight_request.cancel()
        delete_dialog(self.file_dialog)
        if self.view is not None:
            self._page.close_part(self.view)
            self.view.deleteLater()
            self.view = None

    def on_changes(self, changes: Changes) -> None:
        has_changed = changes.labels or changes.classes
        if has_changed and self.view is not None and self.kept is not None and not self._running:
            self.view.source.evaluation.progress.setText("Labels have changed since; evaluate again.")

    def set_runs(self, runs: Sequence[RunSummary]) -> None:
        """All runs, of which those with weights are offered."""
        self._runs = runs
        if self.view is not None:
            self.view.source.set_runs(runs_with_weights(runs), left_out_text(runs))

    def open(self, run: int) -> None:
        """Show the evaluation of a run with weights on the pictures chosen last, and compute it if it is not kept."""
        view = self.view = self.view or self._new_view()
        self._page.show_part(view)
        self.set_runs(self._runs)
        if not self._running:
            view.source.choose_run(run)
            if view.source.choice != self._source:
                self.kept = None  # of another run
            self._source = view.source.choice
            self.evaluate()

    def _new_view(self) -> EvaluationView:
        view = EvaluationView(self._theme)
        source = view.source
        source.closed.connect(lambda: self._page.close_part(view))
        source.changed.connect(self._on_source)
        source.evaluation.requested.connect(self.evaluate)
        source.evaluation.cancelled.connect(self._cancel)
        view.cell_shown.connect(self._highlight_cell)
        view.picture_opened.connect(self.picture_requested)
        view.show_message("")
        return view

    # What is evaluated

    def _on_source(self) -> None:
        """Another network or other pictures were chosen: ask for a file or folder, or show what is kept."""
        view = self.view
        if view is None:
            return
        choice = view.source.choice
        if choice[0] is None:
            self._ask(QFileDialog.FileMode.ExistingFile, "Evaluate a network", self.use_network)
        elif choice[1] is None:
            self._ask(QFileDialog.FileMode.Directory, "Evaluate on a dataset", self.use_folder)
        else:
            self._source = choice
            self._look_up()

    def _ask(self, mode: QFileDialog.FileMode, title: str, use: Callable[[Path], None]) -> None:
        dialog = QFileDialog(self._page.window(), title, str(self._session.folder.parent))
        dialog.setFileMode(mode)
        if mode == QFileDialog.FileMode.ExistingFile:
            dialog.setNameFilters(["Networks (*.safetensors *.pt *.pth)"])
        dialog.fileSelected.connect(lambda chosen: use(Path(chosen)))
        dialog.rejected.connect(self._restore_source)
        delete_dialog(self.file_dialog)
        self.file_dialog = dialog
        dialog.open()

    def _restore_source(self) -> None:
        """Nothing was chosen in the dialog: what was chosen before stays."""
        if self.view is not None:
            self.view.source.restore(self._source)

    def use_network(self, file: Path) -> None:
        """Evaluate the network in a file."""
        if self.view is not None:
            self.view.source.choose_file(file)
            self._on_source()

    def use_folder(self, folder: Path) -> None:
        """Evaluate on the dataset in a folder."""
        if self.view is not None:
            self.view.source.choose_folder(folder)
            self._on_source()

    def job(self, *, only_kept: bool = False) -> EvaluationJob:
        """What is chosen, for the process that evaluates."""
        network, place = self._source
        return EvaluationJob(
            self._session.home,
            network if isinstance(network, int) else 0,
            network if isinstance(network, Path) else None,
            Split(place) if isinstance(place, str) else Split.VAL,
            place if isinstance(place, Path) else None,
            device=self._settings.get("device"),
            only_kept=only_kept,
        )

    def _look_up(self) -> None:
        """Show the kept evaluation of what is chosen, without computing one."""
        if self.view is None or self._running:
            return
        self.kept = None
        self.view.show_message(LOOKING)
        self._lookup.send(
            self._session.evaluator.evaluate(self.job(only_kept=True), lambda *_: None),
            self._show,
            self._on_failed,
        )

    def evaluate(self) -> None:
        """Compute the evaluation of what is chosen, unless it is kept."""
        if self.view is None or self._running:
            return
        self._running = True
        self._lookup.cancel()
        self.view.source.set_running("Starting")
        if self.kept is None:
            self.view.show_message(UNDER_WAY)
        self._evaluation = self._dispatcher.when_done(
            self._session.evaluator.evaluate(self.job(), self._on_progress),
            self._on_evaluated,
            self._on_failed,
            self._on_cancelled,
        )

    def _cancel(self) -> None:
        if self._evaluation is not None:
            self._session.evaluator.cancel(self._evaluation)

    def _on_progress(self, done: int, total: int) -> None:
        """On the evaluation lane."""

        def show() -> None:
            if self.view is not None and self._running:
                self.view.source.set_running(f"{done:,} of {count_of(total, 'picture')}", done, total)

        self._dispatcher.post(show)

    def _on_evaluated(self, kept: KeptEvaluation | None) -> None:
        self._end()
        self._show(kept)

    def _on_failed(self, problem: MaskloopError) -> None:
        self._end()
        if self.view is not None:
            self.kept = None
            self.view.show_message(str(problem), is_problem=True)

    def _on_cancelled(self) -> None:
        self._end()
        if self.view is not None and self.kept is None:
            self.view.show_message("The evaluation was cancelled.")

    def _end(self) -> None:
        self._running = False
        if self.view is not None:
            self.view.source.set_running(None)

    # What was found

    def _show(self, kept: KeptEvaluation | None) -> None:
        self.kept = kept
        if self.view is None:
            return
        if kept is None:
            self.view.show_message(NOT_YET)
            return
        classes = self._session.editing.classes
        self.view.show_evaluation(kept, classes, can_open=self.job().data is None)
        for cards in (self.view.worst, self.view.best):
            for number in cards.cards:
                self._dispatcher.when_done(
                    self._session.evaluator.render(kept.key, number, partial(_strip, classes=classes)),
                    partial(cards.set_strip, number),
                    lambda _: None,  # the caption stays
                )

    def _highlight_cell(self, true_value: int, predicted_value: int, number: int) -> None:
        if self.kept is None or self.view is None:
            return
        image = self.view.cell_pictures.image
        self._highlight_request.send(
            self._session.evaluator.render(
                self.kept.key, number, lambda picture: picture.highlight(true_value, predicted_value)
            ),
            image.show_pixels,
            lambda problem: image.show_text(str(problem)),
        )


def _strip(picture: EvaluatedPicture, classes: ClassList) -> NDArray[np.uint8]:
    return picture_strip(picture.pixels, picture.truth, picture.predicted, classes, STRIP_PART)
