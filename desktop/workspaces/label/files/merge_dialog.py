"""Dialog that shows two labels of the same picture side by side, and asks which counts."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QButtonGroup, QDialog, QLabel, QLayout, QRadioButton, QWidget

from core.base.text import count_of
from core.labels.class_list import VOID, ClassList
from core.project.content.decisions import MergeChoice, merged_values
from core.session.content.double_preview import DoublePreview, LabelVersion, blend_label
from desktop.image_conversion import to_qimage
from desktop.theme.theme import GRID
from desktop.widgets.controls import ElidedLabel, button, column, row, text_label

PREVIEW_SIDE = 560
"""Longer side of the pictures that are read, for screens scaled to 200 %."""
SHOWN_SIDE, SHOWN_SIDE_ON_LOW_SCREENS, LOW_SCREEN = 280, 200, 700
"""Logical pixels."""
MAX_CLASSES = 4
"""Classes listed below a label; the rest is counted."""


class MergeDialog(QDialog):
    """`merge_requested` carries the `MergeChoice`."""

    merge_requested = Signal(object)

    def __init__(self, preview: DoublePreview, classes: ClassList, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Merge two labels")
        self._preview, self._classes = preview, classes
        is_low = self.screen().availableSize().height() < LOW_SCREEN
        self._side = SHOWN_SIDE_ON_LOW_SCREENS if is_low else SHOWN_SIDE
        missing, present = preview.missing, preview.present
        head = text_label(
            f"{present.record.path} has the same content as {missing.record.path}, which is not there any more. "
            "Both are labelled. One picture remains: it has the file, the history, split and tags of the missing one, "
            "and the label that you choose here.",
            wrap=True,
        )
        self.result_picture = QLabel()
        self.result_picture.setAccessibleName("The merged label")
        self.result_text = text_label("", "muted")
        head.setFixedWidth(3 * self._side + 4 * GRID)
        head.setMinimumHeight(head.heightForWidth(head.width()))
        cards = row(
            self._card("Missing", missing),
            self._card("In the folder", present),
            self._card_of("Result", self.result_picture, present.record.path, self.result_text),
            spacing=2 * GRID,
        )
        self._group = QButtonGroup(self)
        self.choices: dict[MergeChoice, QRadioButton] = {}
        titles = {
            MergeChoice.BOTH: f"Both; where both have a label, that of {present.record.name} counts",
            MergeChoice.MISSING: f"Only the label of {missing.record.name}, which is missing",
            MergeChoice.PRESENT: f"Only the label of {present.record.name}, which is in the folder",
        }
        for choice, title in titles.items():
            self.choices[choice] = made = QRadioButton(title)
            made.toggled.connect(lambda on: self._show_result() if on else None)
            self._group.addButton(made)
        self.merge_button = button("Merge", "primary")
        self.merge_button.clicked.connect(self._merge)
        self.merge_button.setDefault(True)
        cancel = button("Leave both")
        cancel.setAutoDefault(False)
        cancel.clicked.connect(self.reject)
        note = text_label("Undo brings both back.", "muted")
        layout = column(
            head,
            cards,
            column(*self.choices.values(), spacing=GRID // 2),
            row(note, None, cancel, self.merge_button),
            spacing=2 * GRID,
            margins=(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID),
        )
        layout.setSizeConstraint(QLayout.SizeConstraint.SetFixedSize)
        self.setLayout(layout)
        self.choices[MergeChoice.BOTH].setChecked(True)

    @property
    def choice(self) -> MergeChoice:
        return next(choice for choice, made in self.choices.items() if made.isChecked())

    def _merge(self) -> None:
        self.merge_requested.emit(self.choice)
        self.accept()

    def _show_result(self) -> None:
        missing, present = self._preview.missing.values, self._preview.present.values
        merged = merged_values(missing, present, self.choice)
        self.result_picture.setPixmap(self._pixmap(merged))
        share = 100 * float(np.count_nonzero(merged)) / merged.size
        self.result_text.setText(f"{share:.0f} % labelled")

    def _card(self, title: str, version: LabelVersion) -> QWidget:
        picture = QLabel()
        picture.setPixmap(self._pixmap(version.values))
        picture.setAccessibleName(f"The label of {version.record.path}")
        edits = f"{count_of(version.edits, 'edit')}{_when(version.last_edit)}"
        return self._card_of(
            title, picture, version.record.path, text_label(edits, "muted"), self._content(version)
        )

    def _content(self, version: LabelVersion) -> QLabel:
        known = [(self._classes.by_value(value), value, pixels) for value, pixels in version.pixels.items()]
        parts = [
            f"{pixels:,} px {each.name if each else 'void' if value == VOID else value}"
            for each, value, pixels in sorted(known, key=lambda item: -item[2])
        ]
        more = len(parts) - MAX_CLASSES
        listed = parts[:MAX_CLASSES] + (
            [f"{count_of(more, 'more class', 'more classes')}"] if more > 0 else []
        )
        return text_label("\n".join(listed) or "no label", "muted")

    def _pixmap(self, values: NDArray[np.uint8]) -> QPixmap:
        image = to_qimage(blend_label(self._preview.pixels, values, self._classes))
        ratio = max(1.0, self.devicePixelRatioF())
        side = round(self._side * ratio)
        pixmap = QPixmap.fromImage(image).scaled(
            side, side, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
        pixmap.setDevicePixelRatio(ratio)
        return pixmap

    def _card_of(self, title: str, picture: QLabel, name: str, *below: QWidget) -> QWidget:
        card = QWidget()
        card.setFixedWidth(self._side)
        path = ElidedLabel(name, "", Qt.TextElideMode.ElideMiddle)
        card.setLayout(column(text_label(title, "heading"), picture, path, *below, None, spacing=GRID // 2))
        return card


def _when(stored: str | None) -> str:
    """ ", last on 2 Dec 2026 at 14:05" in local time."""
    if stored is None:
        return ""
    moment = datetime.fromisoformat(stored).astimezone()
    return f", last on {moment:%d %b %Y at %H:%M}"
