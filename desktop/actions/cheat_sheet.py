"""The cheat sheet: all shortcuts and mouse gestures on one page, made from the table of actions."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QScrollArea, QSizePolicy, QWidget

from desktop.actions.catalog import ACTIONS, ActionSpec, native_text, shortcuts_of
from desktop.actions.gestures import GESTURES
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import button, column, row, text_label

GROUP_COLUMNS = (
    ("Tools", "Regions"),
    ("Pictures", "Classes", "Predictions", "Training"),
    ("View", "Project", "Window", "Review"),
)


@dataclass(frozen=True, slots=True)
class CheatSheetLine:
    keys: tuple[str, ...]
    title: str
    help: str


def sheet_lines(group: str) -> tuple[CheatSheetLine, ...]:
    """Lines of a group: one for each action with shortcuts or family of actions, then the mouse gestures."""
    made: dict[str, CheatSheetLine] = {}
    for entry in ACTIONS:
        if entry.group != group or not shortcuts_of(entry.id):
            continue
        if entry.family in made:  # a further action of a family: the line shows first … last
            first = made[entry.family].keys[0].split(" ")[0]
            last = native_text(shortcuts_of(entry.id)[0])
            made[entry.family] = CheatSheetLine((f"{first} … {last}",), entry.family, entry.help)
        else:
            name = entry.family or entry.title.rstrip("…")
            made[name] = CheatSheetLine(
                tuple(native_text(keys) for keys in displayed_shortcuts(entry)), name, entry.help
            )
    mouse = tuple(
        CheatSheetLine(gesture.keys, gesture.title, "") for gesture in GESTURES if gesture.group == group
    )
    return (*made.values(), *mouse)


def displayed_shortcuts(entry: ActionSpec) -> tuple[str, ...]:
    """At most two shortcuts of an action, and only one where Return and Enter both are shortcuts."""
    keys = shortcuts_of(entry.id)
    return keys[:1] if "Return" in keys[0] else keys[:2]


class CheatSheet(QDialog):
    """Not modal; Esc or the shortcut that opened it closes it. `keymap_requested`: open the keymap dialog."""

    keymap_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setWindowTitle("Keys and mouse")
        self.setModal(False)
        inside = QWidget()
        columns: QHBoxLayout = row(spacing=4 * GRID, margins=(3 * GRID, 2 * GRID, 3 * GRID, 3 * GRID))
        for groups in GROUP_COLUMNS:
            stack = column(spacing=3 * GRID)
            for group in groups:
                stack.addLayout(self._group(group))
            stack.addStretch(1)
            columns.addLayout(stack)
        inside.setLayout(columns)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inside)
        change = button("Edit shortcuts…")
        change.clicked.connect(self.keymap_requested)
        change.setAutoDefault(False)
        self.hint = text_label("", "muted", wrap=True)
        self.hint.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        foot = row(self.hint, change, margins=(2 * GRID, GRID, 2 * GRID, GRID))
        self.setLayout(column(area, foot, spacing=0))
        hint = inside.sizeHint()
        beside = area.verticalScrollBar().sizeHint().width()
        screen = (parent or self).screen().availableSize()
        wide, high = (
            screen.width() - 2 * GRID,
            screen.height() - 5 * GRID,
        )  # with room for a frame and a title
        if hint.width() + beside > wide:
            area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.resize(min(hint.width() + beside, wide), min(hint.height() + 8 * GRID, 760, high))

    def _group(self, group: str) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(2 * GRID)
        grid.setVerticalSpacing(6)
        grid.addWidget(text_label(group, "heading"), 0, 0, 1, 2)
        for at, line in enumerate(sheet_lines(group), start=1):
            title = text_label(line.title)
            keys = row(None, *(text_label(key, "key") for key in line.keys), spacing=4)
            title.setToolTip(line.help)
            grid.addWidget(title, at, 0)
            grid.addLayout(keys, at, 1)
        return grid
