"""Dialog that exports a trained network to a file, and shows how well that agrees with the network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QFileDialog, QLineEdit, QProgressBar, QWidget

from core.models.export_job import MODEL_FORMATS
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import button, column, combo_box, row, set_role, text_label
from desktop.widgets.form_row import form_row


class ModelExportDialog(QDialog):
    """`export_requested` carries path and run number."""

    export_requested = Signal(str, int)
    cancel_requested = Signal()

    def __init__(
        self,
        theme: Theme,
        runs: Sequence[tuple[int, str]],
        file: str,
        left_out: str = "",
        parent: QWidget | None = None,
    ) -> None:
        """`runs`: (number, title) of those with weights, that in use first; `file`: the proposed path, with suffix;
        `left_out`: which runs are not offered."""
        super().__init__(parent)
        self._theme = theme
        self._running = False
        self.setWindowTitle("Export model")
        self.setModal(False)
        self.setMinimumWidth(600)
        self.run = combo_box([(str(number), title) for number, title in runs], "Run")
        self.run.setToolTip(left_out)
        self.format = combo_box(list(MODEL_FORMATS.items()), "Format")
        self.format.setCurrentIndex(max(0, list(MODEL_FORMATS).index(Path(file).suffix)))
        self.file = QLineEdit(file)
        self.file.setAccessibleName("File")
        self.browse = button("Choose…")
        self.message = text_label(
            "The model takes a picture and returns its mask; resizing and normalization are included. A file with the "
            "class names is written next to it. Its output is then compared with Maskloop's own predictions.",
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
        self.browse.clicked.connect(self._choose)
        self.export.clicked.connect(self._request)
        self.cancel.clicked.connect(self.reject)
        self.setLayout(
            column(
                form_row("Weights of", self.run),
                form_row("Format", self.format),
                form_row("File", self.file, self.browse),
                GRID,
                self.message,
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

    def set_progress(self, step: str, done: int, of: int) -> None:
        """`step`: what is being done; `of` 0: the total is unknown."""
        self._running = True
        self._enable(False)
        self.progress.show()
        self.progress.setRange(0, of)
        self.progress.setValue(done)
        set_role(self.message, "muted")
        self.message.setText(f"{step}…")

    def set_finished(self, text: str, *, failed: bool = False) -> None:
        """The export ended: what was written and how well it agrees, or why it failed."""
        self._running = False
        self.progress.hide()
        self._enable(True)
        self.message.setText(text)
        set_role(self.message, "danger" if failed else "good")
        self.cancel.setText("Cancel" if failed else "Close")

    def reject(self) -> None:
        """Cancel and Esc stop a running export; pressed again they close the dialog."""
        if self._running:
            self.cancel_requested.emit()
            self.set_finished("The export was cancelled; nothing was written.", failed=True)
            return
        super().reject()

    def _enable(self, on: bool) -> None:
        for part in (self.run, self.format, self.file, self.browse, self.export):
            part.setEnabled(on)

    def _request(self) -> None:
        self.set_progress("Starting", 0, 0)
        self.export_requested.emit(self.file.text().strip(), int(self.run.currentData()))

    def _changed(self) -> None:
        suffix = Path(self.file.text().strip()).suffix.lower()
        self.export.setEnabled(suffix in MODEL_FORMATS and not self._running)
        if suffix in MODEL_FORMATS:
            self.format.setCurrentIndex(list(MODEL_FORMATS).index(suffix))

    def _rename(self) -> None:
        path = Path(self.file.text().strip() or "model")
        self.file.setText(str(path.with_suffix(self.format.currentData())))

    def _choose(self) -> None:
        dialog = QFileDialog(self, "Export model to", self.file.text())
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters([f"{title} (*{suffix})" for suffix, title in MODEL_FORMATS.items()])
        dialog.fileSelected.connect(self.file.setText)
        dialog.open()
