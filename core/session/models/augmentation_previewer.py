"""What augmentation would make of the project's own pictures, shown while somebody chooses it. No torch here."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.base.errors import Cancelled, TrainingError
from core.base.lane import Lane
from core.project.records import PictureRecord
from core.session.picture_index import PictureIndex
from core.training.process.worker_process import start_process
from core.training.recipe import Recipe

if TYPE_CHECKING:
    Process = subprocess.Popen[str]

MAX_PREVIEW_PICTURES = 4
"""Pictures in a preview."""
VERSIONS_PER_PICTURE = 2
"""How often each is drawn."""

AugmentedImages = list[NDArray[np.uint8]]
"""A picture as it is, then as training would draw it, each (h, w, 3) uint8."""


@dataclass(frozen=True, slots=True)
class AugmentedPictures:
    """One entry for each picture that could be read; problem: a sentence about one that could not, or empty."""

    pictures: list[AugmentedImages]
    problem: str = ""


def choose_pictures(records: Sequence[PictureRecord]) -> list[PictureRecord]:
    """A few pictures to show from all over the list: labelled ones, or any where too few are."""
    sound = [record for record in records if record.problem is None]
    labelled = [record for record in sound if record.is_labelled]
    chosen = labelled if len(labelled) >= MAX_PREVIEW_PICTURES else sound
    return (
        [chosen[len(chosen) * n // MAX_PREVIEW_PICTURES] for n in range(MAX_PREVIEW_PICTURES)]
        if len(chosen) > MAX_PREVIEW_PICTURES
        else chosen
    )


class AugmentationPreviewer:
    """Holds a process that has torch loaded, from the first wish until `rest`. May be called from any thread."""

    def __init__(self, index: PictureIndex, path_of: Callable[[str], Path]) -> None:
        self._index, self._path_of = index, path_of
        self._lane: Lane | None = None
        self._guard = threading.Lock()
        self._process: Process | None = None
        self._newest = 0
        self._closed = False

    def request(self, recipe: Recipe, size: int, seed: int) -> Future[AugmentedPictures]:
        """Some pictures, their long side `size`, with this recipe's augmentation and dice of this seed.

        The future raises Cancelled when a newer wish came before this one was begun, or nobody looks any more, and
        TrainingError when the process cannot be had.
        """
        with self._guard:
            if self._closed:
                raise RuntimeError("the session is closed")
            self._newest += 1
            self._lane = self._lane or Lane("preview")
            asked = {"recipe": recipe.to_json(), "size": size, "seed": seed, "times": VERSIONS_PER_PICTURE}
            return self._lane.submit(self._answer, self._newest, asked)

    def stop(self) -> None:
        """Nobody looks any more: end the process and give its memory back."""
        with self._guard:
            self._newest += 1
            if self._process is not None:
                self._process.kill()
            if self._lane is not None and not self._closed:
                self._lane.submit(self._bury)

    def close(self) -> None:
        self.stop()
        with self._guard:
            self._closed = True
        if self._lane is not None:
            self._lane.shutdown()

    def _answer(self, number: int, asked: dict[str, Any]) -> AugmentedPictures:
        chosen = choose_pictures([self._index.get(picture_id) for picture_id in self._index.ids()])
        asked["pictures"] = [str(self._path_of(record.path)) for record in chosen]
        with self._guard:
            if number != self._newest:
                raise Cancelled
            if self._process is not None and self._process.poll() is not None:
                self._bury()
            process = self._process = self._process or _start()
        said = ""
        with contextlib.suppress(OSError, ValueError):
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            said = process.stdout.readline()
        if not said:
            self._bury()
            with self._guard:
                if number != self._newest:
                    raise Cancelled
            raise TrainingError(
                "The preview ended unexpectedly. Close other programs and open the form again."
            )
        raw = json.loads(said)
        return AugmentedPictures(
            [[_pixels(*part) for part in versions] for versions in raw["rows"]], raw["problem"]
        )

    def _bury(self) -> None:
        """On the lane: let go of a process that is to be no more."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _start() -> Process:
    try:
        return start_process("core.training.process.augmentation_preview_worker", read_stderr=False)
    except OSError as problem:
        raise TrainingError(
            f"The preview cannot be started: {problem}. Close other programs and try again."
        ) from problem


def _pixels(height: int, width: int, text: str) -> NDArray[np.uint8]:
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 3)
