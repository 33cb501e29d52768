"""Below the callbacks of a recipe: TensorBoard, the logs, and the command of the settings."""

from __future__ import annotations

import shlex
from pathlib import Path

from PySide6.QtWidgets import QApplication, QCheckBox, QLineEdit, QWidget

from core.training.callbacks.callback_options import NO_TENSORBOARD_TEXT, has_tensorboard
from desktop.theme.theme import GRID
from desktop.widgets.controls import button, column, row, text_label


class CallbackPanel(QWidget):
    """models_folder: holds a folder for each run; command: after each evaluation, as in the settings"""

    def __init__(self, models_folder: Path, command: str, *, tensorboard: bool) -> None:
        super().__init__()
        self.tensorboard = QCheckBox("TensorBoard")
        is_there = has_tensorboard()
        self.tensorboard.setChecked(tensorboard and is_there)
        self.tensorboard.setEnabled(is_there)
        self.view_command = QLineEdit(f"tensorboard --logdir {shlex.quote(str(models_folder))}")
        self.view_command.setReadOnly(True)
        self.view_command.setCursorPosition(0)
        self.view_command.setAccessibleName("Command that shows the event files")
        self.copy_button = button("Copy")
        self.copy_button.clicked.connect(self._copy)
        what = (
            "Writes event files into the folder of the run: losses, scores, IoU of each class, pictures with their "
            "prediction, the graph of the network, and all options. Look at them with:"
        )
        settings = f"The settings say: {command}" if command else "None. The settings can name one."
        self.setLayout(
            column(
                row(self.tensorboard, None),
                text_label(what if is_there else NO_TENSORBOARD_TEXT, "muted", wrap=True),
                row(self.view_command, self.copy_button, spacing=GRID) if is_there else None,
                GRID,
                text_label("CSV and JSON logs", "heading"),
                text_label(
                    f"Every run has log.csv and log.jsonl in its folder, {models_folder / 'RUN'}.",
                    "muted",
                    wrap=True,
                ),
                GRID,
                text_label("Command after each evaluation", "heading"),
                text_label(settings, "muted", wrap=True),
                spacing=GRID,
            )
        )

    def _copy(self) -> None:
        QApplication.clipboard().setText(self.view_command.text())
