"""Memory with one large JPEG open: `python -m tests.benchmarks.memory --size 8192 --json`.

A fresh process opens the folder with that one picture; three seconds after it is on screen Linux is asked what the
process holds (VmRSS) and the most it has held (VmHWM). torch is not counted because it is not there: the window's
process never loads it (`torch_loaded` says so), and the child process that trains does not run yet. Linux only.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.benchmarks.stage import run, words, write_jpeg


def main() -> None:
    parser = words(__doc__)
    parser.add_argument("--size", type=int, default=8192, help="side of the picture in pixels")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        picture = write_jpeg(Path(scratch) / "pictures" / "p.jpg", asked.size, asked.size)
        run(asked, lambda seat: seat.measure("memory", picture=str(picture)), size=asked.size)


if __name__ == "__main__":
    main()
