"""Shortcuts on keyboards of the world: real key codes on an X server, and the same keys as events without one."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from core.base.settings import Settings
from desktop.actions.catalog import set_shortcuts
from desktop.actions.held_key import HOLD_SECONDS
from desktop.actions.key_positions import shortcut_of
from desktop.actions.keymap_presets import PRESETS, STANDARD
from desktop.tour.window_driver import CTRL, NO_MODIFIER, SHIFT
from tests.desktop.conftest import GuiDriver
from tests.factories import project_in

pytestmark = pytest.mark.qt_log_ignore("does not support")
ROOT = Path(__file__).resolve().parents[3]
TOOLS = ("Xvfb", "setxkbmap", "xdotool")
SHIFT_KEY, CTRL_KEY, ALT_GR_KEY, MENU_KEY = 50, 37, 108, 135
"""Key codes of X11: places on the keyboard, whatever the layout has there."""
BRACKET_LEFT, BRACKET_RIGHT, PAGE_DOWN, PAGE_UP = 34, 35, 117, 112
DIGIT_1, DIGIT_8, DIGIT_9, DIGIT_0 = 10, 17, 18, 19
KEY_Q, KEY_D, KEY_H, KEY_Z, KEY_N = 24, 40, 43, 52, 57


class KeyboardDriver:
    """The real window in a process of its own, and the keyboard of its X server."""

    def __init__(self, folder: Path) -> None:
        read_end, write_end = os.pipe()
        self._server = subprocess.Popen(
            ["Xvfb", "-noreset", "-screen", "0", "1400x900x24", "-displayfd", str(write_end)],
            pass_fds=(write_end,), stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(write_end)
        with os.fdopen(read_end) as told:
            self._display = f":{told.readline().strip()}"
        self._environment = dict(os.environ, DISPLAY=self._display, QT_QPA_PLATFORM="xcb")
        self._window = subprocess.Popen(
            [sys.executable, "-m", "tests.keyboard_window", str(folder)],
            cwd=ROOT, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self._id = self.wait_for("ready", 60).split()[1]
        self._run("xdotool", "windowfocus", self._id)

    def use_layout(self, layout: str) -> None:
        """One layout, or two of which the second is used, as "us,ru"."""
        self._run("setxkbmap", "-option", "", "-option", "grp:menu_toggle", "-layout", layout)
        time.sleep(0.2)
        if "," in layout:
            self._run("xdotool", "key", str(MENU_KEY))
        self.report()

    def use_preset(self, name: str) -> None:
        assert self._window.stdin is not None
        self._window.stdin.write(f"{name}\n")
        self._window.stdin.flush()
        self.wait_for("preset", 10)

    def press(self, *codes: int) -> list[str]:
        """Press keys after each other, release them the other way round. Returns what the window reported."""
        words = [word for code in codes for word in ("keydown", str(code))]
        words += [word for code in reversed(codes) for word in ("keyup", str(code))]
        self._run("xdotool", *words)
        return self.report()

    def hold(self, code: int, seconds: float) -> list[str]:
        self._run("xdotool", "keydown", str(code))
        time.sleep(seconds)
        self._run("xdotool", "keyup", str(code))
        return self.report()

    def report(self) -> list[str]:
        """What the window has reported since the last call, after it has had time for the last key."""
        time.sleep(0.1)
        lines = []
        while not self._lines.empty():
            lines.append(self._lines.get())
        return lines

    def wait_for(self, word: str, seconds: float) -> str:
        end = time.monotonic() + seconds
        while True:
            line = self._lines.get(timeout=max(0.0, end - time.monotonic()))
            if line.startswith(word):
                return line

    def close(self) -> None:
        assert self._window.stdin is not None
        self._window.stdin.close()
        self._window.wait(30)
        self._reader.join(30)
        assert self._window.stdout is not None
        self._window.stdout.close()
        self._server.terminate()
        self._server.wait(30)

    def _run(self, *command: str) -> None:
        subprocess.run(command, env=self._environment, check=True, timeout=30, capture_output=True)

    def _read(self) -> None:
        assert self._window.stdout is not None
        for line in self._window.stdout:
            self._lines.put(line.strip())


@pytest.fixture(scope="module")
def one_keyboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyboardDriver]:
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}, which .ci/run installs")
    folder = tmp_path_factory.mktemp("keyboard")
    project_in(folder / "pictures").close()
    made = KeyboardDriver(folder)
    yield made
    made.close()


@pytest.fixture
def keyboard(one_keyboard: KeyboardDriver) -> Iterator[KeyboardDriver]:
    yield one_keyboard
    one_keyboard.use_preset(STANDARD)


@pytest.mark.parametrize("layout", ["us", "fr", "de", "es", "se", "tr", "ru", "gr", "il"])
def test_default_keys_work_on_every_keyboard(keyboard: KeyboardDriver, layout: str) -> None:
    keyboard.use_layout(layout)
    assert keyboard.press(PAGE_DOWN) == ["action brush_smaller"]
    assert keyboard.press(PAGE_UP) == ["action brush_bigger"]
    assert keyboard.press(KEY_N) == ["action next_uncertain"], (
        "a letter of another script counts by its place"
    )
    digit = (SHIFT_KEY, DIGIT_1) if layout == "fr" else (DIGIT_1,)
    assert keyboard.press(*digit) == ["action class_1"]
    for code in (DIGIT_8, DIGIT_9, DIGIT_0):
        told = keyboard.press(ALT_GR_KEY, code)
        assert not [line for line in told if "class" in line], "AltGr and a digit never choose a class"


@pytest.mark.parametrize("layout", ["us", "fr", "tr", "ru", "gr", "il", "us,ru", "us,gr", "us,il"])
def test_overlays_are_hidden_only_while_the_key_is_held(keyboard: KeyboardDriver, layout: str) -> None:
    keyboard.use_layout(layout)
    held = keyboard.hold(KEY_H, HOLD_SECONDS + 0.2)
    assert [line for line in held if "hidden" in line] == ["hidden True", "hidden False"]
    assert [line for line in keyboard.press(KEY_H) if "hidden" in line] == ["hidden True"], "a tap switches"
    assert [line for line in keyboard.press(KEY_H) if "hidden" in line] == ["hidden False"]


@pytest.mark.parametrize("layout", ["ru", "gr", "il"])
def test_keyboards_with_no_latin_letters_at_all(keyboard: KeyboardDriver, layout: str) -> None:
    keyboard.use_layout(layout)
    assert keyboard.press(KEY_D) == ["action next_picture"]
    assert keyboard.press(SHIFT_KEY, KEY_D)[0] == "action next_open"
    assert keyboard.press(CTRL_KEY, KEY_D)[0] == "action mark_done"
    keyboard.press(CTRL_KEY, KEY_Z)


@pytest.mark.parametrize("layout", ["de", "es", "se", "tr"])
def test_brackets_of_alt_gr_change_the_size(keyboard: KeyboardDriver, layout: str) -> None:
    keyboard.use_layout(layout)
    assert keyboard.press(ALT_GR_KEY, DIGIT_8) == ["action brush_smaller"]
    assert keyboard.press(ALT_GR_KEY, DIGIT_9) == ["action brush_bigger"]


def test_keys_that_are_elsewhere_are_explained_once(keyboard: KeyboardDriver) -> None:
    keyboard.use_layout("de")
    assert "PgDown and PgUp" in next(line for line in keyboard.press(BRACKET_LEFT) if line.startswith("hint"))
    assert keyboard.press(BRACKET_LEFT) == []
    keyboard.use_layout("fr")
    assert keyboard.press(DIGIT_1)[0].startswith("hint On this keyboard, digits need Shift")
    assert keyboard.press(DIGIT_1) == []


def test_the_keymap_for_azerty(keyboard: KeyboardDriver) -> None:
    keyboard.use_layout("fr")
    keyboard.use_preset("For AZERTY keyboards")
    for n, code in enumerate(range(DIGIT_1, DIGIT_9 + 1), 1):
        assert keyboard.press(code) == [f"action class_{n}"]
    assert keyboard.press(DIGIT_0) == ["action class_0"]
    assert keyboard.press(58) == ["action brush_smaller"]  # the comma
    assert keyboard.press(59) == ["action brush_bigger"]
    assert keyboard.press(KEY_Q) == ["action accept_region"]  # A on this keyboard
    assert keyboard.press(38) == ["action previous_picture"]  # Q, left of D


@pytest.mark.parametrize("layout", ["de", "es", "se", "tr"])
def test_the_keymap_without_brackets(keyboard: KeyboardDriver, layout: str) -> None:
    keyboard.use_layout(layout)
    keyboard.use_preset("For German, Spanish, Nordic, Turkish keyboards")
    comma, point = (51, 61) if layout == "tr" else (59, 60)
    assert keyboard.press(comma) == ["action brush_smaller"]
    assert keyboard.press(point) == ["action brush_bigger"]


# The same without an X server


def send(widget: QWidget, key: int, keys: Qt.KeyboardModifier, code: int, text: str) -> None:
    """Press and release a key as the platform does: first the question whose key it is."""
    for kind in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
        event = QKeyEvent(kind, key, keys, code, 0, 0, text)
        if kind == QEvent.Type.ShortcutOverride:
            event.ignore()
        QApplication.sendEvent(widget, event)


@pytest.mark.parametrize(
    ("key", "code", "keys", "shortcut"),
    [
        (0x41A, 27, NO_MODIFIER, "R"),  # Cyrillic К
        (0x421, 54, CTRL, "Ctrl+C"),
        (0x397, 43, SHIFT, "Shift+H"),  # Greek Η
        (0x5D9, 43, NO_MODIFIER, "H"),  # Hebrew י
        (0x5B, 34, NO_MODIFIER, "["),
        (0xDC, 34, NO_MODIFIER, "Ü"),
        (0x11E, 34, NO_MODIFIER, "Ğ"),  # Latin with a breve is no other script
    ],
)
def test_the_place_counts_only_for_letters_of_another_script(
    key: int, code: int, keys: Qt.KeyboardModifier, shortcut: str
) -> None:
    assert shortcut_of(QKeyEvent(QEvent.Type.KeyPress, key, keys, code, 0, 0)) == shortcut


def test_letters_of_another_script_run_actions_but_not_while_typing(gui: GuiDriver) -> None:
    gui.window.activateWindow()
    gui.canvas.setFocus()
    send(gui.canvas, 0x41F, NO_MODIFIER, 42, "п")  # at the place of G
    assert gui.window.actions_by_id["tool_fill"].isChecked()
    field = gui.page.metadata_bar.tag_row.field
    field.setFocus()
    send(field, 0x418, NO_MODIFIER, 56, "и")  # at the place of B
    assert gui.window.actions_by_id["tool_fill"].isChecked()
    assert field.text() == "и"
    field.clear()
    gui.canvas.setFocus()
    gui.window.actions_by_id["tool_brush"].trigger()


def test_a_hint_names_the_keys_that_can_be_typed(gui: GuiDriver) -> None:
    gui.canvas.setFocus()
    send(gui.canvas, 0xDC, NO_MODIFIER, 34, "ü")
    assert gui.said.startswith("On this keyboard, [ and ] need AltGr; PgDown and PgUp change the size too.")
    gui.window.show_message("")
    send(gui.canvas, 0xDC, NO_MODIFIER, 34, "ü")
    assert gui.said == "", "once is enough"
    send(gui.canvas, 0xE9, NO_MODIFIER, 11, "é")
    assert "AZERTY" in gui.said


def test_the_key_that_switched_ends_it_whatever_it_is_called_when_released(gui: GuiDriver) -> None:
    hidden = gui.window.actions_by_id["hide_overlays"]
    gui.key(Qt.Key.Key_Escape)
    QTest.keyPress(gui.canvas, Qt.Key.Key_H)
    assert hidden.isChecked()
    gui.wait(round(1000 * HOLD_SECONDS) + 60)
    QTest.keyRelease(gui.canvas, Qt.Key.Key_G)
    assert hidden.isChecked(), "another key"
    QTest.keyRelease(gui.canvas, Qt.Key.Key_H)
    assert not hidden.isChecked()


@pytest.mark.parametrize("name", list(PRESETS))
def test_every_preset_leaves_each_action_a_key_and_is_stored(
    gui: GuiDriver, name: str, tmp_path: Path
) -> None:
    keymap = gui.window.keymap
    before = {key for key in gui.window.actions_by_id if keymap.shortcuts(key)}
    try:
        keymap.use_preset(name)
        assert {key for key in gui.window.actions_by_id if keymap.shortcuts(key)} == before
        assert keymap.preset == name
        assert Settings(gui.window._settings.path).get_state("keys") == gui.window._settings.get_state("keys")
    finally:
        keymap.use_preset(STANDARD)
        set_shortcuts({})
