"""The sheet over the canvas that says which uncertain region is shown, and takes the verdict."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QAction, QColor, QIcon, QPixmap
from PySide6.QtWidgets import QCheckBox, QMenu, QPushButton, QSizePolicy, QToolButton, QWidget

from core.base.number_text import percent_text
from core.labels.class_list import VOID, ClassList
from desktop.actions.catalog import action_spec, shortcut_text
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import (
    ElidedLabel,
    LevelSlider,
    button,
    column,
    hairline,
    icon_button,
    row,
    text_label,
)
from desktop.widgets.plain_text import menu_text
from desktop.widgets.sheet import Sheet
from desktop.workspaces.label.walk.region_focus import MAX_PIXELS

HELP = "Enter: right. 1–9: another class. Tab: skip. Esc: leave."
CONFINE_HELP = (
    "The live prediction follows strokes only inside the outline, until you go on to the next region."
)
CANNOT_CONFINE = (
    f"Only in pictures of up to {MAX_PIXELS >> 20} megapixels: in larger ones it would slow down painting."
)
LOWEST, HIGHEST = 5, 99
"""Percent."""
_WIDTH = 46 * GRID
_PLACE = Qt.AlignmentFlag
_CORNERS = tuple(
    across | down
    for down in (_PLACE.AlignTop, _PLACE.AlignBottom)
    for across in (_PLACE.AlignRight, _PLACE.AlignLeft)
)
_SWATCH = 12


class WalkBar(Sheet):
    """In a corner of the canvas, hidden while nobody walks. GUI thread. Its buttons trigger the actions of the
    same names. class_chosen: the value of a class for the region; limit_changed: percent."""

    class_chosen = Signal(int)
    limit_changed = Signal(int)

    def __init__(self, actions: Mapping[str, QAction], theme: Theme, canvas: QWidget) -> None:
        super().__init__(canvas, "Uncertain region", _WIDTH, _CORNERS[0])
        self.title = ElidedLabel("", "heading")
        self.help = text_label(HELP, "muted", wrap=True)
        self.help.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.close_button = icon_button("close", "Leave", theme, 16)
        self.back_button = icon_button("chevron-left", "Previous region", theme, 16)
        self.skip_button = button("Skip", "quiet")
        self.class_button = button("Another class")
        self.right_button = button("That is right", "primary")
        self.only_here = QCheckBox("Strokes change only this region")
        self.set_can_confine(True)
        self.only_here.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.slider = LevelSlider(LOWEST, HIGHEST, "How sure, in percent")
        self.slider.setToolTip("What is less sure is asked about; the rest can be accepted at once.")
        self.limit = text_label("", "muted")
        self.surer_button = button("Accept these")
        for made, key in (
            (self.close_button, "leave_regions"),
            (self.back_button, "previous_region"),
            (self.skip_button, "next_region"),
            (self.right_button, "region_right"),
            (self.surer_button, "accept_surer"),
        ):
            _connect(made, actions[key])
        self.class_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.class_button.setToolTip("Give the region another class")
        self.menu = QMenu(self.class_button)
        self.menu.triggered.connect(lambda action: self.class_chosen.emit(action.data()))
        self.class_button.setMenu(self.menu)
        self.slider.valueChanged.connect(self.limit_changed)
        self._verdicts = QWidget()
        buttons = row(self.back_button, self.skip_button, None, self.class_button, self.right_button)
        self._verdicts.setLayout(column(buttons, self.only_here))
        self.set_content(
            column(
                row(self.title, self.close_button),
                self._verdicts,
                self.help,
                hairline(),
                self.limit,
                row(self.slider, 4, self.surer_button),
                spacing=GRID,
                margins=(2 * GRID, GRID, GRID + 4, GRID + 4),
            )
        )

    def set_classes(self, classes: ClassList) -> None:
        """What the region can be said to be."""
        self.menu.clear()
        for each in classes:
            self._add_class(each.name, each.value, QColor(*each.colour))
        self.menu.addSeparator()
        self._add_class("Void", VOID, None)

    def set_can_confine(self, on: bool) -> None:
        """Whether strokes can be made to change only the region that is shown."""
        self.only_here.setEnabled(on)
        self.only_here.setToolTip(CONFINE_HELP if on else CANNOT_CONFINE)

    def show_region(self, position: int, count: int, name: str, mean_confidence: float) -> None:
        """position: from 1; mean_confidence: 0..1"""
        self._show(f"Region {position} of {count}: {name}, {percent_text(mean_confidence)} sure", HELP)

    def show_end(self, count: int, judged: int) -> None:
        """No region is left. count: of all that there were; judged: how many of them have a verdict"""
        if not count:
            title = "No uncertain region"
        else:
            title = "All regions have a verdict" if judged == count else "No uncertain region is left"
        self._show(title, _help_at_end(), asks=False)

    def show_limit(self, percent: int, share: float | None) -> None:
        """What is at least so sure. share: of the picture, 0..1, that it would label; None: not known yet"""
        self.slider.blockSignals(True)
        self.slider.setValue(percent)
        self.slider.blockSignals(False)
        takes = "" if share is None else f": {percent_text(share)} of the picture"
        self.limit.setText(f"At least {percent} % sure{takes}")

    def move_away_from(self, area: QRect) -> None:
        """Stay in the corner where the sheet hides less of these pixels of the canvas."""
        hidden = []
        for corner in _CORNERS:
            self.set_alignment(corner)
            shared = self.geometry().intersected(area)
            hidden.append(shared.width() * shared.height() if shared.isValid() else 0)
        self.set_alignment(_CORNERS[hidden.index(min(hidden))])

    def _show(self, title: str, help_line: str, *, asks: bool = True) -> None:
        self._verdicts.setVisible(asks)
        self.title.setText(title)
        self.help.setText(help_line)
        self.appear()

    def _add_class(self, name: str, value: int, colour: QColor | None) -> None:
        action = self.menu.addAction(menu_text(name))
        action.setData(value)
        if colour is not None:
            swatch = QPixmap(_SWATCH, _SWATCH)
            swatch.fill(colour)
            action.setIcon(QIcon(swatch))


def _help_at_end() -> str:
    keys = shortcut_text("accept_and_next")
    means = keys or f"“{action_spec('accept_and_next').title}”"
    return f"{means} accepts the rest, marks the picture as done and shows the next."


def _connect(made: QPushButton | QToolButton, action: QAction) -> None:
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    made.setToolTip(action.toolTip())
    made.clicked.connect(action.trigger)
    action.changed.connect(lambda: made.setEnabled(action.isEnabled()))
