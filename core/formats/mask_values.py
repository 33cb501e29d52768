"""Converts mask files to class values: by index, by colour, or by the nearest colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.errors import FormatError
from core.base.number_text import percent_text
from core.formats.dataset_types import DatasetClass, LoadedMask
from core.formats.value_runs import ValueRuns
from core.images.image_reader import read_mask, read_picture
from core.labels.class_list import UNLABELLED, VOID, Colour
from core.labels.value_counts import count_pixels, map_values

MAX_INDEX = 65535
"""Masks have at most 16 bits per pixel."""


def values_by_index(
    classes: Sequence[DatasetClass],
    void: frozenset[int] = frozenset(),
    unlabelled: frozenset[int] = frozenset(),
) -> dict[int, int]:
    """LoadedMask value by index in a mask file; `void` and `unlabelled` are indices with that meaning."""
    table = {c.index: value for value, c in enumerate(classes, 1)}
    return table | dict.fromkeys(void, VOID) | dict.fromkeys(unlabelled, UNLABELLED)


def read_index_mask(path: Path, values: Mapping[int, int], source: str) -> LoadedMask:
    """Read a mask of indices (greyscale or palette). `source` names the class list in messages.

    Raises ImageError if the file cannot be read, FormatError if it contains an index that is not in `values`.
    """
    return LoadedMask(remap_indices(read_mask(path), values, path, source))


def remap_indices(
    indices: NDArray[Any], values: Mapping[int, int], path: Path, source: str
) -> NDArray[np.uint8]:
    """Map (H, W) indices to LoadedMask values. Raises FormatError naming the indices that are not in `values`."""
    if indices.dtype not in (np.uint8, np.uint16):
        return _remap_wide(indices, values, path, source)
    count = np.iinfo(indices.dtype).max + 1
    table, known = np.zeros(count, np.uint8), np.zeros(count, bool)
    for index, value in values.items():
        if 0 <= index < count:  # other tools write -1 for "none", which no pixel can have
            table[index], known[index] = value, True
    occurring = count_pixels(indices, count) > 0
    _refuse_unknown(np.flatnonzero(occurring & ~known), path, source)
    return map_values(table, indices)


def _remap_wide(
    indices: NDArray[Any], values: Mapping[int, int], path: Path, source: str
) -> NDArray[np.uint8]:
    """Like `remap_indices` for numbers that are negative or have more than 16 bits."""
    runs = ValueRuns.of(indices)
    _refuse_unknown(np.array([v for v in runs.found if int(v) not in values]), path, source)
    return runs.replaced(np.array([values[int(v)] for v in runs.found], np.uint8))


def _refuse_unknown(unknown: NDArray[Any], path: Path, source: str) -> None:
    if unknown.size:
        shown = ", ".join(str(v) for v in unknown[:5])
        raise FormatError(f"{path} contains the index {shown}, which {source} does not list.")


def read_colour_mask(
    path: Path, colours: Mapping[Colour, int], unlabelled: Mapping[Colour, int] | None = None
) -> LoadedMask:
    """Read a mask of colours (RGB, or a palette image by its palette). Unknown colours become unlabelled, with a note.

    Raises ImageError if the file cannot be read, FormatError if none of its colours is known.
    """
    return colours_to_values(read_picture(path), dict(colours) | dict(unlabelled or {}), path)


def colours_to_values(pixels: NDArray[np.uint8], known: Mapping[Colour, int], path: Path) -> LoadedMask:
    """Like `read_colour_mask` for (H, W, 3) uint8 RGB pixels of the file `path`. Raises FormatError."""
    packed = pack_rgb(pixels)
    runs = ValueRuns.of(packed)
    found, counts = runs.found, runs.counts
    numbers = {_number(colour): value for colour, value in known.items()}
    values = np.array([numbers.get(int(c), UNLABELLED) for c in found], np.uint8)
    is_unknown = np.array([int(c) not in numbers for c in found])
    if is_unknown.all():
        raise FormatError(f"{path} contains none of the class colours.")
    notes: tuple[str, ...] = ()
    if is_unknown.any():
        share = counts[is_unknown].sum() / packed.size
        worst = found[is_unknown][np.argsort(-counts[is_unknown])][:3]
        shown = ", ".join(f"#{int(c):06x}" for c in worst)
        notes = (
            f"{path.name}: {percent_text(share, 2)} of the pixels have an unknown colour ({shown}) and stay "
            "unlabelled.",
        )
    return LoadedMask(runs.replaced(values), 1.0, notes)


def match_nearest_colours(
    pixels: NDArray[np.uint8], colours: Sequence[Colour], values: Sequence[int], *, tolerance: int
) -> LoadedMask:
    """Class values of (H, W, 3) uint8 pixels by the nearest colour, for colours blurred by lossy compression.

    A pixel that differs from every colour by more than `tolerance` in some channel is void. `confidence` of the result
    is the share of the other pixels.
    """
    palette = np.array(colours, np.int16)
    packed = pack_rgb(pixels)
    found, inverse = np.unique(packed, return_inverse=True)
    apart = np.stack([found >> 16, found >> 8 & 255, found & 255], axis=1).astype(np.int16)
    snapped = np.empty(len(found), np.uint8)
    far = np.empty(len(found), bool)
    for start in range(
        0, len(found), 8192
    ):  # colours by palette, not pixels by palette: thousands, not millions
        part = slice(start, start + 8192)
        difference = np.abs(apart[part, None, :] - palette[None])
        nearest = (difference.astype(np.int32) ** 2).sum(axis=2).argmin(axis=1)
        far[part] = difference[np.arange(len(nearest)), nearest].max(axis=1) > tolerance
        snapped[part] = np.where(far[part], VOID, np.array(values, np.uint8)[nearest])
    inverse = inverse.reshape(packed.shape)
    return LoadedMask(snapped[inverse], 1.0 - float(far[inverse].mean()))


def pack_rgb(pixels: NDArray[np.uint8], *, is_red_low: bool = False) -> NDArray[np.uint32]:
    """(H, W, 3) uint8 -> (H, W) uint32, 0xRRGGBB; 0xBBGGRR with `is_red_low`."""
    order = cv2.COLOR_RGB2RGBA if is_red_low else cv2.COLOR_RGB2BGRA
    four = np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), order))
    return np.asarray(four.view("<u4")[..., 0] & 0xFFFFFF, np.uint32)


def unpack_rgb(number: int) -> Colour:
    return number >> 16 & 255, number >> 8 & 255, number & 255


def _number(colour: Colour) -> int:
    return colour[0] << 16 | colour[1] << 8 | colour[2]
