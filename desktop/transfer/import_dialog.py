"""Dialog that imports a dataset: its recognised format, samples, the mapping of its classes, and a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QDialog, QFileDialog, QLineEdit, QProgressBar, QWidget

from core.base.number_text import percent_text
from core.formats.dataset_types import DatasetClass, Recognition
from core.formats.doubt import Doubt, DoubtAnswer, ValueReading
from core.labels.class_list import ClassList
from core.project.records import Split
from core.session.transfer.import_plan import ClassChoice
from core.session.transfer.sample_preview import SamplePreview
from desktop.theme.theme import GRID, Theme
from desktop.transfer.class_map import ClassMapping
from desktop.transfer.doubt_list import DoubtList
from desktop.transfer.dropped_files import dropped_folder
from desktop.transfer.preview_row import PreviewRow
from desktop.widgets.controls import button, column, combo_box, row, set_role, text_label
from desktop.widgets.form_row import TITLE_WIDTH, form_row

SPLITS = (
    ("", "As in the dataset"),
    ("train", "All to training"),
    ("val", "All to validation"),
    ("test", "All to test"),
)


VALUE_TITLES = {
    ValueReading.INDEX: "Class numbers",
    ValueReading.PALETTE: "Colours of the palette",
    ValueReading.COLOUR: "Colours",
    ValueReading.BINARY: "Black and white",
}


class ImportDialog(QDialog):
    """`source_chosen` requests a scan of a folder, `options_changed` a new plan."""

    source_chosen = Signal(str, str)
    """Carries folder and format, or the key for automatic recognition."""
    options_changed = Signal()
    import_requested = Signal()
    cancel_requested = Signal()
    report_requested = Signal(str)
    """Carries the HTML file to write."""

    def __init__(
        self, theme: Theme, formats: Sequence[tuple[str, str]], auto: str, parent: QWidget | None = None
    ) -> None:
        """`formats`: (key, title) of what can be read; `auto`: the key for automatic recognition."""
        super().__init__(parent)
        self._titles, self._auto = dict(formats), auto
        self._running = self._ready = False
        self.setWindowTitle("Import dataset")
        self.setModal(False)
        self.setMinimumWidth(640)
        self.setAcceptDrops(True)
        self.folder = QLineEdit()
        self.folder.setPlaceholderText("Drop the dataset's folder here, or choose it")
        self.folder.setAccessibleName("Dataset's folder")
        self.browse = button("Choose…")
        self.format = combo_box([(auto, "Detect automatically"), *formats], "Format")
        self.reason = text_label("", "muted", wrap=True)
        self.reason.hide()
        self.previews = PreviewRow(theme)
        self.doubts = DoubtList()
        self.values = combo_box([("", "Decided by evidence")], "Values of masks")
        self.values_row = QWidget()
        self.values_row.setLayout(form_row("Mask values", self.values))
        self.fits_masks = False
        """Whether masks that miss the size of their picture by a pixel or two are fitted."""
        self.class_mapping = ClassMapping(theme)
        self.split = combo_box(SPLITS, "Split")
        for box in (self.format, self.split):
            box.setMinimumContentsLength(20)
        self.plan = text_label("", wrap=True)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.report_button = button("Save report…")
        self.report_button.setToolTip("Save the whole account, with masks on pictures, as an HTML file")
        self.report_button.setEnabled(False)
        self.import_button = button("Import", "primary")
        self.cancel = button("Cancel")
        self._connect()
        self._lay_out()
        self.progress.hide()
        self.previews.hide()
        self.class_mapping.hide()
        self.values_row.hide()
        self.set_plan("Nothing is changed until you press Import.", ready=False)

    # Chosen values ------------------------------------------------------------------------------------

    def class_choices(self) -> dict[str, ClassChoice]:
        """The chosen target of each class, by its name in the dataset."""
        return self.class_mapping.choices()

    def chosen_classes(self) -> dict[str, ClassChoice]:
        """Those of the class choices that a person has made."""
        return self.class_mapping.chosen()

    def split_choice(self) -> Split | None:
        return Split(self.split.currentData()) if self.split.currentData() else None

    def values_choice(self) -> ValueReading | None:
        """The chosen reading of mask values; None to decide by evidence."""
        return ValueReading(self.values.currentData()) if self.values.currentData() else None

    def set_folder(self, folder: str) -> None:
        """Scan another folder."""
        self.folder.setText(folder)
        self._recognise()

    # What is shown ------------------------------------------------------------------------------------

    def set_scanning(self) -> None:
        """The folder is being scanned; the duration is unknown."""
        self._set_reason("Scanning the folder…")
        self.report_button.setEnabled(False)
        self.progress.setRange(0, 0)
        self.progress.show()
        self.previews.hide()
        self.doubts.hide()
        self.class_mapping.hide()
        self.set_plan("", ready=False)
        self.adjustSize()

    def set_recognised(
        self,
        recognitions: Sequence[Recognition],
        recognition: Recognition,
        classes: Sequence[DatasetClass],
        known: ClassList,
    ) -> None:
        """Show the recognised format, the other candidates and the classes."""
        self.progress.hide()
        self._set_formats(recognitions, recognition.format)
        self._set_reason(recognition.reason)
        self.class_mapping.set_classes(classes, known)
        self.class_mapping.setVisible(bool(classes))
        self.adjustSize()

    def set_readings(self, reading: ValueReading | None, readings: Sequence[ValueReading]) -> None:
        """Offer the readings of mask values that are possible; `reading` is the one in use."""
        chosen = self.values.currentData() or ""
        self.values.clear()
        decided = f" ({VALUE_TITLES[reading]})" if reading and not chosen else ""
        self.values.addItem(f"Decided by evidence{decided}", "")
        for key in readings:
            self.values.addItem(VALUE_TITLES[key], key.value)
        self.values.setCurrentIndex(max(0, self.values.findData(chosen)))
        self.values_row.setVisible(bool(readings))

    def set_doubts(self, doubts: Sequence[Doubt]) -> None:
        self.doubts.set_doubts(doubts)
        self.adjustSize()

    def set_shares(self, shares: Mapping[str, float]) -> None:
        """Show the share of the pixels of each class, 0..1 by name."""
        self.class_mapping.set_shares(shares)

    def set_previews(
        self,
        previews: Sequence[SamplePreview],
        classes: Sequence[DatasetClass],
        *,
        has_others: bool = False,
    ) -> None:
        """Show a few pictures with their masks."""
        self.previews.set_previews(previews, classes, has_others=has_others)
        self.previews.setVisible(bool(previews))
        self.adjustSize()

    def set_error(self, sentence: str) -> None:
        """The folder holds no dataset, or not one of the chosen format."""
        self.progress.hide()
        self._set_reason("")
        self.set_plan(sentence, ready=False, warning=True)

    def set_plan(self, text: str, *, ready: bool = True, warning: bool = False) -> None:
        """What an import would do; not `ready` disables the button."""
        self._ready = ready
        self._set_text(text, "warning" if warning else "")
        self.import_button.setEnabled(ready and not self._running)

    def _set_text(self, text: str, role: str) -> None:
        """All lines of the text are seen, whatever its length."""
        self.plan.setText(text)
        set_role(self.plan, role)
        width = self.plan.width() if self.isVisible() else self.minimumWidth() - 6 * GRID
        self.plan.setMinimumHeight(self.plan.heightForWidth(width))
        self.adjustSize()

    def is_planned(self) -> bool:
        """Whether the dialog waits for the Import button, with a complete plan."""
        return self._ready and not self._running

    def set_progress(self, done: int, total: int) -> None:
        """The import runs."""
        self._running = True
        self.progress.show()
        self.progress.setRange(0, total)
        self.progress.setValue(done)
        self._enable(False)
        self.plan.setText(f"Importing {done:,} of {total:,}…" if total else "Importing…")
        set_role(self.plan, "")

    def set_finished(self, text: str, *, failed: bool = False) -> None:
        """The import ended: what was imported, or why it failed."""
        self._running = False
        self.progress.hide()
        self._enable(True)
        self._set_text(text, "danger" if failed else "good")
        self.cancel.setText("Cancel" if failed else "Close")

    def reject(self) -> None:
        """Cancel and Esc stop a running import; pressed again they close the dialog."""
        if self._running:
            self.cancel_requested.emit()
            return
        super().reject()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        if not self._running and dropped_folder(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        folder = dropped_folder(event)
        if folder is not None and not self._running:
            event.acceptProposedAction()
            self.set_folder(str(folder))

    def _set_reason(self, text: str) -> None:
        self.reason.setText(text)
        self.reason.setVisible(bool(text))

    def _set_formats(self, recognitions: Sequence[Recognition], taken: str) -> None:
        """Offer the recognised formats, most confident first, then all others."""
        candidates = {
            r.format: f"{self._titles.get(r.format, r.format)} (confidence {percent_text(r.confidence)})"
            for r in recognitions
        }
        rest = {key: title for key, title in self._titles.items() if key not in candidates}
        self.format.clear()
        for key, title in (candidates | rest).items():
            self.format.addItem(title, key)
        self.format.setCurrentIndex(max(0, self.format.findData(taken)))

    def _scan(self) -> None:
        if self.folder.text().strip():
            self.cancel.setText("Cancel")
            self.source_chosen.emit(self.folder.text().strip(), self.format.currentData() or self._auto)

    def _recognise(self) -> None:
        self._set_formats((), self._auto)
        self.format.insertItem(0, "Detect automatically", self._auto)
        self.format.setCurrentIndex(0)
        self.values.setCurrentIndex(0)
        self.fits_masks = False
        self.doubts.forget_answers()
        self._scan()

    def _answer(self, answer: DoubtAnswer) -> None:
        """Read or fit the masks in the chosen way, or map the classes as the answer says."""
        if answer.fits_masks is not None:
            self.fits_masks = answer.fits_masks
            self._scan()
            return
        if answer.values is not None and answer.values != self.values_choice():
            self.values.setCurrentIndex(max(0, self.values.findData(answer.values.value)))
            self._scan()
            return
        for name, target in answer.mapping:
            self.class_mapping.choose(name, target)
        if answer.is_assumed and answer.values is None:
            self.class_mapping.reset()
        self._changed()

    def _choose(self) -> None:
        dialog = QFileDialog(self, "Choose the dataset's folder", self.folder.text() or str(Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self.set_folder)
        dialog.open()

    def _choose_report(self) -> None:
        dialog = QFileDialog(self, "Save the report of this import", str(Path.home() / "import.html"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter("HTML files (*.html)")
        dialog.setDefaultSuffix("html")
        dialog.fileSelected.connect(self.report_requested)
        dialog.open()

    def _changed(self) -> None:
        self.cancel.setText("Cancel")
        self.set_plan("Counting…", ready=False)
        self.options_changed.emit()

    def _enable(self, on: bool) -> None:
        parts = (
            self.folder,
            self.browse,
            self.format,
            self.values,
            self.doubts,
            self.class_mapping,
            self.split,
        )
        for part in parts:
            part.setEnabled(on)
        self.import_button.setEnabled(on and self._ready)

    def _connect(self) -> None:
        self.browse.clicked.connect(self._choose)
        self.folder.returnPressed.connect(self._recognise)
        self.format.activated.connect(self._scan)
        self.values.activated.connect(self._scan)
        self.doubts.answered.connect(self._answer)
        self.class_mapping.changed.connect(self._changed)
        self.split.activated.connect(self._changed)
        self.report_button.clicked.connect(self._choose_report)
        self.report_button.setAutoDefault(False)
        self.import_button.clicked.connect(self.import_requested)
        self.cancel.clicked.connect(self.reject)
        self.import_button.setAutoDefault(False)
        self.browse.setAutoDefault(False)
        self.cancel.setAutoDefault(False)

    def _lay_out(self) -> None:
        self.setLayout(
            column(
                form_row("From folder", self.folder, self.browse),
                form_row("Format", self.format),
                row(TITLE_WIDTH + GRID, self.reason),
                self.values_row,
                self.previews,
                self.doubts,
                self.class_mapping,
                form_row("Split", self.split),
                GRID,
                self.plan,
                self.progress,
                None,
                row(self.report_button, None, self.cancel, self.import_button),
                margins=(3 * GRID, 3 * GRID, 3 * GRID, 2 * GRID),
                spacing=12,
            )
        )
