"""Ground rules for every test: no screen, settings of its own, and nothing left running afterwards."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

# Hundreds of child processes load torch here: compiled anew in each, that takes fifteen seconds instead of four.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# The tests write gigabytes and wait for the disk thousands of times; in memory nobody waits. What a test has written
# is deleted when it passed.
MEMORY = Path("/dev/shm")
if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 3e9:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

if "PYTEST_XDIST_WORKER" in os.environ:
    # Two processes of tests share the cores. Threads of torch that wait for each other by spinning, each on a core
    # that the other process needs, would make all of it many times slower.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# How long an example takes says something of the machine, nothing of the program. The same examples each time, so that
# a change is judged by what it changed.
hypothesis.settings.register_profile("any machine", deadline=None, derandomize=True)
hypothesis.settings.load_profile("any machine")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
"""Real pictures beside the repository, where somebody has put them; tests that use them make do without."""

TESTS = Path(__file__).resolve().parent
TRAINING = (
    "end_to_end/test_tour.py",
    "end_to_end/test_workflows.py",
    "core/session/test_concurrent_use.py",
    "core/training/test_distributed.py",
    "core/training/process/test_worker_client.py",
    "core/training/process/test_worker.py",
)
"""Files whose tests wait for a process that trains. Training has the lowest priority, so it needs a core that
nobody else wants: one test process takes them all, one after the other, and only waits meanwhile."""
LONG = (
    "test_architecture.py",
    "core/models/test_export.py",
    "core/models/test_network_builder.py",
    "test_benchmarks.py",
    "core/session/live/test_live_prediction.py",
    "desktop/workspaces/label/live/test_live_controller.py",
    "core/training/head/test_fresh_head.py",
    "core/models/test_summary.py",
    "desktop/test_main_window.py",
    "desktop/workspaces/label/live/test_similar_places.py",
    "core/training/test_train_step.py",
    "core/project/test_state_machine.py",
    "desktop/workspaces/learn/test_controller.py",
    "desktop/workspaces/train/test_run_setup.py",
    "desktop/canvas/rendering/test_compositor.py",
)
"""The next longest files. What takes long starts first, so that both processes end at about the same time."""


_NUMBERS = itertools.count()


class FileScheduling(LoadScopeScheduling):
    """Tests of a file run in one process, as they share a window and what is costly to make."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0].removeprefix("tests/")
        return "training" if file in TRAINING else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    return FileScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    first = {name: place for place, name in enumerate(TRAINING + LONG)}
    items.sort(key=lambda item: first.get(item.path.relative_to(TESTS).as_posix(), len(first)))


@pytest.fixture(autouse=True)
def _own_settings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    # Not by mktemp, which lists all folders to find a free number: 15 s for 4,800 of them.
    folder = tmp_path_factory.getbasetemp() / "settings" / str(next(_NUMBERS))
    folder.mkdir(parents=True)
    monkeypatch.setenv("MASKLOOP_CONFIG_DIR", str(folder))


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
