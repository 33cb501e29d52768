"""Dialog that exports a dataset: what and where, and a plan of what will be written and lost."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QDialog, QFileDialog, QLineEdit, QProgressBar, QWidget

from core.formats.writers.registry import ExportFormat
from core.formats.writers.resize_and_tile import ResizeOptions
from core.session.transfer.export_destination import is_free
from core.session.transfer.file_names import PATTERN
from desktop.theme.theme import GRID, Theme
from desktop.transfer.export_option_fields import ExportOptionFields
from desktop.widgets.controls import button, column, combo_box, row, set_role, text_label
from desktop.widgets.form_row import form_row

SPLITS = (("train", "Training"), ("val", "Validation"), ("test", "Test"), ("none", "Without a split"))
CONTENTS = (
    ("labels", "Labels"),
    ("predictions", "Predictions"),
    ("both", "Labels and predictions"),
)


@dataclass(frozen=True, slots=True)
class ExportFormValues:
    """What is chosen in the dialog. `splits`: keys of `SPLITS`; `content`: a key of `CONTENTS`."""

    format: str
    splits: tuple[str, ...]
    content: str
    folder: str
    only_done: bool = False
    shape: ResizeOptions = field(default_factory=ResizeOptions)
    pattern: str = PATTERN
    lists: bool = False


class ExportDialog(QDialog):
    """Signals carry `ExportFormValues`. `values_changed` requests a new plan, `discard_requested` deletes what a
    cancelled export has finished."""

    values_changed = Signal(object)
    export_requested = Signal(object)
    cancel_requested = Signal()
    discard_requested = Signal(object)
    show_folder_requested = Signal()

    def __init__(
        self, theme: Theme, formats: Sequence[ExportFormat], folder: str = "", parent: QWidget | None = None
    ) -> None:
        """`folder`: the proposed destination, to which the name of the format is appended."""
        super().__init__(parent)
        self._theme = theme
        self._formats = {row.name: row for row in formats}
        self._folder = folder
        self._running = False
        self.setWindowTitle("Export dataset")
        self.setModal(False)
        self.setMinimumWidth(680)
        self._make_fields()
        self._place_fields()
        self._show_format()
        self.folder.setText(self._proposed_folder())
        self._connect()
        self.set_plan("Counting…", ready=False)

    def values(self) -> ExportFormValues:
        chosen = tuple(key for key, box in self.splits.items() if box.isChecked())
        return ExportFormValues(
            self.format.currentData(),
            chosen,
            self.content.currentData(),
            self.folder.text().strip(),
            self.only_done.isChecked(),
            self.option_fields.shape(),
            self.option_fields.pattern.text().strip(),
            self.option_fields.writes_lists(),
        )

    def set_plan(
        self,
        text: str,
        *,
        losses: Sequence[str] = (),
        ready: bool = True,
        warning: bool = False,
        resume_note: str | None = None,
        resumable: bool = False,
    ) -> None:
        """What an export would write, and what its format cannot represent; not `ready` disables the button.

        `resume_note`, `resumable`: see `set_resumable`.
        """
        self.show_folder.hide()
        self.plan.setText(text)
        set_role(self.plan, "warning" if warning else "")
        self.losses.setText("\n".join(f"• {loss}" for loss in losses))
        self.losses.setVisible(bool(losses))
        self.export.setEnabled(ready and not self._running)
        self.set_resumable(resume_note, resumable=resumable)

    def set_resumable(self, text: str | None, *, resumable: bool) -> None:
        """`text`: what happens to the files of a cancelled export; `resumable`: the next one continues from them, and a
        button discards them."""
        self.resume_note.setText(text or "")
        self.resume_note.setVisible(bool(text))
        self.discard.setVisible(resumable)
        self.export.setText("Continue" if resumable else "Export")

    def set_progress(self, done: int, total: int) -> None:
        """The export runs; `total` 0: the total is unknown."""
        self._running = True
        self.progress.show()
        self.progress.setRange(0, total)
        self.progress.setValue(done)
        self._enable(False)
        self.show_folder.hide()
        self.losses.hide()
        self.resume_note.hide()
        self.discard.hide()
        set_role(self.plan, "")
        self.cancel.setText("Cancel")
        self.plan.setText(f"Writing {done:,} of {total:,}…" if total else "Writing…")

    def set_finished(self, text: str, *, failed: bool = False) -> None:
        """The export ended: what was written, or why it failed."""
        self._running = False
        self.set_resumable(None, resumable=False)
        self.progress.hide()
        self._enable(True)
        self.plan.setText(text)
        set_role(self.plan, "danger" if failed else "good")
        self.cancel.setText("Cancel" if failed else "Close")
        self.show_folder.setVisible(not failed)

    def reject(self) -> None:
        """Cancel and Esc stop a running export; pressed again they close the dialog."""
        if self._running:
            self.cancel_requested.emit()
            return
        super().reject()

    def _make_fields(self) -> None:
        self.format = combo_box([(row.name, row.title) for row in self._formats.values()], "Format")
        self.format_help = text_label("", "muted", wrap=True)
        self.content = combo_box(CONTENTS, "What to write")
        self.splits = {key: QCheckBox(title) for key, title in SPLITS}
        self.only_done = QCheckBox("Only pictures marked as done")
        self.option_fields = ExportOptionFields()
        self.folder = QLineEdit()
        self.folder.setAccessibleName("Destination")
        self.browse = button("Choose…")
        self.plan = text_label("", wrap=True)
        self.losses = text_label("", "warning", wrap=True)
        self.resume_note = text_label("", "muted", wrap=True)
        self.discard = button("Discard finished part")
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.hide()
        self.show_folder = button("Show folder")
        self.export = button("Export", "primary")
        self.cancel = button("Cancel")
        for box in self.splits.values():
            box.setChecked(True)

    def _place_fields(self) -> None:
        self.setLayout(
            column(
                form_row("Format", self.format),
                form_row("", self.format_help),
                form_row("Write", self.content),
                form_row("Splits", *self.splits.values(), None),
                form_row("", self.only_done, None),
                self.option_fields,
                form_row("Into folder", self.folder, self.browse),
                GRID,
                self.plan,
                self.losses,
                self.resume_note,
                self.progress,
                None,
                row(self.show_folder, self.discard, None, self.cancel, self.export),
                margins=(3 * GRID, 3 * GRID, 3 * GRID, 2 * GRID),
                spacing=12,
            )
        )

    def _connect(self) -> None:
        for box in (*self.splits.values(), self.only_done):
            box.toggled.connect(self._changed)
        self.format.activated.connect(self._format_chosen)
        self.content.activated.connect(self._changed)
        self.option_fields.changed.connect(self._changed)
        self.folder.textChanged.connect(self._changed)
        self.browse.clicked.connect(self._choose)
        self.export.clicked.connect(lambda: self.export_requested.emit(self.values()))
        self.cancel.clicked.connect(self.reject)
        self.show_folder.clicked.connect(self.show_folder_requested)
        self.discard.clicked.connect(lambda: self.discard_requested.emit(self.values()))

    def _enable(self, on: bool) -> None:
        fields = (self.format, self.content, self.only_done, self.option_fields, self.folder, self.browse)
        for part in (*fields, self.export, *self.splits.values()):
            part.setEnabled(on)

    def _changed(self, *_: object) -> None:
        self.cancel.setText("Cancel")
        self.set_plan("Counting…", ready=False)
        self.values_changed.emit(self.values())

    def _format_chosen(self, *_: object) -> None:
        """The proposed folder follows the format until the user has chosen another one."""
        is_custom = self.folder.text() != self._proposal
        self._show_format()
        if not is_custom:
            was_blocked = self.folder.blockSignals(True)
            self.folder.setText(self._proposed_folder())
            self.folder.blockSignals(was_blocked)
        self._changed()

    def _show_format(self) -> None:
        chosen = self._formats[self.format.currentData()]
        self.format_help.setText(
            f"{chosen.about[:1].upper()}{chosen.about[1:]}. Checked with {chosen.tested_with}."
        )
        self.option_fields.set_lists_available(chosen.split_lists)

    def _proposed_folder(self) -> str:
        """A folder of this name that does not hold something else: of several the first that can be exported to."""
        base = f"{self._folder}-{self.format.currentData()}" if self._folder else ""
        names = itertools.chain([base], (f"{base}-{n}" for n in itertools.count(2)))
        self._proposal = next(name for name in names if not name or is_free(Path(name)))
        return self._proposal

    def _choose(self) -> None:
        dialog = QFileDialog(self, "Export into folder", self.folder.text())
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self.folder.setText)
        dialog.open()
