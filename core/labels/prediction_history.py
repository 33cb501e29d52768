"""Small images of what a run predicted in a few pictures at each published checkpoint, in the folder of the run.

`checkpoints.jsonl` has a line for each checkpoint; `STEP-ID.png` are its predictions. Both are read as if a stranger
had written them, because a project may come from one.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from core.base.atomic_file import atomic_file
from core.base.errors import ImageError, TrainingError

HISTORY_FOLDER = "strip"
"""In the folder of a run."""
MAX_PICTURES, MAX_CHECKPOINTS = 16, 160
"""Of a run. Where there are more checkpoints, every other one is deleted, but not the first and the newest."""
SIDE = 320
"""Long side of an image in pixels, enough for a picture in a row of others: about four kilobytes each."""
_LIST_FILE = "checkpoints.jsonl"
_MAX_LIST_BYTES = 1 << 20
_NAME = re.compile(r"(\d{1,12})-(\d{1,12})\.png")


@dataclass(frozen=True, slots=True)
class PublishedCheckpoint:
    """seconds: of training; miou: nan where nothing judges it."""

    step: int
    seconds: float
    epoch: float
    miou: float


class PredictionHistory:
    """The images in the folder of one run. One process adds, any may read."""

    def __init__(self, run_folder: Path) -> None:
        self.folder = run_folder / HISTORY_FOLDER

    def add(self, checkpoint: PublishedCheckpoint, predicted: Mapping[int, NDArray[np.uint8]]) -> None:
        """Store what a checkpoint predicts, (H, W) uint8 class values of the run by picture id.

        Raises OSError, and TrainingError when the folder is a link.
        """
        if self.folder.is_symlink():
            raise TrainingError(f"{self.folder} is a link, and was not followed")
        self.folder.mkdir(exist_ok=True)
        for number, values in list(predicted.items())[:MAX_PICTURES]:
            self._write(self._image_path(checkpoint.step, number), values)
        before = [each for each in self.checkpoints() if each.step != checkpoint.step]
        kept = [*before, checkpoint]
        if len(kept) > MAX_CHECKPOINTS:
            kept = [*kept[:-1:2], checkpoint]
            self._delete_others({each.step for each in kept})
        self._write_list(kept)

    def checkpoints(self) -> list[PublishedCheckpoint]:
        """Those whose predictions are stored, in the order of training; lines that are damaged are left out."""
        path = self.folder / _LIST_FILE
        try:
            if path.is_symlink() or path.stat().st_size > _MAX_LIST_BYTES:
                return []
            lines = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return []
        found = []
        for line in lines[: 2 * MAX_CHECKPOINTS]:
            with contextlib.suppress(ValueError, TypeError, KeyError, OverflowError, RecursionError):
                raw = json.loads(line)
                miou = math.nan if raw["miou"] is None else float(raw["miou"])
                each = PublishedCheckpoint(int(raw["step"]), float(raw["seconds"]), float(raw["epoch"]), miou)
                if 0 <= each.step < 10**12 and math.isfinite(each.seconds) and math.isfinite(each.epoch):
                    found.append(each)
        return sorted(found, key=lambda each: each.step)

    def pictures(self) -> list[int]:
        """Ids of the pictures with an image of any checkpoint, ascending."""
        return sorted({number for _, number in self._images()})

    def read(self, step: int, number: int) -> NDArray[np.uint8]:
        """(h, w) uint8 class values of the run. Raises ImageError when it is missing or damaged."""
        path = self._image_path(step, number)
        try:
            if path.is_symlink():
                raise ValueError("it is a link")
            # Not Image.open: the file is our own, so that only one format is valid.
            with PngImagePlugin.PngImageFile(path) as image:
                if image.mode != "L" or max(image.size) > SIDE:
                    raise ValueError("it is no image of a strip")
                return np.array(image)
        except (OSError, ValueError, SyntaxError) as problem:
            raise ImageError(f"The stored prediction {path.name} cannot be read: {problem}.") from problem

    def _image_path(self, step: int, number: int) -> Path:
        return self.folder / f"{step}-{number}.png"

    def _images(self) -> list[tuple[int, int]]:
        """(step, picture id) of all images."""
        try:
            names = [path.name for path in self.folder.iterdir()] if not self.folder.is_symlink() else []
        except OSError:
            return []
        matches = filter(None, map(_NAME.fullmatch, names[: 4 * MAX_CHECKPOINTS * MAX_PICTURES]))
        return [(int(match[1]), int(match[2])) for match in matches]

    def _write(self, path: Path, values: NDArray[np.uint8]) -> None:
        height, width = values.shape
        scale = min(1.0, SIDE / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(values, size, interpolation=cv2.INTER_NEAREST)
        with atomic_file(path) as temporary:
            Image.fromarray(small, "L").save(temporary, "PNG", compress_level=6)

    def _write_list(self, checkpoints: Sequence[PublishedCheckpoint]) -> None:
        rows = [asdict(each) | {"miou": None if math.isnan(each.miou) else each.miou} for each in checkpoints]
        with atomic_file(self.folder / _LIST_FILE) as temporary:
            temporary.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")

    def _delete_others(self, steps: set[int]) -> None:
        for step, number in self._images():
            if step not in steps:
                self._image_path(step, number).unlink(missing_ok=True)
