"""From the start of a process to the first picture: `python -m tests.benchmarks.open_folder --pictures 100000 --json`.

The folder consists of hard links to eight JPEGs of 1024 x 768. Time runs from just before the process starts until the
first picture is painted and, `ready_s`, until it can be edited with its label and classes; `again_s` and
`again_ready_s` are the same for an existing project. Each program is started once before on a small folder, so that its
code is in the page cache. `next_ms`: from pressing D until the next picture is painted, half a second on each picture;
`rss_mb`: resident memory after that.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.stage import Seat, run, words, write_jpeg

DIFFERENT = 8
_LINKS = 20_000
"""Links to one file; file systems limit them (ext4: 65,000)."""


def make_folder(folder: Path, pictures: int) -> None:
    """`pictures` files, hard links to a few."""
    folder.mkdir()
    sources: list[Path] = []
    for number in range(pictures):
        path = folder / f"picture-{number:06}.jpg"
        if number < DIFFERENT:
            write_jpeg(path, 1024, 768, seed=number)
            sources.append(path)
        elif number % _LINKS < DIFFERENT:
            shutil.copyfile(sources[number % DIFFERENT], path)
            sources[number % DIFFERENT] = path
        else:
            os.link(sources[number % DIFFERENT], path)


def main() -> None:
    parser = words(__doc__)
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=20, help="pictures to step through")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        few, many = Path(scratch) / "few", Path(scratch) / "many"
        make_folder(few, 10)
        make_folder(many, asked.pictures)

        def measure(seat: Seat) -> dict[str, Any]:
            def once(folder: Path, steps: int) -> dict[str, Any]:
                return seat.measure("open_folder", folder=str(folder), began=0.0, steps=steps, pause=0.5)

            once(few, 0)
            found = once(many, asked.steps)
            again = once(many, 0)
            return {**found, "again_s": again.get("first_picture_s"), "again_ready_s": again.get("ready_s")}

        run(asked, measure, pictures=asked.pictures)


if __name__ == "__main__":
    main()
