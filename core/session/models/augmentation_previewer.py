"""Previews of augmentation on the project's own pictures, computed in a process of its own. Does not import torch."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.base.errors import Cancelled, ImageError, TrainingError
from core.base.json_process import JsonProcess, decode_message
from core.base.lane import Lane
from core.models.spec import InputSize
from core.project.records import PictureRecord
from core.session.picture_index import PictureIndex
from core.training.process.augmentation_preview_worker import PreviewImage, PreviewReply, PreviewRequest
from core.training.recipe import Recipe

MODULE = "core.training.process.augmentation_preview_worker"
MAX_PREVIEW_PICTURES = 4
VERSIONS_PER_PICTURE = 2
"""Augmented versions shown of each picture."""

AugmentedImages = list[NDArray[np.uint8]]
"""A picture without augmentation, then its augmented versions, each (h, w, 3) uint8 RGB."""


@dataclass(frozen=True, slots=True)
class AugmentedPictures:
    """One entry for each picture that could be read; problem: a sentence about one that could not, or empty."""

    pictures: list[AugmentedImages]
    problem: str = ""


def choose_pictures(records: Sequence[PictureRecord]) -> list[PictureRecord]:
    """At most `MAX_PREVIEW_PICTURES`, evenly spread over the list: labelled ones, or any where too few are labelled."""
    readable = [record for record in records if record.problem is None]
    labelled = [record for record in readable if record.is_labelled]
    chosen = labelled if len(labelled) >= MAX_PREVIEW_PICTURES else readable
    if len(chosen) <= MAX_PREVIEW_PICTURES:
        return chosen
    return [chosen[len(chosen) * n // MAX_PREVIEW_PICTURES] for n in range(MAX_PREVIEW_PICTURES)]


class AugmentationPreviewer:
    """Keeps a process with torch loaded from the first request until `stop`. May be called from any thread."""

    def __init__(self, index: PictureIndex, path_of: Callable[[str], Path]) -> None:
        self._index, self._path_of = index, path_of
        self._lane: Lane | None = None
        self._lock = threading.Lock()
        self._process: JsonProcess | None = None
        self._latest = 0
        self._closed = False

    def request(self, recipe: Recipe, size: InputSize, seed: int) -> Future[AugmentedPictures]:
        """Some pictures, scaled to an input, with the augmentation of this recipe and random choices of this seed.

        The future raises Cancelled when a newer request came before this one was started, or after `stop`, and
        TrainingError when the process cannot be started or ends.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("the session is closed")
            self._latest += 1
            self._lane = self._lane or Lane("preview")
            return self._lane.submit(self._answer, self._latest, recipe, size, seed)

    def stop(self) -> None:
        """End the process and free its memory; the next request starts a new one."""
        with self._lock:
            self._latest += 1
            if self._process is not None:
                self._process.kill()
            if self._lane is not None and not self._closed:
                self._lane.submit(self._reap)

    def close(self) -> None:
        self.stop()
        with self._lock:
            self._closed = True
        if self._lane is not None:
            self._lane.shutdown()

    # On the lane ------------------------------------------------------------------------------

    def _answer(self, number: int, recipe: Recipe, size: InputSize, seed: int) -> AugmentedPictures:
        chosen = choose_pictures([self._index.get(picture_id) for picture_id in self._index.ids()])
        paths = tuple(self._paths(chosen))
        with self._lock:
            if number != self._latest:
                raise Cancelled
            if self._process is not None and self._process.has_exited:
                self._reap()
            process = self._process = self._process or _start()
        with contextlib.suppress(OSError, ValueError):
            process.send(PreviewRequest(recipe, size, seed, VERSIONS_PER_PICTURE, paths))
            if line := process.receive():
                reply: PreviewReply = decode_message(line, PreviewReply)
                return AugmentedPictures([list(map(_pixels, each)) for each in reply.pictures], reply.problem)
        self._reap()
        with self._lock:
            if number != self._latest:
                raise Cancelled
        raise TrainingError("The preview ended unexpectedly. Close other programs and open the form again.")

    def _paths(self, records: Sequence[PictureRecord]) -> Iterator[Path]:
        for record in records:
            with contextlib.suppress(ImageError):  # one that leads out of the folder is not shown
                yield self._path_of(record.path)

    def _reap(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.reap(1.0)


def _start() -> JsonProcess:
    try:
        return JsonProcess(MODULE)
    except OSError as error:
        raise TrainingError(
            f"The preview cannot be started: {error}. Close other programs and try again."
        ) from error


def _pixels(image: PreviewImage) -> NDArray[np.uint8]:
    return np.frombuffer(image.pixels, np.uint8).reshape(image.height, image.width, 3)
