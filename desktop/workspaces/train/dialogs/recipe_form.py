"""Form for the options of a recipe, made from the table in core/training/recipe.py and divided into pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLineEdit, QWidget

from core.training.recipe import RECIPE_OPTIONS, Recipe
from desktop.theme.theme import GRID
from desktop.widgets.controls import text_label
from desktop.widgets.option_field import OptionField, text_field

PAGES = {
    "Budget and loss": ("Budget", "Loss", "Sampling of corrections and rare classes"),
    "Optimization": ("Optimization", "Pretrained encoder"),
    "Augmentation": ("Augmentation",),
    "Callbacks": ("Callbacks",),
    "Device": ("Device and reproducibility",),
}
"""Title of a page -> the groups of options on it."""
EXCLUDED = frozenset({"device"})
"""Options of the settings dialog, because they belong to the machine and not to a project."""
FIELD_WIDTH = 22 * GRID
TITLE_WIDTH = 20 * GRID


class RecipeForm(QWidget):
    """The options of some groups. A blank field means the default, which it shows in grey."""

    def __init__(self, groups: Sequence[str], default: Recipe, on_changed: Callable[[], None]) -> None:
        super().__init__()
        self._fields: dict[str, OptionField] = {}
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(2 * GRID)
        grid.setVerticalSpacing(GRID)
        grid.setColumnStretch(2, 1)
        grid.setColumnMinimumWidth(0, TITLE_WIDTH)
        for group in groups:
            if len(groups) > 1:
                at = grid.rowCount()
                grid.addWidget(text_label(group, "heading"), at, 0, 1, 3, Qt.AlignmentFlag.AlignBottom)
                grid.setRowMinimumHeight(at, 4 * GRID)
            for option in RECIPE_OPTIONS:
                if option.group == group and option.name not in EXCLUDED:
                    default_text = option.format(getattr(default, option.name))
                    field = self._fields[option.name] = text_field(option, default_text, on_changed)
                    field.widget.setFixedWidth(FIELD_WIDTH)
                    title = text_label(option.title)
                    title.setBuddy(field.widget)
                    at = grid.rowCount()
                    grid.addWidget(title, at, 0)
                    grid.addWidget(field.widget, at, 1)
                    grid.addWidget(text_label(option.help, "muted", wrap=True), at, 2)
        self.setLayout(grid)

    def set_default(self, default: Recipe) -> None:
        """Show other defaults in the blank text fields; options of yes and no have the same for every network."""
        for field in self._fields.values():
            if isinstance(field.widget, QLineEdit):
                field.widget.setPlaceholderText(field.option.format(getattr(default, field.option.name)))

    @property
    def inputs(self) -> dict[str, QWidget]:
        """The input widgets by name of the option."""
        return {name: field.widget for name, field in self._fields.items()}

    def values(self) -> dict[str, str]:
        """The options that are not blank, as texts that `OptionSpec.parse` reads."""
        return {name: text for name, field in self._fields.items() if (text := field.get())}

    def set_values(self, values: Mapping[str, str]) -> None:
        """Show these values; the fields of all other options become blank."""
        for name, field in self._fields.items():
            field.set(values.get(name, ""))

    def problems(self) -> list[str]:
        """A sentence for each field with an invalid value; marks these fields."""
        return [problem for field in self._fields.values() if (problem := field.problem())]
