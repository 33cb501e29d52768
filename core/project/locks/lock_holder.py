"""The note of the program that writes to a project, and what it says about whether that program still runs."""

from __future__ import annotations

import json
import os
import socket
import uuid
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from core.base.display_text import printable
from core.base.text import count_of
from core.project.locks.process_identity import ProcessIdentity, own_identity

HEARTBEAT_SECONDS = 10.0
"""How often the holder touches its note."""
SILENCE_SECONDS = 60.0
"""After so long without a heartbeat a program of another computer may have ended."""
_MAX_BYTES = 4096
_MAX_WORDS = 80


class HolderState(StrEnum):
    """What is known about the program that wrote a note."""

    RUNNING = "running"
    ENDED = "ended"
    SILENT = "silent"
    """On another computer or in another container, without a heartbeat for a while: nobody can know from here."""


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Who writes to a project. `token` tells two notes of one process apart; `by_note`: the note alone is the lock,
    because the folder has no file locks. `since` is local time."""

    purpose: str
    host: str
    identity: ProcessIdentity
    since: datetime | None = None
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    by_note: bool = False

    @classmethod
    def of_this_process(cls, purpose: str, *, by_note: bool) -> LockHolder:
        now = datetime.now().astimezone()
        return cls(purpose, socket.gethostname(), own_identity(), now, by_note=by_note)

    def state(self, silent_seconds: float) -> HolderState:
        """silent_seconds: since the last heartbeat, by the clock of the folder's file system"""
        ended = self.identity.has_ended()
        if ended is None:
            return HolderState.SILENT if silent_seconds > SILENCE_SECONDS else HolderState.RUNNING
        return HolderState.ENDED if ended else HolderState.RUNNING

    def describe(self) -> str:
        """“the Maskloop window (process 12 on desk, since 2026-12-01 14:30)”"""
        parts = f"process {self.identity.process} on {self.host}"
        if self.since is not None:
            parts += f", since {self.since:%Y-%m-%d %H:%M}"
        return f"{self.purpose} ({parts})"

    def to_json(self) -> str:
        since = self.since.isoformat(timespec="seconds") if self.since else None
        note = {"purpose": self.purpose, "host": self.host, **asdict(self.identity)}
        return json.dumps({**note, "since": since, "token": self.token, "by_note": self.by_note})


UNKNOWN_HOLDER = LockHolder("another Maskloop", "", ProcessIdentity(0), token="")
"""Stands for a note that is missing or cannot be read."""


def read_holder(note: Path) -> LockHolder | None:
    """The holder that a note names; None when there is no note, UNKNOWN_HOLDER when it cannot be read.

    Notes of earlier versions name purpose, process, host and since alone.
    """
    try:
        handle = os.open(note, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return None
    except OSError:
        return UNKNOWN_HOLDER
    try:
        with os.fdopen(handle, "rb") as file:
            return _parse(json.loads(file.read(_MAX_BYTES)))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return UNKNOWN_HOLDER


def silence_text(seconds: float) -> str:
    """How long ago the last heartbeat was: “12 seconds”, “3 minutes”, “5 hours”, “2 days”."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            return count_of(int(seconds // size), unit)
    return count_of(max(0, int(seconds)), "second")


def _parse(note: dict[str, Any]) -> LockHolder:
    identity = ProcessIdentity(
        int(note["process"]),
        _words(note.get("machine", "")),
        _words(note.get("boot", "")),
        _words(note.get("namespace", "")),
        int(note["started"]) if note.get("started") is not None else None,
    )
    since = datetime.fromisoformat(note["since"]).astimezone() if note.get("since") else None
    token = _words(note.get("token", ""))
    return LockHolder(
        _words(note["purpose"]), _words(note["host"]), identity, since, token, note.get("by_note") is True
    )


def _words(value: object) -> str:
    """A text of the note, which anybody may have written, short and on one line."""
    if not isinstance(value, str):
        raise TypeError("not a text")
    return printable(" ".join(value.split()))[:_MAX_WORDS]
