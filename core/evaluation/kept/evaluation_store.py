"""Kept evaluations on disk: a folder for each in the project's cache, the oldest deleted when they take too much.

A folder holds `evaluation.json`, and for each picture `ID.png`, the label and the prediction that were compared, and
`ID.jpg`, the picture, small. It is written under another name and renamed when it is complete.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin, PngImagePlugin

from core.base.errors import ImageError, UserError
from core.evaluation.evaluation import Evaluation
from core.evaluation.kept.evaluation_file import MAX_FILE_BYTES, decode_evaluation, encode_evaluation
from core.labels.class_list import UNLABELLED, VOID

MAX_BYTES, MAX_KEPT = 1 << 30, 40
"""Of all kept evaluations of a project; the newest one always stays."""
PICTURE_SIDE = 1280
"""Long side of a kept picture in pixels, enough to see where in it the network is wrong."""
MAX_MASK_PIXELS = 64_000_000
"""The masks of larger pictures are not kept: each click on a cell would take seconds."""
_JPEG_QUALITY = 88
_RESULT_FILE = "evaluation.json"
_KEY = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class EvaluatedPicture:
    """pixels: (h, w, 3) uint8 RGB, at most PICTURE_SIDE; truth, predicted: (H, W) uint8 class values of the project, 0
    for unlabelled, or predicted as no class of the project."""

    pixels: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    predicted: NDArray[np.uint8]

    def highlight(self, true_value: int, predicted_value: int) -> NDArray[np.uint8]:
        """(h, w, 3) uint8 RGB: dark and grey but for the pixels of that label that are predicted as that value.

        A single pixel of a large picture stays visible.
        """
        chosen = ((self.truth == true_value) & (self.predicted == predicted_value)).view(np.uint8) * 255
        height, width = self.pixels.shape[:2]
        shares = cv2.resize(
            chosen, (width, height), interpolation=cv2.INTER_AREA if self._is_reduced else cv2.INTER_NEAREST
        )
        grey = cv2.cvtColor(self.pixels, cv2.COLOR_RGB2GRAY)[..., None]
        dark = np.repeat((grey * 0.45).astype(np.uint8), 3, 2)
        highlighted = cv2.addWeighted(self.pixels, 0.45, np.full_like(self.pixels, HIGHLIGHT_COLOUR), 0.55, 0)
        return np.where((shares > 0)[..., None], highlighted, dark).astype(np.uint8)

    @property
    def _is_reduced(self) -> bool:
        return len(self.pixels) < len(self.truth)


HIGHLIGHT_COLOUR = (255, 196, 0)
"""Stands out from pictures in grey, for everybody."""


class EvaluationWriter:
    """Collects an evaluation in a folder beside its final place. Raises UserError when the disk refuses."""

    def __init__(self, store: EvaluationStore, key: str) -> None:
        self._store, self._key = store, key
        self._folder = store.root / f".{key}.{os.getpid()}.tmp"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise _disk_error(self._folder, problem) from problem

    def add(
        self,
        number: int,
        picture: NDArray[np.uint8],
        truth: NDArray[np.uint8],
        predicted: NDArray[np.uint8],
    ) -> None:
        """picture: (H, W, 3) uint8 RGB; truth, predicted: (H, W) uint8; see `EvaluatedPicture`."""
        if truth.size > MAX_MASK_PIXELS:
            return
        height, width = picture.shape[:2]
        scale = min(1.0, PICTURE_SIDE / max(height, width))
        small = cv2.resize(
            picture,
            (max(1, round(width * scale)), max(1, round(height * scale))),
            interpolation=cv2.INTER_AREA,
        )
        try:
            Image.fromarray(small).save(self._folder / f"{number}.jpg", "JPEG", quality=_JPEG_QUALITY)
            masks = Image.fromarray(np.dstack([truth, predicted]), "LA")
            masks.save(self._folder / f"{number}.png", "PNG", compress_level=1)
        except OSError as problem:
            raise _disk_error(self._folder, problem) from problem

    def finish(self, found: Evaluation) -> None:
        """Put the evaluation in its place, and delete old ones."""
        target = self._store.folder(self._key)
        try:
            (self._folder / _RESULT_FILE).write_bytes(encode_evaluation(found))
            shutil.rmtree(target, ignore_errors=True)
            self._folder.rename(target)
        except OSError as problem:
            raise _disk_error(target, problem) from problem
        self._store.prune()

    def discard(self) -> None:
        """Delete what was collected, if it was not finished."""
        shutil.rmtree(self._folder, ignore_errors=True)


class EvaluationStore:
    """The evaluations in the cache folder of a project. May be used on any thread, and by several processes."""

    def __init__(self, cache: Path) -> None:
        self.root = cache / "evaluations"

    def folder(self, key: str) -> Path:
        return self.root / key

    def has(self, key: str) -> bool:
        """Whether an evaluation is kept under `key`, which is used now and so stays longest."""
        found = self.folder(key) / _RESULT_FILE
        if not found.is_file():
            return False
        with contextlib.suppress(OSError):
            os.utime(self.folder(key))
        return True

    def read(self, key: str) -> Evaluation:
        """Raises UserError when it is gone or damaged."""
        path = self.folder(key) / _RESULT_FILE
        try:
            if path.stat().st_size > MAX_FILE_BYTES:
                raise ValueError("too large")
            return decode_evaluation(path.read_bytes())
        except (OSError, ValueError, RecursionError) as problem:
            with contextlib.suppress(OSError):
                path.unlink()
            raise UserError(
                f"The kept evaluation cannot be read ({problem}), and was removed. Evaluate again."
            ) from problem

    def picture(self, key: str, number: int) -> EvaluatedPicture:
        """Raises ImageError when its files are gone or damaged."""
        masks, picture = (self.folder(key) / f"{number}.{ending}" for ending in ("png", "jpg"))
        try:
            # Not Image.open: the files are our own, so that only these formats are valid.
            with PngImagePlugin.PngImageFile(masks) as image:
                _check_size(image, MAX_MASK_PIXELS)
                both = np.asarray(image) if image.mode == "LA" else np.zeros((0, 0, 2), np.uint8)
            with JpegImagePlugin.JpegImageFile(picture) as image:
                _check_size(image, PICTURE_SIDE**2)
                pixels = np.array(image.convert("RGB"))
            if both.ndim != 3 or not both.size:
                raise ValueError("not masks")
        except FileNotFoundError as problem:
            raise ImageError(
                "What was predicted in this picture is not kept: it is too large, or the cache was cleared. "
                "Evaluate again, or open the picture in the Label workspace."
            ) from problem
        except (OSError, ValueError, SyntaxError) as problem:
            raise ImageError(f"The kept prediction {masks} is damaged. Evaluate again.") from problem
        truth, predicted = np.ascontiguousarray(both[..., 0]), np.ascontiguousarray(both[..., 1])
        truth[truth == VOID] = UNLABELLED
        return EvaluatedPicture(pixels, truth, predicted)

    def prune(self) -> None:
        """Delete the evaluations that were not used for longest, until the others are within the limits."""
        found = []
        with contextlib.suppress(OSError):
            for path in self.root.iterdir():
                if _KEY.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
                    size = sum(file.stat().st_size for file in path.iterdir())
                    found.append((path.stat().st_mtime, size, path))
        total = 0
        for number, (_, size, path) in enumerate(sorted(found, reverse=True)):
            total += size
            if number and (number >= MAX_KEPT or total > MAX_BYTES):
                shutil.rmtree(path, ignore_errors=True)

    def remove_leftovers(self, process: int) -> None:
        """Delete what a process of this number left when it was ended."""
        for path in self.root.glob(f".*.{process}.tmp"):
            shutil.rmtree(path, ignore_errors=True)


def _check_size(image: Image.Image, most: int) -> None:
    """Raises ValueError for an image that would take more memory than any of ours."""
    if image.width * image.height > most:
        raise ValueError("too large")


def _disk_error(path: Path, problem: OSError) -> UserError:
    return UserError(
        f"{path} cannot be written: {problem.strerror or problem}. Free some space, or make the folder writable, and "
        "try again."
    )
