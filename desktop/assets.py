"""Our own line icons, tinted for the theme and for every state of a button."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QByteArray, QObject, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QImage, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

if TYPE_CHECKING:
    from desktop.theme import Theme

RATIOS = (1, 2)
"""Device pixel ratios an icon is drawn for; Qt picks the fitting one, so that 200 % is crisp."""


class HasIcon(Protocol):
    """A button or an action."""

    def setIcon(self, icon: QIcon) -> None: ...  # noqa: N802


def resource_path(name: str) -> Path:
    """Where a file or folder of the package `resources` lies."""
    return Path(str(files("resources").joinpath(name)))


def icon_names() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in resource_path("icons").glob("*.svg")))


@lru_cache(maxsize=256)
def _drawing(name: str) -> str:
    """The SVG text of an icon. Raises FileNotFoundError when there is none of that name."""
    return resource_path(f"icons/{name}.svg").read_text("utf-8")


@lru_cache(maxsize=2048)
def _image(name: str, shade: str, side: int) -> QImage:
    """An icon as an image of `side` device pixels. An image may outlive the application; a pixmap may not."""
    renderer = QSvgRenderer(QByteArray(_drawing(name).replace("currentColor", shade).encode("utf-8")))
    drawn = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    drawn.fill(Qt.GlobalColor.transparent)
    painter = QPainter(drawn)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    renderer.render(painter, QRectF(0, 0, side, side))
    painter.end()
    return drawn


def pixmap(name: str, colour: QColor | str, size: int, ratio: float = 1.0) -> QPixmap:
    """An icon in one colour, `size` logical pixels square. Raises FileNotFoundError for an unknown name."""
    drawn = QPixmap.fromImage(_image(name, QColor(colour).name(), round(size * ratio)))
    drawn.setDevicePixelRatio(ratio)
    return drawn


def icon(name: str, theme: Theme, size: int = 20, colour: str | None = None) -> QIcon:
    """An icon for the palette in use: normal, hovered, disabled, and accented while checked.

    `colour` names another token for the normal state. Raises FileNotFoundError for an unknown icon.
    """
    tokens = theme.tokens
    normal = getattr(tokens, colour) if colour else tokens.icon
    made = QIcon()
    states = (
        (QIcon.Mode.Normal, QIcon.State.Off, normal),
        (QIcon.Mode.Active, QIcon.State.Off, normal if colour else tokens.text),
        (QIcon.Mode.Disabled, QIcon.State.Off, tokens.disabled),
        (QIcon.Mode.Normal, QIcon.State.On, (colour and normal) or tokens.accent_text),
        (QIcon.Mode.Active, QIcon.State.On, (colour and normal) or tokens.accent_text),
        (QIcon.Mode.Disabled, QIcon.State.On, tokens.disabled),
    )
    for ratio in RATIOS:
        for mode, state, shade in states:
            made.addPixmap(pixmap(name, shade, size, ratio), mode, state)
    return made


class _Tint(QObject):
    """Child of a button or action: gives it a fresh icon whenever the palette changes."""

    def __init__(self, owner: QObject, name: str, theme: Theme, size: int, colour: str | None) -> None:
        super().__init__(owner)
        self._name, self._theme, self._size, self._colour = name, theme, size, colour
        theme.changed.connect(self.again)
        self.again()

    def show_name(self, name: str, colour: str | None) -> None:
        self._name, self._colour = name, colour
        self.again()

    def again(self) -> None:
        owner: HasIcon = self.parent()  # type: ignore[assignment]
        owner.setIcon(icon(self._name, self._theme, self._size, self._colour))


def keep_icon(owner: QObject, name: str, theme: Theme, size: int = 20, colour: str | None = None) -> None:
    """Give a button or action an icon that follows the theme. Calling it again changes the icon."""
    for child in owner.children():
        if isinstance(child, _Tint):
            child.show_name(name, colour)
            return
    _Tint(owner, name, theme, size, colour)


def app_icon() -> QIcon:
    """The mark of Maskloop for the window and the task bar."""
    made = QIcon()
    for side in (16, 24, 32, 48, 64, 128, 256):
        made.addPixmap(QPixmap.fromImage(_image("app", "#000000", side)))
    return made
