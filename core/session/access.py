"""How a project is opened."""

from __future__ import annotations

from enum import StrEnum

READ_ONLY = "This project is open read-only, so nothing can be changed."


class Access(StrEnum):
    """WRITE: as usual; READ: change nothing; TAKE_OVER: write, as the user says that the program that wrote is gone."""

    WRITE = "write"
    READ = "read"
    TAKE_OVER = "take over"
