"""Ground rules for every test: no screen, settings of its own, and nothing left running afterwards."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from xdist.scheduler import LoadFileScheduling

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
if "PYTEST_XDIST_WORKER" in os.environ:
    # Two processes of tests share the cores. Threads of torch that wait for each other by spinning, each on a core
    # that the other process needs, would make all of it many times slower.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# How long an example takes says something of the machine, nothing of the program.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
"""Real pictures beside the repository, where somebody has put them; tests that use them make do without."""

ALONE = ("test_tour", "test_the_four_journeys", "test_soak")
"""Files whose tests wait for a network that is trained behind a window or a session. Training gives way to everything
else, so beside other tests it could take longer than they wait: they come first, and the other process waits."""
TRAINING = ("test_training_together", "test_training_worker", "test_training_faults")
"""Files whose tests start processes that only train. One process of tests takes them all, so that they never meet."""
LONG = (
    "test_house",
    "test_models_delivery",
    "test_models_network",
    "test_stages",
    "test_benchmarks",
    "test_training_choices",
    "test_document_machine",
    "test_learn",
    "test_planning",
    "test_canvas_pixels",
)
"""The next longest files. What takes long begins first, so that both processes end at about the same time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    first = {name: place for place, name in enumerate(ALONE + TRAINING + LONG)}
    items.sort(key=lambda item: first.get(item.path.stem, len(first)))


class _WholeFiles(LoadFileScheduling):
    """The tests of a file stay together, as they share a window; those of ALONE and of TRAINING are like one file."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        name = Path(file).stem
        return "alone" if name in ALONE else "training" if name in TRAINING else file

    def _assign_work_unit(self, node: object) -> None:
        given = (units.get("alone", {}) for other, units in self.assigned_work.items() if other is not node)
        if all(all(tests.values()) for tests in given):
            super()._assign_work_unit(node)

    def mark_test_complete(self, node: object, item_index: int, duration: float = 0) -> None:
        super().mark_test_complete(node, item_index, duration)
        for other in self.nodes:  # it may be what they waited for
            self._reschedule(other)


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> _WholeFiles | None:
    return _WholeFiles(config, log) if config.getoption("dist") == "loadfile" else None


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
