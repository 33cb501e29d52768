"""All keys and mouse gestures on one page, made from the table of actions."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QScrollArea, QWidget

from desktop.actions import ACTIONS, GESTURES, ActionRow
from desktop.panels.parts import column, row, words
from desktop.theme import GRID, Theme

COLUMNS = (("Tools", "Predictions"), ("Pictures", "Classes", "Learning"), ("View", "Project", "Window"))


@dataclass(frozen=True, slots=True)
class Line:
    keys: str
    title: str
    help: str


def lines(group: str) -> tuple[Line, ...]:
    """What a group of the cheat sheet says: one line an action with keys, one a family, then the gestures."""
    made: list[Line] = []
    families: dict[str, list[ActionRow]] = {}
    for entry in ACTIONS:
        if entry.group != group or not entry.shortcuts:
            continue
        if not entry.family:
            made.append(
                Line(
                    ", ".join(native(keys) for keys in shown_keys(entry)), entry.title.rstrip("…"), entry.help
                )
            )
        elif entry.family in families:
            families[entry.family].append(entry)
        else:
            families[entry.family] = [entry]
            made.append(Line(entry.family, entry.family, "Paint with the class of that place in the list."))
    for family, rows in families.items():
        keys = f"{native(rows[0].shortcuts[0])} … {native(rows[-1].shortcuts[0])}"
        made = [Line(keys, family, line.help) if line.keys == family else line for line in made]
    made += [Line(gesture.keys, gesture.title, "") for gesture in GESTURES if gesture.group == group]
    return tuple(made)


def shown_keys(entry: ActionRow) -> tuple[str, ...]:
    """At most two keys of an action: the others are other ways to type the same."""
    return entry.shortcuts[:1] if "Return" in entry.shortcuts[0] else entry.shortcuts[:2]


def native(keys: str) -> str:
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)


class CheatSheet(QDialog):
    """Stays beside the window; Esc or the key that opened it closes it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setWindowTitle("Keys and mouse")
        self.setModal(False)
        inside = QWidget()
        columns: QHBoxLayout = row(spacing=5 * GRID, margins=(3 * GRID, 2 * GRID, 3 * GRID, 3 * GRID))
        for groups in COLUMNS:
            stack = column(spacing=3 * GRID)
            for group in groups:
                stack.addLayout(self._group(group))
            stack.addStretch(1)
            columns.addLayout(stack)
        inside.setLayout(columns)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(inside)
        self.setLayout(column(area))
        hint = inside.sizeHint()
        self.resize(min(hint.width() + 2 * GRID, 1200), min(hint.height() + 2 * GRID, 720))

    def _group(self, group: str) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(2 * GRID)
        grid.setVerticalSpacing(6)
        grid.addWidget(words(group, "heading"), 0, 0, 1, 2)
        for at, line in enumerate(lines(group), start=1):
            title, keys = words(line.title), words(line.keys, "muted")
            title.setToolTip(line.help)
            grid.addWidget(title, at, 0)
            grid.addWidget(keys, at, 1, Qt.AlignmentFlag.AlignRight)
        return grid
