"""Timers that gather what comes in bursts."""

from __future__ import annotations

from PySide6.QtCore import QTimer


def start_if_idle(timer: QTimer) -> None:
    """Start a single-shot timer unless it runs: restarted at each of many changes it would never end."""
    if not timer.isActive():
        timer.start()
