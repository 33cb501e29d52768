"""The bar at the top: project menu, workspaces, search, save state, theme and shortcuts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QLabel, QMenu, QPushButton, QWidget

from desktop.actions.catalog import ACTIONS, shortcut_text, tooltip
from desktop.theme.icons import icon_pixmap, set_themed_icon
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import icon_button, row, segmented_control, set_background
from desktop.widgets.plain_text import menu_text, plain_tooltip
from desktop.widgets.status_bar import SaveIndicator

HEIGHT = 44
NAME_WIDTH = 192
"""Maximal width of the project name in pixels: the workspaces must fit beside it in the narrowest window."""
WORKSPACE_ACTIONS = (
    "workspace_label",
    "workspace_review",
    "workspace_train",
    "workspace_data",
    "workspace_learn",
)
MENU = (
    "open_folder",
    "recent",
    "",
    "import_masks",
    "paste",
    "export",
    "save",
    "",
    "settings",
    "close_project",
    "",
    "quit",
)


MENU_GROUPS = ("Tools", "Regions", "Classes", "Pictures", "Predictions", "Training", "View", "Window")
"""Groups of actions that have a submenu; the actions of the group Project are in the menu itself."""


class TopBar(QWidget):
    """`recent_chosen` carries the path of a recent project."""

    recent_chosen = Signal(str)

    def __init__(self, actions: Mapping[str, QAction], theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        set_background(self, "bar")
        self.setFixedHeight(HEIGHT)
        self.logo = QLabel()
        self.logo.setAccessibleName("Maskloop")
        self.project = QPushButton("Maskloop")
        self.project.setProperty("role", "quiet")
        self.project.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.project.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        set_themed_icon(self.project, "chevron-down", theme, 16)
        self.recent = QMenu("Open recent", self)
        self.project.setMenu(self._menu(actions))
        self.saved = SaveIndicator()
        self.workspaces = self._segments(actions)
        self.search = QPushButton()
        self.search.setProperty("role", "search")
        self.search.setAccessibleName("Search")
        self.search.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        set_themed_icon(self.search, "search", theme, 16)
        self.search.clicked.connect(actions["command_palette"].trigger)
        self.theme_button = icon_button("moon", "Light or dark", theme)
        self._themes = (actions["theme_light"], actions["theme_dark"])
        self.theme_button.clicked.connect(self._toggle_theme)
        self.shortcuts_button = icon_button("keyboard", "Keys and mouse", theme)
        self.shortcuts_button.clicked.connect(actions["cheat_sheet"].trigger)
        left = QWidget()
        left.setLayout(row(self.logo, self.project, None, spacing=6))
        right = QWidget()
        right.setLayout(
            row(
                None, self.search, GRID, self.saved, GRID, self.theme_button, self.shortcuts_button, spacing=4
            )
        )
        bar = row(left, self.workspaces, right, margins=(12, 0, 12, 0))
        bar.setStretch(0, 1)
        bar.setStretch(2, 1)
        self.setLayout(bar)
        self.update_shortcuts()
        theme.changed.connect(self._apply_theme)
        self._apply_theme()
        self.set_recent(())

    def set_project(self, name: str | None) -> None:
        """Show the name of the open project; None on the welcome page."""
        self.project.setText(
            self.fontMetrics().elidedText(name or "Maskloop", Qt.TextElideMode.ElideMiddle, NAME_WIDTH)
        )
        self.project.setToolTip(plain_tooltip(f"{name}: menu of all actions") if name else "Menu")
        self.workspaces.setVisible(name is not None)
        self.saved.setVisible(name is not None)

    def update_shortcuts(self) -> None:
        """Show the current shortcuts in tooltips and on the search button."""
        self.shortcuts_button.setToolTip(tooltip("cheat_sheet"))
        keys = shortcut_text("command_palette")
        self.search.setText(f"Search   {keys}" if keys else "Search")
        self.search.setToolTip(tooltip("command_palette"))
        for key, segment in self._workspace_buttons.items():
            segment.setToolTip(tooltip(key))

    def set_recent(self, paths: Sequence[str]) -> None:
        """Recent projects for the menu, newest first."""
        self.recent.clear()
        self.recent.setEnabled(bool(paths))
        for path in paths:
            self.recent.addAction(menu_text(path)).triggered.connect(
                lambda _checked=False, path=path: self.recent_chosen.emit(path)
            )

    def set_saved(self, state: str, reason: str = "") -> None:
        """`state`: saved, saving, or failed with a reason."""
        self.saved.set_state(state, reason)

    def _menu(self, actions: Mapping[str, QAction]) -> QMenu:
        menu = QMenu(self)
        for key in MENU:
            if not key:
                menu.addSeparator()
            elif key == "recent":
                menu.addMenu(self.recent)
            else:
                menu.addAction(actions[key])
        themes = QMenu("Theme", menu)
        for key in ("theme_light", "theme_dark", "theme_system"):
            themes.addAction(actions[key])
        # Every action can be reached with the mouse alone, even without a button of its own.
        for entry in ACTIONS:
            if entry.group == "Project" and entry.id not in MENU:
                menu.insertAction(actions["settings"], actions[entry.id])
        for group in MENU_GROUPS:
            menu.insertMenu(actions["settings"], _group_menu(group, actions, menu))
        menu.insertMenu(actions["settings"], themes)
        menu.insertSeparator(actions["settings"])
        return menu

    def _segments(self, actions: Mapping[str, QAction]) -> QFrame:
        """One button for each workspace, in sync with its action."""
        frame, self._workspace_buttons = segmented_control(
            {key: actions[key].text() for key in WORKSPACE_ACTIONS}, self._theme
        )
        for key, segment in self._workspace_buttons.items():
            segment.clicked.connect(actions[key].trigger)
            actions[key].toggled.connect(segment.setChecked)
            segment.setChecked(actions[key].isChecked())
        return frame

    def _toggle_theme(self) -> None:
        light, dark = self._themes
        (light if self._theme.dark else dark).trigger()

    def _apply_theme(self) -> None:
        ratio = self.devicePixelRatioF()
        self.logo.setPixmap(icon_pixmap("logo", self._theme.colour("accent_text"), 24, max(ratio, 2)))
        set_themed_icon(self.theme_button, "sun" if self._theme.dark else "moon", self._theme)
        self.theme_button.setToolTip("Light theme" if self._theme.dark else "Dark theme")


def _group_menu(group: str, actions: Mapping[str, QAction], parent: QMenu) -> QMenu:
    """Menu of a group of actions; a family has a submenu, and the themes have a menu elsewhere."""
    made = QMenu(group, parent)
    families: dict[str, QMenu] = {}
    for entry in ACTIONS:
        if entry.group != group or entry.exclusive_group == "theme":
            continue
        if entry.family and entry.family not in families:
            families[entry.family] = made.addMenu(entry.family)
        (families[entry.family] if entry.family else made).addAction(actions[entry.id])
    return made
