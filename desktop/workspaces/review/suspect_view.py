"""A suspected component, in the picture and under a mask, with its outline, and what can be said of it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPen, QPixmap, QTransform
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.base.number_text import percent_text
from core.evaluation.suspected_components import SuspectedComponent
from core.labels.outlines import Ring
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import ElidedLabel, button, column, row, text_label
from desktop.widgets.input.key_claim import claim
from desktop.widgets.plain_text import menu_text
from desktop.workspaces.review.class_pair import ClassPairText
from desktop.workspaces.review.suspect_keys import HELP, SuspectCommand, command_of

MAX_NAME = 20
"""Letters of a class name on a button."""


class OutlinedPicture(QWidget):
    """A picture that fills the widget, with an outline above it, or a text in its place."""

    double_clicked = Signal()

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__()
        self._theme = theme
        self._pixmap, self._outline, self._text = QPixmap(), QPainterPath(), ""
        self.setAccessibleName(name)
        self.setMinimumSize(16 * GRID, 16 * GRID)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.changed.connect(self.update)

    @property
    def has_picture(self) -> bool:
        return not self._pixmap.isNull()

    def show_picture(self, pixmap: QPixmap, outlines: tuple[Ring, ...]) -> None:
        """outlines: in pixels of the pixmap"""
        self._pixmap, self._text, self._outline = pixmap, "", QPainterPath()
        for ring in outlines:
            self._outline.moveTo(QPointF(*ring[0]))
            for corner in ring[1:]:
                self._outline.lineTo(QPointF(*corner))
            self._outline.closeSubpath()
        self.update()

    def show_text(self, text: str) -> None:
        self._pixmap, self._text = QPixmap(), text
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        if self._pixmap.isNull():
            painter.setPen(self._theme.colour("muted"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(GRID, GRID, -GRID, -GRID), flags, self._text)
            painter.end()
            return
        size = QSizeF(self._pixmap.size())
        fitted = size.scaled(QSizeF(self.size()), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRectF(QPointF(0, 0), fitted)
        place.moveCenter(QRectF(self.rect()).center())
        is_reduced = fitted.width() < size.width()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, is_reduced)
        painter.drawPixmap(place, self._pixmap, QRectF(self._pixmap.rect()))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        scale = fitted.width() / size.width()
        outline = QTransform.fromTranslate(place.left(), place.top()).scale(scale, scale).map(self._outline)
        for colour, width in ((QColor(0, 0, 0, 190), 4.0), (QColor(255, 255, 255), 1.8)):
            painter.strokePath(outline, QPen(colour, width))
        painter.end()

    def mouseDoubleClickEvent(self, event: object) -> None:  # noqa: N802, ARG002
        if self.has_picture:
            self.double_clicked.emit()


class SuspectView(QWidget):
    """`commanded` carries a `SuspectCommand`. Keys mean the same on its buttons as on the list."""

    commanded = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.back = button("Back to the pictures", "quiet")
        self.name = ElidedLabel("", "heading")
        self.place = text_label("", "muted")
        self.picture = OutlinedPicture(theme, "Picture with the suspected label outlined")
        self.masked = OutlinedPicture(theme, "The same with a mask")
        self.facts = ElidedLabel("", "")
        self.open = button("Open in Label", "quiet")
        self.keep = button("Keep label")
        self.fix = button("Fix label", "primary")
        self.keep.setToolTip("The label is right: it is not asked about again until it changes (K).")
        self.fix.setToolTip("Give the outlined pixels the predicted class (F). It can be undone.")
        self.open.setToolTip("Open the picture at this place in the Label workspace (Enter).")
        for part, command in (
            (self.back, SuspectCommand.CLOSE),
            (self.open, SuspectCommand.OPEN),
            (self.keep, SuspectCommand.KEEP),
            (self.fix, SuspectCommand.FIX),
        ):
            part.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the focus with the list
            part.clicked.connect(lambda _on=False, c=command: self.commanded.emit(c))
        for picture in (self.picture, self.masked):
            picture.double_clicked.connect(lambda: self.commanded.emit(SuspectCommand.OPEN))
        head = row(self.place, self.name, self.back, spacing=2 * GRID)
        head.setStretch(1, 1)
        foot = row(self.facts, self.open, self.keep, self.fix)
        foot.setStretch(0, 1)
        pictures = row(self.picture, self.masked, spacing=GRID)
        margin = 2 * GRID
        help_line = text_label(HELP, "muted", wrap=True)
        layout = column(head, pictures, foot, help_line, margins=(margin, GRID, margin, GRID), spacing=GRID)
        layout.setStretch(1, 1)
        self.setLayout(layout)

    def show_text(self, text: str) -> None:
        """A sentence in place of the pictures."""
        self.picture.show_text(text)
        self.masked.show_text("")

    def describe(self, name: str, place: str, suspect: SuspectedComponent, pair: ClassPairText) -> None:
        """name: of the picture; place: in the list; pair: the names of the classes"""
        self.name.setText(name)
        self.place.setText(place)
        extent = "part of a larger area" if suspect.is_part else "the whole area"
        self.facts.setText(
            f"Labelled {pair.label[1]}, predicted {pair.prediction[1]}: {suspect.pixels:,} pixels, {extent}, "
            f"at most {percent_text(suspect.score)} likely."
        )
        self.keep.setText(f"Keep {_short(pair.label[1])}")
        self.fix.setText(f"Fix to {_short(pair.prediction[1])}")

    def event(self, event: QEvent) -> bool:
        wanted = isinstance(event, QKeyEvent) and command_of(event) is not None
        return claim(event, wanted) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        command = command_of(event)
        if command is not None:
            self.commanded.emit(command)
        else:
            super().keyPressEvent(event)


def _short(name: str) -> str:
    """A class name on a button."""
    return menu_text(name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "…")
