"""Compares tile sizes and codecs: `python -m tests.benchmarks.codec --data FOLDER`. docs/adr/0007 has the results.

Masks are cut into tiles, and each tile is encoded and decoded: bytes per megapixel, and milliseconds per megapixel of
one thread. FOLDER holds real masks as PNGs of class indices, at any depth. zstd is measured if it is installed:
`uv run --with zstandard python -m tests.benchmarks.codec`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.labels.codec import decode, encode
from core.labels.label_map import LabelMap
from core.samples.scenes import draw_scene
from tests.benchmarks.document import stroke

Values = NDArray[np.uint8]


class Codec(NamedTuple):
    """A way to pack a tile. The unpacker is told height and width."""

    name: str
    pack: Callable[[Values], bytes]
    unpack: Callable[[bytes, int, int], Values]


def _zlib(level: int) -> Codec:
    def unpack(blob: bytes, height: int, width: int) -> Values:
        return np.frombuffer(zlib.decompress(blob), np.uint8).reshape(height, width)

    return Codec(f"zlib-{level}", lambda tile: zlib.compress(tile.tobytes(), level), unpack)


def _zlib_delta() -> Codec:
    """Each row as its difference to the row above, as PNG's filter "up" does."""

    def pack(tile: Values) -> bytes:
        delta = tile.copy()
        delta[1:] -= tile[:-1]
        return zlib.compress(delta.tobytes(), 1)

    def unpack(blob: bytes, height: int, width: int) -> Values:
        delta = np.frombuffer(zlib.decompress(blob), np.uint8).reshape(height, width)
        return np.add.accumulate(delta, axis=0, dtype=np.uint8)

    return Codec("zlib-1, row delta", pack, unpack)


def _runs() -> Codec:
    """Lengths (uint16, at most 65,535) and values of runs over the rows."""

    def pack(tile: Values) -> bytes:
        flat = tile.ravel()
        starts = np.flatnonzero(np.concatenate(([True], flat[1:] != flat[:-1])))
        lengths = np.diff(np.append(starts, flat.size))
        pieces = -(-lengths // 0xFFFF)  # longer runs become several
        values = np.repeat(flat[starts], pieces)
        short = np.full(values.shape, 0xFFFF, np.uint16)
        short[np.cumsum(pieces) - 1] = (lengths - 0xFFFF * (pieces - 1)).astype(np.uint16)
        return len(values).to_bytes(4, "little") + short.tobytes() + values.tobytes()

    def unpack(blob: bytes, height: int, width: int) -> Values:
        count = int.from_bytes(blob[:4], "little")
        lengths = np.frombuffer(blob, np.uint16, count, 4)
        return np.repeat(np.frombuffer(blob, np.uint8, count, 4 + 2 * count), lengths).reshape(height, width)

    return Codec("run lengths", pack, unpack)


def _png() -> Codec:
    def unpack(blob: bytes, height: int, width: int) -> Values:
        return np.asarray(cv2.imdecode(np.frombuffer(blob, np.uint8), cv2.IMREAD_UNCHANGED), np.uint8)

    return Codec("PNG (OpenCV)", lambda tile: cv2.imencode(".png", tile)[1].tobytes(), unpack)


def _zstd() -> Codec | None:
    try:
        zstd = importlib.import_module("zstandard")
    except ImportError:
        return None
    packer, unpacker = zstd.ZstdCompressor(1), zstd.ZstdDecompressor()

    def unpack(blob: bytes, height: int, width: int) -> Values:
        return np.frombuffer(unpacker.decompress(blob), np.uint8).reshape(height, width)

    return Codec("zstd-1", lambda tile: packer.compress(tile.tobytes()), unpack)


OURS = Codec(
    "ours: flat or zlib-1", encode, lambda blob, height, width: decode(blob, height, width, np.uint8)
)


def codecs() -> list[Codec]:
    found = [OURS, _zlib(1), _zlib(6), _zlib_delta(), _runs(), _png(), _zstd()]
    return [codec for codec in found if codec is not None]


def masks(folder: Path | None, seed: int) -> dict[str, list[Values]]:
    """What is packed: real masks, drawn scenes, noise, and a very large picture with strokes."""
    rng = np.random.default_rng(seed)
    found: dict[str, list[Values]] = {}
    if folder is not None:
        paths = sorted(folder.rglob("*.png"))[::40]
        found["real masks"] = [np.asarray(Image.open(path), np.uint8) for path in paths]
    found["drawn scenes"] = [draw_scene(seed + n, (1024, 768)).truth for n in range(4)]
    found["noise of 12 classes"] = [rng.integers(0, 12, (1024, 1024), np.uint8)]
    large = LabelMap.blank(16384, 16384)
    for number in range(60):
        stroke(large, rng, 60, 6000, 1 + number % 5)
    found["16,384 px, 60 strokes"] = [large.values]
    return found


def cut(mask: Values, side: int) -> Iterator[Values]:
    for y in range(0, mask.shape[0], side):
        for x in range(0, mask.shape[1], side):
            yield np.ascontiguousarray(mask[y : y + side, x : x + side])


def measure(some: list[Values], side: int, codec: Codec) -> tuple[float, float, float]:
    """Kilobytes, milliseconds to pack and milliseconds to unpack, each per megapixel; best time of two passes."""
    tiles = [tile for mask in some for tile in cut(mask, side)]
    area = sum(tile.size for tile in tiles) / 1e6
    passes = 2 if area < 20 else 1
    packing = unpacking = float("inf")
    for _ in range(passes):
        since = time.perf_counter()
        blobs = [codec.pack(tile) for tile in tiles]
        packing = min(packing, time.perf_counter() - since)
        since = time.perf_counter()
        back = [codec.unpack(blob, *tile.shape) for blob, tile in zip(blobs, tiles, strict=True)]
        unpacking = min(unpacking, time.perf_counter() - since)
    if not all(np.array_equal(a, b) for a, b in zip(tiles, back, strict=True)):
        raise RuntimeError(f"{codec.name} does not give back what it was given")
    return sum(map(len, blobs)) / 1000 / area, 1000 * packing / area, 1000 * unpacking / area


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of real masks (PNG)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one JSON object a line instead of a table")
    chosen = parser.parse_args()
    if not chosen.json:
        print("| masks | tile | codec | kB/MP | pack ms/MP | unpack ms/MP |\n|---|---|---|---|---|---|")
    for name, some in masks(chosen.data, chosen.seed).items():
        for side in (128, 256, 512):
            for codec in codecs():
                size, packing, unpacking = measure(some, side, codec)
                row = {"masks": name, "tile": side, "codec": codec.name}
                numbers = {
                    "kb": round(size, 2),
                    "pack_ms": round(packing, 2),
                    "unpack_ms": round(unpacking, 2),
                }
                cells = [*row.values(), *(f"{number:.2f}" for number in numbers.values())]
                print(
                    json.dumps(row | numbers) if chosen.json else f"| {' | '.join(map(str, cells))} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
