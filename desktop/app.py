"""Builds the application: Qt, theme, crash reporter and main window."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication

from core.base.gc_freeze import freeze_gc
from core.base.settings import Settings
from core.session.loading.first_picture import FirstPicture, prefetch_first_picture
from desktop.crash_reporter import CrashReporter
from desktop.main_window import MainWindow
from desktop.theme.icons import app_icon
from desktop.theme.theme import theme_of


@dataclass(frozen=True, slots=True)
class App:
    """The objects that live as long as the program."""

    qt: QApplication
    window: MainWindow
    crash_reporter: CrashReporter

    def run(self, on_shown: Callable[[MainWindow], None]) -> int:
        """Show the window, call `on_shown` from the event loop, run until it is closed. Returns the exit code."""
        self.window.show()
        QTimer.singleShot(0, lambda: on_shown(self.window))
        signal.signal(signal.SIGINT, lambda *_: self.window.close())
        # Python handles signals between two of its instructions only; a slow timer runs one now and then.
        tick = QTimer()
        tick.timeout.connect(lambda: None)
        tick.start(300)
        return self.qt.exec()


def build(settings: Settings | None = None) -> App:
    """The application and its window, not shown yet."""
    # A stroke needs every mouse move: by default Qt on X11 merges those that arrive while the window is busy.
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_CompressHighFrequencyEvents, False)
    qt = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(qt, QApplication)
    qt.setApplicationName("Maskloop")
    qt.setDesktopFileName("maskloop")
    qt.setWindowIcon(app_icon())
    settings = settings or Settings()
    theme = theme_of(qt)
    theme.prepare(str(settings.get("theme")))  # the style sheet is applied once the window is complete
    crash = CrashReporter(lambda sentence: window.dispatcher.post(lambda: window.show_message(sentence)))
    with freeze_gc():
        window = MainWindow(theme, settings, crash.report)
    crash.install()
    return App(qt, window, crash)


def open_window(
    folder: Path | None,
    home: Path | None = None,
    first_picture_loads: list[Future[FirstPicture | None]] | None = None,
) -> int:
    """Run the window, on a folder of pictures if one is given. Returns the exit code once it is closed.

    first_picture_loads: holds the first picture if that is being read already
    """
    if folder is None:
        return build().run(lambda _window: None)
    loads = first_picture_loads or [prefetch_first_picture(folder, home)]  # read while the window is built
    # Popped from the list, so that nothing keeps the picture alive for as long as the program runs.
    return build().run(lambda window: window.open_project(folder, home, first_picture=loads.pop()))
