"""What opens beside the window: settings, the cheat sheet, the keys, and the search over everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from core.base.errors import UserError
from core.base.settings import Settings
from desktop.actions.keymap import KeyMap
from desktop.palette.search import PaletteSearch
from desktop.theme.theme import Theme

if TYPE_CHECKING:
    from desktop.actions.cheat_sheet import CheatSheet
    from desktop.actions.keymap_dialog import KeymapDialog
    from desktop.palette.palette import CommandPalette
    from desktop.shell.settings_dialog import SettingsDialog


class AuxiliaryWindows:
    """Opens each of them, once; `on_setting` hears of a setting that was changed and stored. GUI thread.

    What draws them is loaded when it is first asked for: the window stands sooner without.
    """

    def __init__(
        self,
        window: QWidget,
        theme: Theme,
        settings: Settings,
        keymap: KeyMap,
        on_setting_changed: Callable[[str, object], None],
        search: PaletteSearch,
    ) -> None:
        self._window, self._theme, self._settings, self._keymap = window, theme, settings, keymap
        self._on_setting, self._search = on_setting_changed, search
        self.palette: CommandPalette | None = None
        search.on_names_ready = self._search_again
        self._dialog: SettingsDialog | None = None
        self._cheat_sheet: CheatSheet | None = None
        self._keymap_dialog: KeymapDialog | None = None
        keymap.changed.connect(self._rebuild_cheat_sheet)

    def actions(self) -> dict[str, Callable[[], object]]:
        return {
            "settings": self.show_settings,
            "cheat_sheet": self.show_cheat_sheet,
            "edit_keys": self.show_keymap,
            "command_palette": self.show_palette,
        }

    def close(self) -> None:
        """The window goes."""
        for each in (self._cheat_sheet, self._keymap_dialog):
            if each is not None:
                each.close()

    def show_settings(self) -> None:
        if self._dialog is None:
            self._dialog = self._settings_dialog()
        self._dialog.show()
        self._dialog.raise_()
        self._dialog.activateWindow()

    def show_setting(self, name: str, value: object) -> None:
        """A setting was changed elsewhere in the window: open settings say so too."""
        if self._dialog is not None:
            self._dialog.show_value(name, value)

    def _settings_dialog(self) -> SettingsDialog:
        from desktop.shell.settings_dialog import SettingsDialog

        dialog = SettingsDialog(self._theme, self._settings.get, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def change(name: str, value: object) -> None:
            try:
                self._settings.set(name, value)
            except UserError as problem:
                dialog.show_error(str(problem))
                return
            self._on_setting(name, value)

        dialog.changed.connect(change)
        dialog.keymap_requested.connect(self.show_keymap)
        dialog.finished.connect(self._settings_closed)
        return dialog

    def _settings_closed(self) -> None:
        self._dialog = None  # the next one reads all settings anew

    def show_cheat_sheet(self) -> None:
        """Show it, or put it away."""
        from desktop.actions.cheat_sheet import CheatSheet

        if self._cheat_sheet is None:
            self._cheat_sheet = CheatSheet(self._theme, self._window)
            self._cheat_sheet.keymap_requested.connect(self.show_keymap)
        self._cheat_sheet.setVisible(not self._cheat_sheet.isVisible())

    def show_keymap(self) -> None:
        from desktop.actions.keymap_dialog import KeymapDialog

        if self._keymap_dialog is None:
            self._keymap_dialog = KeymapDialog(self._theme, self._keymap, self._window)
        self._keymap_dialog.show()
        self._keymap_dialog.raise_()
        self._keymap_dialog.activateWindow()
        self._keymap_dialog.search.setFocus()

    def show_palette(self) -> None:
        """A field to search everything; pictures that came meanwhile are found as soon as they are listed."""
        from desktop.palette.palette import CommandPalette

        self._search.update_names()
        if self.palette is None:
            self.palette = CommandPalette(self._theme, self._search, self._window)
        self.palette.open_over(self._window)

    def _search_again(self) -> None:
        if self.palette is not None and self.palette.isVisible() and self.palette.field.text():
            self.palette.refresh()

    def _rebuild_cheat_sheet(self) -> None:
        old, self._cheat_sheet = self._cheat_sheet, None
        if old is not None:
            shown, place = old.isVisible(), old.geometry()
            old.close()
            old.deleteLater()
            if shown:
                self.show_cheat_sheet()
                assert self._cheat_sheet is not None
                self._cheat_sheet.setGeometry(place)
