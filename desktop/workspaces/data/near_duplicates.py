"""Card of near-duplicates: pairs of pictures, those in different splits (leaks) first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPainterPath, QPaintEvent, QPixmap
from PySide6.QtWidgets import QProgressBar, QPushButton, QVBoxLayout, QWidget

from core.base.number_text import percent_text
from desktop.theme.theme import GRID, Theme
from desktop.widgets.cards import Card
from desktop.widgets.controls import ElidedLabel, button, column, hairline, row, set_role, text_label
from desktop.widgets.plain_text import plain_tooltip

THUMBNAIL_SIZE = QSize(120, 80)
PAGE_SIZE = 12
"""Pairs shown at first, and added by “Show more”."""


@dataclass(frozen=True, slots=True)
class PairMember:
    """One picture of a pair; `split`: its title, empty for none."""

    id: int
    name: str
    split: str


@dataclass(frozen=True, slots=True)
class PairRow:
    """`similarity`: 0..1; `advice`: what moving both into one split would do, empty if they are in one.

    `skip_candidate`: the one that “Skip one” skips.
    """

    one: PairMember
    two: PairMember
    similarity: float
    advice: str
    skip_candidate: PairMember


class PairThumbnail(QPushButton):
    """A clickable thumbnail; grey until its image is set."""

    def __init__(self, member: PairMember, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._image: QPixmap | None = None
        self.setProperty("role", "thumb")
        self.setFixedSize(THUMBNAIL_SIZE + QSize(8, 8))
        self.setAccessibleName(f"Open {member.name}")
        self.setToolTip(plain_tooltip(f"Open {member.name} in the Label workspace."))
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def set_image(self, image: QImage) -> None:
        self._image = QPixmap.fromImage(image)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        frame = QRectF(4, 4, THUMBNAIL_SIZE.width(), THUMBNAIL_SIZE.height())
        shape = QPainterPath()
        shape.addRoundedRect(frame, 4, 4)
        painter.fillPath(shape, self._theme.colour("pressed"))
        if self._image is not None and not self._image.isNull():
            painter.setClipPath(shape)
            size = QSize(self._image.size()).scaled(
                THUMBNAIL_SIZE, Qt.AspectRatioMode.KeepAspectRatioByExpanding
            )
            place = QRectF(0, 0, size.width(), size.height())
            place.moveCenter(frame.center())
            painter.drawPixmap(place, self._image, QRectF(self._image.rect()))
        painter.end()


class PairWidget(QWidget):
    """Two thumbnails, their names and splits, and buttons."""

    def __init__(self, pair: PairRow, theme: Theme) -> None:
        super().__init__()
        self.pair = pair
        self.thumbnails = (PairThumbnail(pair.one, theme), PairThumbnail(pair.two, theme))
        self.same_split = button("Move to same split")
        self.same_split.setToolTip(pair.advice)
        self.same_split.setVisible(bool(pair.advice))
        self.skip = button("Skip one", "quiet")
        self.skip.setToolTip(plain_tooltip(f"Leave {pair.skip_candidate.name} out of training and export."))
        names = column(
            None,
            *(
                ElidedLabel(f"{member.name}  ·  {member.split or 'no split'}")
                for member in (pair.one, pair.two)
            ),
            text_label(f"{percent_text(pair.similarity, 1)} similar", "muted"),
            None,
            spacing=2,
        )
        line = row(*self.thumbnails, names, self.same_split, self.skip)
        line.setStretch(2, 1)
        self.setLayout(line)
        self.setFixedHeight(THUMBNAIL_SIZE.height() + GRID)


class NearDuplicatesCard(Card):
    """`same_split_requested` and `skip_requested` carry the `PairRow`."""

    search_requested = Signal()
    cancel_requested = Signal()
    picture_requested = Signal(int)
    thumbnail_requested = Signal(int)
    same_split_requested = Signal(object)
    skip_requested = Signal(object)

    def __init__(self, theme: Theme) -> None:
        self.find_button = button("Find near-duplicates")
        super().__init__("Near-duplicates", self.find_button)
        self._theme = theme
        self._pairs: tuple[PairRow, ...] = ()
        self._shown = PAGE_SIZE
        self._running = False
        self._images: dict[int, QImage] = {}
        self.pair_widgets: list[PairWidget] = []
        self.summary = text_label("", "muted", wrap=True)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Pictures compared")
        self.more = button("Show more", "quiet")
        self._list = QVBoxLayout()
        self._list.setSpacing(GRID)
        self.add(self.summary, self.progress, self._list, row(self.more, None))
        self.find_button.clicked.connect(self._find_or_cancel)
        self.more.clicked.connect(self._show_more)
        self.clear()

    def clear(self) -> None:
        """Show that nothing has been searched yet."""
        self._images.clear()
        self.set_running(None)
        self.set_pairs((), "Near-duplicates in train and in val or test (leaks) make a model's scores too "
                       "high.")  # fmt: skip

    def set_running(self, done: tuple[int, int] | None) -> None:
        """How many of how many pictures are compared; None: no search is under way."""
        self._running = done is not None
        self.find_button.setText("Cancel" if self._running else "Find near-duplicates")
        self.progress.setVisible(self._running)
        if done is not None:
            self.progress.setRange(0, done[1])
            self.progress.setValue(done[0])
            self.set_summary(f"Compared {done[0]:,} of {done[1]:,} pictures…" if done[1] else "Comparing…")

    @property
    def is_running(self) -> bool:
        return self._running

    def set_summary(self, text: str, role: str = "muted") -> None:
        self.summary.setText(text)
        set_role(self.summary, role)

    def set_pairs(self, pairs: Sequence[PairRow], text: str, *, warning: bool = False) -> None:
        """List pairs below one sentence; an unchanged list is not rebuilt."""
        self.set_summary(text, "warning" if warning else "muted")
        if tuple(pairs) != self._pairs:
            self._pairs, self._shown = tuple(pairs), max(PAGE_SIZE, min(self._shown, len(pairs)))
            self._lay_out()
        self.more.setVisible(len(self._pairs) > self._shown)

    def request_again(self, picture_ids: Iterable[int]) -> None:
        """The files of these pictures have other content."""
        for picture_id in picture_ids:
            if self._images.pop(picture_id, None) is not None:
                self.thumbnail_requested.emit(picture_id)

    def set_thumbnail(self, picture_id: int, image: QImage) -> None:
        self._images[picture_id] = image
        for line in self.pair_widgets:
            for member, thumbnail in zip((line.pair.one, line.pair.two), line.thumbnails, strict=True):
                if member.id == picture_id:
                    thumbnail.set_image(image)

    def _find_or_cancel(self) -> None:
        if self._running:
            self.cancel_requested.emit()
        else:
            self.search_requested.emit()

    def _show_more(self) -> None:
        self._shown += PAGE_SIZE
        self._lay_out()
        self.more.setVisible(len(self._pairs) > self._shown)

    def _lay_out(self) -> None:
        while (item := self._list.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        self.pair_widgets = []
        visible_ids = {member.id for pair in self._pairs[: self._shown] for member in (pair.one, pair.two)}
        self._images = {i: image for i, image in self._images.items() if i in visible_ids}
        for pair in self._pairs[: self._shown]:
            line = PairWidget(pair, self._theme)
            for member, thumbnail in zip((pair.one, pair.two), line.thumbnails, strict=True):
                thumbnail.clicked.connect(lambda _on=False, i=member.id: self.picture_requested.emit(i))
                if member.id in self._images:
                    thumbnail.set_image(self._images[member.id])
                else:
                    self.thumbnail_requested.emit(member.id)
            line.same_split.clicked.connect(lambda _on=False, p=pair: self.same_split_requested.emit(p))
            line.skip.clicked.connect(lambda _on=False, p=pair: self.skip_requested.emit(p))
            self._list.addWidget(hairline())
            self._list.addWidget(line)
            self.pair_widgets.append(line)
