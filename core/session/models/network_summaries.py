"""Summaries of networks for the window, computed in a process of its own and cached. Does not import torch."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import Future

from core.base.errors import Cancelled, ModelError
from core.base.json_process import JsonProcess, decode_message
from core.base.lane import Lane
from core.models.spec import ModelSpec
from core.models.summary_types import NetworkSummary, SummaryFailed, SummaryReady, SummaryReply

MODULE = "core.models.summary_worker"


class NetworkSummaryService:
    """Computes the summary of each network once: it never changes. May be called from any thread."""

    def __init__(self) -> None:
        self._lane: Lane | None = None
        self._lock = threading.Lock()
        self._process: JsonProcess | None = None
        self._cache: dict[ModelSpec, NetworkSummary] = {}
        self._closed = False

    def request(self, spec: ModelSpec) -> Future[NetworkSummary]:
        """The summary of a network; takes a few seconds the first time.

        The future raises ModelError when the network cannot be built, Cancelled when the session closes.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("the session is closed")
            self._lane = self._lane or Lane("network-summary")
            return self._lane.submit(self._summary, spec)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.kill()
        if self._lane is not None:
            self._lane.shutdown(cancel_futures=True)

    # On the lane ------------------------------------------------------------------------------

    def _summary(self, spec: ModelSpec) -> NetworkSummary:
        if spec not in self._cache:
            self._cache[spec] = self._compute(spec)
        return self._cache[spec]

    def _compute(self, spec: ModelSpec) -> NetworkSummary:
        with self._lock:
            if self._closed:
                raise Cancelled
            try:
                process = self._process = JsonProcess(MODULE)
            except OSError as error:
                raise ModelError(
                    f"The network summary cannot be computed: {error}. Close other programs and try again."
                ) from error
        reply: SummaryReply | None = None
        with contextlib.suppress(OSError, ValueError):
            process.send(spec)
            if line := process.receive():
                reply = decode_message(line, SummaryReply)
        process.reap(10.0)
        with self._lock:
            self._process = None
            if self._closed:
                raise Cancelled
        match reply:
            case SummaryReady():
                return reply.summary
            case SummaryFailed():
                raise ModelError(reply.message)
        raise ModelError(
            "The process that computes the network summary ended unexpectedly. Close other programs and try again."
        )
