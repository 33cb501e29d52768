"""Colours, fonts and spacing of the window: a light and a dark palette, and the stylesheet made from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from string import Template

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontInfo, QPalette
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

from resources import resource_path

GRID = 8
"""Logical pixels of the layout grid: spacings are multiples of it, or half of it."""

THEME_CHOICES = ("light", "dark", "system")

HIDDEN_AT_ONCE = 80
"""Hidden widgets that are restyled in one turn of the event loop: a few milliseconds."""


@dataclass(frozen=True, slots=True)
class ThemeTokens:
    """The named colours of one palette, as `#rrggbb`.

    Greys are neutral, so that the colours of classes are the only strong ones on screen. There is one accent;
    `warning`, `danger` and `good` are for texts and marks only.
    """

    canvas: str  # behind the picture
    window: str  # bars and gaps
    panel: str  # panels, pages, dialogs
    raised: str  # fields, menus, tooltips
    button: str  # fill of a plain button
    hover: str
    pressed: str
    line: str  # hairlines
    edge: str  # outlines of fields and check boxes
    text: str
    muted: str  # secondary text
    disabled: str
    icon: str
    accent: str  # fill of the one primary button
    accent_hover: str
    on_accent: str  # text on the accent
    accent_text: str  # the accent as text or icon on a panel
    focus: str  # ring around the focused widget, frame of the current picture
    accent_soft: str  # background of a checked button or selected row
    warning: str
    danger: str
    good: str
    scroll: str
    grid: str  # lines in charts


LIGHT = ThemeTokens(
    canvas="#d6d6d7",
    window="#f1f1f2",
    panel="#fbfbfb",
    raised="#ffffff",
    button="#ebebed",
    hover="#efeff0",
    pressed="#dededf",
    line="#e1e1e3",
    edge="#c6c6c9",
    text="#1d1d1f",
    muted="#646468",
    disabled="#a9a9ad",
    icon="#4b4b4f",
    accent="#5257d0",
    accent_hover="#4449bd",
    on_accent="#ffffff",
    accent_text="#4a4fc6",
    focus="#5257d0",
    accent_soft="#e5e6f8",
    warning="#8a5a00",
    danger="#b3261e",
    good="#1f7240",
    scroll="#c2c2c5",
    grid="#e6e6e8",
)

DARK = ThemeTokens(
    canvas="#161617",
    window="#1c1c1e",
    panel="#242426",
    raised="#2e2e31",
    button="#353539",
    hover="#2d2d30",
    pressed="#434348",
    line="#353538",
    edge="#4b4b50",
    text="#e9e9eb",
    muted="#a3a3a8",
    disabled="#67676c",
    icon="#bdbdc2",
    accent="#6267da",
    accent_hover="#7277e4",
    on_accent="#ffffff",
    accent_text="#a5a9f7",
    focus="#8b90f0",
    accent_soft="#35365a",
    warning="#e3b261",
    danger="#f2938b",
    good="#74c793",
    scroll="#505055",
    grid="#313134",
)


class Theme(QObject):
    """The palette in use, one per application. Widgets that paint themselves read it and connect to `changed`."""

    changed = Signal()

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self.setObjectName("theme")
        self._app = app
        self.choice = "system"
        self.tokens = LIGHT
        self._styled_with: ThemeTokens | None = None
        self._announced = self.tokens
        self._steps: list[Callable[[], None]] = []
        self._frozen: list[QWidget] = []
        self._left_out: list[QWidget] = []
        """Hidden widgets that have no style at the moment."""
        app.setStyle("Fusion")
        system = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
        # Two sizes: text and headlines. The system's font size, limited to what the layout can take.
        self.text_size = min(max(QFontInfo(system).pixelSize(), 12), 16)
        self.headline_size = round(self.text_size * 1.75)
        system.setPixelSize(self.text_size)
        system.setStyleStrategy(QFont.StyleStrategy.PreferAntialias)
        self.font = system
        app.setFont(system)
        app.styleHints().colorSchemeChanged.connect(self._system_changed)

    @property
    def dark(self) -> bool:
        return self.tokens is DARK

    def colour(self, token: str, alpha: float = 1.0) -> QColor:
        """A token as a QColor, for custom painting. Raises AttributeError for a name that is not a token."""
        found = QColor(getattr(self.tokens, token))
        found.setAlphaF(alpha)
        return found

    def headline_font(self) -> QFont:
        font = QFont(self.font)
        font.setPixelSize(self.headline_size)
        font.setWeight(QFont.Weight.DemiBold)
        return font

    def strong_font(self) -> QFont:
        font = QFont(self.font)
        font.setWeight(QFont.Weight.DemiBold)
        return font

    def apply(self, choice: str) -> None:
        """Switch to "light", "dark", or "system", which follows the system. Raises ValueError for anything else."""
        self._choose(choice)
        self._steps = [*self._restyling(), self._thaw, self._take_back]
        while self._steps:
            self._steps.pop(0)()

    def switch(self, choice: str) -> None:
        """As `apply`, in several turns of the event loop, because restyling every widget at once is a long stall.

        Nothing is painted in between. Raises ValueError as `apply` does.
        """
        self._choose(choice)
        self._frozen += [widget for widget in self._app.topLevelWidgets() if widget.isVisible()]
        for widget in self._frozen:
            widget.setUpdatesEnabled(False)
        restyling = self._restyling()
        if restyling:
            hidden = [
                widget for widget in self._app.allWidgets() if _is_polished(widget) and not widget.isVisible()
            ]
            parts = [hidden[at : at + HIDDEN_AT_ONCE] for at in range(0, len(hidden), HIDDEN_AT_ONCE)]
            restyling = [*(partial(self._leave_out, part) for part in parts), *restyling]
        self._steps = [*restyling, self._thaw, self._take_back]
        self._next_step()

    def _leave_out(self, widgets: list[QWidget]) -> None:
        """Take the style from hidden widgets: Qt passes over them when it removes and sets the stylesheet, which takes
        half of the time then."""
        for widget in filter(isValid, widgets):
            widget.style().unpolish(widget)
            widget.setAttribute(Qt.WidgetAttribute.WA_WState_Polished, False)
            self._left_out.append(widget)

    def _take_back(self) -> None:
        """Style some of the widgets that were left out, and the others in later turns."""
        widgets, self._left_out = self._left_out[:HIDDEN_AT_ONCE], self._left_out[HIDDEN_AT_ONCE:]
        for widget in filter(isValid, widgets):
            widget.setAttribute(Qt.WidgetAttribute.WA_WState_Polished)
            widget.style().polish(widget)
            self._app.sendEvent(widget, QEvent(QEvent.Type.StyleChange))
        if self._left_out:
            self._steps.insert(0, self._take_back)

    def _thaw(self) -> None:
        frozen, self._frozen = self._frozen, []
        for widget in filter(isValid, frozen):  # a menu may be gone meanwhile
            widget.setUpdatesEnabled(True)

    def _next_step(self) -> None:
        if self._steps:
            self._steps.pop(0)()
            QTimer.singleShot(0, self._next_step)

    def _restyling(self) -> list[Callable[[], None]]:
        """What is left to do for the present palette, in steps."""

        def strip() -> None:
            self._styled_with = None
            self._app.setStyleSheet("")

        def restyle() -> None:
            self._styled_with = self.tokens
            self._app.setStyleSheet(stylesheet(self))

        def announce() -> None:
            self._announced = self.tokens
            self.changed.emit()

        steps: list[Callable[[], None]] = []
        if self._styled_with is not self.tokens:
            # When one stylesheet replaces another, Qt restyles a widget once per ancestor; removing the old one first
            # takes a quarter of the time.
            steps += [strip, restyle]
        if self._announced is not self.tokens:
            steps.append(announce)
        return steps

    def prepare(self, choice: str) -> None:
        """Choose the palette before the window is built: `apply` then sets the stylesheet once it is.

        With a stylesheet set, Qt would restyle widgets each time they get a parent, half of the time to build a window.
        """
        self._choose(choice)
        self._announced = self.tokens

    def _choose(self, choice: str) -> None:
        if choice not in THEME_CHOICES:
            raise ValueError(f"{choice!r} is not one of {THEME_CHOICES}")
        self.choice = choice
        self.tokens = tokens_for(choice, self._app.styleHints().colorScheme())
        self._app.setPalette(_palette(self.tokens))

    def _system_changed(self) -> None:
        if self.choice == "system":
            self.switch("system")


def _is_polished(widget: QWidget) -> bool:
    """Whether Qt has styled the widget, as it does when it is first shown."""
    return widget.testAttribute(Qt.WidgetAttribute.WA_WState_Polished)


def tokens_for(choice: str, system: Qt.ColorScheme) -> ThemeTokens:
    """The palette for a choice; `system`: the system's preference, light where it has none."""
    dark = choice == "dark" or (choice == "system" and system == Qt.ColorScheme.Dark)
    return DARK if dark else LIGHT


def apply_theme(app: QApplication, choice: str) -> Theme:
    """Apply a theme to the application; returns its one Theme, created on first use. Raises ValueError."""
    theme = theme_of(app)
    theme.apply(choice)
    return theme


def theme_of(app: QApplication) -> Theme:
    """The one Theme of the application."""
    return app.findChild(Theme, "theme") or Theme(app)


def _palette(tokens: ThemeTokens) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    pairs = {
        role.Window: tokens.panel,
        role.WindowText: tokens.text,
        role.Base: tokens.panel,
        role.AlternateBase: tokens.window,
        role.Text: tokens.text,
        role.Button: tokens.raised,
        role.ButtonText: tokens.text,
        role.BrightText: tokens.danger,
        role.Highlight: tokens.accent,
        role.HighlightedText: tokens.on_accent,
        role.Accent: tokens.accent,
        role.Link: tokens.accent_text,
        role.LinkVisited: tokens.accent_text,
        role.PlaceholderText: tokens.muted,
        role.ToolTipBase: tokens.raised,
        role.ToolTipText: tokens.text,
        role.Light: tokens.hover,
        role.Midlight: tokens.hover,
        role.Mid: tokens.line,
        role.Dark: tokens.edge,
        role.Shadow: tokens.edge,
    }
    for which, colour in pairs.items():
        palette.setColor(which, QColor(colour))
    for which in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(tokens.disabled))
    palette.setColor(QPalette.ColorGroup.Disabled, role.Highlight, QColor(tokens.hover))
    return palette


def stylesheet(theme: Theme) -> str:
    """The text of `theme.qss` with every `$token` replaced."""
    values = {field.name: getattr(theme.tokens, field.name) for field in fields(ThemeTokens)}
    values["headline"] = f"{theme.headline_size}px"
    values["marks"] = resource_path("marks").as_posix()
    return Template(resource_path("theme.qss").read_text("utf-8")).substitute(values)
