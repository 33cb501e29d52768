"""Latency of brush strokes, from mouse event to painted: `python -m tests.benchmarks.brush --size 8192 --json`.

The real window with a JPEG of that size, a prediction and a class. Real mouse events in strokes of 100 moves;
measured is the time from sending an event to the end of the paint it caused. Each stroke is undone with Ctrl+Z
(`undo_ms`: from the key to the paint without the stroke). `--rival PYTHON` measures napari in the same way; labelme
has no brush.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.stage import OURS, Seat, run, words, write_jpeg


def main() -> None:
    parser = words(__doc__)
    parser.add_argument("--size", type=int, default=8192, help="side of the picture in pixels")
    parser.add_argument("--radius", type=float, default=15.0, help="of the brush, in image pixels")
    parser.add_argument("--moves", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0, help="start no further stroke after this time")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        picture = write_jpeg(Path(scratch) / "pictures" / "p.jpg", asked.size, asked.size)

        def measure(seat: Seat) -> dict[str, Any]:
            if seat is OURS:
                from tests.benchmarks.programs.with_maskloop import furnish

                furnish(picture.parent, labels=False)
            return seat.measure(
                "brush",
                picture=str(picture),
                radius=asked.radius,
                moves=asked.moves,
                seconds=asked.seconds,
                seed=asked.seed,
            )

        run(asked, measure, size=asked.size, radius=asked.radius)


if __name__ == "__main__":
    main()
