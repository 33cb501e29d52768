"""The real window on an X server, for tests of keyboards: prints what each key did, until its input ends."""

from __future__ import annotations

import sys
import threading
from functools import partial
from pathlib import Path

from PySide6.QtCore import QMetaObject, Qt, QTimer

from core.base.settings import Settings
from desktop.app import build
from desktop.main_window import MainWindow


def tell(*words: object) -> None:
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")
    sys.stdout.flush()


def watch(window: MainWindow) -> None:
    """Report actions, held switches, hints and the size of the brush."""
    for key, action in window.actions_by_id.items():
        action.triggered.connect(partial(lambda key, _on=False: tell("action", key), key))
    hidden = window.actions_by_id["hide_overlays"]
    hidden.toggled.connect(lambda on: tell("hidden", on))
    window.layout_fallback.hint.connect(lambda sentence: tell("hint", sentence))


def wait_for_picture(window: MainWindow) -> None:
    context = window.context
    if context is None or context.label_controller.picture.labels is None:
        QTimer.singleShot(50, partial(wait_for_picture, window))
        return
    window.label_page.canvas.setFocus()
    watch(window)
    tell("ready", int(window.winId()))


def close_with_input(window: MainWindow) -> None:
    for line in sys.stdin:  # the name of a keymap preset
        name = line.strip()
        window.dispatcher.post(partial(use_preset, window, name))
    QMetaObject.invokeMethod(window, "close", Qt.ConnectionType.QueuedConnection)


def use_preset(window: MainWindow, name: str) -> None:
    window.keymap.use_preset(name)
    tell("preset", name)


def main(folder: Path) -> int:
    settings = Settings(folder / "settings.json")
    settings.set("train_automatically", False)
    app = build(settings)

    def shown(window: MainWindow) -> None:
        window.open_project(folder / "pictures")
        wait_for_picture(window)
        threading.Thread(target=close_with_input, args=(window,), daemon=True).start()

    return app.run(shown)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
