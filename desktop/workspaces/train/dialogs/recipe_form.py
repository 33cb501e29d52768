"""How the next run learns, as pages of rows made from the table in core/training/recipe.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QGridLayout, QLineEdit, QWidget

from core.base.errors import TrainingError
from core.base.option_spec import OptionSpec
from core.training.recipe import RECIPE_OPTIONS, RECIPE_OPTIONS_BY_NAME, Recipe
from desktop.theme.theme import GRID
from desktop.widgets.controls import combo_box, text_label

PAGES = {
    "Budget and loss": ("Budget", "Loss", "Sampling of corrections and rare classes"),
    "Optimization": ("Optimization",),
    "Augmentation": ("Augmentation",),
    "Device": ("Device and reproducibility",),
}
"""Titles of pages, and the groups of the table that stand on each."""
EXCLUDED = frozenset({"device"})
"""Chosen in the settings, because it belongs to the machine and not to a project."""
FIELDS = tuple(field for field in RECIPE_OPTIONS if field.name not in EXCLUDED)
INPUT_WIDTH = 22 * GRID
TITLE_WIDTH = 20 * GRID


class RecipeForm(QWidget):
    """Rows of some groups. A blank one leaves its choice to the program, whose own stands there in grey."""

    def __init__(self, groups: Sequence[str], usual: Recipe, changed: Callable[[], None]) -> None:
        super().__init__()
        self.inputs: dict[str, QComboBox | QLineEdit] = {}
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(2 * GRID)
        grid.setVerticalSpacing(GRID)
        grid.setColumnStretch(2, 1)
        grid.setColumnMinimumWidth(0, TITLE_WIDTH)
        for group in groups:
            if len(groups) > 1:
                place = grid.rowCount()
                grid.addWidget(text_label(group, "heading"), place, 0, 1, 3, Qt.AlignmentFlag.AlignBottom)
                grid.setRowMinimumHeight(place, 4 * GRID)
            for field in FIELDS:
                if field.group == group:
                    made = _make_input(field, field.format(getattr(usual, field.name)), changed)
                    self.inputs[field.name] = made
                    title = text_label(field.title)
                    title.setBuddy(made)
                    place = grid.rowCount()
                    grid.addWidget(title, place, 0)
                    grid.addWidget(made, place, 1)
                    grid.addWidget(text_label(field.help, "muted", wrap=True), place, 2)
        self.setLayout(grid)

    def values(self) -> dict[str, str]:
        """What each row says, in the words of `Field.parse`; blank rows are left out."""
        said = {name: _text(made) for name, made in self.inputs.items()}
        return {name: text for name, text in said.items() if text}

    def set_values(self, values: Mapping[str, str]) -> None:
        """Show these choices; rows that are not named become blank."""
        for name, made in self.inputs.items():
            _set_text(made, values.get(name, ""))

    def problems(self) -> list[str]:
        """A sentence for each row that says what is impossible; such a row is marked."""
        found = []
        for name, made in self.inputs.items():
            text = _text(made)
            problem = ""
            if text:
                try:
                    RECIPE_OPTIONS_BY_NAME[name].parse(text)
                except TrainingError as refused:
                    problem = str(refused)
            _mark_invalid(made, bad=bool(problem))
            found += [problem] if problem else []
        return found


def _make_input(field: OptionSpec, usual: str, changed: Callable[[], None]) -> QComboBox | QLineEdit:
    offered = _offered_texts(field)
    if not offered:
        line = QLineEdit()
        line.setPlaceholderText(usual)
        line.setAccessibleName(field.title)
        line.setToolTip(f"Takes {field.range_text}.")
        line.setFixedWidth(INPUT_WIDTH)
        line.textEdited.connect(lambda _text: changed())
        return line
    free = not field.choices and field.kind is not bool
    rows = [(text, text) for text in offered]
    box = combo_box([("", "" if free else f"{usual} (by itself)"), *rows], field.title)
    box.setFixedWidth(INPUT_WIDTH)
    box.setToolTip(f"Takes {field.range_text}.")
    if free:
        box.setEditable(True)
        box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        box.lineEdit().setPlaceholderText(usual)
        box.editTextChanged.connect(lambda _text: changed())
    else:
        box.activated.connect(lambda _at: changed())
    return box


def _offered_texts(field: OptionSpec) -> tuple[str, ...]:
    if field.kind is bool:
        return ("yes", "no")
    return field.choices or field.suggestions or tuple(word for word, _ in field.aliases)


def _text(made: QComboBox | QLineEdit) -> str:
    if isinstance(made, QLineEdit):
        return made.text().strip()
    return made.currentText().strip() if made.isEditable() else str(made.currentData())


def _set_text(made: QComboBox | QLineEdit, text: str) -> None:
    if isinstance(made, QLineEdit):
        made.setText(text)
        return
    made.blockSignals(True)
    if made.isEditable():
        made.setCurrentIndex(0)
        made.setEditText(text)
    else:
        made.setCurrentIndex(max(0, made.findData(text)))
    made.blockSignals(False)


def _mark_invalid(made: QComboBox | QLineEdit, *, bad: bool) -> None:
    state = "bad" if bad else ""
    if (made.property("state") or "") != state:
        made.setProperty("state", state)
        made.style().unpolish(made)
        made.style().polish(made)
