"""The augmentation preview process (`python -m`): requests from standard input, augmented pictures to standard output.

A process of its own, because the window never loads torch; it ends when its input closes.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import msgspec

from core.base.json_process import decode_message
from core.base.json_worker import reserve_stdout, send_message
from core.models.spec import InputSize
from core.training.recipe import Recipe


class PreviewRequest(msgspec.Struct, frozen=True):
    """Picture files to augment. size: of the input; seed: of the random choices; count: versions of each."""

    recipe: Recipe
    size: InputSize
    seed: int
    count: int
    pictures: tuple[Path, ...]


class PreviewImage(msgspec.Struct, frozen=True):
    """pixels: RGB, uint8, height x width x 3, row by row."""

    height: int
    width: int
    pixels: bytes


class PreviewReply(msgspec.Struct, frozen=True):
    """pictures: for each that could be read its versions; problem: a sentence about one that could not, or empty."""

    pictures: tuple[tuple[PreviewImage, ...], ...]
    problem: str


def main() -> None:
    messages = reserve_stdout()
    # So little work is no faster on several cores, and much slower where they are busy.
    os.environ["OMP_NUM_THREADS"] = "1"
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        for line in sys.stdin:
            send_message(messages, _reply(decode_message(line, PreviewRequest)))


def _reply(request: PreviewRequest) -> PreviewReply:
    from core.base.errors import ImageError
    from core.images.image_reader import read_model_input
    from core.training.data.augmentation_preview import augmented_versions

    pictures, problem = [], ""
    for number, path in enumerate(request.pictures):
        try:
            picture = read_model_input(path, 3)
        except ImageError as error:
            problem = str(error)
            continue
        seed = request.seed + 1000 * number
        versions = augmented_versions(picture, request.size, request.recipe, seed, request.count)
        pictures.append(
            tuple(PreviewImage(image.shape[0], image.shape[1], image.tobytes()) for image in versions)
        )
    return PreviewReply(tuple(pictures), problem)


if __name__ == "__main__":
    main()
