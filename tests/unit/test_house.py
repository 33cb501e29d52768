"""The house is in order: format, lint, types and floors, so that one command checks everything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "check",
    [
        ["ruff", "format", "--check", "."],
        ["ruff", "check", "."],
        ["mypy"],
        ["lint-imports"],
    ],
    ids=["format", "lint", "types", "floors"],
)
def test_the_house_is_in_order(check: list[str]) -> None:
    program = Path(sys.executable).with_name(check[0])
    done = subprocess.run([program, *check[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_window_does_not_wait_for_torch() -> None:
    """Importing the window and the session must not import torch: it takes seconds."""
    code = "import sys, desktop.app, core.session.session; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_the_window_stands_before_what_a_project_needs_is_loaded() -> None:
    """Half a second of imports would come before the first picture. What opens a project is loaded behind it."""
    heavy = (
        "sqlalchemy",
        "asyncio",
        "yaml",
        "tifffile",
        "skimage",
        "pyqtgraph",
        "typer",
        "core.session.session",
        "desktop.palette",
        "desktop.panels.review_page",
        "desktop.panels.train_page",
        "desktop.panels.data_page",
    )
    code = f"import sys, desktop.__main__, desktop.app; print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
