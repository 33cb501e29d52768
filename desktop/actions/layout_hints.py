"""What the person should know about default keys that the present keyboard cannot type: as far as Qt can tell."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QLocale, Qt
from PySide6.QtGui import QGuiApplication

from desktop.actions.catalog import native_text
from desktop.actions.keymap import KeyMap

BRACKETS = frozenset((Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketRight))
DIGITS = frozenset(Qt.Key(ord(digit)) for digit in "0123456789")
AZERTY_PRESET = "For AZERTY keyboards"
BRACKET_PRESET = "For German, Spanish, Nordic, Turkish keyboards"

_Language = QLocale.Language
_DIGITS_WITH_SHIFT = {_Language.French, _Language.Czech, _Language.Slovak}
_BRACKETS_WITH_ALT_GR = _DIGITS_WITH_SHIFT | {
    _Language.Croatian, _Language.Danish, _Language.Estonian, _Language.Finnish, _Language.German,
    _Language.Hungarian, _Language.Icelandic, _Language.Italian, _Language.NorwegianBokmal,
    _Language.NorwegianNynorsk, _Language.Portuguese, _Language.Serbian, _Language.Slovenian, _Language.Spanish,
    _Language.Swedish, _Language.Turkish,
}  # fmt: skip
_LIKE_US = {QLocale.Country.Canada, QLocale.Country.Brazil}
"""Their usual layouts have both keys, whatever the language."""


@dataclass(frozen=True, slots=True)
class LayoutHint:
    """sentence: for the person; preset: the keymap preset that helps, empty where there is none; keys: shortcuts of
    the present keymap that are concerned"""

    sentence: str
    preset: str
    keys: frozenset[str]


def layout_hint(keymap: KeyMap, locale: QLocale | None = None) -> LayoutHint | None:
    """None where nothing is known to be missing. Keys that were pressed (`KeyMap.note_key`) count more than the
    language of the keyboard, which some systems take from the language of the desktop.

    locale: of the keyboard, from Qt when not given
    """
    locale = locale or QGuiApplication.inputMethod().locale()
    language, is_like_us = locale.language(), locale.territory() in _LIKE_US
    brackets = _missing(keymap, BRACKETS, language in _BRACKETS_WITH_ALT_GR and not is_like_us)
    digits = _missing(keymap, DIGITS, language in _DIGITS_WITH_SHIFT and not is_like_us)
    certain = bool((brackets | digits) & keymap.missing_keys)
    keyboard = "This keyboard has" if certain else f"Most {_name_of(locale)} keyboards have"
    used = {chr(key): key for key in brackets | digits if _is_first(keymap, chr(key))}
    if not used:
        return None
    needs = []
    if brackets & set(used.values()):
        needs.append("[ and ] only with AltGr")
    if digits & set(used.values()):
        needs.append("digits only with Shift")
    sentence = f"{keyboard} {' and '.join(needs)}. {_other_keys(keymap)}".strip()
    is_azerty = digits & set(used.values()) and language not in (_Language.Czech, _Language.Slovak)
    return LayoutHint(sentence, AZERTY_PRESET if is_azerty else BRACKET_PRESET, frozenset(used))


def _missing(keymap: KeyMap, keys: frozenset[Qt.Key], is_likely: bool) -> frozenset[Qt.Key]:
    if keys & keymap.missing_keys:
        return keys
    return keys if is_likely and not keys & keymap.present_keys else frozenset()


def _is_first(keymap: KeyMap, keys: str) -> bool:
    """Whether it is the shortcut that is shown for some action."""
    owner = keymap.owner(keys)
    return owner is not None and keymap.shortcuts(owner)[0] == keys


def _other_keys(keymap: KeyMap) -> str:
    others = [
        next((native_text(keys) for keys in keymap.shortcuts(key) if keys not in ("[", "]")), "")
        for key in ("brush_smaller", "brush_bigger")
    ]
    has_brackets = any(_is_first(keymap, keys) for keys in "[]")
    return f"{others[0]} and {others[1]} change the size too." if has_brackets and all(others) else ""


def _name_of(locale: QLocale) -> str:
    return QLocale.languageToString(locale.language())
