"""What the network is made of, told by a process of its own and remembered. No torch here."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

from core.base.errors import Cancelled, ModelError
from core.base.lane import Lane
from core.models.spec import ModelSpec
from core.models.summary_types import NetworkSummary
from core.training.process.worker_process import start_process

if TYPE_CHECKING:
    Process = subprocess.Popen[str]


class NetworkSummaryService:
    """Asks once for each network: the answer never changes. May be called from any thread."""

    def __init__(self) -> None:
        self._lane: Lane | None = None
        self._guard = threading.Lock()
        self._process: Process | None = None
        self._known: dict[str, NetworkSummary] = {}
        self._closed = False

    def request(self, spec: ModelSpec) -> Future[NetworkSummary]:
        """The stages of a network; a few seconds at the first time.

        The future raises ModelError when it cannot be built or looked into, Cancelled when the session closes.
        """
        with self._guard:
            if self._closed:
                raise RuntimeError("the session is closed")
            self._lane = self._lane or Lane("describing")
            return self._lane.submit(self._answer, spec)

    def close(self) -> None:
        with self._guard:
            self._closed = True
            if self._process is not None:
                self._process.kill()
        if self._lane is not None:
            self._lane.shutdown(cancel_futures=True)

    def _answer(self, spec: ModelSpec) -> NetworkSummary:
        asked = json.dumps(spec.to_json())
        if asked not in self._known:
            self._known[asked] = self._look(asked)
        return self._known[asked]

    def _look(self, asked: str) -> NetworkSummary:
        with self._guard:
            if self._closed:
                raise Cancelled
            try:
                process = self._process = start_process("core.models.summary_worker", read_stderr=False)
            except OSError as problem:
                raise ModelError(
                    f"The network cannot be looked into: {problem}. Close other programs and come back."
                ) from problem
        said = ""
        with contextlib.suppress(OSError, ValueError), process:
            said, _ = process.communicate(asked + "\n")
        with self._guard:
            self._process = None
            if self._closed:
                raise Cancelled
        if not said:
            raise ModelError(
                "The process that looks into the network ended unexpectedly. Close other programs and come back."
            )
        raw = json.loads(said)
        if "failed" in raw:
            raise ModelError(raw["failed"])
        return NetworkSummary.from_json(raw["stages"])
