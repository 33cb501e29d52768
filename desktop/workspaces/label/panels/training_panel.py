"""The training panel: phase, mIoU with its trend, validation curves, progress, and start, pause and stop buttons."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QLabel, QProgressBar, QSizePolicy, QWidget

from core.base.number_text import percent_text
from core.base.text import clock_text
from core.labels.class_list import ClassList
from core.labels.score_basis import ENOUGH_PICTURES, ENOUGH_SHARE, ScoreBasis
from desktop.theme.icons import icon_pixmap
from desktop.theme.theme import GRID, Theme
from desktop.widgets.chart import Chart, Curve, score_curves
from desktop.widgets.controls import FOLD_MARGIN, MARGIN, button, column, row, set_role, text_label
from desktop.widgets.fold_button import FoldButton

PHASES = {
    "idle": "Not training",
    "starting": "Starting…",
    "training": "Training",
    "paused": "Paused",
    "stopping": "Stopping…",
}
IOU_HINT = "IoU: overlap of prediction and label, 1.00 is perfect."
IOU_TOOLTIP = (
    "IoU (intersection over union) of a class: the area where prediction and label agree,\n"
    "divided by the area that either of them covers. mIoU is the mean over all classes."
)
FIRST_HINT = "Label a few strokes of two classes in three pictures to start training."
BASIS_TOOLTIP = (
    "The mean IoU of other pictures like these val pictures is in this range in 95 of 100 cases. "
    "Label more val pictures to narrow it."
)
STEADY_CHANGE = 0.005
"""A change of mIoU below this is noise, not a trend."""


class TrainingPanel(QWidget):
    """Shows the buttons that fit the phase, and a hint in place of the chart before the first score."""

    train_requested = Signal()
    pause_requested = Signal()
    resume_requested = Signal()
    stop_requested = Signal()
    auto_start_changed = Signal(bool)
    focus_freed = Signal()
    """The button with the focus has gone; by itself Qt would give the focus to the switch below it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._has_score = False
        self._is_low = False
        self._first_hint = FIRST_HINT
        self._trend: tuple[float, float] | None = None
        self.phase = text_label("", "muted")
        self.score = text_label("", "headline")
        self.score_name = text_label("mIoU", "muted")
        self.basis = text_label("", "muted", wrap=True)
        self.trend_icon = QLabel()
        self.trend = text_label("", "muted")
        self.chart = Chart(theme, time_axis=True, score_axis=True, small=True)
        self.chart.setMinimumHeight(7 * GRID)
        self.chart.setMaximumHeight(16 * GRID)
        self.chart.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.hint = text_label(FIRST_HINT, "muted", wrap=True)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Progress of this round")
        self.time_left = text_label("", "muted")
        self.stage = text_label("", "muted", wrap=True)
        self.message = text_label("", "warning", wrap=True)
        self.train_button = button("Train", "primary")
        self.pause_button = button("Pause")
        self.resume_button = button("Continue", "primary")
        self.stop_button = button("Stop")
        self.train_button.clicked.connect(self.train_requested)
        self.pause_button.clicked.connect(self.pause_requested)
        self.resume_button.clicked.connect(self.resume_requested)
        self.stop_button.clicked.connect(self.stop_requested)
        self.auto_start = QCheckBox("Start automatically")
        self.auto_start.toggled.connect(self.auto_start_changed)
        self.auto_start_rule = text_label("", "muted", wrap=True)
        score_line = row(self.score, self.score_name, None, self.trend_icon, self.trend, spacing=6)
        body = QWidget()
        body.setLayout(
            column(
                score_line,
                self.basis,
                self.chart,
                self.hint,
                row(self.progress, self.time_left),
                self.stage,
                self.message,
                row(self.train_button, self.resume_button, self.pause_button, self.stop_button),
                self.auto_start,
                self.auto_start_rule,
                margins=(MARGIN - FOLD_MARGIN, 0, 0, 0),
                spacing=6,
            )
        )
        self.fold = FoldButton("Training", body, theme)
        header = row(self.fold, text_label("Training", "heading"), None, self.phase, spacing=4)
        self.setLayout(column(header, body, margins=(FOLD_MARGIN, GRID, MARGIN, 12), spacing=6))
        theme.changed.connect(self._show_trend)
        self.set_state("idle")
        self.set_score(None)
        self.basis.hide()
        self.chart.hide()
        self.auto_start_rule.hide()

    def set_state(
        self,
        phase: str,
        *,
        device: str = "",
        pictures_per_second: float | None = None,
        seconds_left: float | None = None,
        seconds: float | None = None,
        step: int | None = None,
        stage: str = "",
        message: str = "",
        failed: bool = False,
        can_train: bool = True,
    ) -> None:
        """Show a phase (a key of PHASES). `seconds` so far and `seconds_left` set the progress bar.

        `stage`, what is done between training steps, and `message` are shown above the buttons, the message in red
        when training `failed`. Raises KeyError for an unknown phase.
        """
        on_device = {"training": f"Training on {device}", "paused": f"Paused on {device}"} if device else {}
        self.phase.setText(on_device.get(phase, PHASES[phase]))
        speed = f"{pictures_per_second:.1f} pictures per second" if pictures_per_second else ""
        self.phase.setToolTip("\n".join(filter(None, (f"Step {step:,}" if step else "", speed))))
        busy = phase != "idle"
        self.stage.setText(stage)
        self.stage.setVisible(bool(stage) and phase == "training")
        buttons = (self.train_button, self.pause_button, self.resume_button, self.stop_button)
        focused = next((each for each in buttons if each.hasFocus()), None)
        if focused is not None:
            focused.clearFocus()
        self.train_button.setVisible(not busy)
        self.train_button.setEnabled(can_train)
        self.pause_button.setVisible(phase in ("starting", "training"))
        self.pause_button.setEnabled(phase == "training")
        self.resume_button.setVisible(phase == "paused")
        self.stop_button.setVisible(busy)
        self._show_explanations()
        self.stop_button.setEnabled(phase != "stopping")
        if focused is not None and focused.isEnabled() and not focused.isHidden():
            focused.setFocus()
        elif focused is not None:
            self.focus_freed.emit()
        self._show_progress(seconds if busy else None, seconds_left)
        set_role(self.message, "danger" if failed else "warning")
        self.message.setText(message)
        self.message.setVisible(bool(message))

    def _show_progress(self, seconds: float | None, seconds_left: float | None) -> None:
        is_known = seconds is not None and seconds_left is not None and seconds + seconds_left > 0
        self.progress.setVisible(is_known)
        self.time_left.setVisible(is_known)
        if seconds is not None and seconds_left is not None and is_known:
            self.progress.setRange(0, 1000)
            self.progress.setValue(round(1000 * seconds / (seconds + seconds_left)))
            self.time_left.setText(f"{clock_text(seconds_left)} left")

    def set_score(self, miou: float | None, before: float | None = None) -> None:
        """Show the newest mIoU (0..1) and its change since `before`. None: there is no score yet."""
        self._trend = None if miou is None or before is None else (miou, before)
        for widget in (self.score, self.score_name, self.trend, self.trend_icon):
            widget.setVisible(miou is not None)
        self.score.setText("" if miou is None else f"{miou:.2f}")
        self._has_score = miou is not None
        self.hint.setText(IOU_HINT if self._has_score else self._first_hint)
        self.hint.setToolTip("" if miou is None else IOU_TOOLTIP)
        self.score_name.setToolTip(IOU_TOOLTIP)
        self._show_explanations()
        self._show_trend()

    def set_basis(self, basis: ScoreBasis | None, names: Mapping[int, str]) -> None:
        """Say what the score rests on; one that rests on little is not shown in bold. names: of the classes."""
        self.basis.setVisible(basis is not None and self._has_score)
        set_role(self.score, "headline" if basis is None or basis.is_enough else "muted-headline")
        if basis is None:
            return
        few = basis.few_text(names)
        self.basis.setText(". ".join(filter(None, (basis.text("val picture"), few))).rstrip(".") + ".")
        explained = [BASIS_TOOLTIP if basis.interval else ""]
        if not basis.is_enough:
            explained.append(
                f"Not bold, because fewer than {ENOUGH_PICTURES} val pictures or less than "
                f"{percent_text(ENOUGH_SHARE)} of their pixels are labelled: other pictures may be predicted much "
                "worse."
            )
        self.basis.setToolTip(" ".join(filter(None, explained)))

    def set_low(self, is_low: bool) -> None:
        """Whether there is little height: explanations that tooltips repeat are hidden then, and in
        training the switch that the settings have too."""
        self._is_low = is_low
        self._show_explanations()

    def _show_explanations(self) -> None:
        self.hint.setVisible(not (self._is_low and self._has_score))
        self.auto_start_rule.setVisible(bool(self.auto_start_rule.text()) and not self._is_low)
        self.auto_start.setVisible(not (self._is_low and self.train_button.isHidden()))

    def set_hint(self, text: str) -> None:
        """Say what is missing before the first score; an empty text shows the general hint."""
        self._first_hint = text or FIRST_HINT
        if not self._has_score:
            self.hint.setText(self._first_hint)

    def set_curves(
        self,
        miou: Curve,
        per_class: Mapping[int, Curve],
        classes: ClassList,
        in_use: Curve = (),
        score_name: str = "mIoU",
    ) -> None:
        """Curves of IoU over seconds of training; the bold one is mIoU. The last value of `in_use`, or else of the bold
        one, is the score, called `score_name`."""
        curves = score_curves(miou, per_class, classes)
        self.chart.setVisible(bool(curves))
        if curves:
            self.chart.set_curves(curves)
        points = in_use or miou
        earlier = [value for _, value in points[-4:-1]]
        before = sum(earlier) / len(earlier) if earlier else None
        self.set_score(points[-1][1] if points else None, before)
        self.score_name.setText(score_name)

    def set_auto_start(self, on: bool, rule: str = "") -> None:
        """Show the setting and the rule when training starts, without emitting `auto_start_changed`."""
        self.auto_start.blockSignals(True)
        self.auto_start.setChecked(on)
        self.auto_start.blockSignals(False)
        self.auto_start_rule.setText(rule)
        self.auto_start.setToolTip(rule)
        self._show_explanations()

    def _show_trend(self) -> None:
        if self._trend is None:
            self.trend.setText("")
            self.trend_icon.clear()
            return
        change = self._trend[0] - self._trend[1]
        steady = abs(change) < STEADY_CHANGE
        name = "trend-flat" if steady else "trend-up" if change > 0 else "trend-down"
        role = "muted" if steady else "good" if change > 0 else "warning"
        self.trend.setText("steady" if steady else f"{change:+.2f}".replace("-", "−"))
        icon = icon_pixmap(name, self._theme.colour(role), 16, max(2.0, self.devicePixelRatioF()))
        self.trend_icon.setPixmap(icon)
        self.trend.setToolTip("Change of mIoU against the mean of the three validations before")
