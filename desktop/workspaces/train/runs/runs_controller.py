"""Star, note, tags, repetition and deletion of runs: by keys, by the context menu, and by a click on a star."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QInputDialog, QMenu, QMessageBox

from core.base.display_text import quoted
from core.base.settings import Settings
from core.base.text import count_of
from core.session.session import Session
from desktop.controller import Controller
from desktop.dispatcher import MainThreadDispatcher
from desktop.widgets.dialog_deletion import delete_dialog
from desktop.workspaces.train.page import TrainPage
from desktop.workspaces.train.runs.runs_table import METRICS, TITLES, RunRow

SORT_STATE = "runs_sort"
"""Name of the window state that holds the title of a column, and whether the order is descending."""
METRIC_FACT = "runs_metric"
"""Name of the fact of a project that holds which score the table shows."""


class RunsController(Controller):
    """The work is done by `session.run_book`. A project that is open read-only can be looked at and sorted."""

    def __init__(
        self, session: Session, dispatcher: MainThreadDispatcher, page: TrainPage, settings: Settings
    ) -> None:
        super().__init__()
        self._session, self._dispatcher, self._page, self._settings = session, dispatcher, page, settings
        self._table = page.runs
        self.dialog: QInputDialog | QMessageBox | None = None
        self.menu: QMenu | None = None
        connect = self.connections.connect
        connect(self._table.sorted_by, lambda *order: settings.set_state(SORT_STATE, list(order)))
        connect(page.metric_chosen, self._choose_metric)
        connect(self._table.asked, self._on_asked)
        connect(self._table.star_clicked, self._toggle_star)
        connect(self._table.menu_requested, self.show_menu)
        match settings.get_state(SORT_STATE):
            case [str(title), bool(descending)] if title in TITLES:
                self._table.set_sort(title, descending=descending)

    def start(self) -> None:
        self._show_metric("miou")
        self._dispatcher.when_done(self._session.fact(METRIC_FACT), self._restore_metric)

    def close(self) -> None:
        super().close()
        self._page.runs_filter.clear()
        self._table.clearSelection()  # the next project has runs of the same numbers
        for each in (self.dialog, self.menu):
            delete_dialog(each)

    def _choose_metric(self, metric: str) -> None:
        self._show_metric(metric)
        if not self._session.read_only_reason:
            self._session.set_fact(METRIC_FACT, metric)

    def _restore_metric(self, metric: str | None) -> None:
        if metric in METRICS and not self.is_closed:
            self._show_metric(metric)

    def _show_metric(self, metric: str) -> None:
        self._table.set_metric(metric)
        self._page.metric_choice.setCurrentIndex(self._page.metric_choice.findData(metric))

    def show_menu(self, place: QPoint) -> None:
        """place: on the screen"""
        runs = self._table.selected_runs()
        if not runs:
            return
        menu, page = QMenu(self._table), self._page
        one, may_write = len(runs) == 1, not self._session.read_only_reason
        starred = all(run.is_starred for run in runs)

        def add(name: str, title: str, key: str, act: Callable[[], object], *, is_enabled: bool) -> None:
            action = menu.addAction(f"{title}\t{key}" if key else title)
            action.setObjectName(name)
            action.setEnabled(is_enabled)
            action.triggered.connect(lambda _on=False: act())

        def ask(name: str, title: str, key: str, *, is_enabled: bool) -> None:
            add(name, title, key, lambda: self._on_asked(name), is_enabled=is_enabled)

        ask("star", "Remove star" if starred else "Star", "S", is_enabled=may_write)
        ask("note", "Edit note…", "F2", is_enabled=may_write and one)
        ask("tags", "Tags…", "T", is_enabled=may_write and one)
        menu.addSeparator()
        ask("repeat", "Repeat with changes…", "R", is_enabled=may_write and one)
        add("use", "Use this network", "", page.use.click, is_enabled=page.use.isEnabled())
        add("compare", "Compare…", "C", page.compare.click, is_enabled=page.compare.isEnabled())
        add("evaluate", "Evaluate…", "", page.evaluate.click, is_enabled=page.evaluate.isEnabled())
        add("report", "Report…", "", page.report.click, is_enabled=page.report.isEnabled())
        add(
            "report_project",
            "Report on the project…",
            "",
            lambda: page.report_requested.emit([]),
            is_enabled=True,
        )
        menu.addSeparator()
        ask("delete", "Delete with files…", "Del", is_enabled=may_write)
        delete_dialog(self.menu)
        self.menu = menu
        menu.popup(place)

    def _on_asked(self, asked: str) -> None:
        runs = self._table.selected_runs()
        if not runs:
            return
        if asked == "star":
            starred = not all(run.is_starred for run in runs)
            self._send(self._session.run_book.set_starred([run.number for run in runs], starred))
        elif asked == "delete":
            self._ask_to_delete([run.number for run in runs])
        elif asked == "compare":
            self._page.compare.click() if len(runs) > 1 else self.message.emit(self._page.compare.toolTip())
        elif len(runs) > 1:
            self.message.emit("Select one run of the table.")
        elif asked == "note":
            self._edit_note(runs[0])
        elif asked == "tags":
            self._edit_tags(runs[0])
        elif asked == "repeat":
            self._page.repeat_requested.emit(runs[0].number)

    def _toggle_star(self, number: int) -> None:
        for run in self._table.all_runs:
            if run.number == number:
                self._send(self._session.run_book.set_starred([number], not run.is_starred))

    def _edit_note(self, run: RunRow) -> None:
        book = self._session.run_book
        self._ask_text(
            "Note", f"Note of run {run.number}", run.note, lambda text: book.set_note(run.number, text)
        )

    def _edit_tags(self, run: RunRow) -> None:
        book = self._session.run_book
        self._ask_text(
            "Tags",
            f"Tags of run {run.number}, separated by commas",
            ", ".join(run.tags),
            lambda text: book.set_tags(run.number, text.split(",")),
        )

    def _ask_text(self, title: str, label: str, text: str, store: Callable[[str], Future[None]]) -> None:
        dialog = QInputDialog(self._page.window())
        dialog.setWindowTitle(title)
        dialog.setLabelText(label)
        dialog.setTextValue(text)
        dialog.resize(420, dialog.sizeHint().height())
        dialog.textValueSelected.connect(lambda entered: self._send(store(entered)))
        delete_dialog(self.dialog)
        self.dialog = dialog
        dialog.open()

    def _ask_to_delete(self, numbers: list[int]) -> None:
        """Ask once it is known what would be freed, or say why not."""
        self._dispatcher.when_done(
            self._session.run_book.bytes_to_free(numbers),
            lambda size: None if self.is_closed else self._confirm(numbers, size),
        )

    def _confirm(self, numbers: list[int], size: int) -> None:
        names = f"run {numbers[0]}" if len(numbers) == 1 else count_of(len(numbers), "run")
        question = QMessageBox(
            QMessageBox.Icon.Question,
            "Delete with files",
            f"Delete the files of {names}? This frees {size / 2**20:,.1f} MB and cannot be undone.\n\nWeights, "
            "checkpoints and the pictures of the epoch strip are deleted. Curves, scores and notes stay in the table.",
            QMessageBox.StandardButton.Cancel,
            self._page.window(),
        )
        question.setTextFormat(Qt.TextFormat.PlainText)
        delete = question.addButton("Delete", QMessageBox.ButtonRole.DestructiveRole)
        delete.setObjectName("delete")
        question.setDefaultButton(QMessageBox.StandardButton.Cancel)
        delete.clicked.connect(
            lambda: self._dispatcher.when_done(self._session.run_book.delete(numbers), self._say_kept)
        )
        delete_dialog(self.dialog)
        self.dialog = question
        question.open()

    def _say_kept(self, kept: list[Path]) -> None:
        if kept and not self.is_closed:
            self.message.emit(
                f"{count_of(len(kept), 'file')} that Maskloop did not write stayed, such as {quoted(str(kept[0]))}."
            )

    def _send(self, future: Future[None]) -> None:
        """A failure is shown by the dispatcher."""
        self._dispatcher.when_done(future, lambda _done: None)
