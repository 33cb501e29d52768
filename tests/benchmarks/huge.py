"""Memory and time of a picture that is too large to be decoded whole.

python -m tests.benchmarks.huge [--size 30000] [--format jpg] [--json]

The real window opens a folder with one JPEG or PNG of that size (made from copies of one scene), converts it, shows
it, zooms to 100 % and paints a stroke. `together_peak_mb` is the largest sum of what the window and its converting
process hold at one moment (VmRSS, twenty times a second), `window_peak_mb` and `converter_peak_mb` the peaks of each
(VmHWM). Linux only.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import tempfile
import threading
import time
from pathlib import Path

from core.base.settings import Settings
from core.images.image_reader import MAX_PIXELS
from core.session.loading import picture_loader
from desktop.app import build
from desktop.tour.window_driver import WindowDriver
from tests.benchmarks.stage import scenery, screen
from tests.factories import project_in

SCENE = 3000
TIMEOUT = 3600.0


class MemoryMeter(threading.Thread):
    """Reads the memory of this process and of its converting child until it is stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.together_peak = self.converter_peak = 0
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(0.05):
            children = [pid for pid in _children() if "conversion_worker" in _text(f"/proc/{pid}/cmdline")]
            self.converter_peak = max(self.converter_peak, *(_kilobytes(pid, "VmHWM") for pid in children), 0)
            held = sum(_kilobytes(pid, "VmRSS") for pid in (os.getpid(), *children))
            self.together_peak = max(self.together_peak, held)

    def stop(self) -> None:
        self._ended.set()
        self.join()


def _children() -> list[int]:
    return [
        int(pid) for task in Path("/proc/self/task").iterdir() for pid in _text(f"{task}/children").split()
    ]


def _text(path: str) -> str:
    with contextlib.suppress(OSError):
        return Path(path).read_text("utf-8", "replace")
    return ""


def _kilobytes(pid: int, name: str) -> int:
    lines = [line for line in _text(f"/proc/{pid}/status").splitlines() if line.startswith(f"{name}:")]
    return int(lines[0].split()[1]) if lines else 0


def write_huge(path: Path, side: int) -> None:
    """A square picture of copies of one scene, without holding it."""
    import pyvips

    copies = -(-side // SCENE)
    scene = pyvips.Image.new_from_array(scenery(SCENE, SCENE, 0))
    options = {"Q": 90} if path.suffix == ".jpg" else {"compression": 1}
    scene.replicate(copies, copies).crop(0, 0, side, side).write_to_file(str(path), **options)


def measure(folder: Path) -> dict[str, float]:
    meter = MemoryMeter()
    window = build(Settings(folder.parent / "settings.json")).window
    window.resize(1440, 900)
    window.show()
    hands = WindowDriver(window)
    meter.start()
    began = time.perf_counter()
    window.open_project(folder)
    hands.wait_until(hands.has_picture, "the picture", TIMEOUT)
    shown = time.perf_counter() - began
    hands.wait(3000)
    hands.canvas.zoom_by(1 / hands.canvas.scale)
    hands.wait(2000)
    hands.labelling.choose_class(1)
    hands.drag([(0.5, 0.5), (0.502, 0.502)])
    hands.wait_until_saved(1)
    meter.stop()
    tiles = sum(each.stat().st_size for each in (folder / ".maskloop" / "cache" / "tiled").iterdir())
    window.close_project()
    began = time.perf_counter()
    window.open_project(folder)
    hands.wait_until(hands.has_picture, "the picture again", TIMEOUT)
    again = time.perf_counter() - began
    window.close()
    return {
        "shown_s": round(shown, 1),
        "again_s": round(again, 2),
        "together_peak_mb": round(meter.together_peak / 1024),
        "window_peak_mb": round(_kilobytes(os.getpid(), "VmHWM") / 1024),
        "converter_peak_mb": round(meter.converter_peak / 1024),
        "tiles_gb": round(tiles / 1e9, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=30_000, help="side of the picture in pixels")
    parser.add_argument("--format", choices=("jpg", "png"), default="jpg")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, screen(needs_gl=False):
        folder = Path(scratch) / "pictures"
        project_in(folder, 0).close()
        # In a process of its own: what it takes must not count.
        made = (folder / f"p.{asked.format}", asked.size)
        maker = multiprocessing.get_context("spawn").Process(target=write_huge, args=made)
        maker.start()
        maker.join()
        if asked.size**2 <= MAX_PIXELS:  # a small one, to try the benchmark
            picture_loader.MAX_PIXELS = 1000
        found = {"size": asked.size, "format": asked.format, **measure(folder)}
    print(json.dumps(found) if asked.json else "\n".join(f"{name} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
