"""Latency of going to the next picture, of zoom and of pan: `python -m tests.benchmarks.navigate --json`.

`next`: key D to painted, for pictures of 1920 x 1080 with label and prediction (labelme: with twenty polygons) that
have been prefetched, half a second on each. `windows`: wheel zoom and pan on a picture of
100 megapixels, event to painted, in a window of 1920 x 1080 and in one of 3840 x 2160 device pixels at 200 %.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from tests.benchmarks.stage import OURS, Seat, run, words, write_jpeg

# Name of a window, its logical size, and its device pixel ratio.
WINDOWS = (("1920x1080", (1920, 1080), "1"), ("3840x2160 at 200 %", (1920, 1080), "2"))


def label_for_labelme(folder: Path) -> None:
    """Write a labelme file with twenty polygons for every picture."""
    for path in sorted(folder.glob("*.jpg")):
        with Image.open(path) as image:
            width, height = image.size
        shapes = []
        for number in range(20):
            x, y = width * (number % 5) / 5, height * (number // 5) / 4
            corners = [[x, y], [x + width / 6, y], [x + width / 6, y + height / 5], [x, y + height / 5]]
            shapes.append(
                {
                    "label": "road",
                    "points": corners,
                    "group_id": None,
                    "description": "",
                    "shape_type": "polygon",
                    "flags": {},
                }
            )
        label = {
            "version": "6.0.0",
            "flags": {},
            "shapes": shapes,
            "imagePath": path.name,
            "imageData": None,
            "imageHeight": height,
            "imageWidth": width,
        }
        path.with_suffix(".json").write_text(json.dumps(label), "utf-8")


def main() -> None:
    parser = words(__doc__)
    parser.add_argument("--size", type=int, default=10_000, help="side of the large picture in pixels")
    parser.add_argument("--steps", type=int, default=40, help="how often to go to the next picture")
    parser.add_argument("--notches", type=int, default=120, help="wheel steps, and pan steps")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        large = write_jpeg(Path(scratch) / "large" / "p.jpg", asked.size, asked.size)
        folder = Path(scratch) / "series"
        for number in range(asked.steps + 3):
            write_jpeg(folder / f"p{number:03}.jpg", 1920, 1080, seed=number)

        def measure(seat: Seat) -> dict[str, Any]:
            if seat is OURS:
                from tests.benchmarks.programs.with_maskloop import furnish

                furnish(folder, labels=True)
                furnish(large.parent, labels=True)
            elif seat.name == "labelme":
                label_for_labelme(folder)
            found = seat.measure("follow", folder=str(folder), steps=asked.steps, pause=0.5)
            said = {name: found.pop(name) for name in ("name", "version")}
            windows = {}
            for name, size, ratio in WINDOWS:
                there = seat.measure(
                    "frames",
                    {"QT_SCALE_FACTOR": ratio},
                    picture=str(large),
                    notches=asked.notches,
                    window=size,
                )
                windows[name] = {key: there[key] for key in ("canvas", "zoom", "pan")}
            return {**said, "next": found, "windows": windows}

        run(asked, measure, megapixels=round(asked.size**2 / 1e6, 1))


if __name__ == "__main__":
    main()
