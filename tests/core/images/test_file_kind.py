"""Pipes, devices and sockets are never opened as pictures."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.base.errors import ImageError
from core.images.file_kind import check_picture_file, refusal_reason
from core.images.image_reader import count_frames, read_mask, read_picture, read_size
from core.images.stored_mask import read_stored_mask
from core.images.thumbnail import read_thumbnail
from core.images.tiff import read_tiff

READERS: list[Callable[[Path], object]] = [
    read_size,
    count_frames,
    read_picture,
    read_mask,
    read_stored_mask,
    lambda path: read_thumbnail(path, 64),
    lambda path: read_tiff(path, 1000),
]

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")


@pytest.mark.parametrize("read", READERS)
def test_readers_refuse_pipes_and_devices_at_once(tmp_path: Path, read: Callable[[Path], object]) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zero.tif").symlink_to("/dev/zero")
    for name, kind in (("pipe.png", "a pipe"), ("zero.tif", "a device")):
        with pytest.raises(ImageError, match=f"is {kind}, not a picture"):
            read(tmp_path / name)


def test_links_may_not_leave_the_folder(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "other.png")
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(inside / "a.png")
    (inside / "out.png").symlink_to(tmp_path / "other.png")
    (inside / "in.png").symlink_to("a.png")
    with pytest.raises(ImageError, match="outside the folder of the pictures"):
        check_picture_file(inside / "out.png", inside)
    assert refusal_reason(inside / "in.png", inside) is None
    assert refusal_reason(inside / "missing.png", inside) is None  # reading says that it is gone
