"""The page without a project: drop or open a folder, try the sample project, open a recent project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from desktop.theme.icons import icon_pixmap
from desktop.theme.theme import GRID, Theme
from desktop.transfer.dropped_files import dropped_folder
from desktop.widgets.controls import (
    ElidedLabel,
    button,
    column,
    icon_button,
    row,
    set_background,
    set_role,
    text_label,
)

WIDTH = 520


class DropZone(QFrame):
    """A dashed frame, highlighted while a folder is dragged over the page."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.highlighted = False
        theme.changed.connect(self.update)

    def set_highlighted(self, on: bool) -> None:
        self.highlighted = on
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(
            self._theme.colour("focus" if self.highlighted else "edge"), 2 if self.highlighted else 1.5
        )
        pen.setDashPattern([4, 4])
        painter.setPen(pen)
        painter.setBrush(self._theme.colour("accent_soft" if self.highlighted else "panel"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 12, 12)
        painter.end()


class OpeningOffers(QWidget):
    """What can be done about a project that cannot be opened, one button each. `chosen` carries its key."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.buttons: dict[str, QPushButton] = {}
        self._rows = column(spacing=GRID)
        self.setLayout(self._rows)
        self.hide()

    def set_offers(self, offers: Mapping[str, str]) -> None:
        """Titles by key, the best first; none hides the row."""
        while (item := self._rows.takeAt(0)) is not None:
            line = item.layout()
            while line is not None and (part := line.takeAt(0)) is not None:
                if (old := part.widget()) is not None:
                    old.hide()
                    old.deleteLater()
        self.buttons = {key: button(title) for key, title in offers.items()}
        for key, made in self.buttons.items():
            made.clicked.connect(lambda _on=False, key=key: self.chosen.emit(key))
        waiting = list(self.buttons.values())
        while waiting:  # as many in a line as there is room for
            line_of = [waiting.pop(0)]
            while waiting and sum(b.sizeHint().width() + GRID for b in (*line_of, waiting[0])) <= WIDTH:
                line_of.append(waiting.pop(0))
            self._rows.addLayout(row(*line_of, None))
        self.setVisible(bool(offers))
        if self.buttons:
            next(iter(self.buttons.values())).setFocus()


class WelcomePage(QWidget):
    """`folder_chosen` carries the Path of a dropped folder or a recent project, `recent_removed` the folder of one that
    is to be forgotten."""

    open_requested = Signal()
    sample_requested = Signal()
    folder_chosen = Signal(object)
    recent_removed = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        set_background(self, "page")
        self.setAcceptDrops(True)
        self.logo = QLabel()
        self.drop_zone = DropZone(theme)
        self.open = button("Open folder…", "primary")
        self.open.clicked.connect(self.open_requested)
        self.sample = button("Try the sample project")
        self.sample.clicked.connect(self.sample_requested)
        self.message = text_label("", "danger", wrap=True)
        self.message.hide()
        self.offers = OpeningOffers()
        self._recent_head = text_label("Recent projects", "heading")
        self._recent: QVBoxLayout = column(spacing=0)
        centre = Qt.AlignmentFlag.AlignHCenter
        heading = text_label("Drop a folder of pictures here", "heading")
        note = text_label("The pictures stay where they are and are never changed.", "muted")
        inside = column(
            heading,
            note,
            GRID,
            row(None, self.open, self.sample, None),
            margins=(4 * GRID, 4 * GRID, 4 * GRID, 4 * GRID),
        )
        for label in (heading, note):
            inside.setAlignment(label, centre)
        self.drop_zone.setLayout(inside)
        middle = QWidget()
        middle.setFixedWidth(WIDTH)
        title = row(self.logo, text_label("Maskloop", "headline"), None, spacing=12)
        middle.setLayout(
            column(
                title,
                text_label(
                    "Paint a few classes; a network trains in the background and predicts the rest.",
                    "muted",
                    wrap=True,
                ),
                GRID,
                self.drop_zone,
                self.message,
                self.offers,
                2 * GRID,
                self._recent_head,
                self._recent,
            )
        )
        self.setLayout(column(None, row(None, middle, None), None, None))
        theme.changed.connect(self._apply_theme)
        self._apply_theme()
        self.set_recent(())

    def set_recent(self, projects: Sequence[tuple[str, str]]) -> None:
        """Recent projects as (name, folder), newest first; at most six are shown."""
        while self._recent.count():
            item = self._recent.takeAt(0)
            old = item.widget() if item is not None else None
            assert old is not None
            old.hide()  # deleteLater waits for the event loop; until then it would cover the others
            old.deleteLater()
        for name, folder in projects[:6]:
            entry = button("", "row")
            entry.setAccessibleName(f"{name}, {folder}")
            where = ElidedLabel(folder, "muted", Qt.TextElideMode.ElideMiddle)
            title = ElidedLabel(name)
            title.setFixedWidth(20 * GRID)
            title.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
            for part in (title, where):
                part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            inside = row(title, where, margins=(10, 4, 10, 4), spacing=12)
            inside.setStretch(1, 1)
            entry.setLayout(inside)
            entry.setMinimumHeight(4 * GRID)
            entry.clicked.connect(lambda _checked=False, folder=folder: self.folder_chosen.emit(Path(folder)))
            forget = icon_button("close", f"Remove {name} from this list; its files stay", self._theme, 16)
            forget.clicked.connect(lambda _checked=False, folder=folder: self.recent_removed.emit(folder))
            line = QWidget()
            both = row(entry, forget, spacing=4)
            both.setStretch(0, 1)
            line.setLayout(both)
            self._recent.addWidget(line)
        self._recent_head.setVisible(bool(projects))

    def show_message(self, text: str, role: str = "danger") -> None:
        """Say why a folder could not be opened, or what a closed project left; an empty text hides the line."""
        self.offers.set_offers({})
        self.show_text(text, role)

    def show_text(self, text: str, role: str = "danger") -> None:
        """The same, and leave the offers as they are."""
        self.message.setText(text)
        set_role(self.message, role)
        self.message.setVisible(bool(text))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        if dropped_folder(event) is not None:
            self.drop_zone.set_highlighted(True)
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: N802
        self.drop_zone.set_highlighted(False)
        super().dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        self.drop_zone.set_highlighted(False)
        folder = dropped_folder(event)
        if folder is not None:
            event.acceptProposedAction()
            self.folder_chosen.emit(folder)

    def _apply_theme(self) -> None:
        self.logo.setPixmap(
            icon_pixmap("logo", self._theme.colour("accent_text"), 40, max(2, self.devicePixelRatioF()))
        )
