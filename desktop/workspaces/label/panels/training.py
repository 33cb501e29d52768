"""How learning goes: phase, mIoU with its trend, the curves, and the buttons that start and stop it."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QLabel, QProgressBar, QSizePolicy, QWidget

from core.labels.class_list import ClassList
from desktop.theme.icons import pixmap
from desktop.theme.theme import GRID, Theme
from desktop.widgets.chart import Chart, Curve, score_curves
from desktop.widgets.controls import MARGIN, button, column, row, set_role, words
from desktop.widgets.status_bar import clock

PHASES = {
    "idle": "Not training",
    "starting": "Starting…",
    "training": "Training",
    "paused": "Paused",
    "stopping": "Stopping…",
}
EXPLANATION = "IoU: overlap with the truth, 1.00 is perfect."
LONG_EXPLANATION = (
    "IoU (intersection over union) of a class: the area where prediction and truth agree,\n"
    "divided by the area that either of them covers. mIoU is the mean over all classes."
)
BEGINNING = "Label a few pixels of two classes in three pictures, then the model can start to learn."
STEADY = 0.005
"""A change of mIoU below this is noise, not a trend."""


class LearningPanel(QWidget):
    """Buttons appear by phase. Before the first score a hint stands where the chart will be."""

    train_asked = Signal()
    pause_asked = Signal()
    continue_asked = Signal()
    stop_asked = Signal()
    start_by_itself_changed = Signal(bool)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._scored = False
        self._beginning = BEGINNING
        self._trend: tuple[float, float] | None = None
        self.phase = words("", "muted")
        self.score = words("", "headline")
        self.score_name = words("mIoU", "muted")
        self.trend_mark = QLabel()
        self.trend = words("", "muted")
        self.chart = Chart(theme, time_axis=True, score_axis=True, small=True)
        self.chart.setMinimumHeight(7 * GRID)
        self.chart.setMaximumHeight(16 * GRID)
        self.chart.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.hint = words(BEGINNING, "muted", wrap=True)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Progress of this round")
        self.rest = words("", "muted")
        self.message = words("", "warning", wrap=True)
        self.train = button("Train", "primary")
        self.pause = button("Pause")
        self.go_on = button("Continue", "primary")
        self.stop = button("Stop")
        self.train.clicked.connect(self.train_asked)
        self.pause.clicked.connect(self.pause_asked)
        self.go_on.clicked.connect(self.continue_asked)
        self.stop.clicked.connect(self.stop_asked)
        self.by_itself = QCheckBox("Start by itself")
        self.by_itself.toggled.connect(self.start_by_itself_changed)
        self.rule = words("", "muted", wrap=True)
        score_line = row(self.score, self.score_name, None, self.trend_mark, self.trend, spacing=6)
        self.setLayout(
            column(
                row(words("Learning", "heading"), None, self.phase),
                score_line,
                self.chart,
                self.hint,
                row(self.progress, self.rest),
                self.message,
                row(self.train, self.go_on, self.pause, self.stop),
                self.by_itself,
                self.rule,
                margins=(MARGIN, GRID, MARGIN, 12),
                spacing=6,
            )
        )
        theme.changed.connect(self._show_trend)
        self.set_state("idle")
        self.set_score(None)
        self.chart.hide()
        self.rule.hide()

    def set_state(
        self,
        phase: str,
        *,
        device: str = "",
        pictures_per_second: float | None = None,
        seconds_left: float | None = None,
        seconds: float | None = None,
        step: int | None = None,
        message: str = "",
        failed: bool = False,
        can_train: bool = True,
    ) -> None:
        """Show a phase (a key of PHASES). `seconds` of training so far with `seconds_left` fill the progress line.

        `message` stands above the buttons, in red when training `failed`. Raises KeyError for an unknown phase.
        """
        self.phase.setText(
            PHASES[phase] + (f" on {device}" if device and phase in ("training", "paused") else "")
        )
        speed = f"{pictures_per_second:.1f} pictures per second" if pictures_per_second else ""
        self.phase.setToolTip("\n".join(filter(None, (f"Step {step:,}" if step else "", speed))))
        busy = phase != "idle"
        self.train.setVisible(not busy)
        self.train.setEnabled(can_train)
        self.pause.setVisible(phase in ("starting", "training"))
        self.pause.setEnabled(phase == "training")
        self.go_on.setVisible(phase == "paused")
        self.stop.setVisible(busy)
        self.stop.setEnabled(phase != "stopping")
        known = busy and seconds is not None and seconds_left is not None and seconds + seconds_left > 0
        self.progress.setVisible(known)
        self.rest.setVisible(known)
        if known:
            self.progress.setRange(0, 1000)
            self.progress.setValue(round(1000 * seconds / (seconds + seconds_left)))
            self.rest.setText(f"{clock(seconds_left)} left")
        set_role(self.message, "danger" if failed else "warning")
        self.message.setText(message)
        self.message.setVisible(bool(message))

    def set_score(self, miou: float | None, before: float | None = None) -> None:
        """The newest mIoU (0..1), and an earlier one to compare it with. None: there is no score yet."""
        self._trend = None if miou is None or before is None else (miou, before)
        for part in (self.score, self.score_name, self.trend, self.trend_mark):
            part.setVisible(miou is not None)
        self.score.setText("" if miou is None else f"{miou:.2f}")
        self._scored = miou is not None
        self.hint.setText(EXPLANATION if self._scored else self._beginning)
        self.hint.setToolTip("" if miou is None else LONG_EXPLANATION)
        self._show_trend()

    def set_hint(self, text: str) -> None:
        """What stands here before the first score: what it waits for."""
        self._beginning = text or BEGINNING
        if not self._scored:
            self.hint.setText(self._beginning)

    def set_curves(self, miou: Curve, per_class: Mapping[int, Curve], classes: ClassList) -> None:
        """Curves over seconds of training; the bold one is mIoU, and its end is the score."""
        curves = score_curves(miou, per_class, classes)
        self.chart.setVisible(bool(curves))
        if curves:
            self.chart.set_curves(curves)
        earlier = [value for _, value in miou[-4:-1]]
        before = sum(earlier) / len(earlier) if earlier else None
        self.set_score(miou[-1][1] if miou else None, before)

    def set_start_by_itself(self, on: bool, rule: str = "") -> None:
        """Show the setting and the sentence that says when it starts; emits nothing."""
        self.by_itself.blockSignals(True)
        self.by_itself.setChecked(on)
        self.by_itself.blockSignals(False)
        self.rule.setText(rule)
        self.rule.setVisible(bool(rule))

    def _show_trend(self) -> None:
        if self._trend is None:
            self.trend.setText("")
            self.trend_mark.clear()
            return
        change = self._trend[0] - self._trend[1]
        steady = abs(change) < STEADY
        name = "trend-flat" if steady else "trend-up" if change > 0 else "trend-down"
        shade = "muted" if steady else "good" if change > 0 else "warning"
        self.trend.setText("steady" if steady else f"{change:+.2f}".replace("-", "−"))
        mark = pixmap(name, self._theme.colour(shade), 16, max(2.0, self.devicePixelRatioF()))
        self.trend_mark.setPixmap(mark)
        self.trend.setToolTip("Change of mIoU against the three evaluations before")
