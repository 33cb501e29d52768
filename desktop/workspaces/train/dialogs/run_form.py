"""What the next training is to be like: its network, and every choice of how it learns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QButtonGroup, QDialog, QFrame, QStackedWidget, QWidget

from core.base.errors import TrainingError
from core.training.recipe import BY_NAME, PRESETS, Recipe, read_choices
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import button, choice, column, row, set_role, words
from desktop.workspaces.train.dialogs.augmentation_preview import AugmentationPreview
from desktop.workspaces.train.dialogs.network_page import NetworkPage
from desktop.workspaces.train.dialogs.recipe_form import PAGES, RecipeRows

OWN = "own"
SOON_MS = 250
"""After the last change, until the preview follows."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Choices that somebody can begin with: a preset, or those of a run. network: of the network page, empty to
    leave that as it is."""

    title: str
    choices: Mapping[str, str]
    network: Mapping[str, str] = field(default_factory=dict)


def preset_origins() -> list[Origin]:
    """One for each preset, the usual one first."""
    titles = {"balanced": "Balanced: as usual", "quick": "Quick: a minute", "best": "Best: half an hour"}
    return [
        Origin(titles[name], {key: BY_NAME[key].shown(value) for key, value in PRESETS[name].items()})
        for name in titles
    ]


class TrainingForm(QDialog):
    """`accepted_values` carries the network's values and the choices when the user is done; `preview_asked` a recipe,
    a picture size and the seed of the dice.

    usual: how a training learns where nothing is chosen; size: at which the network looks then
    """

    accepted_values = Signal(dict, dict)
    preview_asked = Signal(object, int, int)

    def __init__(
        self,
        theme: Theme,
        network: Mapping[str, str],
        choices: Mapping[str, str],
        usual: Recipe,
        *,
        size: int = 256,
        runs: Sequence[Origin] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme, self._usual, self._size, self._dice = theme, usual, size, 0
        self._origins = [*preset_origins(), *runs]
        self.setWindowTitle("Next run")
        self.setModal(False)
        self.setMinimumSize(1040, 720)
        self.network = NetworkPage(network)
        self.network.changed.connect(self._changed)
        self.rows = [RecipeRows(groups, usual, self._edited) for groups in PAGES.values()]
        self.preview = AugmentationPreview()
        self.preview.again.connect(self._roll)
        self._soon = QTimer(self, singleShot=True, interval=SOON_MS)
        self._soon.timeout.connect(self._ask_preview)
        titles = [(str(place), one.title) for place, one in enumerate(self._origins)]
        self.origin = choice([*titles, (OWN, "Your own choices")], "Choices to begin with")
        self.origin.setFixedWidth(40 * GRID)
        self.origin.activated.connect(self._begin_with)
        self.pages = QStackedWidget()
        self.use = button("Use for the next run", "primary")
        self.use.clicked.connect(self._accept)
        self.cancel = button("Cancel")
        self.cancel.clicked.connect(self.reject)
        self.summary = words("", "muted")
        begin = row(words("Choices of"), self.origin, spacing=2 * GRID)
        self.setLayout(
            column(
                row(self._segments(), None, begin),
                GRID,
                self.pages,
                row(self.summary, None, self.cancel, self.use),
                spacing=GRID,
                margins=(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID),
            )
        )
        self._show_choices(choices)
        same = [place for place, one in enumerate(self._origins) if one.choices == self.choices()]
        self.origin.setCurrentIndex(same[0] if same else len(self._origins))

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
            segment.clicked.connect(lambda _on, place=place: self._turn_to(place))
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

    def _turn_to(self, place: int) -> None:
        self.pages.setCurrentIndex(place)
        self._ask_preview()

    def _begin_with(self, place: int) -> None:
        if place < len(self._origins):
            chosen = self._origins[place]
            if chosen.network:
                self.network.set_values(chosen.network)
            self._show_choices(chosen.choices)

    def _show_choices(self, choices: Mapping[str, str]) -> None:
        for rows in self.rows:
            rows.set_values(choices)
        self._changed()

    def _edited(self) -> None:
        """The user changed a row."""
        self.origin.setCurrentIndex(len(self._origins))
        self._changed()

    def _changed(self) -> None:
        problems = [problem for rows in self.rows for problem in rows.problems()]
        if not problems:
            try:
                self._usual.changed(read_choices(self.choices()))
            except TrainingError as problem:
                problems = [str(problem)]
        count = len(self.choices())
        own = {0: "usual choices", 1: "one choice of your own"}.get(count, f"{count} choices of your own")
        self.summary.setText(problems[0] if problems else f"{self.network.summary}, {own}.")
        set_role(self.summary, "danger" if problems else "muted")
        self.use.setEnabled(not problems)
        if not problems:
            self._soon.start()

    def _roll(self) -> None:
        self._dice += 1
        self._ask_preview()

    def _ask_preview(self) -> None:
        """Only while somebody looks at it and what is chosen is possible."""
        if self.preview.isVisible() and self.use.isEnabled():
            self.preview.set_waiting()
            recipe = self._usual.changed(read_choices(self.choices()))
            size = int(self.network.values()["size"] or self._size)
            self.preview_asked.emit(recipe, size, self._dice)

    def _accept(self) -> None:
        self.accepted_values.emit(self.network.values(), self.choices())
        self.accept()
