"""Keys by their place on the keyboard: what a US keyboard has there, where the layout has another script."""

from __future__ import annotations

from PySide6.QtCore import QKeyCombination, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence

_ROWS = ((2, "1234567890-="), (16, "QWERTYUIOP[]"), (30, "ASDFGHJKL;'`"), (43, "\\ZXCVBNM,./"))
"""Number of the first key of a row, as Linux and the PC's scan codes count, and the characters of the row."""
_MAC_KEYS = "ASDFHGZXCV\0BQWERYT123465=97-80]OU[IP\0LJ'K;\\,/NM.\0\0`"  # by virtual key code
_X11_OFFSET = 8
"""X11 and Wayland count the same keys from 8 on."""
_FIRST_FOREIGN, _FIRST_SPECIAL = 0x250, 0x1000000
"""From here on Unicode has no Latin letters, and from there on Qt counts keys such as Enter."""

_BY_SCAN_CODE = {first + n: Qt.Key(ord(sign)) for first, row in _ROWS for n, sign in enumerate(row)}
_BY_MAC_CODE = {code: Qt.Key(ord(sign)) for code, sign in enumerate(_MAC_KEYS) if sign != "\0"}


def us_key(event: QKeyEvent) -> Qt.Key | None:
    """The key that a US keyboard has at this place; None for keys without a character, and where it is unknown."""
    platform = QGuiApplication.platformName()
    if platform == "cocoa":
        return _BY_MAC_CODE.get(event.nativeVirtualKey()) if event.text() else None
    offset = 0 if platform == "windows" else _X11_OFFSET
    return _BY_SCAN_CODE.get(event.nativeScanCode() - offset)


def is_foreign(event: QKeyEvent) -> bool:
    """Whether the key is a letter of another script, such as Cyrillic, Greek or Hebrew."""
    return _FIRST_FOREIGN <= event.key() < _FIRST_SPECIAL


def latin_key(event: QKeyEvent) -> Qt.Key:
    """The key of the event; for a letter of another script, the one at its place on a US keyboard."""
    place = us_key(event) if is_foreign(event) else None
    return place if place is not None else Qt.Key(event.key())


def shortcut_of(event: QKeyEvent) -> str:
    """The key with its modifiers as shortcuts are written. Keys of the number pad count as the plain ones."""
    modifiers = event.modifiers() & ~(
        Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.GroupSwitchModifier
    )
    return QKeySequence(QKeyCombination(modifiers, latin_key(event))).toString(
        QKeySequence.SequenceFormat.PortableText
    )


def key_identity(event: QKeyEvent) -> int:
    """The same number for press and release of one key, also when the layout or a modifier changes in between."""
    return event.nativeScanCode() or event.key()
