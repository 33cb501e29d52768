"""Calls a function of a Python file (`python -m`, FILE, NAME) with the JSON that it reads from standard input.

Run by `core.training.callbacks.command_line`, in a process of its own.
"""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path


def main() -> None:
    file, name = sys.argv[1:3]
    sys.path.insert(0, str(Path(file).absolute().parent))
    runpy.run_path(file)[name](json.load(sys.stdin))


if __name__ == "__main__":
    main()
