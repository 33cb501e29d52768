"""The theme: contrast of both palettes, complete tokens, and icons and widgets that follow it."""

import re
from dataclasses import fields
from itertools import pairwise

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QIcon, QImage
from PySide6.QtWidgets import QApplication, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from desktop.theme.icons import app_icon, icon, icon_names, icon_pixmap, set_themed_icon
from desktop.theme.theme import (
    DARK,
    HIDDEN_AT_ONCE,
    LIGHT,
    Theme,
    ThemeTokens,
    apply_theme,
    stylesheet,
    tokens_for,
)
from desktop.widgets.controls import column, set_role, text_label
from resources import resource_path


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    return apply_theme(qapp, "light")


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2."""
    parts = [QColor(colour).redF(), QColor(colour).greenF(), QColor(colour).blueF()]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["window", "panel", "raised", "button", "hover", "accent_soft"])
def test_text_has_enough_contrast_on_every_background(tokens: ThemeTokens, ground: str) -> None:
    assert contrast(tokens.text, getattr(tokens, ground)) >= 7
    assert contrast(tokens.muted, getattr(tokens, ground)) >= 4.5


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_coloured_text_and_focus_have_enough_contrast(tokens: ThemeTokens) -> None:
    for word in ("accent_text", "warning", "danger", "good"):
        for ground in ("window", "panel"):
            assert contrast(getattr(tokens, word), getattr(tokens, ground)) >= 4.5, (word, ground)
    assert contrast(tokens.on_accent, tokens.accent) >= 4.5
    assert contrast(tokens.icon, tokens.window) >= 4.5
    for ground in ("window", "panel", "raised", "button"):
        assert contrast(tokens.focus, getattr(tokens, ground)) >= 3, f"focus ring on {ground}"


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_surfaces_are_neutral_grey(tokens: ThemeTokens) -> None:
    for name in (
        "canvas",
        "window",
        "panel",
        "raised",
        "button",
        "hover",
        "pressed",
        "line",
        "edge",
        "grid",
        "text",
    ):
        assert QColor(getattr(tokens, name)).hsvSaturationF() < 0.09, name


def test_every_token_is_a_colour() -> None:
    for tokens in (LIGHT, DARK):
        for field in fields(ThemeTokens):
            assert re.fullmatch("#[0-9a-f]{6}", getattr(tokens, field.name)), field.name


def test_stylesheet_is_complete_and_its_marks_exist(theme: Theme) -> None:
    sheet = stylesheet(theme)
    assert "$" not in sheet
    for mark in re.findall(r'url\("([^"]+)"\)', sheet):
        assert not QImage(mark).isNull(), mark


def test_palette_for_each_choice() -> None:
    dark, light, unknown = Qt.ColorScheme.Dark, Qt.ColorScheme.Light, Qt.ColorScheme.Unknown
    assert tokens_for("light", dark) is LIGHT
    assert tokens_for("dark", light) is DARK
    assert tokens_for("system", dark) is DARK
    assert tokens_for("system", light) is LIGHT
    assert tokens_for("system", unknown) is LIGHT


def test_one_theme_for_the_application(qapp: QApplication, theme: Theme) -> None:
    assert apply_theme(qapp, "dark") is theme
    assert theme.dark
    assert qapp.palette().window().color() == theme.colour("panel")
    with pytest.raises(ValueError, match="pink"):
        apply_theme(qapp, "pink")
    apply_theme(qapp, "light")


def test_a_switch_in_steps_ends_as_one_at_once(qtbot: QtBot, qapp: QApplication, theme: Theme) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    heard = []
    theme.changed.connect(lambda: heard.append(theme.tokens))
    theme.switch("dark")
    assert theme.dark and not window.updatesEnabled(), "nothing is painted half styled"
    qtbot.waitUntil(lambda: heard == [DARK] and window.updatesEnabled())
    assert qapp.styleSheet() == stylesheet(theme)
    for last in ("switch", "apply"):  # chosen again before the first choice is carried out
        theme.switch("light")
        getattr(theme, last)("dark")
        qtbot.waitUntil(window.updatesEnabled)
        assert theme.dark and qapp.styleSheet() == stylesheet(theme)
    theme.apply("light")
    assert window.updatesEnabled() and qapp.styleSheet() == stylesheet(theme)


def test_hidden_widgets_are_styled_afterwards_in_parts(
    qtbot: QtBot, theme: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Restyling all widgets in one turn of the event loop is a long stall, and most of them are hidden."""
    window = QWidget()
    qtbot.addWidget(window)
    shown, page = text_label("shown", "muted"), QWidget()
    labels = [text_label(str(n), "muted") for n in range(2 * HIDDEN_AT_ONCE)]
    page.setLayout(column(*labels))
    window.setLayout(column(shown, page))
    window.show()
    page.hide()

    def styled() -> int:
        return sum(each.testAttribute(Qt.WidgetAttribute.WA_WState_Polished) for each in labels)

    seen: list[int] = []
    parts: list[int] = []
    take_back = theme._take_back

    def noted() -> None:
        take_back()
        parts.append(styled())

    def note() -> None:
        seen.append(styled())

    monkeypatch.setattr(theme, "_take_back", noted)
    theme.changed.connect(note)
    theme.switch("dark")
    qtbot.waitUntil(window.updatesEnabled)
    assert seen == [0], "Qt had none of the hidden ones to style"
    assert shown.palette().windowText().color() == theme.colour("muted")
    qtbot.waitUntil(lambda: styled() == len(labels))
    steps = [after - before for before, after in pairwise([0, *parts])]
    assert max(steps) <= HIDDEN_AT_ONCE, "some of them in each turn"

    theme.changed.disconnect(note)
    parts.clear()
    theme.switch("light")
    qtbot.waitUntil(lambda: bool(parts))
    theme.switch("dark")  # perhaps before all are styled
    qtbot.waitUntil(lambda: theme.dark and window.updatesEnabled() and styled() == len(labels))
    assert {each.palette().windowText().color().name() for each in labels} == {DARK.muted}
    set_role(labels[0], "")
    assert labels[0].palette().windowText().color() == theme.colour("text"), (
        "nothing is left of the other theme"
    )
    monkeypatch.undo()
    theme.apply("light")
    assert {each.palette().windowText().color().name() for each in labels[1:]} == {LIGHT.muted}


def test_system_changes_are_followed_only_when_chosen(qapp: QApplication, theme: Theme) -> None:
    heard = []
    theme.apply("dark")
    theme.changed.connect(lambda: heard.append(theme.choice))
    qapp.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Light)
    assert heard == []
    theme.apply("system")
    assert heard == ["system"]
    # The system says once more what it said before: nothing is dressed anew.
    qapp.styleHints().colorSchemeChanged.emit(qapp.styleHints().colorScheme())
    assert heard == ["system"]
    theme.apply("light")


@pytest.mark.parametrize("name", [name for name in icon_names() if name != "app"])
def test_icons_are_line_drawings_of_one_width(name: str) -> None:
    text = resource_path(f"icons/{name}.svg").read_text("utf-8")
    assert 'viewBox="0 0 20 20"' in text
    assert re.findall(r'stroke-width="([^"]+)"', text) == ["1.5"]
    assert not re.search(r"#[0-9a-fA-F]{3,6}", text), "an icon takes its colour from the theme"
    image = icon_pixmap(name, "#ff0000", 20).toImage()
    inked = sum(image.pixelColor(x, y).alpha() > 40 for x in range(20) for y in range(20))
    assert inked >= 3
    edge = [image.pixelColor(x, y).alpha() for x in range(20) for y in (0, 19)]
    edge += [image.pixelColor(x, y).alpha() for y in range(20) for x in (0, 19)]
    assert max(edge) < 128, "an icon keeps clear of its frame"


def ink(found: QIcon, mode: QIcon.Mode, state: QIcon.State = QIcon.State.Off) -> QColor:
    """The colour of the most opaque pixel."""
    image = found.pixmap(QSize(20, 20), 1.0, mode, state).toImage()
    points = [(x, y) for x in range(image.width()) for y in range(image.height())]
    return image.pixelColor(*max(points, key=lambda p: image.pixelColor(*p).alpha()))


def near(one: QColor, other: QColor) -> bool:
    return max(abs(a - b) for a, b in zip(one.getRgb()[:3], other.getRgb()[:3], strict=True)) <= 8


def test_icon_has_a_colour_for_every_state(theme: Theme) -> None:
    found = icon("stop", theme)
    assert near(ink(found, QIcon.Mode.Normal), theme.colour("icon"))
    assert near(ink(found, QIcon.Mode.Disabled), theme.colour("disabled"))
    assert near(ink(found, QIcon.Mode.Active), theme.colour("text"))
    assert near(ink(found, QIcon.Mode.Normal, QIcon.State.On), theme.colour("accent_text"))


def test_icon_is_sharp_at_200_percent(theme: Theme) -> None:
    drawn = icon("brush", theme).pixmap(QSize(20, 20), 2.0)
    assert (drawn.width(), drawn.devicePixelRatio()) == (40, 2.0)
    doubled = icon("brush", theme).pixmap(QSize(20, 20), 1.0).toImage().scaled(40, 40)
    assert drawn.toImage().convertToFormat(doubled.format()) != doubled


def test_themed_icons_follow_the_theme_and_can_be_replaced(qtbot, theme: Theme) -> None:
    button = QPushButton()
    qtbot.addWidget(button)
    set_themed_icon(button, "stop", theme)
    light = ink(button.icon(), QIcon.Mode.Normal)
    theme.apply("dark")
    assert near(ink(button.icon(), QIcon.Mode.Normal), QColor(DARK.icon))
    assert not near(light, QColor(DARK.icon))
    before = button.icon().pixmap(20, 20).toImage()
    set_themed_icon(button, "plus", theme)
    assert button.icon().pixmap(20, 20).toImage() != before
    theme.apply("light")


def test_app_icon_has_all_sizes(qapp: QApplication) -> None:
    assert {size.width() for size in app_icon().availableSizes()} >= {16, 32, 48, 256}
    with pytest.raises(FileNotFoundError):
        icon_pixmap("no such icon", "#000000", 20)
