"""Commands to the live prediction process and its events, as lines of JSON. Does not import torch."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from core.base.json_process import decode_message
from core.live.labelled_pixels import LabelledPixels


class PackedPixels(msgspec.Struct, frozen=True):
    """Labelled pixels as they travel. points: x and y of each as uint32; values: a byte for each."""

    points: bytes
    values: bytes
    size: tuple[int, int] | None = None

    @classmethod
    def pack(cls, pixels: LabelledPixels) -> PackedPixels:
        return cls(pixels.points.astype("<u4").tobytes(), pixels.values.tobytes(), pixels.size)

    def unpack(self) -> LabelledPixels:
        """Raises ValueError when both do not belong together."""
        points = np.frombuffer(self.points, "<u4").reshape(-1, 2)
        values = np.frombuffer(self.values, np.uint8)
        if len(points) != len(values):
            raise ValueError("as many points as values are needed")
        return LabelledPixels(points, values, self.size)


class _Command(msgspec.Struct, frozen=True, tag_field="command", tag=True):
    """The class name is the tag."""


class ShowCommand(_Command, frozen=True):
    """Predict this picture, which is on screen. It takes the place of the one before; `number` comes back.

    folder: where the answers are written; pixels: what is labelled in it
    """

    number: int
    picture_id: int
    path: Path
    folder: Path
    pixels: PackedPixels


class LearnCommand(_Command, frozen=True):
    """Keep labelled pixels of another picture for all heads from now on; without any, forget it."""

    picture_id: int
    path: Path
    pixels: PackedPixels


class ForgetCommand(_Command, frozen=True):
    """Forget all pictures, and whatever waits: the classes have changed."""


class ScoreCommand(_Command, frozen=True):
    """Predict labelled pixels of a picture from those of other pictures alone; `number` comes back."""

    number: int
    picture_id: int
    path: Path
    pixels: PackedPixels


LiveCommand = ShowCommand | LearnCommand | ForgetCommand | ScoreCommand


class _Event(msgspec.Struct, frozen=True, tag_field="event", tag=True):
    """The class name is the tag."""


class LiveReady(_Event, frozen=True):
    """An answer was written: the file `core.live.answer_file.answer_path` of this `serial`.

    refined: false for the first, quick answer, which another follows; classes: values that may be in it
    size: (width, height) of the picture
    """

    number: int
    picture_id: int
    serial: int
    refined: bool
    classes: tuple[int, ...]
    size: tuple[int, int]


class LiveImpossible(_Event, frozen=True):
    """Fewer than two classes are labelled, here and on other pictures together."""

    number: int
    picture_id: int


class LiveFailed(_Event, frozen=True):
    """message: a sentence"""

    number: int
    picture_id: int
    message: str


class LiveScored(_Event, frozen=True):
    """predicted: a byte for each pixel of the command, empty while there is nothing to predict from"""

    number: int
    picture_id: int
    predicted: bytes


LiveEvent = LiveReady | LiveImpossible | LiveFailed | LiveScored


def decode_live_command(line: str) -> LiveCommand:
    """Raises ValueError for anything else."""
    command: LiveCommand = decode_message(line, LiveCommand)
    return command


def decode_live_event(line: str) -> LiveEvent:
    """Raises ValueError for anything else."""
    event: LiveEvent = decode_message(line, LiveEvent)
    return event
