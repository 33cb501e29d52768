"""Commands to the live prediction process and its events, as lines of JSON. Does not import torch."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from core.base.geometry import Box
from core.base.json_process import decode_message
from core.labels.grid_region import GridRegion
from core.live.labelled_pixels import LabelledPixels

PART_SUFFIX = ".part"
"""Of a file with a part of a picture, an array (h, w, C) uint8 as NumPy saves it, which is taken for a picture."""


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


class NetworkCommand(_Command, frozen=True):
    """What the trained network says of a picture, before its ShowCommand; it holds until the next one.

    size: (width, height) of a grid over the picture; values, confidence: a byte for each of its cells, none: nothing
    """

    picture_id: int
    size: tuple[int, int] = (0, 0)
    values: bytes = b""
    confidence: bytes = b""


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


class PicturePath(msgspec.Struct, frozen=True):
    """A picture and its file. prediction: the file of the network's prediction, None where that is not wanted"""

    picture_id: int
    path: Path
    prediction: Path | None = None


class PrepareFeaturesCommand(_Command, frozen=True):
    """Compute the features of these pictures while nothing else is to be done; it takes the place of the one before."""

    pictures: tuple[PicturePath, ...]


class SearchCommand(_Command, frozen=True):
    """A correction was made, and its ShowCommand follows: find regions like it once that is answered.

    wrong, right: class values before and after; pixels: some of those corrected; pictures: where to search, as far as
    their features are in memory; run_id: of the network whose prediction was shown, 0 where it was a live prediction;
    network_id: of the newest run, which `run_classes`, a byte for each of its class values, maps to today's
    """

    number: int
    picture_id: int
    wrong: int
    right: int
    pixels: PackedPixels
    pictures: tuple[PicturePath, ...]
    run_id: int = 0
    network_id: int = 0
    run_classes: bytes = b""


LiveCommand = (
    ShowCommand
    | NetworkCommand
    | LearnCommand
    | ForgetCommand
    | ScoreCommand
    | PrepareFeaturesCommand
    | SearchCommand
)


class _Event(msgspec.Struct, frozen=True, tag_field="event", tag=True):
    """The class name is the tag."""


class LiveReady(_Event, frozen=True):
    """An answer was written: the file `core.live.answer_file.answer_path` of this `serial`.

    refined: false for the first, quick answer, which another follows; classes: values that may be in it
    size: (width, height) of the picture; has_network: it corrects the prediction of the trained network
    """

    number: int
    picture_id: int
    serial: int
    refined: bool
    classes: tuple[int, ...]
    size: tuple[int, int]
    has_network: bool = False


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


class PackedRegion(msgspec.Struct, frozen=True):
    """A `GridRegion` as it travels. box: x0, y0, x1, y1 in cells; mask: a bit for each of its cells; grid: of all"""

    box: tuple[int, int, int, int]
    mask: bytes
    grid: tuple[int, int]

    @classmethod
    def pack(cls, region: GridRegion) -> PackedRegion:
        box = region.box
        bits = np.packbits(region.mask).tobytes()
        return cls((box.x0, box.y0, box.x1, box.y1), bits, region.grid)

    def unpack(self) -> GridRegion:
        """Raises ValueError when box and mask do not belong together."""
        box = Box(*self.box)
        bits = np.unpackbits(np.frombuffer(self.mask, np.uint8), count=box.area)
        return GridRegion(box, bits.reshape(box.height, box.width).astype(bool), self.grid)


class LiveSimilar(_Event, frozen=True):
    """Regions of one picture that look like what was corrected; `number` is that of the SearchCommand.

    remaining: how many pictures are still to be searched
    """

    number: int
    picture_id: int
    regions: tuple[PackedRegion, ...]
    remaining: int


LiveEvent = LiveReady | LiveImpossible | LiveFailed | LiveScored | LiveSimilar


def decode_live_command(line: str) -> LiveCommand:
    """Raises ValueError for anything else."""
    command: LiveCommand = decode_message(line, LiveCommand)
    return command


def decode_live_event(line: str) -> LiveEvent:
    """Raises ValueError for anything else."""
    event: LiveEvent = decode_message(line, LiveEvent)
    return event
