"""Builds the program: everything is made here once and handed down by argument."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication

from core.base.gc_freeze import made_to_stay
from core.base.settings import Settings
from core.session.loading.first_picture import Glimpse, begin_glimpse
from desktop.crash_reporter import CrashLog
from desktop.main_window import MainWindow
from desktop.theme.icons import app_icon
from desktop.theme.theme import theme_of


@dataclass(frozen=True, slots=True)
class App:
    """The parts that live as long as the program."""

    qt: QApplication
    window: MainWindow
    crash: CrashLog

    def run(self, begin: Callable[[MainWindow], None]) -> int:
        """Show the window, let it begin once it stands, and stay until it is closed. Returns the exit code."""
        self.window.show()
        QTimer.singleShot(0, lambda: begin(self.window))
        signal.signal(signal.SIGINT, lambda *_: self.window.close())
        # Python hears a signal only between two of its instructions; a slow tick gives it the chance.
        tick = QTimer()
        tick.timeout.connect(lambda: None)
        tick.start(300)
        return self.qt.exec()


def build(settings: Settings | None = None) -> App:
    """The application and its window, not shown yet."""
    # Every move of the pointer counts for a stroke: without this X11 joins those that come while the window is busy.
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_CompressHighFrequencyEvents, False)
    qt = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(qt, QApplication)
    qt.setApplicationName("Maskloop")
    qt.setDesktopFileName("maskloop")
    qt.setWindowIcon(app_icon())
    settings = settings or Settings()
    theme = theme_of(qt)
    theme.prepare(str(settings.get("theme")))  # the window dresses once it is whole
    crash = CrashLog(lambda sentence: window.bridge.post(lambda: window.say(sentence)))
    with made_to_stay():
        window = MainWindow(theme, settings, crash.report)
    crash.install()
    return App(qt, window, crash)


def open_window(
    folder: Path | None, home: Path | None = None, begun: list[Future[Glimpse | None]] | None = None
) -> int:
    """The window, on a folder of pictures if one is given. Returns the exit code once it is closed.

    `begun` holds its first picture if that is being read already.
    """
    if folder is None:
        return build().run(lambda _window: None)
    coming = begun or [begin_glimpse(folder, home)]  # read while the window is made
    # Taken out of the list, so that nothing holds on to the picture for as long as the program runs.
    return build().run(lambda window: window.open(folder, home, glimpse=coming.pop()))
