"""Deletion of dialogs that are made anew each time they are opened."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget


def delete_dialog(dialog: QWidget | None) -> None:
    """Hide a dialog and delete it with the next round of the event loop; None: nothing to delete.

    A closed dialog belongs to its parent and would otherwise stay in memory as long as the window.
    """
    if dialog is not None:
        dialog.hide()
        dialog.deleteLater()
