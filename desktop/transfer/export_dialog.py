"""Export a dataset: what, where, and in numbers what will be written and lost, before anything is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QDialog, QFileDialog, QLineEdit, QProgressBar, QWidget

from core.formats.writers.registry import Outgoing
from core.formats.writers.resize_and_tile import Shape
from core.session.transfer.file_names import PATTERN
from desktop.theme.theme import GRID, Theme
from desktop.transfer.export_option_fields import ExportChoices, line
from desktop.widgets.controls import button, choice, column, row, set_role, words

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
    only_done: bool = False
    shape: Shape = field(default_factory=Shape)
    pattern: str = PATTERN
    lists: bool = False


class ExportDialog(QDialog):
    """Asks for a dry run at every change (`wish_changed`), for the export itself (`export_asked`), and to
    forget what a stopped one has left (`discard_asked`)."""

    wish_changed = Signal(object)
    export_asked = Signal(object)
    cancel_asked = Signal()
    discard_asked = Signal(object)
    show_asked = Signal()

    def __init__(
        self, theme: Theme, formats: Sequence[Outgoing], folder: str = "", parent: QWidget | None = None
    ) -> None:
        """`formats`: what can be written; `folder`: the destination that is proposed, the format's name behind it."""
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
        self.folder.setText(self._proposed())
        self._connect()
        self.set_plan("Counting…", ready=False)

    def wish(self) -> ExportWish:
        chosen = tuple(key for key, box in self.splits.items() if box.isChecked())
        return ExportWish(
            self.format.currentData(),
            chosen,
            self.content.currentData(),
            self.folder.text().strip(),
            self.only_done.isChecked(),
            self.choices.shape(),
            self.choices.pattern.text().strip(),
            self.choices.lists(),
        )

    def set_plan(
        self,
        text: str,
        *,
        losses: Sequence[str] = (),
        ready: bool = True,
        warning: bool = False,
        left: str | None = None,
        goes_on: bool = False,
    ) -> None:
        """What an export would write, in numbers, and what its format cannot hold; not `ready` keeps the button off.
        `left` says what becomes of what a stopped export has left, which it may go on from."""
        self.show_folder.hide()
        self.plan.setText(text)
        set_role(self.plan, "warning" if warning else "")
        self.losses.setText("\n".join(f"• {loss}" for loss in losses))
        self.losses.setVisible(bool(losses))
        self.export.setEnabled(ready and not self._running)
        self.set_left(left, goes_on=goes_on)

    def set_left(self, text: str | None, *, goes_on: bool) -> None:
        """What a stopped export has left; the button that discards it is there when the next would go on from it."""
        self.left.setText(text or "")
        self.left.setVisible(bool(text))
        self.discard.setVisible(goes_on)
        self.export.setText("Go on" if goes_on else "Export")

    def set_progress(self, done: int, total: int) -> None:
        """The export runs; `total` 0: nobody knows how long."""
        self._running = True
        self.progress.show()
        self.progress.setRange(0, total)
        self.progress.setValue(done)
        self._enable(False)
        self.show_folder.hide()
        self.losses.hide()
        self.left.hide()
        self.discard.hide()
        set_role(self.plan, "")
        self.cancel.setText("Cancel")
        self.plan.setText(f"Writing {done:,} of {total:,}…" if total else "Writing…")

    def set_finished(self, text: str, *, failed: bool = False) -> None:
        """The export ended: what was written, or why not."""
        self._running = False
        self.set_left(None, goes_on=False)
        self.progress.hide()
        self._enable(True)
        self.plan.setText(text)
        set_role(self.plan, "danger" if failed else "good")
        self.cancel.setText("Cancel" if failed else "Close")
        self.show_folder.setVisible(not failed)

    def reject(self) -> None:
        """Cancel and Esc stop a running export first; the second time they close."""
        if self._running:
            self.cancel_asked.emit()
            return
        super().reject()

    def _make_fields(self) -> None:
        self.format = choice([(row.name, row.title) for row in self._formats.values()], "Format")
        self.about = words("", "muted", wrap=True)
        self.content = choice(CONTENTS, "What to write")
        self.splits = {key: QCheckBox(title) for key, title in SPLITS}
        self.only_done = QCheckBox("Only those marked done")
        self.choices = ExportChoices()
        self.folder = QLineEdit()
        self.folder.setAccessibleName("Destination")
        self.choose = button("Choose…")
        self.plan = words("", wrap=True)
        self.losses = words("", "warning", wrap=True)
        self.left = words("", "muted", wrap=True)
        self.discard = button("Discard what is finished")
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
                line("Format", self.format),
                line("", self.about),
                line("Write", self.content),
                line("Of", *self.splits.values(), None),
                line("", self.only_done, None),
                self.choices,
                line("Into folder", self.folder, self.choose),
                GRID,
                self.plan,
                self.losses,
                self.left,
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
        self.choices.changed.connect(self._changed)
        self.folder.textChanged.connect(self._changed)
        self.choose.clicked.connect(self._choose)
        self.export.clicked.connect(lambda: self.export_asked.emit(self.wish()))
        self.cancel.clicked.connect(self.reject)
        self.show_folder.clicked.connect(self.show_asked)
        self.discard.clicked.connect(lambda: self.discard_asked.emit(self.wish()))

    def _enable(self, on: bool) -> None:
        fields = (self.format, self.content, self.only_done, self.choices, self.folder, self.choose)
        for part in (*fields, self.export, *self.splits.values()):
            part.setEnabled(on)

    def _changed(self, *_: object) -> None:
        self.cancel.setText("Cancel")
        self.set_plan("Counting…", ready=False)
        self.wish_changed.emit(self.wish())

    def _format_chosen(self, *_: object) -> None:
        """The proposed folder follows the format until somebody has chosen another one."""
        own = self.folder.text() != self._proposal
        self._show_format()
        if not own:
            with_signals = self.folder.blockSignals(True)
            self.folder.setText(self._proposed())
            self.folder.blockSignals(with_signals)
        self._changed()

    def _show_format(self) -> None:
        chosen = self._formats[self.format.currentData()]
        self.about.setText(f"{chosen.about[:1].upper()}{chosen.about[1:]}. Checked with {chosen.checked_by}.")
        self.choices.set_lists(chosen.lists)

    def _proposed(self) -> str:
        self._proposal = f"{self._folder}-{self.format.currentData()}" if self._folder else ""
        return self._proposal

    def _choose(self) -> None:
        dialog = QFileDialog(self, "Export into folder", self.folder.text())
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self.folder.setText)
        dialog.open()
