"""Form of the next run: its network, every option of its recipe, and a preview of the augmentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QButtonGroup, QDialog, QFrame, QStackedWidget, QWidget

from core.base.errors import TrainingError
from core.base.text import count_of
from core.models.spec import InputSize, parse_input_size, size_text
from core.training.experiments.experiment import EXPERIMENTS
from core.training.recipe import PRESETS, RECIPE_OPTIONS_BY_NAME, Recipe, parse_recipe_options
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import (
    button,
    column,
    combo_box,
    row,
    scroll_area,
    set_background,
    set_role,
    text_label,
)
from desktop.workspaces.train.dialogs.augmentation_preview import AugmentationPreview
from desktop.workspaces.train.dialogs.callback_panel import CallbackPanel
from desktop.workspaces.train.dialogs.network_page import NetworkPage
from desktop.workspaces.train.dialogs.recipe_form import PAGES, RecipeForm

CUSTOM = "own"
WIDTH, HEIGHT, MIN_WIDTH, MIN_HEIGHT = 1040, 720, 880, 420
"""Of the form in pixels; pages scroll where they are higher."""
PREVIEW_DELAY_MS = 250
"""Between the last change and the request for a new preview."""


@dataclass(frozen=True, slots=True)
class StartingPoint:
    """Values to start from: a preset, or those of an earlier run. `network`: values of the network page, empty to keep
    them."""

    title: str
    choices: Mapping[str, str]
    network: Mapping[str, str] = field(default_factory=dict)


def preset_starting_points() -> list[StartingPoint]:
    """One for each preset, the default first."""
    titles = {"balanced": "Balanced: the default", "quick": "Quick: a minute", "best": "Best: half an hour"}
    return [
        StartingPoint(
            titles[name],
            {key: RECIPE_OPTIONS_BY_NAME[key].format(value) for key, value in PRESETS[name].items()},
        )
        for name in titles
    ]


def experiment_starting_points() -> list[StartingPoint]:
    """One for each network of the ready experiments; the budget stays as it is."""
    return [
        StartingPoint(
            f"{each.title}: {network.title}" if len(each.networks) > 2 else each.title,
            {
                name: option if isinstance(option, str) else RECIPE_OPTIONS_BY_NAME[name].format(option)
                for name, option in network.options.items()
            },
            {
                "architecture": network.architecture,
                "encoder": network.encoder or "",
                "weights": network.weights,
                "size": size_text(network.size) if network.size else "",
            },
        )
        for each in EXPERIMENTS
        for network in each.networks
        if network.architecture is not None
    ]


class RunForm(QDialog):
    """`values_accepted` carries the values of the network page and the changed recipe options, both by name, and
    whether event files for TensorBoard are written; `preview_requested` a `Recipe`, an `InputSize` and a random seed.

    defaults: the recipe of a run for which nothing is chosen, for a pretrained network and for another
    pretrained: whether the network is pretrained unless one is chosen; size: its input size
    """

    values_accepted = Signal(dict, dict, bool)
    preview_requested = Signal(object, object, int)

    def __init__(
        self,
        theme: Theme,
        network: Mapping[str, str],
        choices: Mapping[str, str],
        defaults: Mapping[bool, Recipe],
        callbacks: CallbackPanel,
        *,
        pretrained: bool = False,
        size: InputSize = 256,
        runs: Sequence[StartingPoint] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme, self._defaults, self._pretrained = theme, defaults, pretrained
        self.callbacks = callbacks
        self._size, self._seed = size, 0
        self._starting_points = [*preset_starting_points(), *runs, *experiment_starting_points()]
        self.setWindowTitle("Next run")
        self.setModal(False)
        self.network = NetworkPage(network)
        self._default = defaults[self._is_pretrained()]
        self.network.changed.connect(self._on_network_changed)
        self.rows = [RecipeForm(groups, self._default, self._edited) for groups in PAGES.values()]
        self.preview = AugmentationPreview()
        self.preview.reroll_requested.connect(self._reroll)
        self._preview_timer = QTimer(self, singleShot=True, interval=PREVIEW_DELAY_MS)
        self._preview_timer.timeout.connect(self._request_preview)
        titles = [(str(place), one.title) for place, one in enumerate(self._starting_points)]
        self.starting_point = combo_box([*titles, (CUSTOM, "Custom")], "Start from")
        self.starting_point.setFixedWidth(40 * GRID)
        self.starting_point.activated.connect(self._apply_starting_point)
        self.pages = QStackedWidget()
        self.accept_button = button("Use for the next run", "primary")
        self.accept_button.clicked.connect(self._accept)
        self.cancel = button("Cancel")
        self.cancel.clicked.connect(self.reject)
        self.summary = text_label("", "muted")
        begin = row(text_label("Start from"), self.starting_point, spacing=2 * GRID)
        self.setLayout(
            column(
                row(self._segments(), None),
                row(begin, None),
                GRID,
                self.pages,
                row(self.summary, None, self.cancel, self.accept_button),
                spacing=GRID,
                margins=(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID),
            )
        )
        self.setMinimumSize(MIN_WIDTH, MIN_HEIGHT)
        room = self.screen().availableSize()
        self.resize(min(WIDTH, room.width() - 4 * GRID), min(HEIGHT, room.height() - 6 * GRID))
        self._show_choices(choices)
        same = [place for place, one in enumerate(self._starting_points) if one.choices == self.choices()]
        self.starting_point.setCurrentIndex(same[0] if same else len(self._starting_points))

    def choices(self) -> dict[str, str]:
        """The changed recipe options as text, by name."""
        return {name: text for rows in self.rows for name, text in rows.values().items()}

    def show_page(self, title: str) -> None:
        """`title`: "Network" or a title of `PAGES`."""
        self.segments[title].click()

    def _segments(self) -> QFrame:
        frame = QFrame()
        frame.setProperty("role", "segments")
        group = QButtonGroup(self)
        self.segments = {}
        layout = row(spacing=0, margins=(2, 2, 2, 2))
        metrics = QFontMetrics(self._theme.strong_font())
        for place, title in enumerate(("Network", *PAGES)):
            segment = button(title, "segment")
            segment.setCheckable(True)
            segment.setChecked(not place)
            # The checked one is bold: reserve its width, so that the others do not move.
            segment.setMinimumWidth(metrics.horizontalAdvance(title) + 4 * GRID)
            segment.clicked.connect(lambda _on, place=place: self._show_page(place))
            group.addButton(segment)
            layout.addWidget(segment)
            self.segments[title] = segment
            self.pages.addWidget(self._page(place))
        frame.setLayout(layout)
        return frame

    def _page(self, place: int) -> QWidget:
        if not place:
            return _scrolling(self.network)
        page, rows = QWidget(), self.rows[place - 1]
        below = {"Augmentation": self.preview, "Callbacks": self.callbacks}.get(tuple(PAGES)[place - 1])
        page.setLayout(column(rows, 2 * GRID, below, None) if below else column(rows, None))
        return _scrolling(page)

    def _show_page(self, place: int) -> None:
        self.pages.setCurrentIndex(place)
        self._request_preview()

    def _apply_starting_point(self, place: int) -> None:
        if place < len(self._starting_points):
            chosen = self._starting_points[place]
            if chosen.network:
                self.network.set_values(chosen.network)
                self._on_network_changed()
            self._show_choices(chosen.choices)

    def _show_choices(self, choices: Mapping[str, str]) -> None:
        for rows in self.rows:
            rows.set_values(choices)
        self._changed()

    def _is_pretrained(self) -> bool:
        chosen = self.network.values()
        return chosen["weights"] == "imagenet" if chosen["architecture"] else self._pretrained

    def _on_network_changed(self) -> None:
        self._default = self._defaults[self._is_pretrained()]
        for rows in self.rows:
            rows.set_default(self._default)
        self._changed()

    def _edited(self) -> None:
        """The user changed an option."""
        self.starting_point.setCurrentIndex(len(self._starting_points))
        self._changed()

    def _changed(self) -> None:
        problems = self.network.problems()
        problems += [problem for rows in self.rows for problem in rows.problems()]
        if not problems:
            try:
                self._default.with_changes(parse_recipe_options(self.choices()))
            except TrainingError as problem:
                problems = [str(problem)]
        changed = count_of(len(self.choices()), "changed option")
        if problems:
            self.summary.setText(problems[0])
        elif self.choices():
            self.summary.setText(f"{self.network.summary}, {changed}.")
        else:
            self.summary.setText(f"{self.network.summary}, default options.")
        set_role(self.summary, "danger" if problems else "muted")
        self.accept_button.setEnabled(not problems)
        if not problems:
            self._preview_timer.start()

    def _reroll(self) -> None:
        self._seed += 1
        self._request_preview()

    def _request_preview(self) -> None:
        """Only while the preview is visible and all options are valid."""
        if self.preview.isVisible() and self.accept_button.isEnabled():
            self.preview.set_waiting()
            recipe = self._default.with_changes(parse_recipe_options(self.choices()))
            chosen = self.network.values()["size"]
            size = parse_input_size(chosen) if chosen else self._size
            self.preview_requested.emit(recipe, size, self._seed)

    def _accept(self) -> None:
        tensorboard = self.callbacks.tensorboard.isChecked()
        self.values_accepted.emit(self.network.values(), self.choices(), tensorboard)
        self.accept()


def _scrolling(page: QWidget) -> QWidget:
    set_background(page, "panel")
    return scroll_area(page)
