"""Opens the windows beside the main window: settings, cheat sheet, keymap and command palette."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from core.base.errors import UserError
from core.base.settings import Settings
from desktop.actions.keymap import KeyMap
from desktop.command_palette.search import PaletteSearch
from desktop.controller import Actions
from desktop.theme.theme import Theme

if TYPE_CHECKING:
    from desktop.actions.cheat_sheet import CheatSheet
    from desktop.actions.keymap_dialog import KeymapDialog
    from desktop.command_palette.palette import CommandPalette
    from desktop.shell.settings_dialog import SettingsDialog


class AuxiliaryWindows:
    """At most one of each is open. `on_setting_changed` gets the name and value of a setting that was stored.

    Their modules are imported when first needed, so that the main window shows sooner. GUI thread.
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
        self._on_setting_changed, self._search = on_setting_changed, search
        self.palette: CommandPalette | None = None
        search.on_names_ready = self._refresh_palette
        self._settings_dialog: SettingsDialog | None = None
        settings.on_changed = self._show_setting
        self._cheat_sheet: CheatSheet | None = None
        self._keymap_dialog: KeymapDialog | None = None
        keymap.changed.connect(self._rebuild_cheat_sheet)

    def actions(self) -> Actions:
        return {
            "settings": self.show_settings,
            "cheat_sheet": self.show_cheat_sheet,
            "edit_keys": self.show_keymap,
            "command_palette": self.show_palette,
        }

    def close(self) -> None:
        """Close those that would stay open without the main window."""
        for each in (self._cheat_sheet, self._keymap_dialog):
            if each is not None:
                each.close()

    def show_settings(self) -> None:
        if self._settings_dialog is None:
            self._settings_dialog = self._make_settings_dialog()
        self._settings_dialog.show()
        self._settings_dialog.raise_()
        self._settings_dialog.activateWindow()

    def _show_setting(self, name: str, value: object) -> None:
        """Update the open settings dialog after a setting was changed, unless that was done in it."""
        if self._settings_dialog is not None and not self._settings_dialog.is_changing:
            self._settings_dialog.show_value(name, value)

    def _make_settings_dialog(self) -> SettingsDialog:
        from desktop.shell.settings_dialog import SettingsDialog

        dialog = SettingsDialog(self._theme, self._settings.get, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def change(name: str, value: object) -> None:
            try:
                self._settings.set(name, value)
            except UserError as problem:
                dialog.show_error(str(problem))
                return
            self._on_setting_changed(name, value)

        dialog.changed.connect(change)
        dialog.keymap_requested.connect(self.show_keymap)
        dialog.finished.connect(self._settings_closed)
        return dialog

    def _settings_closed(self) -> None:
        self._settings_dialog = None  # the next one reads all settings again

    def show_cheat_sheet(self) -> CheatSheet:
        """Show or hide it."""
        from desktop.actions.cheat_sheet import CheatSheet
        from desktop.actions.layout_hints import layout_hint

        if self._cheat_sheet is None:
            self._cheat_sheet = CheatSheet(self._theme, self._window)
            self._cheat_sheet.keymap_requested.connect(self.show_keymap)
        hint = layout_hint(self._keymap)
        self._cheat_sheet.hint.setText(hint.sentence if hint else "")
        self._cheat_sheet.setVisible(not self._cheat_sheet.isVisible())
        return self._cheat_sheet

    def show_keymap(self) -> None:
        from desktop.actions.keymap_dialog import KeymapDialog

        if self._keymap_dialog is None:
            self._keymap_dialog = KeymapDialog(self._theme, self._keymap, self._window)
        self._keymap_dialog.show()
        self._keymap_dialog.raise_()
        self._keymap_dialog.activateWindow()
        self._keymap_dialog.search.setFocus()

    def show_palette(self) -> None:
        """Open the command palette; added pictures are found as soon as their names are indexed."""
        from desktop.command_palette.palette import CommandPalette

        self._search.update_names()
        if self.palette is None:
            self.palette = CommandPalette(self._theme, self._search, self._window)
        self.palette.open_over(self._window)

    def _refresh_palette(self) -> None:
        if self.palette is not None and self.palette.isVisible() and self.palette.field.text():
            self.palette.refresh()

    def _rebuild_cheat_sheet(self) -> None:
        old, self._cheat_sheet = self._cheat_sheet, None
        if old is not None:
            shown, place = old.isVisible(), old.geometry()
            old.close()
            old.deleteLater()
            if shown:
                self.show_cheat_sheet().setGeometry(place)
