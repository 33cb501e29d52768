"""Writes masks as GeoTIFFs with the georeference tags of their pictures, adapted to resizing and tiling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from core.base.errors import ImageError
from core.formats.writers.base import ExportPicture, LabelStatistics, Values, WriteResult, copy_picture
from core.formats.writers.masks import MaskWriter
from core.labels.class_list import UNLABELLED, ClassList

_SCALE, _TIES, _MATRIX = 33550, 33922, 34264
_KEYS = (34735, 34736, 34737)
"""GeoKeyDirectory, GeoDoubleParams, GeoAsciiParams (OGC GeoTIFF 1.1)."""
_NO_DATA = 42113
_TYPES = {_SCALE: 12, _TIES: 12, _MATRIX: 12, 34735: 3, 34736: 12, 34737: 2}
TIFF_SUFFIXES = (".tif", ".tiff")

GeoTags = dict[int, Any]


class GeoTiffWriter(MaskWriter):
    """Writes images/ and masks/ as TIFFs; unlabelled is GDAL's "no data"."""

    def losses(self, classes: ClassList, statistics: LabelStatistics) -> tuple[str, ...]:
        others = sum(count for ending, count in statistics.suffixes.items() if ending not in TIFF_SUFFIXES)
        lost = super().losses(classes, statistics)
        if others:
            lost += (f"{others:,} pictures are not TIFFs; their masks have no georeference.",)
        return lost

    def write(self, picture: ExportPicture) -> WriteResult:
        read_georeference(picture.source)  # refuses a damaged file before anything of it is written
        return super().write(picture)

    def write_picture(self, picture: ExportPicture, folder: Path) -> Path:
        if picture.pixels is None:
            return copy_picture(picture, folder)
        path = folder / f"{picture.name}.tif"
        _write(path, picture.pixels, _adapted_tags(picture), "rgb")
        return path

    def write_mask_file(self, picture: ExportPicture, values: Values, folder: Path) -> Path:
        path = folder / f"{picture.name}.tif"
        _write(path, values, _adapted_tags(picture) | {_NO_DATA: str(UNLABELLED)}, "minisblack")
        return path


def read_georeference(path: Path) -> GeoTags:
    """The georeference tags of a TIFF; empty if it has none. Raises ImageError."""
    if path.suffix.lower() not in TIFF_SUFFIXES:
        return {}
    import tifffile

    try:
        with tifffile.TiffFile(path) as tiff:
            found = tiff.pages.first.tags
            tags = {code: found[code].value for code in (_SCALE, _TIES, _MATRIX, *_KEYS) if code in found}
    except Exception as problem:  # tifffile raises arbitrary exceptions for damaged files
        raise ImageError(f"The georeference of “{path}” cannot be read ({problem}).") from problem
    return tags if tags.keys() & {_TIES, _MATRIX} else {}


def adapt_georeference(tags: GeoTags, picture: ExportPicture) -> GeoTags:
    """The tags for a picture that shows a scaled part of its file.

    Tie points are (column, row, level, x, y, z): their pixel coordinates change, their map coordinates stay. The pixel
    scale is divided by the scale factor. The transformation matrix maps pixels to map coordinates, so it is multiplied
    by the map from new to old pixels. If pixel coordinates refer to pixel centres (PixelIsPoint), they still do.
    """
    if picture.source_window is None or not tags:
        return tags
    x0, y0, x1, y1 = picture.source_window
    across, down = picture.width / (x1 - x0), picture.height / (y1 - y0)
    middle = 0.5 if _is_pixel_is_point(tags) else 0.0
    new = dict(tags)
    if _TIES in tags:
        ties = np.array(tags[_TIES], float).reshape(-1, 6)
        ties[:, 0] = (ties[:, 0] + middle - x0) * across - middle
        ties[:, 1] = (ties[:, 1] + middle - y0) * down - middle
        new[_TIES] = ties.ravel().tolist()
    if _SCALE in tags:
        x, y, *z = tags[_SCALE]
        new[_SCALE] = [x / across, y / down, *z]
    if _MATRIX in tags:
        back = np.diag([1 / across, 1 / down, 1.0, 1.0])
        back[0, 3], back[1, 3] = middle / across + x0 - middle, middle / down + y0 - middle
        new[_MATRIX] = (np.array(tags[_MATRIX], float).reshape(4, 4) @ back).ravel().tolist()
    return new


def _adapted_tags(picture: ExportPicture) -> GeoTags:
    return adapt_georeference(read_georeference(picture.source), picture)


def _is_pixel_is_point(tags: GeoTags) -> bool:
    """Whether GTRasterTypeGeoKey is RasterPixelIsPoint: coordinates refer to pixel centres."""
    keys = np.array(tags.get(_KEYS[0], ()), int).reshape(-1, 4)
    return any(int(row[0]) == 1025 and int(row[3]) == 2 for row in keys[1:])


def _write(path: Path, pixels: Values, tags: GeoTags, photometric: str) -> None:
    import tifffile

    path.parent.mkdir(parents=True, exist_ok=True)
    extra = []
    for code, value in tags.items():
        kind = _TYPES.get(code, 2)
        text = isinstance(value, str)
        extra.append((code, kind, 0 if text else len(value), value, True))
    tifffile.imwrite(
        path,
        pixels,
        photometric=photometric,
        compression="zlib",
        metadata=None,
        software=False,
        extratags=extra,
    )
