"""Export a dataset: what, where, and in numbers what will be written, before anything is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QDialog, QFileDialog, QLineEdit, QProgressBar, QWidget

from desktop.panels.parts import button, choice, column, row, set_role, words
from desktop.theme import GRID, Theme

SPLITS = (("train", "Training"), ("val", "Validation"), ("test", "Test"), ("none", "Without a split"))
CONTENTS = (
    ("labels", "Labels"),
    ("predictions", "Predictions"),
    ("both", "Labels and predictions, side by side"),
)


@dataclass(frozen=True, slots=True)
class ExportWish:
    """What the dialog asks for. `splits` are keys of SPLITS, `content` one of CONTENTS."""

    format: str
    splits: tuple[str, ...]
    content: str
    folder: str


class ExportDialog(QDialog):
    """Asks for a dry run at every change (`wish_changed`), and for the export itself (`export_asked`)."""

    wish_changed = Signal(object)
    export_asked = Signal(object)
    cancel_asked = Signal()

    def __init__(
        self,
        theme: Theme,
        formats: Sequence[tuple[str, str]],
        folder: str = "",
        parent: QWidget | None = None,
    ) -> None:
        """`formats`: (key, title) of what can be written; `folder`: the destination that is proposed."""
        super().__init__(parent)
        self._theme = theme
        self._running = False
        self.setWindowTitle("Export dataset")
        self.setModal(False)
        self.setMinimumWidth(560)
        self.format = choice(formats, "Format")
        self.content = choice(CONTENTS, "What to write")
        self.splits = {key: QCheckBox(title) for key, title in SPLITS}
        self.folder = QLineEdit(folder)
        self.choose = button("Choose…")
        self.plan = words("", wrap=True)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.export = button("Export", "primary")
        self.cancel = button("Cancel")
        for field, name in (
            (self.format, "Format"),
            (self.content, "What to write"),
            (self.folder, "Destination"),
        ):
            field.setAccessibleName(name)
        for box in self.splits.values():
            box.setChecked(True)
            box.toggled.connect(self._changed)
        self.format.activated.connect(self._changed)
        self.content.activated.connect(self._changed)
        self.folder.textChanged.connect(self._changed)
        self.choose.clicked.connect(self._choose)
        self.export.clicked.connect(lambda: self.export_asked.emit(self.wish()))
        self.cancel.clicked.connect(self.reject)
        self.setLayout(
            column(
                _line("Format", self.format),
                _line("Write", self.content),
                _line("Pictures", *self.splits.values()),
                _line("Into folder", self.folder, self.choose),
                GRID,
                self.plan,
                self.progress,
                None,
                row(None, self.cancel, self.export),
                margins=(3 * GRID, 3 * GRID, 3 * GRID, 2 * GRID),
                spacing=12,
            )
        )
        self.progress.hide()
        self.set_plan("Counting…", ready=False)

    def wish(self) -> ExportWish:
        chosen = tuple(key for key, box in self.splits.items() if box.isChecked())
        return ExportWish(
            self.format.currentData(), chosen, self.content.currentData(), self.folder.text().strip()
        )

    def set_plan(self, text: str, *, ready: bool = True, warning: bool = False) -> None:
        """What an export would write, in numbers; not `ready` keeps the button off."""
        self.plan.setText(text)
        set_role(self.plan, "warning" if warning else "")
        self.export.setEnabled(ready and not self._running)

    def set_progress(self, done: int, total: int) -> None:
        """The export runs; `total` 0: nobody knows how long."""
        self._running = True
        self.progress.show()
        self.progress.setRange(0, total)
        self.progress.setValue(done)
        self._enable(False)
        self.plan.setText(f"Writing {done:,} of {total:,}…" if total else "Writing…")

    def set_finished(self, text: str, *, failed: bool = False) -> None:
        """The export ended: what was written, or why not."""
        self._running = False
        self.progress.hide()
        self._enable(True)
        self.plan.setText(text)
        set_role(self.plan, "danger" if failed else "good")
        self.cancel.setText("Cancel" if failed else "Close")

    def reject(self) -> None:
        """Cancel and Esc stop a running export first; the second time they close."""
        if self._running:
            self.cancel_asked.emit()
            return
        super().reject()

    def _enable(self, on: bool) -> None:
        for part in (self.format, self.content, self.folder, self.choose, self.export, *self.splits.values()):
            part.setEnabled(on)

    def _changed(self, *_: object) -> None:
        self.cancel.setText("Cancel")
        self.set_plan("Counting…", ready=False)
        self.wish_changed.emit(self.wish())

    def _choose(self) -> None:
        dialog = QFileDialog(self, "Export into folder", self.folder.text())
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self.folder.setText)
        dialog.open()


def _line(title: str, *fields: QWidget) -> object:
    name = words(title, "muted")
    name.setFixedWidth(96)
    line = row(name, *fields)
    if len(fields) > 2:
        line.addStretch(1)
    else:
        line.setStretch(1, 1)
    return line
