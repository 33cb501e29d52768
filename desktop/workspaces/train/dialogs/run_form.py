"""What the next training is to be like: its network, and every choice of how it learns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QButtonGroup, QDialog, QFrame, QStackedWidget, QWidget

from core.base.errors import TrainingError
from core.training.recipe import PRESETS, RECIPE_OPTIONS_BY_NAME, Recipe, parse_recipe_options
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import button, column, combo_box, row, set_role, text_label
from desktop.workspaces.train.dialogs.augmentation_preview import AugmentationPreview
from desktop.workspaces.train.dialogs.network_page import NetworkPage
from desktop.workspaces.train.dialogs.recipe_form import PAGES, RecipeForm

CUSTOM = "own"
PREVIEW_DELAY_MS = 250
"""After the last change, until the preview follows."""


@dataclass(frozen=True, slots=True)
class StartingPoint:
    """Choices that somebody can begin with: a preset, or those of a run. network: of the network page, empty to
    leave that as it is."""

    title: str
    choices: Mapping[str, str]
    network: Mapping[str, str] = field(default_factory=dict)


def preset_starting_points() -> list[StartingPoint]:
    """One for each preset, the usual one first."""
    titles = {"balanced": "Balanced: as usual", "quick": "Quick: a minute", "best": "Best: half an hour"}
    return [
        StartingPoint(
            titles[name],
            {key: RECIPE_OPTIONS_BY_NAME[key].format(value) for key, value in PRESETS[name].items()},
        )
        for name in titles
    ]


class RunForm(QDialog):
    """`accepted_values` carries the network's values and the choices when the user is done; `preview_asked` a recipe,
    a picture size and the seed of the dice.

    usual: how a training learns where nothing is chosen; size: at which the network looks then
    """

    values_accepted = Signal(dict, dict)
    preview_requested = Signal(object, int, int)

    def __init__(
        self,
        theme: Theme,
        network: Mapping[str, str],
        choices: Mapping[str, str],
        usual: Recipe,
        *,
        size: int = 256,
        runs: Sequence[StartingPoint] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme, self._default, self._size, self._seed = theme, usual, size, 0
        self._starting_points = [*preset_starting_points(), *runs]
        self.setWindowTitle("Next run")
        self.setModal(False)
        self.setMinimumSize(1040, 720)
        self.network = NetworkPage(network)
        self.network.changed.connect(self._changed)
        self.rows = [RecipeForm(groups, usual, self._edited) for groups in PAGES.values()]
        self.preview = AugmentationPreview()
        self.preview.reroll_requested.connect(self._reroll)
        self._preview_timer = QTimer(self, singleShot=True, interval=PREVIEW_DELAY_MS)
        self._preview_timer.timeout.connect(self._request_preview)
        titles = [(str(place), one.title) for place, one in enumerate(self._starting_points)]
        self.starting_point = combo_box([*titles, (CUSTOM, "Your own choices")], "Choices to begin with")
        self.starting_point.setFixedWidth(40 * GRID)
        self.starting_point.activated.connect(self._apply_starting_point)
        self.pages = QStackedWidget()
        self.accept_button = button("Use for the next run", "primary")
        self.accept_button.clicked.connect(self._accept)
        self.cancel = button("Cancel")
        self.cancel.clicked.connect(self.reject)
        self.summary = text_label("", "muted")
        begin = row(text_label("Choices of"), self.starting_point, spacing=2 * GRID)
        self.setLayout(
            column(
                row(self._segments(), None, begin),
                GRID,
                self.pages,
                row(self.summary, None, self.cancel, self.accept_button),
                spacing=GRID,
                margins=(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID),
            )
        )
        self._show_choices(choices)
        same = [place for place, one in enumerate(self._starting_points) if one.choices == self.choices()]
        self.starting_point.setCurrentIndex(same[0] if same else len(self._starting_points))

    def choices(self) -> dict[str, str]:
        """What the rows say, in words by name; blank ones are left out."""
        return {name: text for rows in self.rows for name, text in rows.values().items()}

    def show_page(self, title: str) -> None:
        """One of "Network" and the titles of PAGES."""
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
            # The chosen one is bold: room for that in all of them, so that nothing moves.
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
            return self.network
        page, rows = QWidget(), self.rows[place - 1]
        below = self.preview if tuple(PAGES)[place - 1] == "Augmentation" else None
        page.setLayout(column(rows, 2 * GRID, below, None) if below else column(rows, None))
        return page

    def _show_page(self, place: int) -> None:
        self.pages.setCurrentIndex(place)
        self._request_preview()

    def _apply_starting_point(self, place: int) -> None:
        if place < len(self._starting_points):
            chosen = self._starting_points[place]
            if chosen.network:
                self.network.set_values(chosen.network)
            self._show_choices(chosen.choices)

    def _show_choices(self, choices: Mapping[str, str]) -> None:
        for rows in self.rows:
            rows.set_values(choices)
        self._changed()

    def _edited(self) -> None:
        """The user changed a row."""
        self.starting_point.setCurrentIndex(len(self._starting_points))
        self._changed()

    def _changed(self) -> None:
        problems = [problem for rows in self.rows for problem in rows.problems()]
        if not problems:
            try:
                self._default.with_changes(parse_recipe_options(self.choices()))
            except TrainingError as problem:
                problems = [str(problem)]
        count = len(self.choices())
        own = {0: "usual choices", 1: "one choice of your own"}.get(count, f"{count} choices of your own")
        self.summary.setText(problems[0] if problems else f"{self.network.summary}, {own}.")
        set_role(self.summary, "danger" if problems else "muted")
        self.accept_button.setEnabled(not problems)
        if not problems:
            self._preview_timer.start()

    def _reroll(self) -> None:
        self._seed += 1
        self._request_preview()

    def _request_preview(self) -> None:
        """Only while somebody looks at it and what is chosen is possible."""
        if self.preview.isVisible() and self.accept_button.isEnabled():
            self.preview.set_waiting()
            recipe = self._default.with_changes(parse_recipe_options(self.choices()))
            size = int(self.network.values()["size"] or self._size)
            self.preview_requested.emit(recipe, size, self._seed)

    def _accept(self) -> None:
        self.values_accepted.emit(self.network.values(), self.choices())
        self.accept()
