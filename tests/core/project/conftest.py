"""A project whose writer was killed, for several test files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.core.project.faults import ROOT


def kill_while_painting(folder: Path) -> None:
    """A process stores three strokes and is killed; its WAL and its writer.json stay."""
    script = (
        "import os, sys; from pathlib import Path\n"
        "from core.labels.label_map import LabelMap; from tests.factories import project_in, stroke\n"
        "project = project_in(Path(sys.argv[1])); labels = LabelMap.blank(96, 64)\n"
        "for row in (10, 30, 50): project.journal.commit(1, stroke(labels, 1, (10, row), (60, row)))\n"
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(folder)], cwd=ROOT, check=False)
    assert done.returncode != 0


@pytest.fixture(scope="session")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    kill_while_painting(folder)
    return folder
