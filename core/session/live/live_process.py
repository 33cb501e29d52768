"""The running live prediction process, and the folder of its answers."""

from __future__ import annotations

import contextlib
import logging
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from core.base.errors import MaskloopError
from core.base.json_process import JsonProcess
from core.live.live_messages import LiveCommand, LiveEvent, decode_live_event

log = logging.getLogger(__name__)

MODULE = "core.live.live_worker"


class LiveProcess:
    """Owned by one thread; events, and the word that it has ended, come on a thread of its own.

    has_answered: whether any event has come; until then it is starting, which takes seconds
    """

    def __init__(
        self, on_event: Callable[[Path, LiveEvent], None], on_exit: Callable[[LiveProcess], None]
    ) -> None:
        """on_event: takes the folder of the answers too. Raises MaskloopError when it cannot be started."""
        self.has_answered = False
        self._on_event = on_event
        folder: Path | None = None
        try:
            # Not in the project: it may be read-only, or on a slow disk.
            folder = self.folder = Path(tempfile.mkdtemp(prefix="maskloop-live-"))
            self._process = JsonProcess(MODULE, on_line=self._on_line, on_exit=lambda _: on_exit(self))
        except OSError as error:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            raise MaskloopError(f"Live prediction could not be started: {error}.") from error

    @property
    def has_exited(self) -> bool:
        return self._process.has_exited

    def send(self, command: LiveCommand) -> None:
        """What one that has ended would not read is asked again."""
        with contextlib.suppress(OSError, ValueError):
            self._process.send(command)

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> None:
        """Kill it, and remove its folder."""
        self._process.kill()
        self._process.reap(1.0)
        shutil.rmtree(self.folder, ignore_errors=True)

    def log_end(self) -> None:
        """It has ended without being told to: log the end of its standard error."""
        log.warning("live prediction ended: %s", " | ".join(self._process.stderr_tail)[-2000:])

    def _on_line(self, _process: JsonProcess, line: str) -> None:
        try:
            event = decode_live_event(line)
        except ValueError:
            log.warning("live prediction wrote a line that is not an event: %s", line[:200])
            return
        self.has_answered = True
        self._on_event(self.folder, event)
