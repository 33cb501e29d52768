"""The type of a progress callback."""

from __future__ import annotations

from collections.abc import Callable

ProgressCallback = Callable[[int, int], None]
"""Called with how many steps of how many are done, on the thread that does them."""
