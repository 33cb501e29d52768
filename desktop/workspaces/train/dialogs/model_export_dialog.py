"""Export a trained network: as what, where to, and how well what was written agrees with us."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QFileDialog, QLineEdit, QProgressBar, QWidget

from core.models.export_job import FORMATS
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import button, choice, column, row, set_role, words


class ExportModelDialog(QDialog):
    """`export_asked(path, run number)`; `cancel_asked` while it runs."""

    export_asked = Signal(str, int)
    cancel_asked = Signal()

    def __init__(
        self, theme: Theme, runs: Sequence[tuple[int, str]], file: str, parent: QWidget | None = None
    ) -> None:
        """`runs`: (number, title) of those with weights, newest first; `file`: what is proposed, with suffix."""
        super().__init__(parent)
        self._theme = theme
        self._running = False
        self.setWindowTitle("Export model")
        self.setModal(False)
        self.setMinimumWidth(600)
        self.run = choice([(str(number), title) for number, title in runs], "Run")
        self.format = choice(list(FORMATS.items()), "Format")
        self.format.setCurrentIndex(max(0, list(FORMATS).index(Path(file).suffix)))
        self.file = QLineEdit(file)
        self.file.setAccessibleName("File")
        self.choose = button("Choose…")
        self.about = words(
            "Takes a picture and gives its mask; scaling and colours are seen to inside. A file with the names of "
            "the classes is written beside. Then it is compared with Maskloop's own predictions.",
            "muted",
            wrap=True,
        )
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.hide()
        self.export = button("Export", "primary")
        self.cancel = button("Cancel")
        self.format.activated.connect(self._rename)
        self.file.textChanged.connect(self._changed)
        self.choose.clicked.connect(self._choose)
        self.export.clicked.connect(self._ask)
        self.cancel.clicked.connect(self.reject)
        self.setLayout(
            column(
                _line("Weights of", self.run),
                _line("Format", self.format),
                _line("File", self.file, self.choose),
                GRID,
                self.about,
                self.progress,
                None,
                row(None, self.cancel, self.export),
                margins=(3 * GRID, 3 * GRID, 3 * GRID, 2 * GRID),
                spacing=12,
            )
        )
        self._changed()

    @property
    def is_running(self) -> bool:
        return self._running

    def set_progress(self, what: str, done: int, of: int) -> None:
        """What is being done; `of` 0: nobody knows how much there is."""
        self._running = True
        self._enable(False)
        self.progress.show()
        self.progress.setRange(0, of)
        self.progress.setValue(done)
        set_role(self.about, "muted")
        self.about.setText(f"{what}…")

    def set_finished(self, text: str, *, failed: bool = False) -> None:
        """The export ended: what was written and how well it agrees, or why not."""
        self._running = False
        self.progress.hide()
        self._enable(True)
        self.about.setText(text)
        set_role(self.about, "danger" if failed else "good")
        self.cancel.setText("Cancel" if failed else "Close")

    def reject(self) -> None:
        """Cancel and Esc stop a running export first; the second time they close."""
        if self._running:
            self.cancel_asked.emit()
            self.set_finished("The export was cancelled; nothing was written.", failed=True)
            return
        super().reject()

    def _enable(self, on: bool) -> None:
        for part in (self.run, self.format, self.file, self.choose, self.export):
            part.setEnabled(on)

    def _ask(self) -> None:
        self.set_progress("Starting", 0, 0)
        self.export_asked.emit(self.file.text().strip(), int(self.run.currentData()))

    def _changed(self) -> None:
        suffix = Path(self.file.text().strip()).suffix.lower()
        self.export.setEnabled(suffix in FORMATS and not self._running)
        if suffix in FORMATS:
            self.format.setCurrentIndex(list(FORMATS).index(suffix))

    def _rename(self) -> None:
        path = Path(self.file.text().strip() or "model")
        self.file.setText(str(path.with_suffix(self.format.currentData())))

    def _choose(self) -> None:
        dialog = QFileDialog(self, "Export model to", self.file.text())
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters([f"{title} (*{suffix})" for suffix, title in FORMATS.items()])
        dialog.fileSelected.connect(self.file.setText)
        dialog.open()


def _line(title: str, *fields: QWidget) -> object:
    name = words(title, "muted")
    name.setFixedWidth(96)
    line = row(name, *fields)
    line.setStretch(1, 1)
    return line
