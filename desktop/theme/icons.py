"""SVG icons in the colours of the theme, for every state of a button."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, Protocol

from PySide6.QtCore import (
    QByteArray,
    QLibraryInfo,
    QObject,
    QPointF,
    QRect,
    QRectF,
    QSize,
    QSizeF,
    Qt,
    QVersionNumber,
)
from PySide6.QtGui import QColor, QIcon, QIconEngine, QImage, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from desktop.theme.theme import Theme
from resources import resource_path

_COUNTS_DEVICE_PIXELS = QLibraryInfo.version() < QVersionNumber(6, 8)
"""Whether Qt requests icons in device pixels; since 6.8 it requests them in logical pixels."""


class HasIcon(Protocol):
    """A button or an action."""

    def setIcon(self, icon: QIcon) -> None: ...  # noqa: N802


def icon_names() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in resource_path("icons").glob("*.svg")))


@lru_cache(maxsize=256)
def _svg_text(name: str) -> str:
    """The SVG text of an icon. Raises FileNotFoundError for an unknown name."""
    return resource_path(f"icons/{name}.svg").read_text("utf-8")


@lru_cache(maxsize=2048)
def _render_svg(name: str, colour: str, side: int) -> QImage:
    """An icon as an image of `side` device pixels. Cached as QImage: a QPixmap must not outlive the application."""
    renderer = QSvgRenderer(QByteArray(_svg_text(name).replace("currentColor", colour).encode("utf-8")))
    drawn = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    drawn.fill(Qt.GlobalColor.transparent)
    painter = QPainter(drawn)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    renderer.render(painter, QRectF(0, 0, side, side))
    painter.end()
    return drawn


def icon_pixmap(name: str, colour: QColor | str, size: int, ratio: float = 1.0) -> QPixmap:
    """An icon in one colour, `size` logical pixels square. Raises FileNotFoundError for an unknown name."""
    drawn = QPixmap.fromImage(_render_svg(name, QColor(colour).name(), round(size * ratio)))
    drawn.setDevicePixelRatio(ratio)
    return drawn


class _ThemedIconEngine(QIconEngine):
    """Renders an icon when it is first shown in a state: rendering all states of all icons in advance took 0.1 s at
    the start and again at every change of the theme."""

    def __init__(self, name: str, shades: _IconColours, side: int) -> None:
        super().__init__()
        self._name, self._shades, self._side = name, shades, side

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return self.scaledPixmap(size, mode, state, 1.0)

    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State, ratio: float) -> QPixmap:  # noqa: N802
        """Never larger than the intended size of the icon."""
        side = min(size.width(), size.height()) * (1 if _COUNTS_DEVICE_PIXELS else ratio)
        side = max(1, round(min(side, self._side * ratio)))
        drawn = QPixmap.fromImage(_render_svg(self._name, self._shades.for_state(mode, state), side))
        drawn.setDevicePixelRatio(ratio)
        return drawn

    def actualSize(self, size: QSize, _mode: QIcon.Mode, _state: QIcon.State) -> QSize:  # noqa: N802
        side = min(size.width(), size.height(), self._side)
        return QSize(side, side)

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        ratio = painter.device().devicePixelRatioF()
        drawn = self.scaledPixmap(rect.size() * (ratio if _COUNTS_DEVICE_PIXELS else 1), mode, state, ratio)
        side = QSizeF(drawn.size()) / ratio
        spare = (QSizeF(rect.size()) - side) / 2
        painter.drawPixmap(QPointF(rect.x() + spare.width(), rect.y() + spare.height()), drawn)

    def clone(self) -> QIconEngine:
        return _ThemedIconEngine(self._name, self._shades, self._side)


class _IconColours(NamedTuple):
    """Colours of an icon as `#rrggbb`."""

    normal: str
    hovered: str
    disabled: str
    checked: str

    def for_state(self, mode: QIcon.Mode, state: QIcon.State) -> str:
        if mode == QIcon.Mode.Disabled:
            return self.disabled
        if state == QIcon.State.On:
            return self.checked
        return self.hovered if mode == QIcon.Mode.Active else self.normal


def icon(name: str, theme: Theme, size: int = 20, colour: str | None = None) -> QIcon:
    """An icon in the colours of the theme: normal, hovered, disabled, and in the accent colour while checked.

    `colour` names another token for all enabled states. Raises FileNotFoundError for an unknown icon.
    """
    _svg_text(name)
    tokens = theme.tokens
    chosen: str | None = getattr(tokens, colour) if colour else None
    shades = _IconColours(
        chosen or tokens.icon, chosen or tokens.text, tokens.disabled, chosen or tokens.accent_text
    )
    return QIcon(_ThemedIconEngine(name, shades, size))


class _ThemedIcon(QObject):
    """Child of a button or action: updates its icon whenever the theme changes."""

    def __init__(self, owner: QObject, name: str, theme: Theme, size: int, colour: str | None) -> None:
        super().__init__(owner)
        self._name, self._theme, self._size, self._colour = name, theme, size, colour
        theme.changed.connect(self.update_icon)
        self.update_icon()

    def set_icon(self, name: str, colour: str | None) -> None:
        self._name, self._colour = name, colour
        self.update_icon()

    def update_icon(self) -> None:
        owner: HasIcon = self.parent()  # type: ignore[assignment]
        owner.setIcon(icon(self._name, self._theme, self._size, self._colour))


def set_themed_icon(
    owner: QObject, name: str, theme: Theme, size: int = 20, colour: str | None = None
) -> None:
    """Give a button or action an icon that follows the theme. A second call replaces the icon."""
    for child in owner.children():
        if isinstance(child, _ThemedIcon):
            child.set_icon(name, colour)
            return
    _ThemedIcon(owner, name, theme, size, colour)


def app_icon() -> QIcon:
    """The logo of Maskloop for the window and the task bar."""
    made = QIcon()
    for side in (16, 24, 32, 48, 64, 128, 256):
        made.addPixmap(QPixmap.fromImage(_render_svg("app", "#000000", side)))
    return made
