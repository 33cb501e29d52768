"""Ground rules for every test: no screen, settings of its own, and nothing left running afterwards."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

# How long an example takes says something of the machine, nothing of the program.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
"""Real pictures beside the repository, where somebody has put them; tests that use them make do without."""


@pytest.fixture(autouse=True)
def _own_settings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKLOOP_CONFIG_DIR", str(tmp_path_factory.mktemp("settings")))


@pytest.fixture(autouse=True)
def _no_thread_survives() -> Iterator[None]:
    """A test that leaves a thread behind fails: a lane or a child process was not closed."""
    before = set(threading.enumerate())
    yield
    end = time.monotonic() + 30  # on a busy machine a thread that is about to end may take long
    while left := [t for t in threading.enumerate() if t not in before and _ours(t)]:
        if time.monotonic() > end:
            pytest.fail(f"threads left running: {', '.join(t.name for t in left)}")
        time.sleep(0.01)


def _ours(thread: threading.Thread) -> bool:
    # Qt's and torch's own pools show up as dummies; they belong to the process, not to a test.
    return thread.is_alive() and not isinstance(thread, threading._DummyThread)
